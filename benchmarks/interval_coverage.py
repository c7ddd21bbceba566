"""Do the intervals of a study hold what they promise? A simulation of `vitbench.study.statistics`.

    python benchmarks/interval_coverage.py                      the tables of docs/statistics.md
    python benchmarks/interval_coverage.py --repetitions 2000   the same in seconds, rougher

Studies are drawn whose true differences are 0, on the statistics that the estimator needs, which is
cheap: a variant's accuracy at a seed is what its images are worth to it (drawn once a study), its
seed's effect, and the noise of single answers. Their sizes are those of small ViTs on the 10,000
images of CIFAR-10 at 65 %: two seeds of one variant disagree about being right on a quarter of the
images. `--check` draws whole tables of right and wrong answers instead, and shows the same.
"""

import argparse
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from vitbench.study.statistics import difference_estimate, half_width, sidak_alpha

IMAGE = 0.10  # variance of a variant's accuracy in points^2 from which 10,000 images it meets
SHARED = 0.7  # correlation between variants of what is hard
NOISE = 0.125  # variance of a run's accuracy in points^2 from the noise of single answers
NUM_IMAGES = 10_000
ALPHA = 0.05
SEEDS = (2, 3, 5, 10)
SEED_SDS = (0.0, 0.3, 0.7, 1.5)
RATIOS = (1.0, 3.0)
CORRELATIONS = (0.0, 0.7)


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


@dataclass(frozen=True)
class Found:
    """What a kind of study gave: shares of studies, and widths in points."""

    coverage: float
    family_error: float
    width: float
    paired_t_coverage: float
    paired_t_width: float
    images_only_coverage: float


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
        images_only_coverage=float((error <= 1.96 * np.sqrt(studies.image)).mean()),
    )


def coverage_table(repetitions: int, rng: np.random.Generator) -> Iterator[str]:
    """Coverage of one pair's interval and the width, the worst over ratio and correlation."""
    yield "| seeds | s.d. over seeds | coverage, least | most, seeds independent | half-width "
    yield "| paired t: least | half-width | images alone: least |\n"
    yield "| ---: " * 8 + "|\n"
    for num_seeds, seed_sd in itertools.product(SEEDS, SEED_SDS):
        found = {
            (ratio, corr): examine(Cell(num_seeds, seed_sd, ratio, corr, 2), repetitions, rng)
            for ratio, corr in itertools.product(RATIOS, CORRELATIONS)
        }
        all_found = found.values()
        independent = [f for (_, corr), f in found.items() if corr == 0]
        cells = [
            str(num_seeds),
            f"{seed_sd:g}",
            percent(min(f.coverage for f in all_found)),
            percent(max(f.coverage for f in independent)),
            f"{np.mean([f.width for f in all_found]):.2f}",
            percent(min(f.paired_t_coverage for f in all_found)),
            f"{np.mean([f.paired_t_width for f in all_found]):.2f}",
            percent(min(f.images_only_coverage for f in all_found)),
        ]
        yield f"| {' | '.join(cells)} |\n"


def family_table(repetitions: int, rng: np.random.Generator) -> Iterator[str]:
    """Chance of any false `better` among all pairs, the worst over s.d., ratio and correlation."""
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
        yield f"| {num_seeds} | " + " | ".join(map(percent, worst)) + " |\n"


def stopping_table(repetitions: int, rng: np.random.Generator) -> Iterator[str]:
    """Coverage where seeds are added until every simultaneous half-width is small enough."""
    least, most = 3, 20
    yield "| variants | s.d. over seeds | asked | all covered, least | seeds, mean | reached |\n"
    yield "| ---: " * 6 + "|\n"
    for k, sd, asked in itertools.product((2, 4), (0.0, 0.3, 0.7), (0.5, 0.8, 1.2)):
        covered, used, reached = [], [], []
        for ratio, corr in itertools.product(RATIOS, CORRELATIONS):
            found = stop_on_width(Cell(most, sd, ratio, corr, k), asked, least, repetitions, rng)
            for into, value in zip((covered, used, reached), found, strict=True):
                into.append(value)
        cells = [str(k), f"{sd:g}", f"{asked:g}", percent(min(covered)), f"{np.mean(used):.1f}"]
        yield f"| {' | '.join(cells)} | {percent(float(np.mean(reached)))} |\n"


def stop_on_width(
    cell: Cell, asked: float, least: int, repetitions: int, rng: np.random.Generator
) -> tuple[float, float, float]:
    """Share of studies with all pairs covered where they stop, their seeds, share that stopped."""
    studies = draw(cell, repetitions, rng)
    alpha = sidak_alpha(ALPHA, math.comb(cell.num_variants, 2))
    running = np.ones(repetitions, dtype=bool)
    covered = np.zeros(repetitions, dtype=bool)
    used = np.full(repetitions, cell.num_seeds)
    reached = np.zeros(repetitions, dtype=bool)
    before = np.zeros(repetitions, dtype=bool)  # narrow enough at the look before
    for num_seeds in range(least, cell.num_seeds + 1):
        part = studies.first(num_seeds)
        widest = np.zeros(repetitions)
        holds = np.ones(repetitions, dtype=bool)
        for a, b in part.pairs():
            half = our_half_width(part, a, b, alpha)
            widest = np.maximum(widest, half)
            holds &= abs((a - b).mean(axis=1)) <= half
        narrow = widest <= asked
        enough = narrow & before
        stops = running & (enough | (num_seeds == cell.num_seeds))
        covered[stops], used[stops] = holds[stops], num_seeds
        reached |= stops & enough
        running &= ~stops
        before = narrow
    return float(covered.mean()), float(used.mean()), float(reached.mean())


def check_table(repetitions: int, rng: np.random.Generator) -> Iterator[str]:
    """Coverage on whole tables of answers, drawn image by image, of the estimator itself."""
    yield "| seeds | s.d. over seeds | coverage on drawn answers | on the statistics |\n"
    yield "| ---: " * 4 + "|\n"
    for num_seeds, seed_sd in itertools.product((2, 3, 5), (0.0, 0.7)):
        misses = sum(_misses(num_seeds, seed_sd, rng) for _ in range(repetitions))
        reduced = examine(Cell(num_seeds, seed_sd, 1.0, 0.0, 2), 20_000, rng).coverage
        yield f"| {num_seeds} | {seed_sd:g} | {percent(1 - misses / repetitions)} "
        yield f"| {percent(reduced)} |\n"


def _misses(num_seeds: int, seed_sd: float, rng: np.random.Generator) -> bool:
    """Whether the interval misses 0 on a drawn study of 2,000 images, its noise larger for that."""
    num_images = 2_000
    scale = math.sqrt(NUM_IMAGES / num_images)
    hardness = rng.normal(size=num_images)
    answers = []
    for _ in range(2):
        own = math.sqrt(SHARED) * hardness + math.sqrt(1 - SHARED) * rng.normal(size=num_images)
        shift = seed_sd * scale / 38 * rng.normal(size=(num_seeds, 1))  # 38 points a unit at 65 %
        latent = 0.52 + own + shift + 0.9 * rng.normal(size=(num_seeds, num_images))
        answers.append(latent > 0)
    low, high = difference_estimate(*answers).interval(ALPHA)
    return not low <= 0 <= high


def percent(share: float) -> str:
    """A share as a percentage."""
    return f"{100 * share:.1f} %"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=20_000, help="studies of each kind")
    parser.add_argument("--check", action="store_true", help="draw whole tables of answers")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rng = np.random.default_rng(given.seed)
    tables = [coverage_table, family_table, stopping_table]
    for table in [check_table] if given.check else tables:
        print(f"{table.__doc__}\n")
        print("".join(table(given.repetitions, rng)), flush=True)


if __name__ == "__main__":
    main()
