"""Precision: the predicted width of intervals, and adding seeds until they are narrow.

Seeds are added by width and never by verdict, and the width must hold at two checks in a row:
stopping at the first narrow check would favour intervals that are narrow by chance
(docs/statistics.md).
"""

import math
from dataclasses import replace

from scipy.special import fdtri

from vitbench.comparison.estimates import SeedsAndImages
from vitbench.comparison.forecast import seeds_for
from vitbench.comparison.multiplicity import LEVEL, sidak_alpha
from vitbench.comparison.pairs import StudyComparisons, compare_study
from vitbench.runs.schema import Look, StudyResults

# Measured with small ViTs on CIFAR-10, in points and points^2 for 10,000 images. The standard
# deviations over seeds are the middle 80 % of the 30 in examples/ (0.20 to 1.08).
PRIOR_SEED_SDS = (0.2, 1.1)
PRIOR_IMAGE = 0.06  # variance of a difference due to images
PRIOR_NOISE = 0.25  # variance of a difference of two runs due to single predictions
PRIOR_IMAGES = 10_000


def look_at(results: StudyResults, num_seeds: int) -> Look:
    """The widest simultaneous half-width with a number of seeds per variant."""
    runs = [run for run in results.runs if results.study_seed(run) < num_seeds]
    compared = compare_study(results.model_copy(update={"runs": runs}))
    return Look(num_seeds=num_seeds, widest_pct=widest_half_width(compared))


def widest_half_width(compared: StudyComparisons) -> float | None:
    """Half the widest simultaneous interval, in points; None if nothing is compared."""
    widths = [(pair.interval[1] - pair.interval[0]) / 2 for pair in compared.pairs]
    return max(widths, default=None)


def is_reached(looks: list[Look], half_width_pct: float) -> bool:
    """Whether the last two checks were both narrow enough."""
    last = [look.widest_pct for look in looks[-2:]]
    return len(last) == 2 and all(w is not None and w <= half_width_pct for w in last)


def is_out_of_reach(results: StudyResults, half_width_pct: float) -> bool:
    """Whether the test set is too small: no number of seeds is enough for some pair."""
    return any(
        isinstance(pair.estimate, SeedsAndImages)
        and seeds_for(pair.estimate, half_width_pct, pair.num_pairs) is None
        for pair in compare_study(results).pairs
    )


def foreseen_half_width(
    recorded: StudyResults, num_seeds: int, num_variants: int
) -> tuple[tuple[float, float] | None, str]:
    """The predicted range of the widest half-width of a plan, and its basis in words.

    It is a range because the standard deviation over seeds is known only roughly, or not at all.

    Args:
        recorded: Earlier runs of the same study, if any.
        num_seeds: Seeds of each variant.
        num_variants: Variants of the plan.
    """
    if num_seeds < 2 or num_variants < 2:
        return None, "one seed or one variant: no interval for a choice"
    alpha = sidak_alpha(LEVEL, num_variants * (num_variants - 1) // 2)
    estimates = [
        pair.estimate
        for pair in compare_study(recorded).pairs
        if isinstance(pair.estimate, SeedsAndImages)
    ]
    if estimates:
        ranges = [half_width_range(estimate, num_seeds, alpha) for estimate in estimates]
        there = min(estimate.num_seeds for estimate in estimates)
        sure = "80% range, " if num_seeds > there else ""
        widest = max(low for low, _ in ranges), max(high for _, high in ranges)
        return widest, f"{sure}from the {there} recorded seeds"
    scale = PRIOR_IMAGES / recorded.num_test
    noise = PRIOR_NOISE * scale / num_seeds
    low, high = (
        SeedsAndImages(
            value=0.0,
            image=PRIOR_IMAGE * scale + noise,
            noise=noise,
            seed=2 * seed_sd**2 / num_seeds + noise,
            df=2.0 * (num_seeds - 1),
            num_seeds=num_seeds,
        ).half_width(alpha)
        for seed_sd in PRIOR_SEED_SDS
    )
    assumed = " to ".join(f"{seed_sd:g}" for seed_sd in PRIOR_SEED_SDS)
    return (low, high), f"assuming a standard deviation over seeds of {assumed} points"


def half_width_range(estimate: SeedsAndImages, num_seeds: int, alpha: float) -> tuple[float, float]:
    """An 80 % prediction range of the half-width of a difference with more seeds.

    The variance over all seeds combines that of the present ones, which stay, with that of the
    added ones, whose ratio to the present has an F distribution. The lower limit uses the degrees
    of freedom of equal variances, the largest possible, because those are known only roughly too.

    Args:
        estimate: The present difference; with its own number of seeds the range has no width.
        num_seeds: Seeds of each variant.
        alpha: Error level of the interval.
    """
    if num_seeds <= estimate.num_seeds or math.isinf(estimate.df):
        half = estimate.with_seeds(max(num_seeds, estimate.num_seeds)).half_width(alpha)
        return half, half
    more = estimate.with_seeds(num_seeds)
    kept = (estimate.num_seeds - 1) / (num_seeds - 1)
    added_df = more.df - estimate.df
    low, high = (
        kept + (1 - kept) * float(fdtri(added_df, estimate.df, quantile)) for quantile in (0.1, 0.9)
    )
    narrow = replace(more, seed=more.seed * low, df=2.0 * (num_seeds - 1))
    return narrow.half_width(alpha), replace(more, seed=more.seed * high).half_width(alpha)
