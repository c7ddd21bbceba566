"""Do the intervals of a study hold what they promise? A simulation of comparison/statistics.py.

    python scripts/interval_coverage.py                      the tables of docs/statistics.md
    python scripts/interval_coverage.py --repetitions 2000   the same in seconds, rougher
    python scripts/interval_coverage.py --check --repetitions 400   on whole tables of answers

Studies are drawn whose true differences are 0, on the statistics that the estimator needs, which is
cheap: a variant's accuracy at a seed is what its images are worth to it (drawn once a study), its
seed's effect, and the noise of single answers. Their sizes are those of small ViTs on the 10,000
images of CIFAR-10 at 65 %: two seeds of one variant disagree about being right on a quarter of the
images. `--check` draws whole tables of right and wrong answers instead, shows the same, and what
`vitbench.comparison.audit` makes of them.

It ends with the bars and whether they were met; the exit code is 1 where one was not. They are for
the full number of repetitions: of few, some cell is always low by chance.
"""

import argparse
import inspect
import itertools
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from scipy.special import ndtri, stdtrit

from vitbench.comparison.audit import (
    TOLERANCE,
    bootstrap_variance,
    resample_images,
    resample_seeds,
)
from vitbench.comparison.estimates import SeedsAndImages
from vitbench.comparison.intervals import half_width
from vitbench.comparison.multiplicity import one_sided_level, sidak_alpha
from vitbench.comparison.variance import accuracy_estimate, difference_estimate
from vitbench.study.request import FIRST_LOOK

IMAGE = 0.10  # variance of a variant's accuracy in points^2 from which 10,000 images it meets
SHARED = 0.7  # correlation between variants of what is hard
NOISE = 0.125  # variance of a run's accuracy in points^2 from the noise of single answers
NUM_IMAGES = 10_000
ALPHA = 0.05
Z = -float(ndtri(ALPHA / 2))
SEEDS = (2, 3, 5, 10)
SEED_SDS = (0.0, 0.3, 0.7, 1.5)
RATIOS = (1.0, 3.0)
CORRELATIONS = (0.0, 0.7)
MOST_SEEDS = 20  # where seeds are added until it is enough
RULES = ((3, 1), (3, 2), (5, 2))  # seeds at the first look, looks in a row; `FIRST_LOOK, 2` is ours
STOPPING = (  # spread over seeds and half-width asked, in points
    *((0.0, 0.8), (0.0, 1.2), (0.3, 0.8), (0.3, 1.2)),
    *((0.7, 1.2), (0.7, 1.6), (0.7, 2.0), (1.5, 3.0), (1.5, 4.0), (1.5, 6.0)),
)
LEAST_COVERAGE = 0.93  # of any pair, and of all pairs where a rule stops
MOST_COVERAGE = 0.98  # where seeds are independent and five or more: above, the width is wasted
MOST_ERROR = 0.06


@dataclass
class Bars:
    """The bars that the figures of a simulation must keep, and which of them did not."""

    kept: int = 0
    missed: list[str] = field(default_factory=list)

    def at_least(self, share: float, bar: float, what: str) -> None:
        """Note whether a share reaches its bar."""
        self._note(share >= bar, f"{what}: {percent(share)}, below {percent(bar)}")

    def at_most(self, share: float, bar: float, what: str) -> None:
        """Note whether a share stays under its bar."""
        self._note(share <= bar, f"{what}: {percent(share)}, above {percent(bar)}")

    def _note(self, met: bool, miss: str) -> None:
        self.kept += met
        if not met:
            self.missed.append(miss)


@dataclass(frozen=True)
class Cell:
    """A kind of study.

    Attributes:
        num_seeds: S.
        seed_sd: Standard deviation over seeds in points, of the first variant.
        ratio: That of every second variant, in multiples of it.
        correlation: Between two variants at the same seed.
        num_variants: k.
    """

    num_seeds: int
    seed_sd: float
    ratio: float
    correlation: float
    num_variants: int


@dataclass(frozen=True)
class Studies:
    """Many studies of a kind.

    Attributes:
        accuracies: (R, k, S), in points about the true value.
        image: (R,) V of a difference.
        noise: (R,) W of a difference.
    """

    accuracies: np.ndarray
    image: np.ndarray
    noise: np.ndarray

    def first(self, num_seeds: int) -> "Studies":
        """The same studies after fewer seeds."""
        more = self.accuracies.shape[2] / num_seeds
        image = self.image + self.noise * (more - 1)
        return Studies(self.accuracies[:, :, :num_seeds], image, self.noise * more)

    def pairs(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """All pairs of variants, each (R, S)."""
        for first, second in itertools.combinations(range(self.accuracies.shape[1]), 2):
            yield self.accuracies[:, first], self.accuracies[:, second]


def draw(cell: Cell, repetitions: int, rng: np.random.Generator) -> Studies:
    """Draw studies of a kind."""
    k, num_seeds = cell.num_variants, cell.num_seeds
    shape = (repetitions, k, num_seeds)
    common = rng.normal(size=(repetitions, 1))
    own = rng.normal(size=(repetitions, k))
    images = math.sqrt(IMAGE) * (math.sqrt(SHARED) * common + math.sqrt(1 - SHARED) * own)
    sds = cell.seed_sd * np.where(np.arange(k) % 2, cell.ratio, 1.0)[None, :, None]
    same_seed = rng.normal(size=(repetitions, 1, num_seeds))
    share = cell.correlation
    seeds = sds * (math.sqrt(share) * same_seed + math.sqrt(1 - share) * rng.normal(size=shape))
    noise = math.sqrt(NOISE) * rng.normal(size=shape)
    # From so many images V and W are known to a percent or two.
    chi_image = rng.chisquare(NUM_IMAGES - 1, repetitions) / (NUM_IMAGES - 1)
    df_noise = (NUM_IMAGES - 1) * (num_seeds - 1)
    chi_noise = rng.chisquare(df_noise, repetitions) / df_noise
    true_noise = 2 * NOISE / num_seeds
    return Studies(
        images[:, :, None] + seeds + noise,
        (2 * IMAGE * (1 - SHARED) + true_noise) * chi_image,
        true_noise * chi_noise,
    )


def our_half_width(studies: Studies, a: np.ndarray, b: np.ndarray, alpha: float) -> np.ndarray:
    """The half-widths (R,) of vitbench for a pair."""
    num_seeds = a.shape[1]
    parts = [v.var(axis=1, ddof=1) / num_seeds for v in (a, b)]
    seed = parts[0] + parts[1]
    df = (num_seeds - 1) * seed**2 / (parts[0] ** 2 + parts[1] ** 2)
    return np.asarray(half_width(studies.image, studies.noise, seed, df, alpha))


def paired_t_half_width(a: np.ndarray, b: np.ndarray, alpha: float) -> np.ndarray:
    """The half-widths (R,) of a paired t over seeds, which knows of no images."""
    num_seeds = a.shape[1]
    t = -stdtrit(num_seeds - 1, alpha / 2)
    return np.asarray(t * (a - b).std(axis=1, ddof=1) / math.sqrt(num_seeds))


def bootstrap_half_width(studies: Studies, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The half-widths (R,) of resampling seeds and images, without resampling them.

    The variance over resamples is V + (S - 1) / S * (P + W); `vitbench.comparison.audit` says why.
    """
    num_seeds = a.shape[1]
    seed = (a.var(axis=1, ddof=1) + b.var(axis=1, ddof=1)) / num_seeds
    drawn_seeds = (num_seeds - 1) / num_seeds
    return np.asarray(Z * np.sqrt(studies.image + drawn_seeds * (seed + studies.noise)))


@dataclass(frozen=True)
class Found:
    """What a kind of study gave: shares of studies, and widths in points."""

    coverage: float
    family_error: float
    width: float
    paired_t_coverage: float
    paired_t_width: float
    images_only_coverage: float
    bootstrap_coverage: float


def examine(cell: Cell, repetitions: int, rng: np.random.Generator) -> Found:
    """Draw studies of a kind and count what the intervals missed."""
    studies = draw(cell, repetitions, rng)
    num_pairs = math.comb(cell.num_variants, 2)
    a, b = next(studies.pairs())
    error = abs((a - b).mean(axis=1))
    ours, paired = our_half_width(studies, a, b, ALPHA), paired_t_half_width(a, b, ALPHA)
    wrong = np.zeros(repetitions, dtype=bool)
    for first, second in studies.pairs():
        half = our_half_width(studies, first, second, sidak_alpha(ALPHA, num_pairs))
        wrong |= abs((first - second).mean(axis=1)) > half
    return Found(
        coverage=float((error <= ours).mean()),
        family_error=float(wrong.mean()),
        width=float(ours.mean()),
        paired_t_coverage=float((error <= paired).mean()),
        paired_t_width=float(paired.mean()),
        images_only_coverage=float((error <= Z * np.sqrt(studies.image)).mean()),
        bootstrap_coverage=float((error <= bootstrap_half_width(studies, a, b)).mean()),
    )


def coverage_table(repetitions: int, rng: np.random.Generator, bars: Bars) -> Iterator[str]:
    """Coverage of one pair's interval and the width, the worst over ratio and correlation."""
    yield "| seeds | s.d. over seeds | coverage, least | most, seeds independent | half-width "
    yield "| paired t: least | half-width | images alone: least | bootstrap: least |\n"
    yield "| ---: " * 9 + "|\n"
    for num_seeds, seed_sd in itertools.product(SEEDS, SEED_SDS):
        found = {
            (ratio, corr): examine(Cell(num_seeds, seed_sd, ratio, corr, 2), repetitions, rng)
            for ratio, corr in itertools.product(RATIOS, CORRELATIONS)
        }
        all_found = found.values()
        least = min(f.coverage for f in all_found)
        most = max(f.coverage for (_, corr), f in found.items() if corr == 0)
        where = f"coverage, {num_seeds} seeds, s.d. {seed_sd:g}"
        bars.at_least(least, LEAST_COVERAGE, where)
        if num_seeds >= 5:
            bars.at_most(most, MOST_COVERAGE, where)
        cells = [
            str(num_seeds),
            f"{seed_sd:g}",
            percent(least),
            percent(most),
            f"{np.mean([f.width for f in all_found]):.2f}",
            percent(min(f.paired_t_coverage for f in all_found)),
            f"{np.mean([f.paired_t_width for f in all_found]):.2f}",
            percent(min(f.images_only_coverage for f in all_found)),
            percent(min(f.bootstrap_coverage for f in all_found)),
        ]
        yield f"| {' | '.join(cells)} |\n"


def family_table(repetitions: int, rng: np.random.Generator, bars: Bars) -> Iterator[str]:
    """Chance of any false `better` or `worse` among all pairs.

    The worst over s.d., ratio and correlation.
    """
    numbers = (2, 3, 4, 6, 8)
    yield "| seeds | " + " | ".join(f"{k} variants" for k in numbers) + " |\n"
    yield "| ---: " * (1 + len(numbers)) + "|\n"
    for num_seeds in SEEDS:
        worst = [
            max(
                examine(Cell(num_seeds, sd, ratio, corr, k), repetitions, rng).family_error
                for sd, ratio, corr in itertools.product(SEED_SDS, RATIOS, CORRELATIONS)
            )
            for k in numbers
        ]
        for k, error in zip(numbers, worst, strict=True):
            bars.at_most(error, MOST_ERROR, f"family of {k} variants, {num_seeds} seeds")
        yield f"| {num_seeds} | " + " | ".join(map(percent, worst)) + " |\n"


def margin_table(repetitions: int, rng: np.random.Generator, bars: Bars) -> Iterator[str]:
    """Chance of a false `within margin` for a pair that truly differs by the margin.

    The worst over ratio and correlation, and over margins of one, two and four times the mean
    half-width of the two one-sided tests.
    """
    yield "| seeds | " + " | ".join(f"s.d. over seeds {sd:g}" for sd in SEED_SDS) + " |\n"
    yield "| ---: " * (1 + len(SEED_SDS)) + "|\n"
    for num_seeds in SEEDS:
        worst = []
        for sd in SEED_SDS:
            error = max(
                false_within(Cell(num_seeds, sd, ratio, corr, 2), repetitions, rng)
                for ratio, corr in itertools.product(RATIOS, CORRELATIONS)
            )
            bars.at_most(error, MOST_ERROR, f"margin, {num_seeds} seeds, s.d. {sd:g}")
            worst.append(error)
        yield f"| {num_seeds} | " + " | ".join(map(percent, worst)) + " |\n"


def false_within(cell: Cell, repetitions: int, rng: np.random.Generator) -> float:
    """Share of studies whose difference, truly the margin, is found to be within it."""
    studies = draw(cell, repetitions, rng)
    a, b = next(studies.pairs())
    half = our_half_width(studies, a, b, one_sided_level(ALPHA, 1))
    shares = []
    for margin in half.mean() * np.array([1.0, 2.0, 4.0]):
        found = margin + (a - b).mean(axis=1)
        shares.append(float(((found + half < margin) & (found - half > -margin)).mean()))
    return max(shares)


def stopping_table(repetitions: int, rng: np.random.Generator, bars: Bars) -> Iterator[str]:
    """Share of studies with all pairs covered, where seeds are added until all are narrow enough.

    By the first seeds that are looked at and how many looks in a row must be narrow; twenty seeds
    at most. The least over ratio and correlation, with the mean number of seeds.
    """
    yield "| variants | s.d. over seeds | half-width asked "
    yield "| " + " | ".join(
        f"{least} seeds, {looks} look{'s'[: looks - 1]}" for least, looks in RULES
    )
    yield " | stopped |\n" + "| ---: " * (4 + len(RULES)) + "|\n"
    for k, (sd, asked) in itertools.product((2, 4), STOPPING):
        found: dict[tuple[int, int], list[Stopped]] = {rule: [] for rule in RULES}
        for ratio, corr in itertools.product(RATIOS, CORRELATIONS):
            studies = draw(Cell(MOST_SEEDS, sd, ratio, corr, k), repetitions, rng)
            for rule, stopped in found.items():
                stopped.append(stop_on_width(studies, asked, *rule))
        ours = found[FIRST_LOOK, 2]
        where = f"stopping at {asked:g}, {k} variants, s.d. {sd:g}"
        bars.at_least(min(stopped.covered for stopped in ours), LEAST_COVERAGE, where)
        cells = [str(k), f"{sd:g}", f"{asked:g}"]
        for of_rule in found.values():
            mean_seeds = np.mean([stopped.seeds for stopped in of_rule])
            least = percent(min(stopped.covered for stopped in of_rule))
            cells.append(f"{least}, {mean_seeds:.1f}")
        cells.append(percent(float(np.mean([stopped.reached for stopped in ours]))))
        yield f"| {' | '.join(cells)} |\n"


@dataclass(frozen=True)
class Stopped:
    """What a stopping rule led to: share all covered, mean seeds, share that reached it."""

    covered: float
    seeds: float
    reached: float


def stop_on_width(studies: Studies, asked: float, least: int, looks: int) -> Stopped:
    """Add seeds one at a time until every simultaneous half-width is small enough, `looks` times.

    Args:
        studies: Whole, with as many seeds as there may be.
        asked: Half-width in points.
        least: Seeds at the first look.
        looks: Looks in a row at which all are so narrow.
    """
    repetitions, num_variants, most = studies.accuracies.shape
    alpha = sidak_alpha(ALPHA, math.comb(num_variants, 2))
    running = np.ones(repetitions, dtype=bool)
    covered = np.zeros(repetitions, dtype=bool)
    used = np.full(repetitions, most)
    reached = np.zeros(repetitions, dtype=bool)
    in_a_row = np.zeros(repetitions, dtype=int)
    for num_seeds in range(least, most + 1):
        part = studies.first(num_seeds)
        widest = np.zeros(repetitions)
        holds = np.ones(repetitions, dtype=bool)
        for a, b in part.pairs():
            half = our_half_width(part, a, b, alpha)
            widest = np.maximum(widest, half)
            holds &= abs((a - b).mean(axis=1)) <= half
        in_a_row = np.where(widest <= asked, in_a_row + 1, 0)
        enough = in_a_row >= looks
        stops = running & (enough | (num_seeds == most))
        covered[stops], used[stops] = holds[stops], num_seeds
        reached |= stops & enough
        running &= ~stops
    return Stopped(float(covered.mean()), float(used.mean()), float(reached.mean()))


def check_table(repetitions: int, rng: np.random.Generator, bars: Bars) -> Iterator[str]:
    """Coverage on whole tables of answers, drawn image by image, of the estimator itself."""
    yield "| seeds | s.d. over seeds | coverage on drawn answers | on the statistics |\n"
    yield "| ---: " * 4 + "|\n"
    for num_seeds, seed_sd in itertools.product((2, 3, 5), (0.0, 0.7)):
        misses = sum(_misses(num_seeds, seed_sd, rng) for _ in range(repetitions))
        reduced = examine(Cell(num_seeds, seed_sd, 1.0, 0.0, 2), 20_000, rng).coverage
        coverage = 1 - misses / repetitions
        bars.at_least(coverage, LEAST_COVERAGE, f"answers, {num_seeds} seeds, s.d. {seed_sd:g}")
        yield f"| {num_seeds} | {seed_sd:g} | {percent(coverage)} | {percent(reduced)} |\n"


def _misses(num_seeds: int, seed_sd: float, rng: np.random.Generator) -> bool:
    """Whether the interval misses 0 on a drawn study."""
    low, high = difference_estimate(*_answers(num_seeds, seed_sd, rng)).interval(ALPHA)
    return not low <= 0 <= high


def _answers(
    num_seeds: int, seed_sd: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Right answers of two variants (S, n) to 2,000 images, the noise larger for that."""
    num_images = 2_000
    scale = math.sqrt(NUM_IMAGES / num_images)
    hardness = rng.normal(size=num_images)
    answers = []
    for _ in range(2):
        own = math.sqrt(SHARED) * hardness + math.sqrt(1 - SHARED) * rng.normal(size=num_images)
        shift = seed_sd * scale / 38 * rng.normal(size=(num_seeds, 1))  # 38 points a unit at 65 %
        latent = 0.52 + own + shift + 0.9 * rng.normal(size=(num_seeds, num_images))
        answers.append(latent > 0)
    return answers[0], answers[1]


def audit_table(repetitions: int, rng: np.random.Generator, bars: Bars) -> Iterator[str]:
    """The bootstrap's standard deviation on such tables, over what the parts of ours foresee.

    `vitbench report --audit` doubts an interval where the ratio is off by more than 10 %.
    """
    yield f"| seeds | s.d. over seeds | studies | least | mean | most |\n{'| ---: ' * 6}|\n"
    repetitions = max(repetitions // 4, 1)  # a study takes a tenth of a second
    for num_seeds, seed_sd in itertools.product(SEEDS, (0.0, 0.7)):
        ratios = [_audit_ratio(num_seeds, seed_sd, rng) for _ in range(repetitions)]
        where = f"audit, {num_seeds} seeds, s.d. {seed_sd:g}"
        bars.at_most(max(abs(ratio - 1) for ratio in ratios), TOLERANCE, where)
        yield f"| {num_seeds} | {seed_sd:g} | {repetitions} "
        yield f"| {min(ratios):.3f} | {np.mean(ratios):.3f} | {max(ratios):.3f} |\n"


def _audit_ratio(num_seeds: int, seed_sd: float, rng: np.random.Generator) -> float:
    first, second = _answers(num_seeds, seed_sd, rng)
    accuracies = resample_images(np.concatenate([first, second]), rng)  # (R, 2 S)
    a, b = (resample_seeds(part, rng) for part in np.hsplit(accuracies, 2))  # each (R,)
    estimate = difference_estimate(first, second)
    assert isinstance(estimate, SeedsAndImages)
    foreseen = bootstrap_variance(estimate, accuracy_estimate(first), accuracy_estimate(second))
    return float((a - b).std(ddof=1)) / math.sqrt(foreseen)


def percent(share: float) -> str:
    """A share as a percentage."""
    return f"{100 * share:.1f} %"


def main() -> int:
    """Print the tables, and whether they keep the bars."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=20_000, help="studies of each kind")
    parser.add_argument("--check", action="store_true", help="draw whole tables of answers")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rng, bars = np.random.default_rng(given.seed), Bars()
    tables = [coverage_table, family_table, stopping_table, margin_table]
    for table in [check_table, audit_table] if given.check else tables:
        print(f"{inspect.cleandoc(table.__doc__ or '')}\n")
        print("".join(table(given.repetitions, rng, bars)), flush=True)
    print(f"coverage: at least {percent(LEAST_COVERAGE)}")
    print(f"coverage, independent seeds, five or more: at most {percent(MOST_COVERAGE)}")
    print(f"errors of a family or a margin: at most {percent(MOST_ERROR)}")
    for miss in bars.missed:
        print(f"MISSED: {miss}")
    print(f"{bars.kept} of {bars.kept + len(bars.missed)} bars kept")
    return 1 if bars.missed else 0


if __name__ == "__main__":
    sys.exit(main())
