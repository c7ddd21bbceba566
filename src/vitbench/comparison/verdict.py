"""The comparison of two variants: simultaneous interval, adjusted p and verdict."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from vitbench.comparison.estimates import Estimate, OneRunEach, SeedsAndImages, TwoCounts
from vitbench.comparison.forecast import seeds_range
from vitbench.comparison.multiplicity import LEVEL, Family, equivalence_level

# better, worse: of the first variant. One seed compares two checkpoints, not two choices.
Verdict = Literal["better", "worse", "inconclusive", "checkpoints differ"]


@dataclass(frozen=True)
class Comparison:
    """A comparison of two variants, the first minus the second.

    Attributes:
        first: Key of a variant.
        second: Key of the other.
        estimate: The first's accuracy minus the second's, in points.
        first_seeds: Seeds of the study that the first has.
        second_seeds: Seeds of the study that the second has.
        family: Its family, for which interval, p and margin are adjusted.
        margin_pct: Differences below this many points do not matter.
    """

    first: str
    second: str
    estimate: Estimate
    first_seeds: tuple[int, ...]
    second_seeds: tuple[int, ...]
    family: Family
    margin_pct: float

    @property
    def num_pairs(self) -> int:
        """Number of comparisons in its family."""
        return self.family.num_pairs

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds that both have."""
        return tuple(seed for seed in self.first_seeds if seed in self.second_seeds)

    @property
    def difference_pct(self) -> float:
        """The first's accuracy minus the second's, in points."""
        return self.estimate.value

    @cached_property
    def interval(self) -> tuple[float, float]:
        """Simultaneous 95 % interval of the difference, in points, over all pairs of the family.

        It is truncated at -100 and 100.
        """
        low, high = self.estimate.interval(LEVEL, self.family)
        return max(low, -100.0), min(high, 100.0)

    @cached_property
    def p_adjusted(self) -> float:
        """Adjusted p of no difference: below 0.05 exactly if `interval` excludes 0."""
        return self.estimate.p_value(self.family)

    @property
    def verdict(self) -> Verdict:
        """Whether the simultaneous interval excludes 0, and on which side."""
        low, high = self.interval
        if low <= 0 <= high:
            return "inconclusive"
        if not isinstance(self.estimate, SeedsAndImages):
            return "checkpoints differ"
        return "better" if low > 0 else "worse"

    @cached_property
    def within_margin(self) -> bool:
        """Whether the difference is shown to be smaller than the margin, by two one-sided tests.

        Also around the difference itself: pseudo-images move the centre towards 0.
        """
        if not isinstance(self.estimate, SeedsAndImages):
            return False
        half = self.estimate.half_width(equivalence_level(self.family), self.family)
        largest = max(abs(self.estimate.value), abs(self.estimate.centre))
        return largest + half < self.margin_pct

    @property
    def kind(self) -> str:
        """The verdict, or `equivalent` where it is inconclusive but within the margin."""
        equivalent = self.verdict == "inconclusive" and self.within_margin
        return "equivalent" if equivalent else self.verdict

    def seeds_needed(self) -> tuple[int, int | None] | None:
        """An 80 % range of the seeds that bring the half-width below the margin.

        Its end is None above 1,000; all is None if no number of seeds is enough.

        Raises:
            ValueError: There is only one seed, from which nothing can be predicted.
        """
        if not isinstance(self.estimate, SeedsAndImages):
            raise ValueError("one seed does not show how seeds vary")
        return seeds_range(self.estimate, self.margin_pct, self.family)

    def to_json(self) -> dict[str, Any]:
        """The comparison as a JSON document."""
        return {
            "difference_pct": self.difference_pct,
            "interval_pct": list(self.interval),
            "p_adjusted": self.p_adjusted,
            "verdict": self.verdict,
            "within_margin": self.within_margin,
            "num_pairs": self.num_pairs,
        }

    def swapped(self) -> "Comparison":
        """The comparison in the other direction."""
        assert isinstance(self.estimate, SeedsAndImages | OneRunEach | TwoCounts)
        return Comparison(
            self.second, self.first, self.estimate.swapped(), self.second_seeds, self.first_seeds,
            self.family, self.margin_pct,
        )  # fmt: skip
