"""Audit: the intervals of a study computed by two other methods.

Neither replaces `variance`. Welch's interval ignores images, and the bootstrap does not account for
the uncertainty of a variance from few seeds, so it is far too narrow. They are here to detect
mistakes.
"""

import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vitbench.comparison.estimates import SeedsAndImages
from vitbench.comparison.intervals import welch_df
from vitbench.comparison.multiplicity import LEVEL, critical_value, normal_quantile
from vitbench.comparison.pairs import StudyComparisons
from vitbench.comparison.predictions import correct_predictions
from vitbench.comparison.verdict import Comparison
from vitbench.runs.schema import StudyResults

RESAMPLES = 2_000  # gives a standard deviation to 1 or 2 %
TOLERANCE = 0.1  # never reached without a mistake: docs/statistics.md has the simulation
ROUNDING = 0.01  # points of rounding in a recorded accuracy
AT_ONCE = 500  # resamples in memory

Shares = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Audit:
    """A pair's interval and two computed by other methods, all at its adjusted level.

    The three do not have to agree, but their differences are known, and `doubts` says where they
    are unexpected:

    - Welch's uses only the recorded accuracies. The difference of their means, and their variances
      over seeds, must equal those that come from predictions.
    - The expected variance of the bootstrap follows from the variance components
      (`bootstrap_variance`): its standard deviation must be within 10 % of that.

    Attributes:
        first: Key of a variant.
        second: Key of the other.
        interval: That of the comparison, in points.
        welch: Welch's over the seeds' recorded accuracies.
        bootstrap: Normal, with the standard deviation over resamples of seeds and images.
        doubts: Short reasons to distrust the interval; empty if there are none.
    """

    first: str
    second: str
    interval: tuple[float, float]
    welch: tuple[float, float]
    bootstrap: tuple[float, float]
    doubts: tuple[str, ...]

    def __str__(self) -> str:
        """The three intervals and the doubts on one line."""
        own, welch, bootstrap = (
            f"[{low:+.2f}, {high:+.2f}]"
            for low, high in (self.interval, self.welch, self.bootstrap)
        )
        doubts = "; ".join(self.doubts) or "consistent"
        return (
            f"{self.first} - {self.second}: {own}, Welch {welch}, bootstrap {bootstrap}: {doubts}"
        )


def audit(results: StudyResults, compared: StudyComparisons) -> tuple[Audit, ...]:
    """Check every pair with at least two seeds; the same results give the same numbers.

    Args:
        results: The study.
        compared: The result of `compare_study`.

    Raises:
        FileError: The predictions of a run are damaged, or of another test set.
    """
    correct = correct_predictions(results)
    runs = [(key, seed) for key, by_seed in correct.items() for seed in by_seed]
    pairs = [pair for pair in compared.pairs if isinstance(pair.estimate, SeedsAndImages)]
    if not pairs:
        return ()
    rng = np.random.default_rng(zlib.crc32(results.study.name.encode()))
    tables = np.stack([correct[key][seed] for key, seed in runs])  # (runs, n)
    resampled = dict(zip(runs, resample_images(tables, rng).T, strict=True))  # each (R,)
    return tuple(_audit(results, pair, resampled, rng) for pair in pairs)


def resample_images(correct: npt.NDArray[np.bool_], rng: np.random.Generator) -> Shares:
    """Accuracies (R, runs) in points of runs (runs, n) on images drawn with replacement."""
    num_images = correct.shape[1]
    as_numbers = correct.T.astype(np.float32)  # sums of integers below 2^24 are exact
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
    """Counts of drawn images (AT_ONCE, n), until there are enough resamples."""
    rows = np.arange(AT_ONCE)[:, None] * num_images
    for _ in range(RESAMPLES // AT_ONCE):
        drawn = rng.integers(num_images, size=(AT_ONCE, num_images)) + rows
        counts = np.bincount(drawn.ravel(), minlength=AT_ONCE * num_images)
        yield counts.reshape(AT_ONCE, num_images).astype(np.float32)


def bootstrap_variance(difference: SeedsAndImages, num_images: int) -> float:
    """Expected variance of a difference over resamples of images and of seeds per variant.

    V + the sum over variants of (S - 1) / S * (P + W): resampled seeds vary less by (S - 1) / S,
    and the noise of single predictions is in V, in P and by itself (Owen, Annals of Applied
    Statistics 1, 2007). V is without the pseudo-images of the interval, P as measured.

    Args:
        difference: The difference.
        num_images: Test images.
    """
    image = max(difference.image - 2e4 / num_images**2, 0.0)
    return image + sum(
        (part.num_seeds - 1) / part.num_seeds * (part.measured + part.noise)
        for part in difference.parts
    )


def _audit(
    results: StudyResults,
    pair: Comparison,
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
    seeds = pair.first_seeds, pair.second_seeds
    accuracies = [
        np.array([recorded[key, seed] for seed in of_key])
        for key, of_key in zip(keys, seeds, strict=True)
    ]
    variances = [float(values.var(ddof=1)) / len(values) for values in accuracies]
    df = welch_df([(v, len(values)) for v, values in zip(variances, accuracies, strict=True)])
    centre = float(accuracies[0].mean() - accuracies[1].mean())
    limit = critical_value(LEVEL, pair.family, df) * math.sqrt(sum(variances))

    means = [
        resample_seeds(np.stack([resampled[key, seed] for seed in of_key], axis=1), rng)
        for key, of_key in zip(keys, seeds, strict=True)
    ]
    spread = float((means[0] - means[1]).std(ddof=1))
    expected = math.sqrt(bootstrap_variance(estimate, results.num_test))
    half = normal_quantile(LEVEL, pair.family) * spread
    return Audit(
        first=pair.first,
        second=pair.second,
        interval=pair.interval,
        welch=(centre - limit, centre + limit),
        bootstrap=(pair.difference_pct - half, pair.difference_pct + half),
        doubts=tuple(_doubts(estimate, centre, variances, spread, expected)),
    )


def _doubts(
    estimate: SeedsAndImages,
    centre: float,
    variances: list[float],
    spread: float,
    expected: float,
) -> Iterator[str]:
    """Reasons to distrust an interval.

    Args:
        estimate: The estimate.
        centre: The difference of the recorded accuracies.
        variances: Their variances over seeds, of each mean.
        spread: Standard deviation of the bootstrap.
        expected: What it should be.
    """
    measured = [math.sqrt(part.measured) for part in estimate.parts]
    if abs(centre - estimate.value) > ROUNDING or any(
        abs(math.sqrt(variance) - of_predictions) > ROUNDING
        for variance, of_predictions in zip(variances, measured, strict=True)
    ):
        yield "the recorded accuracies do not match the predictions"
    if abs(spread - expected) > TOLERANCE * expected + 1e-9:
        yield f"the bootstrap's s.d. is {spread:.2f} points, expected {expected:.2f}"
