"""The plan of a sweep: every study's runs and trials, checked before any work."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from vitbench.config.experiment import ExperimentSpec
from vitbench.config.presets import preset_fields, preset_for
from vitbench.config.study import base_spec
from vitbench.errors import FileError
from vitbench.runs.experiment import RunOptions
from vitbench.runs.writable import check_writable
from vitbench.study.jobs import Jobs, choose_jobs
from vitbench.study.plan import StudyPlan, check_apart, plan_study, runs_to_train
from vitbench.study.request import SweepRequest
from vitbench.study.seeds import Seeds
from vitbench.study.tuning import Tuning, parse_tune
from vitbench.study.variants import fields_without_effect, same_experiments
from vitbench.training.device import pick_device


@dataclass(frozen=True)
class SweepPlan:
    """A checked sweep.

    Attributes:
        request: The request.
        preset: The preset; where the request says `auto`, the one of this machine.
        device: The device of the runs.
        options: Options of each run.
        tunings: The tuning of each study, which is empty without `tune`.
        studies: The plan of each study with the first seeds.
        jobs: How the runs share the machine.
        notes: What the user should know: variants that are the same experiment, and fields without
            effect.
    """

    request: SweepRequest
    preset: str
    device: torch.device
    options: RunOptions
    tunings: list[Tuning]
    studies: list[StudyPlan]
    jobs: Jobs
    notes: list[str]

    @property
    def trials(self) -> list[ExperimentSpec]:
        """The experiments of incomplete trials."""
        return incomplete_trials(self.tunings)

    @property
    def to_train(self) -> list[ExperimentSpec]:
        """The experiments of incomplete trials and runs."""
        return [*self.trials, *(run.spec for run in runs_to_train(self.studies))]

    def with_seeds(self, tuning: Tuning, seeds: Seeds) -> StudyPlan:
        """The plan of a study with other seeds, and with the values that its tuning has chosen."""
        return plan_with_seeds(self.request, self.preset, tuning, seeds)


def plan_sweep(request: SweepRequest) -> SweepPlan:
    """Plan a sweep and check everything that can be checked before any work.

    Raises:
        FileError: A results file is damaged, or a file could not be written.
        UsageError: A study cannot be run on this base, or contradicts its results file.
    """
    options = request.run_options or RunOptions()
    device = pick_device(options.device)
    preset = preset_for(request.preset, device.type)
    bases = [base_spec(study, preset_fields(preset), request.fields) for study in request.studies]
    asked = None if request.tune is None else parse_tune(request.tune)
    tunings = [
        Tuning(study, base, asked, request.first_seeds.all(), request.results_dir, request.runs_dir)
        for study, base in zip(request.studies, bases, strict=True)
    ]
    studies = [plan_with_seeds(request, preset, tuning, request.first_seeds) for tuning in tunings]
    check_apart(studies)
    num_runs = len(incomplete_trials(tunings)) + len(runs_to_train(studies))
    asked_jobs = "1" if (request.executor, request.jobs) == ("local", "auto") else request.jobs
    jobs = choose_jobs(asked_jobs, studies, num_runs, device)
    _check_writable(request, [plan.results_file for plan in studies])
    notes = [note for tuning in tunings for note in _notes(tuning, request)]
    return SweepPlan(request, preset, device, options, tunings, studies, jobs, notes)


def plan_with_seeds(request: SweepRequest, preset: str, tuning: Tuning, seeds: Seeds) -> StudyPlan:
    """The plan of one study of a request."""
    return plan_study(
        tuning.study, tuning.base, preset, seeds, request.only, request.results_dir,
        request.runs_dir, tuning.tuned,
    )  # fmt: skip


def incomplete_trials(tunings: Sequence[Tuning]) -> list[ExperimentSpec]:
    """The experiments of incomplete trials."""
    return [trial.spec for tuning in tunings for trial in tuning.trials if trial.to_train]


def _notes(tuning: Tuning, request: SweepRequest) -> list[str]:
    """Variants of a study that are the same experiment, and fields without effect."""
    name = tuning.study.name
    return [
        *(
            f"{name}: {first.key} and {second.key} are the same experiment on this base"
            for first, second in same_experiments(tuning.study, tuning.base)
        ),
        *(
            f"{name}: every variant sets {field}, so --set {field} has no effect"
            for field in fields_without_effect(tuning.study, request.fields)
        ),
    ]


def _check_writable(request: SweepRequest, results_files: Sequence[Path]) -> None:
    """Raise FileError if a sweep could not write its files."""
    results_dir = request.results_dir
    for file in dict.fromkeys(results_files):
        check_writable("--results-dir", results_dir)
        check_writable("--results-dir", file.parent)
        lock = file.with_name(f".{file.name}.lock")
        if lock.exists() and not (lock.is_file() and os.access(lock, os.W_OK)):
            raise FileError(f"--results-dir {results_dir}: cannot write {lock}")
    check_writable("--runs-dir", request.runs_dir)
