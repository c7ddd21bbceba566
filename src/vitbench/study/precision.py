"""Precision: the predicted width of intervals, and adding seeds until they are narrow.

Seeds are added by width and never by verdict, and the width must hold at two checks in a row:
stopping at the first narrow check would favour intervals that are narrow by chance
(docs/statistics.md).
"""

import math
from dataclasses import replace

from scipy.special import fdtri

from vitbench.comparison.estimates import SeedPart, SeedsAndImages
from vitbench.comparison.forecast import seeds_for
from vitbench.comparison.multiplicity import LEVEL, Family
from vitbench.comparison.pairs import StudyComparisons, compare_study
from vitbench.runs.schema import Look, PrecisionRule, StudyResults

# Measured with small ViTs on CIFAR-10, in points and points^2 for 10,000 images. The standard
# deviations over seeds are the middle 80 % of the 30 in examples/ (0.20 to 1.08).
PRIOR_SEED_SDS = (0.2, 1.1)
PRIOR_IMAGE = 0.06  # variance of a difference due to images
PRIOR_NOISE = 0.25  # variance of a difference of two runs due to single predictions
PRIOR_IMAGES = 10_000


def look_at(results: StudyResults, num_seeds: int, rule: PrecisionRule) -> Look:
    """The widest simultaneous half-width with a number of seeds per variant, under a rule."""
    runs = [run for run in results.runs if results.study_seed(run) < num_seeds]
    compared = compare_study(results.model_copy(update={"runs": runs, "precision": rule}))
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
        and seeds_for(pair.estimate, half_width_pct, pair.family) is None
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
    family = Family.all_pairs(num_variants)
    if recorded.study.comparisons == "reference":
        family = Family.with_reference(num_variants)
    estimates = [
        pair.estimate
        for pair in compare_study(recorded).pairs
        if isinstance(pair.estimate, SeedsAndImages)
    ]
    if estimates:
        ranges = [half_width_range(estimate, num_seeds, family) for estimate in estimates]
        there = min(estimate.num_seeds for estimate in estimates)
        sure = "80% range, " if num_seeds > there else ""
        widest = max(low for low, _ in ranges), max(high for _, high in ranges)
        return widest, f"{sure}from the {there} recorded seeds"
    scale = PRIOR_IMAGES / recorded.num_test
    noise = PRIOR_NOISE * scale / num_seeds
    low, high = (
        SeedsAndImages(
            value=0.0,
            centre=0.0,
            image=PRIOR_IMAGE * scale + noise,
            parts=(SeedPart(seed_sd**2 / num_seeds + noise / 2, noise / 2, num_seeds),) * 2,
        ).half_width(LEVEL, family)
        for seed_sd in PRIOR_SEED_SDS
    )
    assumed = " to ".join(f"{seed_sd:g}" for seed_sd in PRIOR_SEED_SDS)
    return (low, high), f"assuming a standard deviation over seeds of {assumed} points"


def half_width_range(
    estimate: SeedsAndImages, num_seeds: int, family: Family
) -> tuple[float, float]:
    """An 80 % prediction range of the half-width of a difference with more seeds.

    The variance over all seeds combines that of the present ones, which stay, with that of the
    added ones, whose ratio to the present has an F distribution. The lower limit uses the degrees
    of freedom of equal variances, the largest possible, because those are known only roughly too.

    Args:
        estimate: The present difference; with its own number of seeds the range has no width.
        num_seeds: Seeds of each variant.
        family: The family of the difference.
    """
    if num_seeds <= estimate.num_seeds or math.isinf(estimate.welch_df):
        half = estimate.with_seeds(max(num_seeds, estimate.num_seeds)).half_width(LEVEL, family)
        return half, half
    more = estimate.with_seeds(num_seeds)
    kept = (estimate.num_seeds - 1) / (num_seeds - 1)
    added_df = more.welch_df - estimate.welch_df
    low, high = (
        kept + (1 - kept) * float(fdtri(added_df, estimate.welch_df, quantile))
        for quantile in (0.1, 0.9)
    )
    # Parts of equal size have the most degrees of freedom.
    num_parts = len(more.parts)
    of_each = SeedPart(more.seed * low / num_parts, more.noise / num_parts, num_seeds)
    narrow = replace(more, parts=(of_each,) * num_parts)
    wide = more.with_seed_variance(high)
    return narrow.half_width(LEVEL, family), wide.half_width(LEVEL, family)
