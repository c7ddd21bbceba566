"""A study's intervals again by other means: recorded accuracies alone, and resampling.

Neither takes the place of `statistics`. Welch's interval knows no images, and the bootstrap no
Student's t: over two or three seeds it is far too narrow. They are here to catch a mistake.
"""

import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from vitbench.comparison.pairs import Comparison, StudyComparisons, right_answers
from vitbench.comparison.statistics import (
    LEVEL,
    SeedsAndImages,
    accuracy_estimate,
    sidak_alpha,
    welch_interval,
)
from vitbench.runs.schema import StudyResults

RESAMPLES = 2_000  # a standard deviation of so many is known to 1 or 2 %
TOLERANCE = 0.1  # never reached when all is well: docs/statistics.md has the simulation
ROUNDING = 0.01  # points by which a recorded accuracy may be off
AT_ONCE = 500  # resamples in memory

Shares = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Audit:
    """A pair's interval beside two computed by other methods, all at its adjusted level.

    The three need not agree, but their differences are known, and `doubts` says where those are
    not what they must be:

    - Welch's takes the accuracies that the runs recorded and nothing else. Its middle must be ours,
      which comes from the answers; it leaves out the images, so it may not be wider than ours.
    - The bootstrap's variance has on average a value that follows from the parts of ours
      (`bootstrap_variance`): its standard deviation must lie within 10 % of that.

    Attributes:
        first: Key of a variant.
        second: Key of the other.
        interval: That of the comparison, in points.
        welch: Welch's over the seeds' recorded accuracies.
        bootstrap: Normal, with the standard deviation over resamples of seeds and images.
        doubts: Short reasons to distrust the first; none where all is well.
    """

    first: str
    second: str
    interval: tuple[float, float]
    welch: tuple[float, float]
    bootstrap: tuple[float, float]
    doubts: tuple[str, ...]

    def __str__(self) -> str:
        """The three intervals and the doubts on a line."""
        ours, welch, bootstrap = (
            f"[{low:+.2f}, {high:+.2f}]"
            for low, high in (self.interval, self.welch, self.bootstrap)
        )
        doubts = "; ".join(self.doubts) or "consistent"
        return (
            f"{self.first} - {self.second}: {ours}, Welch {welch}, bootstrap {bootstrap}: {doubts}"
        )


def audit(results: StudyResults, compared: StudyComparisons) -> tuple[Audit, ...]:
    """Check every pair of two seeds or more; the same results give the same numbers.

    Args:
        results: The study.
        compared: What `compare_study` made of it.

    Raises:
        FileError: The answers of a run are damaged, or of another test set.
    """
    right = right_answers(results)
    runs = [(key, seed) for key, by_seed in right.items() for seed in by_seed]
    pairs = [pair for pair in compared.pairs if isinstance(pair.estimate, SeedsAndImages)]
    if not pairs:
        return ()
    rng = np.random.default_rng(zlib.crc32(results.study.name.encode()))
    answers = np.stack([right[key][seed] for key, seed in runs])  # (runs, n)
    resampled = dict(zip(runs, resample_images(answers, rng).T, strict=True))  # each (R,)
    return tuple(_audit(results, pair, right, resampled, rng) for pair in pairs)


def resample_images(right: npt.NDArray[np.bool_], rng: np.random.Generator) -> Shares:
    """Accuracies (R, runs) in points of runs (runs, n) on images drawn with replacement."""
    num_images = right.shape[1]
    as_numbers = right.T.astype(np.float32)  # sums of whole numbers below 2^24 are exact
    shares = [counts @ as_numbers for counts in _image_counts(num_images, rng)]
    accuracies: Shares = np.concatenate(shares) * np.float64(100 / num_images)
    return accuracies


def resample_seeds(accuracies: Shares, rng: np.random.Generator) -> Shares:
    """Means (R,) over seeds drawn with replacement, of a variant's accuracies (R, S)."""
    num_resamples, num_seeds = accuracies.shape
    counts = rng.multinomial(num_seeds, np.full(num_seeds, 1 / num_seeds), size=num_resamples)
    means: Shares = (accuracies * counts).sum(axis=1) / num_seeds
    return means


def _image_counts(num_images: int, rng: np.random.Generator) -> Iterator[npt.NDArray[np.float32]]:
    """How often each image is drawn (AT_ONCE, n), until there are enough resamples."""
    rows = np.arange(AT_ONCE)[:, None] * num_images
    for _ in range(RESAMPLES // AT_ONCE):
        drawn = rng.integers(num_images, size=(AT_ONCE, num_images)) + rows
        counts = np.bincount(drawn.ravel(), minlength=AT_ONCE * num_images)
        yield counts.reshape(AT_ONCE, num_images).astype(np.float32)


def bootstrap_variance(
    estimate: SeedsAndImages, first: SeedsAndImages, second: SeedsAndImages
) -> float:
    """Variance of a difference over resamples of images and of each variant's seeds, on average.

    V + (S - 1) / S * (P + W_first + W_second): seeds vary too little by (S - 1) / S, and the noise
    of single answers stands in V, in P and by itself (Owen, Annals of Applied Statistics 1, 2007).

    Args:
        estimate: The difference.
        first: The first variant's accuracy.
        second: The second's.
    """
    drawn_seeds = (estimate.num_seeds - 1) / estimate.num_seeds
    return estimate.image + drawn_seeds * (estimate.seed + first.noise + second.noise)


def _audit(
    results: StudyResults,
    pair: Comparison,
    right: dict[str, dict[int, npt.NDArray[np.bool_]]],
    resampled: dict[tuple[str, int], Shares],
    rng: np.random.Generator,
) -> Audit:
    assert isinstance(pair.estimate, SeedsAndImages)
    estimate = pair.estimate
    keys = pair.first, pair.second
    recorded = {
        (run.variant, results.study_seed(run)): run.test_top1_pct
        for run in results.runs
        if run.status == "done"
    }
    accuracies = [np.array([recorded[key, seed] for seed in pair.seeds]) for key in keys]
    alpha = sidak_alpha(LEVEL, pair.num_pairs)
    welch = welch_interval(accuracies[0], accuracies[1], alpha)

    means = [
        resample_seeds(np.stack([resampled[key, seed] for seed in pair.seeds], axis=1), rng)
        for key in keys
    ]
    spread = float((means[0] - means[1]).std(ddof=1))
    alone = [accuracy_estimate(np.stack([right[k][seed] for seed in pair.seeds])) for k in keys]
    expected = math.sqrt(bootstrap_variance(estimate, *alone))
    half = -float(ndtri(alpha / 2)) * spread
    return Audit(
        first=pair.first,
        second=pair.second,
        interval=pair.interval,
        welch=welch,
        bootstrap=(pair.difference_pct - half, pair.difference_pct + half),
        doubts=tuple(_doubts(estimate, alpha, welch, spread, expected)),
    )


def _doubts(
    ours: SeedsAndImages, alpha: float, welch: tuple[float, float], spread: float, expected: float
) -> Iterator[str]:
    low, high = welch
    if abs((low + high) / 2 - ours.value) > ROUNDING:
        yield "the recorded accuracies do not match the answers"
    elif high - low > 1.01 * 2 * ours.half_width(alpha) + ROUNDING:
        yield "the interval from seeds alone is wider"
    if abs(spread - expected) > TOLERANCE * expected + 1e-9:
        yield f"the bootstrap's s.d. is {spread:.2f} points, expected {expected:.2f}"
