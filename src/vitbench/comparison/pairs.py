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
from vitbench.comparison.multiplicity import LEVEL, Family
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
    possible = list(itertools.combinations(compared, 2))
    family = Family.all_pairs(len(compared))
    if results.study.comparisons == "reference":
        possible = [pair for pair in possible if results.study.reference_key in pair]
        family = Family.with_reference(len(compared))
    if results.precision is not None:
        family = family.stopped_by_width()
    seeds = {pair: _seeds_of(*(sorted(done[key]) for key in pair)) for pair in possible}
    estimates = _differences(seeds, correct)
    pairs = []
    for (a, b), (of_a, of_b) in seeds.items():
        estimate = estimates.get((a, b)) or _two_counts(results, done[a], done[b], of_a, of_b)
        if estimate is not None:
            margin = results.study.margin_pct
            pairs.append(Comparison(a, b, estimate, of_a, of_b, family, margin))
    return StudyComparisons(tuple(pairs), accuracies, excluded)


def _seeds_of(
    first: Sequence[int], second: Sequence[int]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The seeds of two variants that are compared: all, or one each if one has no others."""
    if min(len(first), len(second)) > 1:
        return tuple(first), tuple(second)
    shared = [seed for seed in first if seed in second]
    if shared:
        return (shared[0],), (shared[0],)
    return (first[0],), (second[0],)


def _reason_to_exclude(runs: Sequence[StudyRun], done: Mapping[int, StudyRun]) -> str:
    diverged = sum(run.status == "diverged" for run in runs)
    if diverged:
        return f"diverged in {diverged} of {sum(run.status != 'failed' for run in runs)} seeds"
    return "" if done else "no successful run"


def _accuracy_interval(
    results: StudyResults, runs: Iterable[StudyRun], correct: Mapping[int, Correct]
) -> tuple[float, float]:
    """A variant's own 95 % interval, within 0 to 100 %.

    For one run, and without predictions, it is Wilson's interval over images.
    """
    if len(correct) > 1:
        low, high = accuracy_estimate(np.stack(list(correct.values()))).interval(LEVEL)
        return max(low, 0.0), min(high, 100.0)
    mean = fmean(run.test_top1_pct for run in runs if run.test_top1_pct is not None)
    return wilson(round(mean / 100 * results.num_test), results.num_test)


def _differences(
    seeds: Mapping[tuple[str, str], tuple[tuple[int, ...], tuple[int, ...]]],
    correct: Mapping[str, Mapping[int, Correct]],
) -> dict[tuple[str, str], Estimate]:
    """The differences of variants with predictions, over their seeds."""
    tables: dict[tuple[str, tuple[int, ...]], int] = {}  # index of each table
    indices = {}
    for pair, of_pair in seeds.items():
        if all(correct[key] for key in pair):
            indices[pair] = tuple(
                tables.setdefault(table, len(tables)) for table in zip(pair, of_pair, strict=True)
            )
    answers = [np.stack([correct[key][seed] for seed in of_key]) for key, of_key in tables]
    if not answers:
        return {}
    estimates = difference_estimates(answers, [(a, b) for a, b in indices.values()])
    return dict(zip(indices, estimates, strict=True))


def _two_counts(
    results: StudyResults,
    first: Mapping[int, StudyRun],
    second: Mapping[int, StudyRun],
    first_seeds: Sequence[int],
    second_seeds: Sequence[int],
) -> TwoCounts | None:
    """The difference without predictions; None for several seeds."""
    if len(first_seeds) > 1:
        return None
    counts = [
        round((runs[seed].test_top1_pct or 0) / 100 * results.num_test)
        for runs, seed in ((first, first_seeds[0]), (second, second_seeds[0]))
    ]
    return TwoCounts(counts[0], counts[1], results.num_test)
