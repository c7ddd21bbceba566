"""The difference of two sides, overall and class by class.

The classes are a family of their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vitbench.comparison.estimates import SeedsAndImages
from vitbench.comparison.forecast import MOST_SEEDS, seeds_range
from vitbench.comparison.multiplicity import ALONE, Family
from vitbench.comparison.sides import Side
from vitbench.comparison.variance import difference_estimate
from vitbench.comparison.verdict import Comparison
from vitbench.errors import UsageError

WIDE_PCT = 20.0  # half-width above which an interval that includes 0 is not informative
USEFUL_PCT = 10.0  # half-width for which the number of seeds is predicted


@dataclass(frozen=True)
class SideComparison:
    """The comparison of two sides.

    Attributes:
        first: The first side.
        second: The second side.
        overall: Their comparison on all test images.
        classes: Their comparison on each class with at least two images, by name; adjusted for all
            classes.
    """

    first: Side
    second: Side
    overall: Comparison
    classes: Mapping[str, Comparison]

    @property
    def informative_classes(self) -> Mapping[str, Comparison]:
        """The classes with an informative interval."""
        return {name: pair for name, pair in self.classes.items() if not _is_uninformative(pair)}

    def to_json(self) -> dict[str, Any]:
        """The comparison as a JSON document."""
        return {
            "first": self.first.label,
            "second": self.second.label,
            "seeds": list(self.overall.seeds),
            "overall": self.overall.to_json(),
            "classes": {name: pair.to_json() for name, pair in self.classes.items()},
        }

    def seeds_for_classes(self) -> tuple[int, int | None] | None:
        """An 80 % range of the seeds that bring most of the other classes within USEFUL_PCT.

        None if none can. With one seed each nothing can be predicted, so it is None too.
        """
        needed = sorted(
            (seeds_range(pair.estimate, USEFUL_PCT, pair.family) or (MOST_SEEDS + 1, None)
            for pair in self.classes.values()
            if _is_uninformative(pair) and isinstance(pair.estimate, SeedsAndImages)),
            key=lambda few_many: (few_many[0], few_many[1] or MOST_SEEDS + 1),
        )  # fmt: skip
        median = needed[len(needed) // 2] if needed else (MOST_SEEDS + 1, None)
        return median if median[0] <= MOST_SEEDS else None


def compare_sides(first: Side, second: Side) -> SideComparison:
    """Compare two sides.

    Raises:
        UsageError: They have different test images, or share no seed.
    """
    if not np.array_equal(first.labels, second.labels):
        raise UsageError(f"{first.label} and {second.label} have different test sets")
    seeds = tuple(sorted(first.predictions.keys() & second.predictions.keys()))
    if not seeds:
        raise UsageError(f"{first.label} and {second.label} share no seed")
    a, b = (np.stack([side.correct(seed) for seed in seeds]) for side in (first, second))
    present = [
        (number, name)
        for number, name in enumerate(first.classes)
        if (first.labels == number).sum() > 1  # one image has no variance
    ]

    of_classes = Family.separate(len(present))

    def compared(images: npt.NDArray[np.bool_], family: Family) -> Comparison:
        estimate = difference_estimate(a[:, images], b[:, images])
        return Comparison(
            first.label, second.label, estimate, seeds, seeds, family, first.margin_pct
        )

    return SideComparison(
        first,
        second,
        compared(np.ones(len(first.labels), dtype=bool), ALONE),
        {name: compared(first.labels == number, of_classes) for number, name in present},
    )


def _is_uninformative(pair: Comparison) -> bool:
    """Whether an interval includes 0 and is too wide to be informative."""
    low, high = pair.interval
    return pair.verdict == "inconclusive" and (high - low) / 2 > WIDE_PCT
