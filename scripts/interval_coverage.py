"""Do the intervals of a study cover what they promise? The simulation behind docs/statistics.md.

    python scripts/interval_coverage.py                       all tables
    python scripts/interval_coverage.py pairs ceiling         some of them
    python scripts/interval_coverage.py --repetitions 2000    the same, faster and rougher

Each cell has 20,000 studies with known true accuracies. Most tables draw the statistics that the
estimator needs: a variant's accuracy with a seed is its accuracy on these images, its seed's effect
and the noise of single predictions, with sizes like those of small ViTs on the 10,000 test images
of CIFAR-10 at 65 %. `runs`, `ceiling` and `check` draw whole predictions instead.

It ends with the bars, and the exit code is 1 if one was missed. Failing seeds have no bar: no
interval from a few seeds covers them.
"""

import argparse
import inspect
import itertools
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
from scipy.special import bdtr, ndtri, stdtrit

from vitbench.comparison.audit import TOLERANCE, bootstrap_variance, resample_images, resample_seeds
from vitbench.comparison.estimates import DF_SHRINKAGE, SeedsAndImages
from vitbench.comparison.multiplicity import (
    ALONE,
    LEVEL,
    Blocks,
    Family,
    critical_value,
    equivalence_level,
    normal_quantile,
    sidak_alpha,
)
from vitbench.comparison.variance import difference_estimate
from vitbench.study.request import FIRST_LOOK

IMAGE = 0.10  # variance over images of a variant's accuracy, in points^2 for 10,000 images
SHARED = 0.7  # correlation between variants of the difficulty of images
NOISE = 0.125  # variance of a run's accuracy due to single predictions, in points^2
NUM_IMAGES = 10_000
SEEDS = (2, 3, 5, 10)
VARIANTS = (2, 3, 4, 6, 8)
SEED_SDS = (0.0, 0.2, 0.5, 1.0, 1.5)
RATIOS = (1.0, 3.0, 5.0)
CORRELATIONS = (0.0, 0.56)  # of runs with the same seed; 0.56 is the largest that was measured
UNEQUAL = ((2, 3), (2, 10), (3, 5), (3, 12), (5, 20))
MOST_SEEDS = 20  # where seeds are added until intervals are narrow
ASKED = ((0.2, 0.8), (0.5, 1.0), (0.5, 1.4), (1.0, 2.0), (1.0, 3.0), (1.5, 4.0))  # s.d., half-width
LEAST_COVERAGE = 0.94
MOST_FAMILY_ERROR = 0.052
MOST_FALSE_EQUIVALENCE = 0.055

Array = np.ndarray


@dataclass
class Bars:
    """The bars that a simulation must keep, and which of them it missed."""

    kept: int = 0
    missed: list[str] = field(default_factory=list)

    def at_least(self, share: float, bar: float, what: str) -> None:
        """Note whether a share reaches its bar."""
        self._note(share >= bar, f"{what}: {percent(share)}, below {percent(bar)}")

    def at_most(self, share: float, bar: float, what: str) -> None:
        """Note whether a share stays below its bar."""
        self._note(share <= bar, f"{what}: {percent(share)}, above {percent(bar)}")

    def _note(self, met: bool, miss: str) -> None:
        self.kept += met
        if not met:
            self.missed.append(miss)


@dataclass(frozen=True)
class Cell:
    """A kind of study without true differences.

    Attributes:
        seeds: Number of seeds of each variant.
        sds: Standard deviation over seeds of each variant, in points.
        correlation: Between runs of two variants with the same seed.
        failing: Share of seeds of the first variant that fail, and end 30 points lower.
    """

    seeds: tuple[int, ...]
    sds: tuple[float, ...]
    correlation: float = 0.0
    failing: float = 0.0

    @classmethod
    def alike(
        cls, num_seeds: int, sd: float, ratio: float, correlation: float, num_variants: int
    ) -> "Cell":
        """Variants with the same number of seeds; every second has `ratio` times the deviation."""
        sds = tuple(sd * (ratio if number % 2 else 1.0) for number in range(num_variants))
        return cls((num_seeds,) * num_variants, sds, correlation)


@dataclass(frozen=True)
class Studies:
    """Many studies of a kind.

    Attributes:
        accuracies: By variant (R, S), in points above the true value.
        image: (R,) variance of a difference due to images alone, as estimated.
        noise: (R,) variance of a run's accuracy due to single predictions, as estimated.
    """

    accuracies: tuple[Array, ...]
    image: Array
    noise: Array

    def first(self, *seeds: int) -> "Studies":
        """The same studies with fewer seeds of each variant."""
        cut = tuple(a[:, :num] for a, num in zip(self.accuracies, seeds, strict=True))
        return replace(self, accuracies=cut)

    def pairs(self) -> Iterator[tuple[int, int]]:
        """All pairs of variants."""
        return itertools.combinations(range(len(self.accuracies)), 2)

    def difference(self, pair: tuple[int, int]) -> Array:
        """(R,) Difference of the means of two variants."""
        first, second = (self.accuracies[variant].mean(axis=1) for variant in pair)
        return np.asarray(first - second)


def draw(cell: Cell, repetitions: int, rng: np.random.Generator) -> Studies:
    """Draw studies of a kind."""
    num_variants, most = len(cell.seeds), max(cell.seeds)
    common = rng.normal(size=(repetitions, 1))
    images = math.sqrt(SHARED) * common + math.sqrt(1 - SHARED) * rng.normal(
        size=(repetitions, num_variants)
    )
    luck = rng.normal(size=(repetitions, most))
    accuracies = []
    for variant, (num_seeds, sd) in enumerate(zip(cell.seeds, cell.sds, strict=True)):
        shape = repetitions, num_seeds
        own = math.sqrt(1 - cell.correlation) * rng.normal(size=shape)
        seeds = sd * (math.sqrt(cell.correlation) * luck[:, :num_seeds] + own)
        noise = math.sqrt(NOISE) * rng.normal(size=shape)
        share = cell.failing if variant == 0 else 0.0
        failed = -30.0 * ((rng.random(shape) < share) - share)
        accuracies.append(math.sqrt(IMAGE) * images[:, variant, None] + seeds + noise + failed)

    def estimated(value: float, df: int) -> Array:
        return np.asarray(value * rng.chisquare(df, repetitions) / df)

    return Studies(
        tuple(accuracies),
        estimated(2 * IMAGE * (1 - SHARED), NUM_IMAGES - 1),
        estimated(NOISE, NUM_IMAGES - 1),
    )


@lru_cache
def _critical_values(alpha: float, family: Family) -> tuple[Array, Array]:
    """Logarithms of degrees of freedom, and of quantiles there."""
    df = np.exp(np.linspace(0, math.log(2000), 160))
    limits = [critical_value(alpha, family, float(value)) for value in df]
    return np.log(df), np.log(limits)


def limit(alpha: float, family: Family, df: Array) -> Array:
    """Critical values (R,), interpolated."""
    log_df, log_limit = _critical_values(alpha, family)
    return np.asarray(np.exp(np.interp(np.log(df), log_df, log_limit)))


def half_width(
    studies: Studies, pair: tuple[int, int], alpha: float, family: Family, shrink: bool = True
) -> Array:
    """The half-widths (R,) of vitbench for a pair; without `shrink`, those of Dunnett's T3."""
    parts, squares, noise = [], [], np.zeros(len(studies.noise))
    for variant in pair:
        num_seeds = studies.accuracies[variant].shape[1]
        of_mean = studies.noise / num_seeds
        measured = studies.accuracies[variant].var(axis=1, ddof=1) / num_seeds
        part = np.maximum(measured, of_mean)
        parts.append(part)
        squares.append(part**2 / (num_seeds - 1))
        noise = noise + of_mean
    seed = sum(parts)
    df = seed**2 / sum(squares)
    if shrink:
        fewest = min(studies.accuracies[variant].shape[1] for variant in pair)
        share = DF_SHRINKAGE / fewest
        df = (fewest - 1) ** share * df ** (1 - share)
    z = normal_quantile(alpha, family)
    q = limit(alpha, family, df)
    return np.sqrt(np.maximum(z**2 * (studies.image + noise), z**2 * studies.image + q**2 * seed))


def old_half_width(studies: Studies, pair: tuple[int, int], num_tests: int) -> Array:
    """The half-widths (R,) before Dunnett's T3: Welch and Sidak, without a floor."""
    parts = [
        studies.accuracies[v].var(axis=1, ddof=1) / studies.accuracies[v].shape[1] for v in pair
    ]
    squares = [
        part**2 / (studies.accuracies[v].shape[1] - 1) for v, part in zip(pair, parts, strict=True)
    ]
    seed = sum(parts)
    level = sidak_alpha(LEVEL, num_tests) / 2
    noise = sum(studies.noise / studies.accuracies[v].shape[1] for v in pair)
    z, t = -ndtri(level), -stdtrit(seed**2 / sum(squares), level)
    return np.sqrt(np.maximum(z**2 * (studies.image + noise), z**2 * studies.image + t**2 * seed))


@dataclass(frozen=True)
class Found:
    """Shares of studies, and mean half-widths in points.

    Attributes:
        coverage: Of the interval of the first pair, as its own family.
        family_error: Any false finding among all pairs.
        reference_error: Any false finding among comparisons with the first variant.
        plain_t3_error: Any false finding among all pairs with Welch's degrees of freedom.
        width: Mean half-width over all pairs.
        old_width: The same with the earlier method.
        reference_width: Mean half-width over comparisons with the first variant.
    """

    coverage: float
    family_error: float
    reference_error: float
    plain_t3_error: float
    width: float
    old_width: float
    reference_width: float


def examine(cell: Cell, repetitions: int, rng: np.random.Generator) -> Found:
    """Draw studies of a kind and count what the intervals miss."""
    studies = draw(cell, repetitions, rng)
    pairs = list(studies.pairs())
    missed = np.zeros((3, repetitions), dtype=bool)
    widths: list[list[float]] = [[], [], []]
    family, with_reference = (
        Family.all_pairs(len(cell.seeds)),
        Family.with_reference(len(cell.seeds)),
    )
    plain_t3 = Family(len(pairs), (Blocks(1.0, len(pairs)),))
    for pair in pairs:
        error = abs(studies.difference(pair))
        half = half_width(studies, pair, LEVEL, family)
        missed[0] |= error > half
        missed[2] |= error > half_width(studies, pair, LEVEL, plain_t3, shrink=False)
        widths[0].append(float(half.mean()))
        widths[1].append(float(old_half_width(studies, pair, len(pairs)).mean()))
        if pair[0] == 0:
            of_reference = half_width(studies, pair, LEVEL, with_reference)
            missed[1] |= error > of_reference
            widths[2].append(float(of_reference.mean()))
    alone = half_width(studies, pairs[0], LEVEL, ALONE)
    return Found(
        float((abs(studies.difference(pairs[0])) <= alone).mean()),
        *(float(of_family.mean()) for of_family in missed),
        *(float(np.mean(of_kind)) for of_kind in widths),
    )


def pairs_table(repetitions: int, rng: np.random.Generator, bars: Bars) -> Iterator[str]:
    """Two variants: the least coverage of their interval.

    The worst over correlations of 0 and 0.56 of runs with the same seed, by the standard deviation
    over seeds of the first variant and its multiple that is the second's.
    """
    yield f"| seeds | {' | '.join(f's.d. {sd:g}' for sd in SEED_SDS)} |\n"
    yield f"{'| ---: ' * (1 + len(SEED_SDS))}|\n"
    for num_seeds in SEEDS:
        cells = []
        for sd in SEED_SDS:
            least = min(
                examine(Cell.alike(num_seeds, sd, ratio, corr, 2), repetitions, rng).coverage
                for ratio, corr in itertools.product(RATIOS if sd else (1.0,), CORRELATIONS)
            )
            bars.at_least(least, LEAST_COVERAGE, f"pair, {num_seeds} seeds, s.d. {sd:g}")
            cells.append(percent(least))
        yield f"| {num_seeds} | {' | '.join(cells)} |\n"


def families_table(repetitions: int, rng: np.random.Generator, bars: Bars) -> Iterator[str]:
    """Families: the chance of any false finding, the worst over deviations and correlations.

    All pairs; in brackets only the comparisons with the first variant; then all pairs by Dunnett's
    T3 with Welch's degrees of freedom, for comparison.
    """
    yield f"| seeds | {' | '.join(f'{k} variants' for k in VARIANTS)} |\n"
    yield f"{'| ---: ' * (1 + len(VARIANTS))}|\n"
    for num_seeds in SEEDS:
        cells = []
        for k in VARIANTS:
            found = [
                examine(Cell.alike(num_seeds, sd, ratio, corr, k), repetitions, rng)
                for sd in SEED_SDS
                for ratio, corr in itertools.product(RATIOS if sd else (1.0,), CORRELATIONS)
            ]
            # One variant that varies less than the others is the worst.
            low = (0.5,) + (2.5,) * (k - 1)
            found.append(examine(Cell((num_seeds,) * k, low), repetitions, rng))
            error = max(of_cell.family_error for of_cell in found)
            of_reference = max(of_cell.reference_error for of_cell in found)
            what = f"{k} variants, {num_seeds} seeds"
            # Two variants are a single pair, which has the bar of coverage.
            most = MOST_FAMILY_ERROR if k > 2 else 1 - LEAST_COVERAGE
            bars.at_most(error, most, f"family of {what}")
            bars.at_most(of_reference, most, f"comparisons with the reference, {what}")
            plain = max(of_cell.plain_t3_error for of_cell in found)
            cells.append(f"{percent(error)} ({percent(of_reference)}), T3 {percent(plain)}")
        yield f"| {num_seeds} | {' | '.join(cells)} |\n"


def widths_table(repetitions: int, rng: np.random.Generator, _bars: Bars) -> Iterator[str]:
    """Mean half-widths in points: before (Welch's t with Sidak), now, and with the reference alone.

    Four variants with the same standard deviation over seeds.
    """
    sds = (0.2, 0.5, 1.0)
    yield f"| seeds | {' | '.join(f's.d. {sd:g}: before | now | reference' for sd in sds)} |\n"
    yield f"{'| ---: ' * (1 + 3 * len(sds))}|\n"
    for num_seeds in SEEDS:
        cells = []
        for sd in sds:
            found = examine(Cell.alike(num_seeds, sd, 1.0, 0.0, 4), repetitions, rng)
            cells += [f"{w:.2f}" for w in (found.old_width, found.width, found.reference_width)]
        yield f"| {num_seeds} | {' | '.join(cells)} |\n"


def unequal_table(repetitions: int, rng: np.random.Generator, bars: Bars) -> Iterator[str]:
    """Unequal numbers of seeds: the least coverage of two variants, and errors of a family of four.

    The worst over standard deviations from 0 to 1.5 points of either variant.
    """
    yield "| seeds | coverage | family of 4, every second has fewer seeds |\n"
    yield "| :--- | ---: | ---: |\n"
    sds = list(itertools.product((0.0, 0.3, 1.5), repeat=2))
    for seeds in UNEQUAL:
        least = min(examine(Cell(seeds, pair, 0.0), repetitions, rng).coverage for pair in sds)
        error = max(
            examine(Cell(seeds * 2, pair * 2, corr), repetitions, rng).family_error
            for pair, corr in itertools.product(sds, CORRELATIONS)
        )
        what = f"{seeds[0]} and {seeds[1]} seeds"
        bars.at_least(least, LEAST_COVERAGE, f"coverage, {what}")
        bars.at_most(error, MOST_FAMILY_ERROR, f"family, {what}")
        yield f"| {what} | {percent(least)} | {percent(error)} |\n"


def margin_table(repetitions: int, rng: np.random.Generator, bars: Bars) -> Iterator[str]:
    """False equivalence: two variants that truly differ by the margin are found to be within it.

    The worst over ratios, correlations, and margins of one, two and four mean half-widths.
    """
    yield f"| seeds | {' | '.join(f's.d. {sd:g}' for sd in SEED_SDS)} |\n"
    yield f"{'| ---: ' * (1 + len(SEED_SDS))}|\n"
    for num_seeds in SEEDS:
        cells = []
        for sd in SEED_SDS:
            error = max(
                false_equivalence(Cell.alike(num_seeds, sd, ratio, corr, 2), repetitions, rng)
                for ratio, corr in itertools.product(RATIOS if sd else (1.0,), CORRELATIONS)
            )
            what = f"equivalence, {num_seeds} seeds, s.d. {sd:g}"
            bars.at_most(error, MOST_FALSE_EQUIVALENCE, what)
            cells.append(percent(error))
        yield f"| {num_seeds} | {' | '.join(cells)} |\n"


def false_equivalence(cell: Cell, repetitions: int, rng: np.random.Generator) -> float:
    """Share of studies whose difference, truly the margin, is found to be within it."""
    studies = draw(cell, repetitions, rng)
    half = half_width(studies, (0, 1), equivalence_level(ALONE), ALONE)
    shares = []
    for margin in half.mean() * np.array([1.0, 2.0, 4.0]):
        found = margin + studies.difference((0, 1))
        shares.append(float(((found + half < margin) & (found - half > -margin)).mean()))
    return max(shares)


def effects_table(repetitions: int, rng: np.random.Generator, bars: Bars) -> Iterator[str]:
    """A factorial study of 4 by 2: the chance of any false effect, the worst over deviations.

    Three main effects of four levels and one of two; three interactions.
    """
    main = [[0.0] * 8 for _ in range(3)] + [[0.25 * (-1) ** (cell + 1) for cell in range(8)]]
    interactions = [[0.0] * 8 for _ in range(3)]
    for level in range(1, 4):
        for second in range(2):  # cell 2 * level + second
            main[level - 1][2 * level + second], main[level - 1][second] = 0.5, -0.5
            sign = 1.0 if second == 0 else -1.0
            interactions[level - 1][2 * level + second] = sign
            interactions[level - 1][second] = -sign
    patterns = (
        (0.5,) * 8,
        (1.0,) * 7 + (5.0,),
        (1.0, 1.0) + (5.0,) * 6,
        (1.0, 1.0) + (5.0, 1.0) * 3,
    )
    yield "| seeds | main effects | interactions | half-width of an interaction, s.d. 0.5 |\n"
    yield f"{'| ---: ' * 4}|\n"
    for num_seeds in SEEDS:
        errors, width = [], 0.0
        for contrasts in (main, interactions):
            worst = 0.0
            for sds in patterns:
                studies = draw(Cell((num_seeds,) * 8, sds), repetitions, rng)
                error, mean_width = _false_effects(studies, contrasts)
                worst = max(worst, error)
                width = mean_width if sds == patterns[0] else width
            errors.append(worst)
        for error, what in zip(errors, ("main effects", "interactions"), strict=True):
            bars.at_most(error, MOST_FAMILY_ERROR, f"{what}, {num_seeds} seeds")
        yield f"| {num_seeds} | {' | '.join(map(percent, errors))} | {width:.2f} |\n"


def _false_effects(studies: Studies, contrasts: Sequence[Sequence[float]]) -> tuple[float, float]:
    """Share of studies with any false effect, and the mean half-width."""
    family = Family.separate(len(contrasts))
    z = normal_quantile(LEVEL, family)
    wrong, widths = np.zeros(len(studies.noise), dtype=bool), []
    for weights in contrasts:
        value, seed, squares, image = 0.0, 0.0, 0.0, 0.0
        for weight, table in zip(weights, studies.accuracies, strict=True):
            num_seeds = table.shape[1]
            of_mean = studies.noise / num_seeds
            part = weight**2 * np.maximum(table.var(axis=1, ddof=1) / num_seeds, of_mean)
            value, seed = value + weight * table.mean(axis=1), seed + part
            squares = squares + part**2 / (num_seeds - 1)
            image = image + weight**2 * (studies.image / 2 + of_mean)
        fewest = min(table.shape[1] for table in studies.accuracies)
        share = DF_SHRINKAGE / fewest
        df = (fewest - 1) ** share * (seed**2 / squares) ** (1 - share)
        alone = sum(weight**2 for weight in weights) * studies.image / 2
        q = limit(LEVEL, family, df)
        half = np.sqrt(np.maximum(z**2 * image, z**2 * alone + q**2 * seed))
        wrong |= abs(value) > half
        widths.append(float(half.mean()))
    return float(wrong.mean()), float(np.mean(widths))


def failing_table(repetitions: int, rng: np.random.Generator, _bars: Bars) -> Iterator[str]:
    """Seeds that fail: coverage where some seeds of one variant end 30 points lower.

    There is no bar: no interval from a few seeds covers failures that none of them shows.
    """
    shares = (0.0, 0.05, 0.2)
    yield f"| seeds | {' | '.join(f'{share:.0%} of seeds fail' for share in shares)} |\n"
    yield f"{'| ---: ' * (1 + len(shares))}|\n"
    for num_seeds in SEEDS:
        cells = [
            percent(
                examine(
                    Cell((num_seeds, num_seeds), (0.5, 0.5), 0.0, share), repetitions, rng
                ).coverage
            )
            for share in shares
        ]
        yield f"| {num_seeds} | {' | '.join(cells)} |\n"


def precision_table(repetitions: int, rng: np.random.Generator, bars: Bars) -> Iterator[str]:
    """`--precision`: share of studies with all pairs covered when seeds are added until narrow.

    From five seeds, and until two looks in a row are narrow; at most twenty seeds of a variant. One
    seed at a time goes where it narrows the widest interval most for its cost; beside it the cost
    of the same seeds for all variants. The least over ratios of deviations.
    """
    yield "| variants | costs | s.d. | half-width asked | covered | mean cost | with equal seeds "
    yield f"| reached |\n{'| ---: ' * 8}|\n"
    kinds = (((1.0, 1.0), ASKED), ((6.0, 1.0), ASKED[1:4]), ((1.0,) * 4, ASKED[1:]),
             ((27.0, 4.0, 1.0, 1.0), ASKED[2:5]))  # fmt: skip
    for costs, all_asked in kinds:
        for sd, asked in all_asked:
            found, equal = [], []
            for ratio, corr in itertools.product(RATIOS, CORRELATIONS):
                cell = Cell.alike(MOST_SEEDS, sd, ratio, corr, len(costs))
                studies = draw(cell, repetitions, rng)
                found.append(stop_on_width(studies, asked, costs))
                equal.append(stop_on_width(studies, asked, costs, all_alike=True))
            what = f"--precision {asked:g}, {len(costs)} variants, s.d. {sd:g}"
            least = min(stopped.covered for stopped in found)
            bars.at_least(least, LEAST_COVERAGE, what)
            mean, of_equal = (np.mean([one.cost for one in many]) for many in (found, equal))
            reached = float(np.mean([stopped.reached for stopped in found]))
            words = ", ".join(f"{cost:g}" for cost in costs)
            yield f"| {len(costs)} | {words} | {sd:g} | {asked:g} | {percent(least)} "
            yield f"| {mean:.1f} | {of_equal:.1f} | {percent(reached)} |\n"


@dataclass(frozen=True)
class Stopped:
    """Where a stopping rule ended: share with all covered, mean cost, share that reached it."""

    covered: float
    cost: float
    reached: float


def stop_on_width(
    studies: Studies, asked: float, costs: Sequence[float], all_alike: bool = False
) -> Stopped:
    """Add seeds until every simultaneous half-width is small enough, twice in a row.

    Args:
        studies: Studies with as many seeds as there may be.
        asked: Half-width in points.
        costs: Cost of a seed of each variant.
        all_alike: Whether to add a seed of every variant at a time.
    """
    accuracies = np.stack(studies.accuracies, axis=1)  # (R, k, S)
    repetitions, k, most = accuracies.shape
    sums, squares = np.cumsum(accuracies, axis=2), np.cumsum(accuracies**2, axis=2)
    pairs = np.array(list(itertools.combinations(range(k), 2)))
    family, rows = Family.all_pairs(k).stopped_by_width(), np.arange(repetitions)
    seeds = np.full((repetitions, k), FIRST_LOOK)
    running, reached, covered = np.ones((3, repetitions), dtype=bool) & [[True], [False], [False]]
    in_a_row, cost = np.zeros(repetitions, dtype=int), np.zeros(repetitions)
    while running.any():
        at = seeds[:, :, None] - 1
        mean = np.take_along_axis(sums, at, 2)[:, :, 0] / seeds
        square = np.take_along_axis(squares, at, 2)[:, :, 0]
        variance = np.maximum(square - seeds * mean**2, 0) / (seeds - 1)
        half = _half_widths(studies, pairs, seeds, variance, family)
        widest, number = half.max(axis=1), half.argmax(axis=1)
        in_a_row = np.where(widest <= asked, in_a_row + 1, 0)
        holds = (abs(mean[:, pairs[:, 0]] - mean[:, pairs[:, 1]]) <= half).all(axis=1)
        gains = np.full((repetitions, 2), -np.inf)
        for side in (0, 1):
            variant = pairs[number, side]
            more = seeds.copy()
            more[rows, variant] += 1
            narrower = _half_widths(studies, pairs, more, variance, family)[rows, number]
            gain = (widest - narrower) / np.array(costs)[variant]
            gains[:, side] = np.where(seeds[rows, variant] < most, gain, -np.inf)
        stops = running & ((in_a_row >= 2) | np.isinf(gains).all(axis=1))
        covered[stops], cost[stops] = holds[stops], (seeds * costs).sum(axis=1)[stops]
        reached[stops] = in_a_row[stops] >= 2
        running &= ~stops
        if all_alike:
            seeds[running] += 1
        else:
            seeds[rows[running], pairs[number, gains.argmax(axis=1)][running]] += 1
    return Stopped(float(covered.mean()), float(cost.mean()), float(reached.mean()))


def _half_widths(
    studies: Studies, pairs: Array, seeds: Array, variance: Array, family: Family
) -> Array:
    """Half-widths (R, pairs) with numbers of seeds (R, k) and variances over seeds (R, k)."""
    noise = studies.noise[:, None] / seeds
    parts = np.maximum(variance / seeds, noise)
    first, second = pairs.T
    seed = parts[:, first] + parts[:, second]
    squares = parts**2 / (seeds - 1)
    welch = seed**2 / (squares[:, first] + squares[:, second])
    fewest = np.minimum(seeds[:, first], seeds[:, second])
    share = DF_SHRINKAGE / fewest
    q = limit(LEVEL, family, (fewest - 1) ** share * welch ** (1 - share))
    z = normal_quantile(LEVEL, family)
    image = studies.image[:, None]
    whole = image + noise[:, first] + noise[:, second]
    return np.asarray(np.sqrt(np.maximum(z**2 * whole, z**2 * image + q**2 * seed)))


def runs_table(repetitions: int, rng: np.random.Generator, bars: Bars) -> Iterator[str]:
    """One run each: coverage of the interval of two trained models on the same images.

    Over all pairs of accuracies of 50, 60, 70, 80, 90, 95, 98, 99.5 and 99.9 % and correlations of
    being right of 0, 0.3, 0.6 and 0.8, as far as they exist.
    """
    shares = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.995, 0.999)
    bins = (0.0, 0.001, 0.051, 0.101, 0.201, 0.6)
    yield "| images | true difference | kinds | least coverage | mean | before: least |\n"
    yield "| ---: | :--- | ---: | ---: | ---: | ---: |\n"
    for num_images in (1_000, 10_000):
        found: dict[int, list[tuple[float, float]]] = {}
        for first, second in itertools.combinations_with_replacement(shares, 2):
            for phi in (0.0, 0.3, 0.6, 0.8):
                table = joint(first, second, phi)
                if min(table) < -1e-12:
                    continue
                drawn = rng.multinomial(num_images, np.clip(table, 0, 1), size=repetitions)
                gap = max(abs(first - second) - 1e-9, 0.0)
                number = int(np.searchsorted(bins, gap, side="right")) - 1
                covered = coverage_of_runs(drawn, 100 * (first - second), one_run_interval)
                before = coverage_of_runs(drawn, 100 * (first - second), conditional_interval)
                bars.at_least(
                    covered, LEAST_COVERAGE,
                    f"one run each, {num_images} images, {first:g}, {second:g}, phi {phi:g}",
                )  # fmt: skip
                found.setdefault(number, []).append((covered, before))
        for number, of_bin in sorted(found.items()):
            now, before_now = zip(*of_bin, strict=True)
            low, high = bins[number], bins[number + 1]
            between = "0" if number == 0 else f"{100 * low:.0f} to {100 * high:.0f} points"
            yield f"| {num_images:,} | {between} | {len(now)} | {percent(min(now))} "
            yield f"| {percent(float(np.mean(now)))} | {percent(min(before_now))} |\n"


def joint(first: float, second: float, phi: float) -> list[float]:
    """Shares of images that both classify correctly, only the first, only the second, neither."""
    both = first * second + phi * math.sqrt(first * (1 - first) * second * (1 - second))
    both = min(max(both, first + second - 1), first, second)
    return [both, first - both, second - both, 1 - first - second + both]


def coverage_of_runs(
    drawn: Array, true: float, interval: Callable[[Array], tuple[Array, Array]]
) -> float:
    """Share of drawn tables (R, 4) whose interval covers the true difference."""
    low, high = interval(drawn.astype(float))
    return float(((low <= true + 1e-9) & (true - 1e-9 <= high)).mean())


def one_run_interval(drawn: Array) -> tuple[Array, Array]:
    """The intervals of `OneRunEach` for tables (R, 4), at 95 %."""
    both, first_only, second_only, _ = drawn.T
    num = drawn.sum(axis=1)
    a, b = both + first_only, both + second_only
    p, q = 100 * a / num, 100 * b / num
    (p_low, p_high), (q_low, q_high) = _wilson(a, num), _wilson(b, num)
    variances = a * (num - a) * b * (num - b)
    phi = np.where(
        variances > 0, (num * both - a * b) / np.sqrt(np.maximum(variances, 1e-300)), 0.0
    )

    def length(one: Array, other: Array) -> Array:
        return np.sqrt(np.maximum(one**2 + other**2 - 2 * phi * one * other, 0))

    low, high = p - q - length(p - p_low, q_high - q), p - q + length(p_high - p, q - q_low)
    fewer, differing = np.minimum(first_only, second_only), first_only + second_only
    p_exact = np.where(differing > 0, 2 * bdtr(fewer, differing.astype(int), 0.5), 1.0)
    kept = p_exact >= LEVEL
    return np.where(kept, np.minimum(low, 0), low), np.where(kept, np.maximum(high, 0), high)


def conditional_interval(drawn: Array) -> tuple[Array, Array]:
    """The earlier intervals: Clopper and Pearson's for the images that one of the two got right."""
    from scipy.special import betaincinv

    _, b, c, _ = drawn.T
    low = np.where(b > 0, betaincinv(np.maximum(b, 1e-9), c + 1, LEVEL / 2), 0.0)
    high = np.where(c > 0, betaincinv(b + 1, np.maximum(c, 1e-9), 1 - LEVEL / 2), 1.0)
    scale = 100 * (b + c) / drawn.sum(axis=1)
    return (2 * low - 1) * scale, (2 * high - 1) * scale


def _wilson(right: Array, num: Array) -> tuple[Array, Array]:
    z = normal_quantile(LEVEL, ALONE)
    share = right / num
    centre = share + z**2 / (2 * num)
    spread = z * np.sqrt(share * (1 - share) / num + (z / (2 * num)) ** 2)
    scale = 100 / (1 + z**2 / num)
    return (centre - spread) * scale, (centre + spread) * scale


@dataclass(frozen=True)
class Hard:
    """How images and seeds vary near the ceiling.

    Attributes:
        spread: Share of an image's errors that is due to the image: 0 is none, 1 is all.
        shared: Share of images that are equally hard for both variants.
        seed_sd: Standard deviation over seeds of the logarithm of the error rate.
    """

    spread: float
    shared: float
    seed_sd: float


HARD = (Hard(0.3, 0.5, 0.0), Hard(0.7, 0.5, 0.3))


def ceiling_table(repetitions: int, rng: np.random.Generator, bars: Bars) -> Iterator[str]:
    """At the ceiling, 1,000 images: whole predictions, the worst of two kinds of images and seeds.

    Coverage of a difference of 0 and of one variant's accuracy, the share of intervals without a
    width, and false equivalence within 0.5 points where the true difference is 0.5.
    """
    yield "| accuracy | seeds | difference | accuracy | width 0 | width 0, before |\n"
    yield "| ---: " * 6 + "|\n"
    for accuracy, num_seeds in itertools.product((0.98, 0.995, 0.999, 0.9997), (2, 3, 5)):
        cells = [
            at_the_ceiling((accuracy, accuracy), num_seeds, hard, repetitions, rng) for hard in HARD
        ]
        what = f"ceiling, {100 * accuracy:g} %, {num_seeds} seeds"
        least, of_one = (min(cell[number] for cell in cells) for number in (0, 1))
        bars.at_least(least, LEAST_COVERAGE, f"{what}, difference")
        bars.at_least(of_one, LEAST_COVERAGE, f"{what}, accuracy")
        zero, before = (max(cell[number] for cell in cells) for number in (3, 4))
        bars.at_most(zero, 0.0, f"{what}, width 0")
        yield f"| {100 * accuracy:g} % | {num_seeds} | {percent(least)} | {percent(of_one)} "
        yield f"| {percent(zero)} | {percent(before)} |\n"
    yield "\n| accuracies | seeds | false equivalence |\n| ---: | ---: | ---: |\n"
    cases = ((1.0, 0.995), (0.999, 0.994), (0.995, 0.99), (0.98, 0.975))
    for accuracies, num_seeds in itertools.product(cases, (2, 3, 5)):
        error = max(
            at_the_ceiling(accuracies, num_seeds, hard, repetitions, rng)[2] for hard in HARD
        )
        names = " and ".join(f"{100 * accuracy:g} %" for accuracy in accuracies)
        bars.at_most(
            error, MOST_FALSE_EQUIVALENCE, f"false equivalence, {names}, {num_seeds} seeds"
        )
        yield f"| {names} | {num_seeds} | {percent(error)} |\n"


def at_the_ceiling(
    accuracies: tuple[float, float],
    num_seeds: int,
    hard: Hard,
    repetitions: int,
    rng: np.random.Generator,
) -> tuple[float, float, float, float, float]:
    """Shares of studies on 1,000 images.

    Returns:
        Covered difference, covered accuracy of the first, equivalent within 0.5 points, intervals
        of width 0, and such intervals with the earlier method.
    """
    num_images, at_once = 1_000, 200
    true = 100 * (accuracies[0] - accuracies[1])
    counts = np.zeros(5)
    for _ in range(max(repetitions // at_once, 1)):
        first, second = (
            np.ascontiguousarray(table)
            for table in _near_ceiling(accuracies, num_seeds, num_images, hard, at_once, rng)
        )
        centre, half, wider, raw = _ceiling_half_widths(first, second)
        counts[0] += (abs(centre - true) <= half + 1e-12).sum()
        value = 100 * (first.mean(axis=(1, 2)) - second.mean(axis=(1, 2)))
        low, high = np.minimum(centre, value) - wider, np.maximum(centre, value) + wider
        counts[2] += ((low > -0.5) & (high < 0.5)).sum()
        counts[3] += (half == 0).sum()
        counts[4] += (raw == 0).sum()
        middle, of_one = _accuracy_half_widths(first)
        low, high = np.maximum(middle - of_one, 0), np.minimum(middle + of_one, 100)
        inside = (low <= 100 * accuracies[0] + 1e-9) & (100 * accuracies[0] - 1e-9 <= high)
        counts[1] += inside.sum()
    shares = counts / (max(repetitions // at_once, 1) * at_once)
    return tuple(float(share) for share in shares)  # type: ignore[return-value]


def _near_ceiling(
    accuracies: tuple[float, float],
    num_seeds: int,
    num_images: int,
    hard: Hard,
    repetitions: int,
    rng: np.random.Generator,
) -> Iterator[Array]:
    """Correct predictions (R, S, n) of two variants with so many errors."""
    most = max(1 - accuracy for accuracy in accuracies)
    weight = 1 / hard.spread - 1

    def difficulty() -> Array:
        shape = repetitions, num_images
        return rng.beta(most * weight, (1 - most) * weight, size=shape).astype(np.float32)

    base = difficulty()
    for accuracy in accuracies:
        own, shares = difficulty(), rng.random((repetitions, num_images)) < hard.shared
        errors = np.where(shares, base, own) * ((1 - accuracy) / most)
        luck = np.exp(
            hard.seed_sd * rng.normal(size=(repetitions, num_seeds, 1)) - hard.seed_sd**2 / 2
        )
        chance = np.minimum(errors[:, None] * luck, 1).astype(np.float32)
        yield rng.random((repetitions, num_seeds, num_images), dtype=np.float32) >= chance


def _ceiling_half_widths(first: Array, second: Array) -> tuple[Array, Array, Array, Array]:
    """Centres, half-widths, those of equivalence, and those without pseudo-images, each (R,)."""
    num_images = first.shape[2]
    d = first.mean(axis=1) - second.mean(axis=1)
    centre, image = _with_pseudo(d, 2, 0.0, 2.0)
    parts = [_seed_part(table) for table in (first, second)]
    half, wider = (_combined(image, parts, alpha) for alpha in (LEVEL, equivalence_level(ALONE)))
    raw = _combined(1e4 * d.var(axis=1, ddof=1) / num_images, parts, LEVEL, floor=False)
    return centre, half, wider, raw


def _accuracy_half_widths(correct: Array) -> tuple[Array, Array]:
    """Centres and half-widths of one variant's accuracy, each (R,)."""
    centre, image = _with_pseudo(correct.mean(axis=1), 4, 2.0, 2.0)
    return centre, _combined(image, [_seed_part(correct)], LEVEL)


def _with_pseudo(by_image: Array, pseudo: int, total: float, squares: float) -> tuple[Array, Array]:
    """Mean and variance over images (R, n) and pseudo-images, in points."""
    num = by_image.shape[1] + pseudo
    mean = (by_image.sum(axis=1) + total) / num
    variance = ((by_image**2).sum(axis=1) + squares - num * mean**2) / (num * (num - 1))
    return 100 * mean, 1e4 * variance


def _seed_part(correct: Array) -> tuple[Array, Array, int]:
    """Measured variance of the mean over seeds, its noise (R,), and the number of seeds."""
    _, num_seeds, num_images = correct.shape
    by_seed, by_image = correct.mean(axis=2), correct.mean(axis=1)
    mean = by_seed.mean(axis=1)
    total = num_seeds * num_images
    residual = (
        correct.sum(axis=(1, 2)) - num_seeds * (by_image**2).sum(axis=1)
        - num_images * (by_seed**2).sum(axis=1) + total * mean**2
    )  # fmt: skip
    noise = np.maximum(residual, 0) / ((num_seeds - 1) * (num_images - 1)) / total
    return 1e4 * by_seed.var(axis=1, ddof=1) / num_seeds, 1e4 * noise, num_seeds


def _combined(
    image: Array, parts: Sequence[tuple[Array, Array, int]], alpha: float, floor: bool = True
) -> Array:
    """Half-widths (R,) from variance components."""
    variances = [np.maximum(measured, noise) if floor else measured for measured, noise, _ in parts]
    seed = sum(variances)
    squares = sum(v**2 / (num - 1) for v, (_, _, num) in zip(variances, parts, strict=True))
    df = np.where(squares > 0, seed**2 / np.where(squares > 0, squares, 1), 2000.0)
    fewest = min(num for _, _, num in parts)
    share = DF_SHRINKAGE / fewest if len(parts) > 1 else 0.0
    df = (fewest - 1) ** share * df ** (1 - share)
    noise = sum(of_part for _, of_part, _ in parts)
    z, q = normal_quantile(alpha, ALONE), limit(alpha, ALONE, np.clip(df, 1, 2000))
    alone = np.maximum(image - noise, 0)
    return np.sqrt(np.maximum(z**2 * image, z**2 * alone + q**2 * seed))


def check_table(repetitions: int, rng: np.random.Generator, bars: Bars) -> Iterator[str]:
    """The estimator itself on whole predictions, against the statistics of the other tables."""
    yield "| seeds | s.d. over seeds | coverage on predictions | on statistics |\n"
    yield f"{'| ---: ' * 4}|\n"
    repetitions = max(repetitions // 50, 1)
    for num_seeds, seed_sd in itertools.product((2, 3, 5), (0.0, 0.7)):
        missed = sum(_misses(num_seeds, seed_sd, rng) for _ in range(repetitions))
        cell = Cell.alike(num_seeds, seed_sd, 1.0, 0.0, 2)
        reduced = examine(cell, 20_000, rng).coverage
        coverage = 1 - missed / repetitions
        error = 3 * math.sqrt(0.06 * 0.94 / repetitions)  # a few hundred studies know it roughly
        what = f"predictions, {num_seeds} seeds, s.d. {seed_sd:g}"
        bars.at_least(coverage, LEAST_COVERAGE - error, what)
        yield f"| {num_seeds} | {seed_sd:g} | {percent(coverage)} | {percent(reduced)} |\n"


def _misses(num_seeds: int, seed_sd: float, rng: np.random.Generator) -> bool:
    """Whether the interval misses 0 on a drawn study."""
    low, high = difference_estimate(*predictions(num_seeds, seed_sd, rng)).interval(LEVEL)
    return not low <= 0 <= high


def predictions(num_seeds: int, seed_sd: float, rng: np.random.Generator) -> tuple[Array, Array]:
    """Correct predictions of two variants (S, n) on 2,000 images, with noise larger for that."""
    num_images = 2_000
    scale = math.sqrt(NUM_IMAGES / num_images)
    hardness = rng.normal(size=num_images)
    correct = []
    for _ in range(2):
        own = math.sqrt(SHARED) * hardness + math.sqrt(1 - SHARED) * rng.normal(size=num_images)
        shift = seed_sd * scale / 38 * rng.normal(size=(num_seeds, 1))  # 38 points a unit at 65 %
        latent = 0.52 + own + shift + 0.9 * rng.normal(size=(num_seeds, num_images))
        correct.append(latent > 0)
    return correct[0], correct[1]


def audit_table(repetitions: int, rng: np.random.Generator, bars: Bars) -> Iterator[str]:
    """The audit: the bootstrap's standard deviation over what the variance components predict.

    `vitbench report --audit` doubts an interval where the ratio is off by more than 10 %.
    """
    yield f"| seeds | s.d. over seeds | studies | least | mean | most |\n{'| ---: ' * 6}|\n"
    repetitions = max(repetitions // 200, 1)  # a study takes a tenth of a second
    for num_seeds, seed_sd in itertools.product(SEEDS, (0.0, 0.7)):
        ratios = [_audit_ratio(num_seeds, seed_sd, rng) for _ in range(repetitions)]
        what = f"audit, {num_seeds} seeds, s.d. {seed_sd:g}"
        bars.at_most(max(abs(ratio - 1) for ratio in ratios), TOLERANCE, what)
        yield f"| {num_seeds} | {seed_sd:g} | {repetitions} "
        yield f"| {min(ratios):.3f} | {np.mean(ratios):.3f} | {max(ratios):.3f} |\n"


def _audit_ratio(num_seeds: int, seed_sd: float, rng: np.random.Generator) -> float:
    first, second = predictions(num_seeds, seed_sd, rng)
    accuracies = resample_images(np.concatenate([first, second]), rng)  # (R, 2 S)
    a, b = (resample_seeds(part, rng) for part in np.hsplit(accuracies, 2))  # each (R,)
    estimate = difference_estimate(first, second)
    assert isinstance(estimate, SeedsAndImages)
    expected = bootstrap_variance(estimate, first.shape[1])
    return float((a - b).std(ddof=1)) / math.sqrt(expected)


def percent(share: float) -> str:
    """A share as a percentage."""
    return f"{100 * share:.1f} %"


TABLES = {
    "pairs": pairs_table,
    "families": families_table,
    "widths": widths_table,
    "unequal": unequal_table,
    "margin": margin_table,
    "ceiling": ceiling_table,
    "runs": runs_table,
    "precision": precision_table,
    "failing": failing_table,
    "check": check_table,
    "audit": audit_table,
    "effects": effects_table,
}


def main() -> int:
    """Print the tables, and whether they keep the bars."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=", ".join(TABLES))
    parser.add_argument("--repetitions", type=int, default=20_000, help="studies of each kind")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if unknown := set(given.tables) - set(TABLES):
        parser.error(
            f"unknown tables {', '.join(sorted(unknown))}: choose from {', '.join(TABLES)}"
        )
    bars = Bars()
    for number, (name, table) in enumerate(TABLES.items()):
        if given.tables and name not in given.tables:
            continue
        rng = np.random.default_rng([given.seed, number])  # the same alone as among all
        print(f"## {name}\n\n{inspect.cleandoc(table.__doc__ or '')}\n")
        print("".join(table(given.repetitions, rng, bars)), flush=True)
    print(f"coverage: at least {percent(LEAST_COVERAGE)}")
    print(f"false findings of a family: at most {percent(MOST_FAMILY_ERROR)}")
    print(f"false equivalence: at most {percent(MOST_FALSE_EQUIVALENCE)}")
    for miss in bars.missed:
        print(f"MISSED: {miss}")
    print(f"{bars.kept} of {bars.kept + len(bars.missed)} bars kept")
    return 1 if bars.missed else 0


if __name__ == "__main__":
    sys.exit(main())
