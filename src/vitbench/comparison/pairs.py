"""All pairs of a study's variants: effect, simultaneous interval, adjusted p and verdict.

Results in, numbers and single words out; sentences are the report's.
"""

import hashlib
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import fmean
from typing import Literal

import numpy as np
import numpy.typing as npt

from vitbench.comparison.statistics import (
    LEVEL,
    Estimate,
    OneRunEach,
    SeedsAndImages,
    TwoCounts,
    accuracy_estimate,
    difference_estimates,
    one_sided_level,
    sidak_alpha,
    sidak_p,
    wilson,
)
from vitbench.errors import FileError
from vitbench.runs.schema import StudyResults, StudyRun, unpack_classes

# better, worse: of the first. With one seed only two checkpoints are compared, not two choices.
Verdict = Literal["better", "worse", "inconclusive", "checkpoints differ"]
MOST_SEEDS = 1000  # upper bound of the search
Correct = npt.NDArray[np.bool_]  # (n,), whether a run was right, by image
Classes = npt.NDArray[np.uint8]  # (n,), the class of each image, answered or true


@dataclass(frozen=True)
class Comparison:
    """Two variants of a study, the first against the second.

    Attributes:
        first: Key of a variant.
        second: Key of the other.
        estimate: The first's accuracy minus the second's, in points.
        seeds: Seeds of the study that both have.
        num_pairs: Pairs of its family; interval, p and margin are adjusted for so many.
        margin_pct: Differences below this many points do not matter.
    """

    first: str
    second: str
    estimate: Estimate
    seeds: tuple[int, ...]
    num_pairs: int
    margin_pct: float

    @property
    def difference_pct(self) -> float:
        """The first's accuracy minus the second's, in points."""
        return self.estimate.value

    @cached_property
    def interval(self) -> tuple[float, float]:
        """Simultaneous 95 % interval of the difference, in points: all pairs' hold together.

        It ends at -100 and 100, beyond which no difference is.
        """
        low, high = self.estimate.interval(sidak_alpha(LEVEL, self.num_pairs))
        return max(low, -100.0), min(high, 100.0)

    @cached_property
    def p_adjusted(self) -> float:
        """The p of no difference, adjusted: below 0.05 just where `interval` leaves 0 out."""
        return sidak_p(self.estimate.p_value(), self.num_pairs)

    @property
    def verdict(self) -> Verdict:
        """Whether the simultaneous interval leaves 0 out, and on which side."""
        low, high = self.interval
        if low <= 0 <= high:
            return "inconclusive"
        if not isinstance(self.estimate, SeedsAndImages):
            return "checkpoints differ"
        return "better" if low > 0 else "worse"

    @cached_property
    def within_margin(self) -> bool:
        """Whether the difference is shown to be smaller than the margin, by two one-sided tests."""
        if not isinstance(self.estimate, SeedsAndImages):
            return False
        low, high = self.estimate.interval(one_sided_level(LEVEL, self.num_pairs))
        return -self.margin_pct < low and high < self.margin_pct

    def seeds_needed(self) -> int | None:
        """Seeds that should bring the half-width under the margin; None: no number would.

        Raises:
            ValueError: It rests on one seed, from which nothing can be foreseen.
        """
        if not isinstance(self.estimate, SeedsAndImages):
            raise ValueError("one seed tells nothing of others")
        return seeds_for(self.estimate, self.margin_pct, self.num_pairs)

    def turned(self) -> "Comparison":
        """The second against the first."""
        return replace(
            self, first=self.second, second=self.first, estimate=_negative(self.estimate)
        )


@dataclass(frozen=True)
class StudyComparisons:
    """What can be compared in a study.

    Attributes:
        pairs: Every pair once, in the order of the variants.
        accuracies: Each variant's own 95 % interval of its mean accuracy, in points.
        why_not: Why some cannot be compared, by variant.
    """

    pairs: tuple[Comparison, ...]
    accuracies: Mapping[str, tuple[float, float]]
    why_not: Mapping[str, str]

    def between(self, first: str, second: str) -> Comparison | None:
        """The first against the second, if they can be compared."""
        pair = self._by_keys.get((first, second))
        if pair is None:
            turned = self._by_keys.get((second, first))
            pair = None if turned is None else turned.turned()
        return pair

    @cached_property
    def _by_keys(self) -> dict[tuple[str, str], Comparison]:
        return {(pair.first, pair.second): pair for pair in self.pairs}

    def best(self, means: Mapping[str, float]) -> tuple[str, ...]:
        """The variant of the highest mean, then those that are not separable from it."""
        compared = {key for pair in self.pairs for key in (pair.first, pair.second)}
        ranked = sorted(compared & means.keys(), key=lambda key: -means[key])
        if not ranked:
            return ()
        first, *others = ranked
        return (first, *(key for key in others if not self._separable(first, key)))

    def _separable(self, first: str, second: str) -> bool:
        pair = self.between(first, second)
        return pair is not None and pair.verdict == "better"


def compare_study(results: StudyResults) -> StudyComparisons:
    """Compare all pairs of a study's variants.

    Left out are variants with a seed that diverged (what is left of them are their lucky seeds) and
    those without a run that ended well.

    Raises:
        FileError: The answers of a run are damaged, or of another test set.
    """
    runs = runs_by_variant(results)
    done = {key: _done(results, of_variant) for key, of_variant in runs.items()}
    why_not = {key: why for key in runs if (why := _why_not(runs[key], done[key]))}
    compared = [key for key in runs if key not in why_not]
    correct = right_answers(results)
    accuracies = {
        key: _accuracy_interval(results, done[key].values(), correct[key]) for key in correct
    }
    shared = {
        (a, b): tuple(sorted(done[a].keys() & done[b].keys()))
        for a, b in itertools.combinations(compared, 2)
    }
    possible = {pair: seeds for pair, seeds in shared.items() if seeds}
    estimates = _differences(possible, correct)
    pairs = []
    for (a, b), seeds in possible.items():
        estimate = estimates.get((a, b)) or _two_counts(results, done[a], done[b], seeds)
        if estimate is not None:
            margin = results.study.margin_pct
            pairs.append(Comparison(a, b, estimate, seeds, len(possible), margin))
    return StudyComparisons(tuple(pairs), accuracies, why_not)


def runs_by_variant(results: StudyResults) -> dict[str, list[StudyRun]]:
    """The runs of each variant of a study, in their order; also of one that has none."""
    found: dict[str, list[StudyRun]] = {variant.key: [] for variant in results.study.variants}
    for run in results.runs:
        if run.variant in found:
            found[run.variant].append(run)
    return found


def right_answers(results: StudyResults) -> dict[str, dict[int, Correct]]:
    """Which images each run answered right, by variant that has runs and by seed of the study.

    A variant's are empty where one of its runs kept no answers, or the file no labels.

    Raises:
        FileError: The answers of a run are damaged, or of another test set.
    """
    labels = test_labels(results)
    done = {key: _done(results, runs) for key, runs in runs_by_variant(results).items()}
    return {key: _correct(results, runs, labels) for key, runs in done.items() if runs}


def answers_of(results: StudyResults, key: str) -> dict[int, Classes]:
    """What a variant's runs answered to each test image, by seed; empty where one kept none.

    Raises:
        FileError: The answers of a run are damaged.
    """
    return _answers(results, _done(results, runs_by_variant(results).get(key, ())))


def test_labels(results: StudyResults) -> npt.NDArray[np.uint8] | None:
    """True class of each test image (n,), or None where the file has none.

    Raises:
        FileError: They are damaged, or a run answered another test set.
    """
    if results.test_labels is None:
        return None
    packed = _unpacked(results, results.test_labels, "test labels")
    digest = hashlib.sha256(packed).hexdigest()
    for run in results.runs:
        if run.test_labels_sha256 not in (None, digest):
            raise FileError(
                f"study {results.study.name}: {run.variant}, seed {run.seed} answered another test "
                "set than the file's: remove that run from it, and sweep again"
            )
    return np.frombuffer(packed, dtype=np.uint8)


def seeds_for(estimate: SeedsAndImages, half_width_pct: float, num_pairs: int) -> int | None:
    """Seeds that should bring a simultaneous half-width to a value or below; None: none would.

    The limit is the test set's: its images are as many as they are, whatever the seeds.
    """
    alpha = sidak_alpha(LEVEL, num_pairs)

    def narrow(num_seeds: int) -> bool:
        return estimate.with_seeds(num_seeds).half_width(alpha) <= half_width_pct

    if not narrow(MOST_SEEDS):
        return None
    low, high = 1, MOST_SEEDS  # low is too few, high enough
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if narrow(middle) else (middle, high)
    return high


def _negative(estimate: Estimate) -> Estimate:
    """The estimate of the same difference, the other way round."""
    if isinstance(estimate, SeedsAndImages):
        return replace(estimate, value=-estimate.value)
    if isinstance(estimate, OneRunEach):
        return OneRunEach(estimate.second_only, estimate.first_only, estimate.num_images)
    assert isinstance(estimate, TwoCounts)
    return TwoCounts(estimate.second, estimate.first, estimate.num_images)


def _done(results: StudyResults, runs: Sequence[StudyRun]) -> dict[int, StudyRun]:
    """A variant's runs that ended well, by seed of the study."""
    offset = results.study.variant(runs[0].variant).seed_offset if runs else 0
    return {
        run.seed - offset: run
        for run in runs
        if run.status == "done" and run.test_top1_pct is not None
    }


def _why_not(runs: Sequence[StudyRun], done: Mapping[int, StudyRun]) -> str:
    diverged = sum(run.status == "diverged" for run in runs)
    if diverged:
        return f"diverged in {diverged} of {sum(run.status != 'failed' for run in runs)} seeds"
    return "" if done else "no successful run"


def _correct(
    results: StudyResults, runs: Mapping[int, StudyRun], labels: npt.NDArray[np.uint8] | None
) -> dict[int, Correct]:
    """Whether each image (n,) was answered right, by seed; empty where a run kept no answers."""
    if labels is None or results.num_test < 2:  # one image has no variance over images
        return {}
    return {seed: answers == labels for seed, answers in _answers(results, runs).items()}


def _answers(results: StudyResults, runs: Mapping[int, StudyRun]) -> dict[int, Classes]:
    if any(run.predicted is None for run in runs.values()):
        return {}
    return {
        seed: np.frombuffer(
            _unpacked(results, run.predicted or "", f"answers of {run.variant}, seed {run.seed}"),
            dtype=np.uint8,
        )
        for seed, run in runs.items()
    }


def _unpacked(results: StudyResults, packed: str, what: str) -> bytes:
    try:
        classes = unpack_classes(packed, results.num_test)
    except ValueError:
        classes = b""
    if len(classes) != results.num_test:
        raise FileError(f"study {results.study.name}: the {what} are damaged: sweep again")
    return classes


def _accuracy_interval(
    results: StudyResults, runs: Iterable[StudyRun], correct: Mapping[int, Correct]
) -> tuple[float, float]:
    """A variant's own 95 % interval, from 0 to 100 % at most.

    Of one run, of unknown answers, and where all are right or all wrong, it is Wilson's: the
    images' alone, which is not of width 0 there.
    """
    if len(correct) > 1:
        estimate = accuracy_estimate(np.stack(list(correct.values())))
        if 0 < estimate.value < 100:
            low, high = estimate.interval(LEVEL)
            return max(low, 0.0), min(high, 100.0)
    mean = fmean(run.test_top1_pct for run in runs if run.test_top1_pct is not None)
    return wilson(round(mean / 100 * results.num_test), results.num_test)


def _differences(
    possible: Mapping[tuple[str, str], tuple[int, ...]],
    correct: Mapping[str, Mapping[int, Correct]],
) -> dict[tuple[str, str], Estimate]:
    """The differences over the seeds that two variants share, where both kept their answers."""
    by_seeds: dict[tuple[int, ...], list[tuple[str, str]]] = {}
    for (a, b), seeds in possible.items():
        if correct[a] and correct[b]:
            by_seeds.setdefault(seeds, []).append((a, b))
    found: dict[tuple[str, str], Estimate] = {}
    for seeds, pairs in by_seeds.items():
        keys = list(dict.fromkeys(key for pair in pairs for key in pair))
        place = {key: number for number, key in enumerate(keys)}
        tables = [np.stack([correct[key][seed] for seed in seeds]) for key in keys]
        estimates = difference_estimates(tables, [(place[a], place[b]) for a, b in pairs])
        found.update(zip(pairs, estimates, strict=True))
    return found


def _two_counts(
    results: StudyResults,
    first: Mapping[int, StudyRun],
    second: Mapping[int, StudyRun],
    seeds: Sequence[int],
) -> TwoCounts | None:
    """The difference where no answers are known; None where there are several seeds."""
    if len(seeds) > 1:
        return None
    counts = [
        round((runs[seeds[0]].test_top1_pct or 0) / 100 * results.num_test)
        for runs in (first, second)
    ]
    return TwoCounts(counts[0], counts[1], results.num_test)
