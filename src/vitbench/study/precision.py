"""Precision: the predicted width of intervals, and adding seeds until they are narrow.

Seeds are added by width and never by verdict, each where it narrows the widest interval most for
its cost, and the width must hold at two checks in a row: stopping at the first narrow check would
favour intervals that are narrow by chance (docs/statistics.md).
"""

import math
from collections.abc import Mapping
from dataclasses import replace

from scipy.special import fdtri

from vitbench.comparison.estimates import SeedPart, SeedsAndImages
from vitbench.comparison.forecast import seeds_for, seeds_range
from vitbench.comparison.multiplicity import LEVEL, Family
from vitbench.comparison.pairs import StudyComparisons, compare_study
from vitbench.comparison.verdict import Comparison
from vitbench.runs.schema import Look, PrecisionRule, StudyResults

# Measured with small ViTs on CIFAR-10, in points and points^2 for 10,000 images. The standard
# deviations over seeds are the middle 80 % of the 30 in examples/ (0.20 to 1.08).
PRIOR_SEED_SDS = (0.2, 1.1)
PRIOR_IMAGE = 0.06  # variance of a difference due to images
PRIOR_NOISE = 0.25  # variance of a difference of two runs due to single predictions
PRIOR_IMAGES = 10_000


def look_at(
    results: StudyResults, num_seeds: Mapping[str, int], rule: PrecisionRule
) -> tuple[Look, StudyComparisons]:
    """The widest simultaneous half-width with numbers of seeds, under a rule, and all comparisons.

    Args:
        results: The study, perhaps with more seeds.
        num_seeds: Seeds of each variant that are looked at.
        rule: The rule by which seeds are added.
    """
    runs = [run for run in results.runs if results.study_seed(run) < num_seeds.get(run.variant, 0)]
    compared = compare_study(results.model_copy(update={"runs": runs, "precision": rule}))
    differ = len(set(num_seeds.values())) > 1
    look = Look(
        num_seeds=min(num_seeds.values()),
        by_variant=dict(num_seeds) if differ else {},
        widest_pct=widest_half_width(compared),
    )
    return look, compared


def next_seeds(
    compared: StudyComparisons,
    num_seeds: Mapping[str, int],
    costs: Mapping[str, float],
    most: int,
    number: int,
) -> dict[str, int]:
    """Numbers of seeds after adding some, each where it should narrow the widest interval most.

    The seed goes to that variant of the widest pair whose interval it narrows most per cost. Of two
    variants with known deviations the seeds then go as deviation over root of cost.

    Args:
        compared: The comparisons with the present seeds.
        num_seeds: Present seeds of each variant.
        costs: Cost of one more seed of each variant, in any unit.
        most: Largest number of seeds of a variant.
        number: Seeds to add; fewer are added if variants have the most.
    """
    numbers = dict(num_seeds)
    estimates = [
        (pair, pair.estimate)
        for pair in compared.pairs
        if isinstance(pair.estimate, SeedsAndImages)
    ]

    def half_width(pair: Comparison, estimate: SeedsAndImages, seeds: Mapping[str, int]) -> float:
        expected = estimate.with_seeds(seeds[pair.first], seeds[pair.second])
        return expected.half_width(LEVEL, pair.family)

    for _ in range(number):
        widths = [half_width(pair, estimate, numbers) for pair, estimate in estimates]
        for width, (pair, estimate) in sorted(
            zip(widths, estimates, strict=True), key=lambda item: -item[0]
        ):
            gains = {
                key: (width - half_width(pair, estimate, {**numbers, key: numbers[key] + 1}))
                / costs[key]
                for key in (pair.first, pair.second)
                if numbers[key] < most
            }
            if gains:
                chosen = max(gains, key=lambda key: gains[key])
                numbers[chosen] += 1
                break
            return numbers  # the widest interval cannot be narrowed
    return numbers


def widest_half_width(compared: StudyComparisons) -> float | None:
    """Half the widest simultaneous interval, in points; None if nothing is compared."""
    widths = [(pair.interval[1] - pair.interval[0]) / 2 for pair in compared.pairs]
    return max(widths, default=None)


def is_reached(looks: list[Look], half_width_pct: float) -> bool:
    """Whether the last two checks were both narrow enough."""
    last = [look.widest_pct for look in looks[-2:]]
    return len(last) == 2 and all(w is not None and w <= half_width_pct for w in last)


def is_out_of_reach(compared: StudyComparisons, half_width_pct: float) -> bool:
    """Whether the test set is too small: no number of seeds is enough for some pair."""
    return any(
        isinstance(pair.estimate, SeedsAndImages)
        and seeds_for(pair.estimate, half_width_pct, pair.family) is None
        for pair in compared.pairs
    )


def is_unaffordable(compared: StudyComparisons, half_width_pct: float, most: int) -> bool:
    """Whether some pair needs more seeds than allowed even at the low end of its 80 % range."""
    ranges = [
        seeds_range(pair.estimate, half_width_pct, pair.family)
        for pair in compared.pairs
        if isinstance(pair.estimate, SeedsAndImages)
    ]
    return any(needed is None or needed[0] > most for needed in ranges)


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
