"""The plan of a sweep: variants and seeds, their states, and the cost of the rest."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from vitbench.comparison.predictions import runs_by_variant
from vitbench.config.experiment import ExperimentSpec
from vitbench.config.study import StudySpec, Variant, folder_for
from vitbench.errors import FileError, UsageError
from vitbench.model.cost import TrainingCost, cost_of, forward_flop
from vitbench.runs.claim import check_folder_of_run
from vitbench.runs.experiment import check_buildable
from vitbench.runs.folder import RunFolder
from vitbench.runs.results import check_same_study, read_results
from vitbench.runs.schema import StudyResults, TunedField
from vitbench.study.seeds import Seeds
from vitbench.study.variants import check_distinct, variant_specs
from vitbench.training.speed import measured_flop_per_s

# recorded: undamaged in the results file; trained: its folder is complete; begun: some epochs are
# done.
State = Literal["recorded", "trained", "begun", "new"]


@dataclass(frozen=True)
class PlannedRun:
    """A variant with a seed."""

    variant: Variant
    spec: ExperimentSpec
    folder: Path
    cost: TrainingCost
    state: State

    @property
    def to_train(self) -> bool:
        """Whether it is incomplete."""
        return self.state in ("begun", "new")


@dataclass(frozen=True)
class StudyPlan:
    """The runs of a study, in order of training.

    Attributes:
        study: The study.
        header: The contents of its results file without the runs.
        results_file: That file.
        runs: Every variant with the first seed, then with the second, and so on: an interrupted
            sweep is a complete study with fewer seeds.
    """

    study: StudySpec
    header: StudyResults
    results_file: Path
    runs: list[PlannedRun]


def plan_study(
    study: StudySpec,
    base: ExperimentSpec,
    preset: str,
    seeds: Seeds,
    only: Iterable[str],
    results_dir: Path,
    runs_dir: Path,
    tuned: Sequence[TunedField] = (),
) -> StudyPlan:
    """Plan a study and check everything that can be checked before any work.

    Args:
        study: The study.
        base: Its base experiment.
        preset: Name of the preset of the base, for reports.
        seeds: Seeds of each variant.
        only: Keys of the variants to train; empty for all.
        results_dir: Folder of results files.
        runs_dir: Folder of run folders.
        tuned: Fields that were tuned per variant.

    Raises:
        UsageError: A variant cannot be built, or the results file holds another base.
    """
    variants = [study.variant(key) for key in dict.fromkeys(only)] or study.variants
    results_file = results_file_of(study, base, results_dir)
    header = StudyResults(
        study=study,
        preset=preset,
        base=base.with_seed(0).to_json(),
        base_identity=base.base_identity,
        dataset=base.data.dataset.name,
        num_test=base.data.test_size,
        tuned=list(tuned),
        planned_seeds=seeds.planned(variant.key for variant in variants),
    )
    check_distinct(study, base)
    check_same_study(results_file, header)
    recorded = read_results(results_file) if results_file.exists() else header
    runs = []
    specs = variant_specs(study, base, variants, tuned)
    costs = {}
    for key, spec in specs.items():
        if spec.data.dataset != base.data.dataset:
            raise UsageError(
                f"study {study.name}, variant {key}: all variants of a study share one data set"
            )
        check_buildable(spec)
        costs[key] = cost_of(spec)
    folder_of = RunFolder.finder(runs_dir)
    # A run is searched among those of its variant: there may be thousands of others.
    recorded_of = {
        key: recorded.model_copy(update={"runs": runs})
        for key, runs in runs_by_variant(recorded).items()
    }
    for seed in seeds.all():
        for variant in variants:
            if seed not in seeds.of(variant.key):
                continue
            spec = specs[variant.key].with_seed(seed + variant.seed_offset)
            folder = folder_of(spec)
            known = recorded_of.get(variant.key, header)
            state = _state(known, header, variant, spec, folder)
            runs.append(PlannedRun(variant, spec, folder.path, costs[variant.key], state))
    for run in runs:
        if run.state != "recorded":
            _check_folder(run)
    return StudyPlan(study, header, results_file, runs)


def _check_folder(run: PlannedRun) -> None:
    """Raise UsageError if a run's folder holds another run; damage only affects that run."""
    try:
        check_folder_of_run(RunFolder(run.folder), run.spec)
    except FileError:
        pass
    except UsageError:
        raise UsageError(
            f"{run.folder} holds another run than its name says: move it, or choose another "
            "--runs-dir"
        ) from None


def check_apart(plans: Sequence[StudyPlan]) -> None:
    """Raise UsageError if two studies would write the same results file."""
    by_file: dict[Path, str] = {}
    for plan in plans:
        other = by_file.setdefault(plan.results_file, plan.study.name)
        if other != plan.study.name:
            raise UsageError(
                f"studies {other} and {plan.study.name} both write {plan.results_file}: change "
                "`results` in one of them"
            )


def results_file_of(study: StudySpec, base: ExperimentSpec, results_dir: Path) -> Path:
    """The path of a study's results file."""
    return folder_for(results_dir, base.data.dataset.name) / study.results_file


def runs_to_train(plans: Sequence[StudyPlan]) -> list[PlannedRun]:
    """The incomplete runs, one per identity: studies share runs."""
    by_identity = {run.spec.identity: run for plan in plans for run in plan.runs if run.to_train}
    return list(by_identity.values())


def seconds_for(specs: Sequence[ExperimentSpec], device: torch.device) -> float:
    """Estimated seconds of trainings: their FLOPs at the speed of a few timed steps of the first.

    This is rough: the speed differs between models by some tens of percent. Finished epochs of an
    incomplete run are not subtracted.
    """
    if not specs:
        return 0.0
    return sum(map(run_flop, specs)) / measured_flop_per_s(specs[0], device)


def run_flop(spec: ExperimentSpec) -> float:
    """FLOPs of training, validation and test of a run."""
    evaluated = spec.data.val_size * spec.train.epochs + spec.data.test_size
    return cost_of(spec).train_flop + evaluated * forward_flop(spec)


def _state(
    recorded: StudyResults,
    header: StudyResults,
    variant: Variant,
    spec: ExperimentSpec,
    folder: RunFolder,
) -> State:
    run = recorded.find(variant.key, spec.seed)
    if run is not None and run.identity != spec.identity:
        raise UsageError(
            f"the results of study {recorded.study.name} contain variant {variant.key} as another "
            f"experiment ({run.name}): choose another --results-dir"
        )
    if run is None or run.status == "failed" or header.has_damaged_answers(run):
        return folder.state()
    return "recorded"
