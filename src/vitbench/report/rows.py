"""The table of a study: one row of numbers per variant.

Completed runs are averaged; the others are counted beside them.
"""

from collections.abc import Sequence
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
        on_front: Whether it is on the Pareto front: no variant of equal or lower training FLOPs has
            a higher mean.
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
    runs = {key: (_done(of_key), of_key) for key, of_key in runs_by_variant(results).items()}
    means = {key: fmean(map(_accuracy, done)) for key, (done, _) in runs.items() if done}
    # With one seed each no variant is significantly better: nothing is marked.
    several = any(isinstance(pair.estimate, SeedsAndImages) for pair in compared.pairs)
    best = compared.best(means) if several else ()
    costs = {key: done[0].train_flop for key, (done, _) in runs.items() if done}
    front = pareto_front({k: (cost, means[k]) for k, cost in costs.items() if cost is not None})
    seeds = sorted({results.study_seed(run) for run in results.runs})
    names = results.study.short_labels
    timing = timing_words({key: done for key, (done, _) in runs.items()})
    return tuple(
        _row(
            results,
            variant,
            names[variant.key],
            runs[variant.key],
            seeds,
            compared,
            timing.get(variant.key),
            variant.key in best,
            variant.key in front,
        )
        for variant in results.study.variants
    )


def _done(runs: Sequence[StudyRun]) -> list[StudyRun]:
    """Completed runs."""
    return [run for run in runs if run.status == "done" and run.test_top1_pct is not None]


def pareto_front(points: dict[str, tuple[int, float]]) -> set[str]:
    """Keys of (cost, accuracy) points that no other point beats at equal or lower cost."""
    return {
        key
        for key, (cost, accuracy) in points.items()
        if not any(
            c <= cost and a >= accuracy and (c, a) != (cost, accuracy) for c, a in points.values()
        )
    }


def _row(
    results: StudyResults,
    variant: Variant,
    short_label: str,
    of_variant: tuple[list[StudyRun], list[StudyRun]],
    seeds: Sequence[int],
    compared: StudyComparisons,
    timing: str | None,
    among_best: bool,
    on_front: bool,
) -> Row:
    done, runs = of_variant
    some = done or runs
    return Row(
        key=variant.key,
        label=variant.label,
        short_label=short_label,
        accuracy_by_seed={run.seed: _accuracy(run) for run in done},
        interval=compared.accuracies.get(variant.key),
        against=compared.between(variant.key, results.study.reference_key),
        among_best=among_best,
        on_front=on_front,
        num_params=some[0].num_params if some else None,
        forward_flop=some[0].forward_flop if some else None,
        train_flop=some[0].train_flop if some else None,
        train_time_s=_mean_time(done),
        timing=timing,
        peak_memory_bytes=max(
            (run.peak_memory_bytes for run in done if run.peak_memory_bytes), default=None
        ),
        published_pct=variant.published_pct if results.dataset == "cifar10" else None,
        not_averaged=_not_averaged(runs, [seed + variant.seed_offset for seed in seeds]),
    )


def _accuracy(run: StudyRun) -> float:
    return run.test_top1_pct or 0.0  # a completed run has one


def _mean_time(done: Sequence[StudyRun]) -> float | None:
    """Mean seconds of a run; None if unknown, as for published numbers."""
    times = [run.train_time_s for run in done if run.train_time_s]
    return fmean(times) if times else None


def _not_averaged(runs: Sequence[StudyRun], seeds: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """Seeds that are not completed, by state."""
    became = {
        "diverged": [run.seed for run in runs if run.status == "diverged"],
        "failed": [run.seed for run in runs if run.status == "failed"],
        "missing": sorted(set(seeds) - {run.seed for run in runs}),
    }
    return {what: tuple(those) for what, those in became.items() if those}
