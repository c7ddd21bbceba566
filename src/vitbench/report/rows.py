"""The table of a study: one row of numbers per variant.

Completed runs are averaged; the others are counted beside them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from vitbench.comparison.estimates import SeedsAndImages
from vitbench.comparison.pairs import StudyComparisons
from vitbench.comparison.predictions import runs_by_variant
from vitbench.comparison.verdict import Comparison
from vitbench.config.study import Variant
from vitbench.report.timing import timing_words
from vitbench.runs.schema import StudyResults, StudyRun


@dataclass(frozen=True)
class Row:
    """A variant in a study's table.

    Attributes:
        key: Its key.
        label: Its name in tables.
        short_label: Its name in sentences.
        accuracy_by_seed: Test accuracy in % of each finished seed.
        interval: 95 % interval of its own accuracy in %.
        against: Its comparison with the reference; None for the reference and if they are not
            compared.
        among_best: Whether it has the highest mean or is not significantly below; no row with one
            seed each is.
        on_front: Whether it is cost-efficient: no variant of equal or lower training FLOPs is
            significantly more accurate.
        num_params: Trainable parameters.
        forward_flop: FLOPs of a forward pass of one image.
        train_flop: FLOPs of one training run.
        train_time_s: Mean seconds of a run's training steps.
        timing: How those were measured, if that differs within the study.
        peak_memory_bytes: Largest peak memory of its runs.
        published_pct: The reference study's number, only on CIFAR-10.
        not_averaged: Other seeds by their state: diverged, failed or missing.
    """

    key: str
    label: str
    short_label: str
    accuracy_by_seed: dict[int, float]
    interval: tuple[float, float] | None
    against: Comparison | None
    among_best: bool
    on_front: bool
    num_params: int | None
    forward_flop: int | None
    train_flop: int | None
    train_time_s: float | None
    timing: str | None
    peak_memory_bytes: int | None
    published_pct: float | None
    not_averaged: dict[str, tuple[int, ...]]

    @property
    def mean_pct(self) -> float | None:
        """Mean test accuracy in % over seeds."""
        return fmean(self.accuracy_by_seed.values()) if self.accuracy_by_seed else None

    @property
    def sd_pct(self) -> float | None:
        """Standard deviation over seeds, n - 1 in the denominator; None for one seed."""
        values = self.accuracy_by_seed.values()
        return stdev(values) if len(values) > 1 else None


def study_rows(results: StudyResults, compared: StudyComparisons) -> tuple[Row, ...]:
    """One row per variant, in the study's order."""
    runs = runs_by_variant(results)
    done = {key: _done(runs[key]) for key in runs}
    means = {key: fmean(map(_accuracy, done[key])) for key in done if done[key]}
    # With one seed each no variant is significantly better: nothing is marked.
    several = any(isinstance(pair.estimate, SeedsAndImages) for pair in compared.pairs)
    best = compared.best(means) if several else ()
    costs = {key: done[key][0].train_flop for key in means}
    front = pareto_front(
        {key: cost for key, cost in costs.items() if cost is not None},
        lambda first, second: _is_above(first, second, means, compared),
    )
    seeds = sorted({results.study_seed(run) for run in results.runs})
    names = results.study.short_labels
    timing = timing_words(done)

    def row(variant: Variant) -> Row:
        key = variant.key
        example = next(iter(done[key] or runs[key]), None)  # sizes are the same for every seed
        return Row(
            key=key,
            label=variant.label,
            short_label=names[key],
            accuracy_by_seed={run.seed: _accuracy(run) for run in done[key]},
            interval=compared.accuracies.get(key),
            against=compared.between(key, results.study.reference_key),
            among_best=key in best,
            on_front=key in front,
            num_params=example.num_params if example else None,
            forward_flop=example.forward_flop if example else None,
            train_flop=example.train_flop if example else None,
            train_time_s=_mean_time(done[key]),
            timing=timing.get(key),
            peak_memory_bytes=max(
                (run.peak_memory_bytes for run in done[key] if run.peak_memory_bytes), default=None
            ),
            published_pct=variant.published_pct if results.dataset == "cifar10" else None,
            not_averaged=_not_averaged(
                runs[key],
                [seed + variant.seed_offset for seed in results.planned_seeds.get(key, seeds)],
            ),
        )

    return tuple(map(row, results.study.variants))


def _done(runs: Sequence[StudyRun]) -> list[StudyRun]:
    """Completed runs."""
    return [run for run in runs if run.status == "done" and run.test_top1_pct is not None]


def pareto_front(costs: Mapping[str, int], is_above: Callable[[str, str], bool]) -> set[str]:
    """Keys that no other key is above at equal or lower cost.

    Args:
        costs: Cost by key.
        is_above: Whether the first key is more accurate than the second.
    """
    return {
        key
        for key, cost in costs.items()
        if not any(costs[other] <= cost and is_above(other, key) for other in costs)
    }


def _is_above(
    first: str, second: str, means: Mapping[str, float], compared: StudyComparisons
) -> bool:
    """Whether a variant is significantly more accurate; by means if the two are not compared."""
    pair = compared.between(first, second)
    if pair is None:
        return means[first] > means[second]
    return pair.verdict != "inconclusive" and pair.difference_pct > 0


def _accuracy(run: StudyRun) -> float:
    return run.test_top1_pct or 0.0  # a completed run has one


def _mean_time(done: Sequence[StudyRun]) -> float | None:
    """Mean seconds of a run; None if unknown, as for published numbers."""
    times = [run.train_time_s for run in done if run.train_time_s]
    return fmean(times) if times else None


def _not_averaged(runs: Sequence[StudyRun], seeds: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """Seeds that are not completed, by state."""
    by_state = {
        "diverged": [run.seed for run in runs if run.status == "diverged"],
        "failed": [run.seed for run in runs if run.status == "failed"],
        "missing": sorted(set(seeds) - {run.seed for run in runs}),
    }
    return {state: tuple(numbers) for state, numbers in by_state.items() if numbers}
