"""The comparison of two variants: simultaneous interval, adjusted p and verdict."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from vitbench.comparison.estimates import Estimate, OneRunEach, SeedsAndImages, TwoCounts
from vitbench.comparison.forecast import seeds_for
from vitbench.comparison.multiplicity import LEVEL, one_sided_level, sidak_alpha, sidak_p

# better, worse: of the first variant. One seed compares two checkpoints, not two choices.
Verdict = Literal["better", "worse", "inconclusive", "checkpoints differ"]


@dataclass(frozen=True)
class Comparison:
    """A comparison of two variants, the first minus the second.

    Attributes:
        first: Key of a variant.
        second: Key of the other.
        estimate: The first's accuracy minus the second's, in points.
        seeds: Seeds of the study that both have.
        num_pairs: Size of its family, for which interval, p and margin are adjusted.
        margin_pct: Differences below this many points do not matter.
    """

    first: str
    second: str
    estimate: Estimate
    seeds: tuple[int, ...]
    num_pairs: int
    margin_pct: float

    @property
    def difference_pct(self) -> float:
        """The first's accuracy minus the second's, in points."""
        return self.estimate.value

    @cached_property
    def interval(self) -> tuple[float, float]:
        """Simultaneous 95 % interval of the difference, in points, over all pairs of the family.

        It is truncated at -100 and 100.
        """
        low, high = self.estimate.interval(sidak_alpha(LEVEL, self.num_pairs))
        return max(low, -100.0), min(high, 100.0)

    @cached_property
    def p_adjusted(self) -> float:
        """Adjusted p of no difference: below 0.05 exactly if `interval` excludes 0."""
        return sidak_p(self.estimate.p_value(), self.num_pairs)

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
        """Whether the difference is shown to be smaller than the margin, by two one-sided tests."""
        if not isinstance(self.estimate, SeedsAndImages):
            return False
        low, high = self.estimate.interval(one_sided_level(LEVEL, self.num_pairs))
        return -self.margin_pct < low and high < self.margin_pct

    @property
    def kind(self) -> str:
        """The verdict, or `equivalent` where it is inconclusive but within the margin."""
        equivalent = self.verdict == "inconclusive" and self.within_margin
        return "equivalent" if equivalent else self.verdict

    def seeds_needed(self) -> int | None:
        """Seeds that should bring the half-width below the margin; None if no number is enough.

        Raises:
            ValueError: There is only one seed, from which nothing can be predicted.
        """
        if not isinstance(self.estimate, SeedsAndImages):
            raise ValueError("one seed does not show how seeds vary")
        return seeds_for(self.estimate, self.margin_pct, self.num_pairs)

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
        return replace(
            self, first=self.second, second=self.first, estimate=_negative(self.estimate)
        )


def _negative(estimate: Estimate) -> Estimate:
    """The estimate of the difference in the other direction."""
    if isinstance(estimate, SeedsAndImages):
        return replace(estimate, value=-estimate.value)
    if isinstance(estimate, OneRunEach):
        return OneRunEach(estimate.second_only, estimate.first_only, estimate.num_images)
    assert isinstance(estimate, TwoCounts)
    return TwoCounts(estimate.second, estimate.first, estimate.num_images)
