"""Run a sweep: trials, then the runs of every study, then seeds until the intervals are narrow.

>>> from vitbench import SweepRequest, load_studies, run_sweep
>>> outcome = run_sweep(SweepRequest(load_studies(["pos-embed"]), preset="smoke", seeds=(0, 1)))
"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from vitbench.runs.experiment import RunOptions
from vitbench.runs.results import merge_runs, read_results
from vitbench.runs.schema import Look, PrecisionRule, StudyRun
from vitbench.study.events import (
    RunRecorded,
    RunsEnded,
    RunsStarted,
    SweepListener,
    ValueChosen,
    WidthChecked,
    WidthStatus,
    ignore,
)
from vitbench.study.executors.executor import Executor, build_executor
from vitbench.study.listener import guarded
from vitbench.study.plan import PlannedRun, StudyPlan, run_flop, runs_to_train
from vitbench.study.precision import (
    is_out_of_reach,
    is_reached,
    is_unaffordable,
    look_at,
    next_seeds,
)
from vitbench.study.request import FIRST_LOOK, SweepRequest
from vitbench.study.run_study import run_study
from vitbench.study.seeds import Seeds
from vitbench.study.sweep_plan import SweepPlan, plan_sweep
from vitbench.study.tuning import Tuning


@dataclass(frozen=True)
class SweepOutcome:
    """What a sweep left.

    Attributes:
        results_files: The results file of each study.
        failed: The runs that failed; the next sweep tries them again.
    """

    results_files: list[Path]
    failed: list[StudyRun]


@dataclass(frozen=True)
class _Training:
    """What trains the runs of a sweep.

    Attributes:
        options: Options of each run.
        executor: Executes the runs.
        listen: Called with every event.
    """

    options: RunOptions
    executor: Executor
    listen: SweepListener


def run_sweep(request: SweepRequest, listen: SweepListener = ignore) -> SweepOutcome:
    """Run studies: everything that `vitbench sweep` does, without its output.

    Complete runs are not trained again, so the same request resumes an interrupted sweep.

    Args:
        request: The studies, and how to run them.
        listen: Called with every event. An error of it is logged and stops nothing, except
            KeyboardInterrupt and SystemExit, which are raised here.

    Raises:
        FileError: A file is damaged or could not be written; nothing was trained yet.
        UsageError: The request cannot be met; nothing was trained yet.
        VitbenchError: A trial failed, or all trials of a variant diverged.
    """
    return run_planned_sweep(plan_sweep(request), listen)


def run_planned_sweep(plan: SweepPlan, listen: SweepListener = ignore) -> SweepOutcome:
    """Run a sweep that is planned already; see run_sweep."""
    request, jobs = plan.request, plan.jobs
    with closing(build_executor(jobs.jobs, jobs.threads, request.executor)) as executor:
        training = _Training(plan.options, executor, guarded(listen))
        for tuning in plan.tunings:
            _tune(tuning, training)
        # Planned again, because tuning has chosen values by now.
        studies = [plan.with_seeds(tuning, request.first_seeds) for tuning in plan.tunings]
        failed = _train(studies, training)
        if request.precision_pct is not None and not failed:
            for tuning in plan.tunings:
                failed += _add_seeds(plan, tuning, request.precision_pct, training)
    return SweepOutcome([study.results_file for study in studies], failed)


def _tune(tuning: Tuning, training: _Training) -> None:
    """Run the incomplete trials of a study; its tuning keeps the chosen values."""
    field = tuning.field.rpartition(".")[2]
    incomplete = tuple(
        (f"{trial.variant} {field}={trial.value}", trial.spec)
        for trial in tuning.trials
        if trial.to_train
    )
    study = tuning.study.name
    training.listen(RunsStarted(f"{study}, trials", incomplete))
    chosen = tuning.choose(training.options, training.listen, training.executor)
    training.listen(RunsEnded())
    for variant, value in chosen.items():
        training.listen(ValueChosen(study, variant, tuning.field, value))


def _train(studies: Sequence[StudyPlan], training: _Training) -> list[StudyRun]:
    """Train the incomplete runs of studies; return those that failed."""
    failed = []
    title = " ".join(plan.study.name for plan in studies)
    runs = tuple((_name(run, studies), run.spec) for run in runs_to_train(studies))
    training.listen(RunsStarted(title, runs))
    for plan in studies:
        for run in run_study(plan, training.options, training.listen, training.executor):
            training.listen(RunRecorded(plan.study.name, run))
            if run.status == "failed":
                failed.append(run)
    training.listen(RunsEnded())
    return failed


def _name(run: PlannedRun, studies: Sequence[StudyPlan]) -> str:
    """The name of a run in events; with several studies it includes the study."""
    name = f"{run.variant.key} s{run.spec.seed}"
    if len(studies) == 1:
        return name
    identity = run.spec.identity
    study = next(
        plan.study.name
        for plan in studies
        if any(other.spec.identity == identity for other in plan.runs)
    )
    return f"{study} {name}"


def _add_seeds(
    plan: SweepPlan, tuning: Tuning, half_width_pct: float, training: _Training
) -> list[StudyRun]:
    """Add seeds to a study until its intervals are narrow; return the runs that failed."""
    looks: list[Look] = []
    most = plan.request.most_seeds
    first = plan.with_seeds(tuning, plan.request.first_seeds)
    costs = {run.variant.key: float(run_flop(run.spec)) for run in first.runs}
    numbers = dict.fromkeys(costs, FIRST_LOOK)
    while True:
        study = plan.with_seeds(tuning, Seeds.counted(numbers))
        failed = _train([study], training)
        if failed:
            return failed
        results = read_results(study.results_file)
        rule = PrecisionRule(half_width_pct=half_width_pct, max_seeds=most)
        look, compared = look_at(results, numbers, rule)
        looks.append(look)
        header = study.header.model_copy(
            update={"precision": rule.model_copy(update={"looks": looks})}
        )
        merge_runs(study.results_file, header, [])
        more = next_seeds(compared, numbers, costs, most, plan.jobs.jobs)
        status: WidthStatus = "continue"
        if is_reached(looks, half_width_pct):
            status = "narrow"
        elif is_out_of_reach(compared, half_width_pct):
            status = "unreachable"
        elif more == numbers or is_unaffordable(compared, half_width_pct, most):
            status = "stopped"
        training.listen(WidthChecked(study.study.name, look, half_width_pct, status))
        if status != "continue":
            return []
        numbers = more
