"""A study's table: a row for each variant, numbers and no words.

What is averaged is decided here: runs that ended well. The others are counted beside them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from vitbench.runs.schema import StudyResults, StudyRun
from vitbench.spec.study import Variant


@dataclass(frozen=True)
class Row:
    """A variant in a study's table.

    Attributes:
        key: Its key.
        label: Its name for people.
        accuracy_by_seed: Test accuracy in % of each seed that ended well.
        num_params: Trained numbers.
        forward_flop: FLOPs of an image through the network.
        train_flop: FLOPs of a training.
        train_time_s: Mean seconds of a training's steps.
        published_pct: The document's number, on its own data set only.
        not_averaged: Seeds that are not among these, by what became of them: diverged, failed or
            missing.
    """

    key: str
    label: str
    accuracy_by_seed: dict[int, float]
    num_params: int | None
    forward_flop: int | None
    train_flop: int | None
    train_time_s: float | None
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


def study_rows(results: StudyResults) -> tuple[Row, ...]:
    """A row for each variant, in the study's order."""
    seeds = sorted({run.seed for run in results.runs})
    return tuple(_row(results, variant, seeds) for variant in results.study.variants)


def _row(results: StudyResults, variant: Variant, seeds: Sequence[int]) -> Row:
    runs = [run for run in results.runs if run.variant == variant.key]
    done = [run for run in runs if run.status == "done" and run.test_top1_pct is not None]
    some = done or runs
    return Row(
        key=variant.key,
        label=variant.label,
        accuracy_by_seed={r.seed: r.test_top1_pct for r in done if r.test_top1_pct is not None},
        num_params=some[0].num_params if some else None,
        forward_flop=some[0].forward_flop if some else None,
        train_flop=some[0].train_flop if some else None,
        train_time_s=fmean(run.train_time_s for run in done) if done else None,
        published_pct=variant.published_pct if results.dataset == "cifar10" else None,
        not_averaged=_not_averaged(runs, seeds),
    )


def _not_averaged(runs: Sequence[StudyRun], seeds: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """Seeds by what became of them, those that ended well left out."""
    became = {
        "diverged": [run.seed for run in runs if run.status == "diverged"],
        "failed": [run.seed for run in runs if run.status == "failed"],
        "missing": sorted(set(seeds) - {run.seed for run in runs}),
    }
    return {what: tuple(those) for what, those in became.items() if those}
