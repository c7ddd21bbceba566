"""Forecast: how many seeds would make an interval as narrow as asked."""

from scipy.special import chdtri

from vitbench.comparison.estimates import SeedsAndImages
from vitbench.comparison.multiplicity import LEVEL, Family

MOST_SEEDS = 1000  # upper bound of the search
RANGE = 0.8  # probability of a range


def seeds_for(estimate: SeedsAndImages, half_width_pct: float, family: Family) -> int | None:
    """Seeds that should bring a simultaneous half-width to a value; None if 1,000 are not enough.

    The number of test images may be the limit.
    """

    def is_narrow(num_seeds: int) -> bool:
        return estimate.with_seeds(num_seeds).half_width(LEVEL, family) <= half_width_pct

    if not is_narrow(MOST_SEEDS):
        return None
    low, high = 1, MOST_SEEDS  # low is too few, high is enough
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_narrow(middle) else (middle, high)
    return high


def seeds_range(
    estimate: SeedsAndImages, half_width_pct: float, family: Family
) -> tuple[int, int | None] | None:
    """An 80 % range of the seeds that bring a half-width to a value.

    The variance of seeds is known only roughly from a few, so a single number would be met in fewer
    than half of the cases. The range uses the quantiles of its chi-square distribution. The noise
    of single predictions is a lower limit.

    Returns:
        The smallest and the largest number, None for more than 1,000; or None if no number is
        enough, because of the test images.
    """
    tail = (1 - RANGE) / 2
    # chdtri inverts the upper tail.
    df = estimate.welch_df
    few, many = (df / float(chdtri(df, p)) for p in (tail, 1 - tail))
    low = seeds_for(estimate.with_seed_variance(few), half_width_pct, family)
    high = seeds_for(estimate.with_seed_variance(many), half_width_pct, family)
    return None if low is None else (low, high)
