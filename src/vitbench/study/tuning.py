"""Tuning: each variant gets its own value of a field, chosen on validation accuracy.

One value for all confounds an ablation, because it may suit one variant better. The trials have a
seed that no run of the study has, so the choice is independent of the study; their cost is
reported.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vitbench.config.build import build_spec, check_key, choice_fields, parse_assignments
from vitbench.config.experiment import ExperimentSpec
from vitbench.config.study import StudySpec
from vitbench.errors import UsageError, VitbenchError, shortened
from vitbench.runs.experiment import RunOptions, RunRequest, check_buildable
from vitbench.runs.folder import RunFolder
from vitbench.runs.results import read_results
from vitbench.runs.schema import RunResult, TunedField
from vitbench.study.events import RunListener
from vitbench.study.executors.executor import Executor
from vitbench.study.plan import results_file_of
from vitbench.study.variants import specs_with

TRIAL_SEED = 1_000_000


@dataclass(frozen=True)
class Trial:
    """A variant with one of the values.

    Attributes:
        variant: Key of the variant.
        value: The value.
        spec: The experiment.
        folder: Its run folder.
    """

    variant: str
    value: Any
    spec: ExperimentSpec
    folder: Path

    @property
    def to_train(self) -> bool:
        """Whether steps are left to take."""
        return RunFolder(self.folder).state() != "trained"


class Tuning:
    """The tuned values of a study: those in its results file, or those of future trials.

    Args:
        study: The study.
        base: Its base experiment.
        asked: A field and its values; None if nothing is tuned.
        seeds: The study's seeds.
        results_dir: Folder of results files.
        runs_dir: Folder of run folders.

    Raises:
        UsageError: A variant sets the field itself, or cannot be built with a value.
    """

    def __init__(
        self,
        study: StudySpec,
        base: ExperimentSpec,
        asked: tuple[str, list[Any]] | None,
        seeds: Sequence[int],
        results_dir: Path,
        runs_dir: Path,
    ) -> None:
        self.study = study
        self.base = base
        self.tuned: list[TunedField] = []
        self.trials: list[Trial] = []
        self.field, self.values = asked or ("", [])
        if asked is None:
            return
        file = results_file_of(study, base, results_dir)
        results = read_results(file) if file.exists() else None
        there = results.tuned if results else []
        if results and results.runs and not there:  # refused before the trials, not after them
            raise UsageError(f"{file} holds runs without --tune: choose another --results-dir")
        self.tuned = [one for one in there if (one.field, one.values) == asked]
        if not self.tuned:
            self.trials = plan_trials(study, base, *asked, seeds, runs_dir)

    def choose(
        self, options: RunOptions, listen: RunListener, executor: Executor
    ) -> dict[str, Any]:
        """Run the remaining trials; return the chosen value of each variant, by key.

        Args:
            options: How runs are trained.
            listen: Called with every step, epoch and note of the trials.
            executor: Executes the trials.

        Raises:
            VitbenchError: A trial failed, or all trials of a variant diverged.
        """
        if not self.trials:
            return {}
        requests = [
            RunRequest(trial.spec, trial.folder, options, (self.study.name, trial.variant))
            for trial in self.trials
        ]
        ended = executor.execute(requests, listen)
        found = choose(
            self.field, self.values, ((self.trials[place], result) for place, result in ended)
        )
        self.tuned = [found]
        return found.chosen


def parse_tune(asked: str) -> tuple[str, list[Any]]:
    """The field and the values of `train.lr=1e-3,2e-3`.

    Raises:
        UsageError: It is not of that form, or names fewer than two values.
    """
    field, equals, text = asked.partition("=")
    field, words = field.strip(), [word.strip() for word in text.split(",")]
    if not equals or not field or len(words) < 2 or not all(words):
        raise UsageError(
            f"--tune {shortened(asked)!r}: write a field and its values, as train.lr=1e-3,2e-3"
        )
    check_key(field)
    if field == "seed":
        raise UsageError("--tune seed: a seed is not chosen; --seeds N runs several")
    values = []
    for word in words:
        asked_for = parse_assignments([f"{field}={word}"])
        # An option of a choice is checked with the choice that each variant has.
        is_option = field.rpartition(".")[0] in choice_fields()
        values.append(asked_for[field] if is_option else _value(build_spec(asked_for), field))
    if any(value in values[:place] for place, value in enumerate(values)):
        raise UsageError(f"--tune {shortened(asked)!r}: a value is listed twice")
    return field, values


def plan_trials(
    study: StudySpec,
    base: ExperimentSpec,
    field: str,
    values: Sequence[Any],
    seeds: Sequence[int],
    runs_dir: Path,
) -> list[Trial]:
    """Every variant with every value.

    Args:
        study: The study.
        base: Its base experiment.
        field: The field, by dotted name.
        values: Its values.
        seeds: The seeds of the study, none of which may be that of the trials.
        runs_dir: Folder of run folders.

    Raises:
        UsageError: A variant sets the field itself, or cannot be built so.
    """
    for variant in study.variants:
        if any(field == key or key.startswith(f"{field}.") for key in variant.set):
            raise UsageError(
                f"--tune {field}: variant {variant.key} of {study.name} sets this field"
            )
        if TRIAL_SEED in {seed + variant.seed_offset for seed in seeds}:
            raise UsageError(
                f"--tune: seed {TRIAL_SEED} is reserved for the trials: choose another"
            )
    folder_of = RunFolder.finder(runs_dir)
    by_value = [
        specs_with(study, base, study.variants, {one.key: {field: value} for one in study.variants})
        for value in values
    ]
    trials = []
    for variant in study.variants:
        for value, specs in zip(values, by_value, strict=True):
            own = specs[variant.key].with_seed(TRIAL_SEED)
            check_buildable(own)
            trials.append(Trial(variant.key, value, own, folder_of(own).path))
    return trials


def choose(
    field: str, values: Sequence[Any], trials: Iterator[tuple[Trial, RunResult]]
) -> TunedField:
    """The value with the highest validation accuracy of each variant; the first of equal ones.

    Args:
        field: The field.
        values: Its values.
        trials: Each trial with its result.

    Raises:
        VitbenchError: A trial failed, or all trials of a variant diverged.
    """
    found: dict[str, dict[int, float | None]] = {}
    flop, seconds = 0, 0.0
    for trial, result in trials:
        if result.status == "failed":
            raise VitbenchError(f"trial of {trial.variant}, {field} {trial.value}: {result.reason}")
        accuracy = result.val_top1_pct if result.status == "done" else None
        found.setdefault(trial.variant, {})[values.index(trial.value)] = accuracy
        flop, seconds = flop + (result.train_flop or 0), seconds + result.train_time_s
    return TunedField(
        field=field,
        values=list(values),
        seed=TRIAL_SEED,
        chosen={key: values[_best(key, field, by_place)] for key, by_place in found.items()},
        val_top1_pct={
            key: [by_place.get(place) for place in range(len(values))]
            for key, by_place in found.items()
        },
        trials_flop=flop,
        trials_time_s=seconds,
    )


def _best(key: str, field: str, by_place: Mapping[int, float | None]) -> int:
    ended = {place: accuracy for place, accuracy in by_place.items() if accuracy is not None}
    if not ended:
        raise VitbenchError(f"variant {key} diverged with every value of {field}: use smaller ones")
    return max(ended, key=lambda place: (ended[place], -place))


def _value(spec: ExperimentSpec, field: str) -> Any:
    """The value of a field after validation, as in a spec: 1e-3 as a number."""
    value: Any = spec.to_json()
    for part in field.split("."):
        value = value[part] if isinstance(value, dict) else None
    return value
