"""Forecast: how many seeds would make an interval as narrow as asked."""

from vitbench.comparison.estimates import SeedsAndImages
from vitbench.comparison.multiplicity import LEVEL, sidak_alpha

MOST_SEEDS = 1000  # upper bound of the search


def seeds_for(estimate: SeedsAndImages, half_width_pct: float, num_pairs: int) -> int | None:
    """Seeds that should bring a simultaneous half-width to a value; None if no number is enough.

    The number of test images is the limit.
    """
    alpha = sidak_alpha(LEVEL, num_pairs)

    def narrow(num_seeds: int) -> bool:
        return estimate.with_seeds(num_seeds).half_width(alpha) <= half_width_pct

    if not narrow(MOST_SEEDS):
        return None
    low, high = 1, MOST_SEEDS  # low is too few, high is enough
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if narrow(middle) else (middle, high)
    return high
