"""All pairs of a study's variants, compared.

Results in, numbers and verdicts out; the report writes sentences.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean

import numpy as np

from vitbench.comparison.estimates import Estimate, TwoCounts
from vitbench.comparison.multiplicity import LEVEL
from vitbench.comparison.predictions import (
    Correct,
    correct_predictions,
    runs_by_variant,
    successful_runs,
)
from vitbench.comparison.proportions import wilson
from vitbench.comparison.variance import accuracy_estimate, difference_estimates
from vitbench.comparison.verdict import Comparison
from vitbench.runs.schema import StudyResults, StudyRun


@dataclass(frozen=True)
class StudyComparisons:
    """All comparisons of a study.

    Attributes:
        pairs: Every pair once, in the order of the variants.
        accuracies: Each variant's own 95 % interval of its mean accuracy, in points.
        excluded: Why variants are not compared, by key.
    """

    pairs: tuple[Comparison, ...]
    accuracies: Mapping[str, tuple[float, float]]
    excluded: Mapping[str, str]

    def between(self, first: str, second: str) -> Comparison | None:
        """The comparison of two variants, if there is one."""
        if (first, second) in self._by_keys:
            return self._by_keys[first, second]
        reverse = self._by_keys.get((second, first))
        return None if reverse is None else reverse.swapped()

    @cached_property
    def _by_keys(self) -> dict[tuple[str, str], Comparison]:
        return {(pair.first, pair.second): pair for pair in self.pairs}

    def best(self, means: Mapping[str, float]) -> tuple[str, ...]:
        """The variant with the highest mean, then those not significantly below it."""
        compared = {key for pair in self.pairs for key in (pair.first, pair.second)}
        ranked = sorted(compared & means.keys(), key=lambda key: -means[key])
        if not ranked:
            return ()
        first, *others = ranked
        return (first, *(key for key in others if not self._is_better(first, key)))

    def _is_better(self, first: str, second: str) -> bool:
        pair = self.between(first, second)
        return pair is not None and pair.verdict == "better"


def compare_study(results: StudyResults) -> StudyComparisons:
    """Compare all pairs of a study's variants.

    Variants with a diverged seed are excluded (the other seeds would be a biased sample), and those
    without a successful run.

    Raises:
        FileError: The predictions of a run are damaged, or of another test set.
    """
    runs = runs_by_variant(results)
    done = {key: successful_runs(results, runs[key]) for key in runs}
    excluded = {key: why for key in runs if (why := _reason_to_exclude(runs[key], done[key]))}
    compared = [key for key in runs if key not in excluded]
    correct = correct_predictions(results)
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
    return StudyComparisons(tuple(pairs), accuracies, excluded)


def _reason_to_exclude(runs: Sequence[StudyRun], done: Mapping[int, StudyRun]) -> str:
    diverged = sum(run.status == "diverged" for run in runs)
    if diverged:
        return f"diverged in {diverged} of {sum(run.status != 'failed' for run in runs)} seeds"
    return "" if done else "no successful run"


def _accuracy_interval(
    results: StudyResults, runs: Iterable[StudyRun], correct: Mapping[int, Correct]
) -> tuple[float, float]:
    """A variant's own 95 % interval, within 0 to 100 %.

    For one run, without predictions, and at 0 or 100 %, it is Wilson's interval over images, whose
    width is never 0.
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
    """The differences over the shared seeds of two variants with predictions."""
    by_seeds: dict[tuple[int, ...], list[tuple[str, str]]] = {}
    for (a, b), seeds in possible.items():
        if correct[a] and correct[b]:
            by_seeds.setdefault(seeds, []).append((a, b))
    differences: dict[tuple[str, str], Estimate] = {}
    for seeds, pairs in by_seeds.items():
        keys = list(dict.fromkeys(key for pair in pairs for key in pair))
        index = {key: number for number, key in enumerate(keys)}
        tables = [np.stack([correct[key][seed] for seed in seeds]) for key in keys]
        estimates = difference_estimates(tables, [(index[a], index[b]) for a, b in pairs])
        differences.update(zip(pairs, estimates, strict=True))
    return differences


def _two_counts(
    results: StudyResults,
    first: Mapping[int, StudyRun],
    second: Mapping[int, StudyRun],
    seeds: Sequence[int],
) -> TwoCounts | None:
    """The difference without predictions; None for several seeds."""
    if len(seeds) > 1:
        return None
    counts = [
        round((runs[seeds[0]].test_top1_pct or 0) / 100 * results.num_test)
        for runs in (first, second)
    ]
    return TwoCounts(counts[0], counts[1], results.num_test)
