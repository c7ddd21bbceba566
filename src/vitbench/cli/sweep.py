"""`vitbench sweep`: studies in, one results file each out."""

import os
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vitbench.cli import console, costs, options, spec_options
from vitbench.config.allowed import DEVICES
from vitbench.config.presets import AUTO, preset_fields, preset_for
from vitbench.errors import FileError, UsageError
from vitbench.registry import EXECUTORS

if TYPE_CHECKING:
    from vitbench.config.build import Tree
    from vitbench.config.experiment import ExperimentSpec
    from vitbench.config.study import StudySpec
    from vitbench.runs.experiment import RunOptions
    from vitbench.runs.schema import StudyRun
    from vitbench.study.executors.executor import Executor
    from vitbench.study.plan import PlannedRun, StudyPlan
    from vitbench.study.tuning import Tuning

BUDGETS = ("epochs", "flops")
DOCUMENT_STUDIES = ("patch-size", "pos-embed", "hyperparams", "augmentation")


@dataclass(frozen=True)
class How:
    """How runs are trained.

    Attributes:
        options: Options of each run.
        quiet: Whether to show no progress.
        executor: What trains them.
    """

    options: "RunOptions"
    quiet: bool
    executor: "Executor"


def sweep(
    studies: Annotated[
        list[str],
        typer.Argument(
            metavar="STUDY...",
            help=f"{', '.join(DOCUMENT_STUDIES)}, all (these four), another name from `vitbench "
            "studies`, or your own study file.",
            show_default=False,
        ),
    ],
    preset: spec_options.Preset = AUTO,
    fields: spec_options.SetFields = None,
    seeds: Annotated[
        int | None, typer.Option("--seeds", help="Number of seeds, counted from 0; default: 3.")
    ] = None,
    seed_list: Annotated[
        str | None, typer.Option("--seed-list", help="A list of seeds, such as 0,1,7.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="VARIANT", help="Train only this variant; repeatable."),
    ] = None,
    precision: Annotated[
        float | None,
        typer.Option(
            "--precision",
            metavar="POINTS",
            help="Add seeds until the half-width of every interval is at most this.",
        ),
    ] = None,
    max_seeds: Annotated[
        int | None,
        typer.Option("--max-seeds", help="Largest number of seeds with --precision; default: 20."),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            "--budget",
            help="Equalise epochs or flops across variants; default: as the study says.",
        ),
    ] = None,
    tune: Annotated[
        str | None,
        typer.Option(
            "--tune",
            metavar="KEY=VALUES",
            help="Tune a field per variant on validation accuracy, such as train.lr=1e-3,2e-3.",
        ),
    ] = None,
    results_dir: options.ResultsDir = Path("results"),
    runs_dir: options.RunsDir = Path("runs"),
    dataset: spec_options.Dataset = None,
    data_dir: options.DataDir = None,
    epochs: spec_options.Epochs = None,
    device: options.Device = "auto",
    jobs: Annotated[
        str,
        typer.Option(
            "--jobs",
            "-j",
            help="Number of parallel runs; auto: one per CPU core, or 1 on a GPU.",
        ),
    ] = "auto",
    executor_name: Annotated[
        str,
        typer.Option(
            "--executor",
            help=f"How runs are executed: {', '.join(EXECUTORS.names())}; auto is local for one "
            "run at a time, otherwise processes.",
        ),
    ] = "auto",
    micro_batch: options.MicroBatch = "auto",
    recompute: options.Recompute = False,
    compile_: options.Compile = False,
    tracker: options.Tracker = "wandb",
    wandb: options.Wandb = "auto",
    dry_run: options.DryRun = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Train all variants of studies over several seeds.

    Writes one results file per study. Complete runs are not trained again, so the same command
    resumes an interrupted sweep, and a larger --seeds adds runs.
    """
    options.check_word("--device", device, DEVICES)
    options.check_tracking(tracker, wandb)
    options.check_executor(executor_name, jobs)
    images_at_once = options.parse_micro_batch(micro_batch)
    options.check_folder("--results-dir", results_dir)
    options.check_folder("--runs-dir", runs_dir)
    names = [n for given in studies for n in (DOCUMENT_STUDIES if given == "all" else (given,))]
    from vitbench.config.study import base_spec, load_study

    given = {name: _with_budget(load_study(name), budget) for name in names}
    loaded = _each_once(given)
    layers = spec_options.spec_layers(preset, None, fields, dataset, epochs)
    if "seed" in layers[1]:
        raise UsageError("--set seed: a sweep has several seeds: use --seeds N or --seed-list")
    if precision is None and max_seeds is not None:
        raise UsageError("--max-seeds belongs to --precision; use --seeds N for N seeds")
    most_seeds = 20 if max_seeds is None else max_seeds
    chosen = _first_seeds(seeds, seed_list, precision, most_seeds)

    # From here on torch is needed.
    from vitbench.cli.sweep_tables import show_plan, show_results
    from vitbench.data.datasets import load_images
    from vitbench.runs.experiment import RunOptions
    from vitbench.study import estimate
    from vitbench.study.executors.executor import build_executor
    from vitbench.study.jobs import choose_jobs
    from vitbench.study.plan import check_apart, plan_study, runs_to_train
    from vitbench.study.tuning import Tuning, parse_tune
    from vitbench.training.device import pick_device

    target = pick_device(device)
    asked_preset, preset = preset, preset_for(preset, target.type)
    layers = (dict(preset_fields(preset)), layers[1])
    bases = {study.name: base_spec(study, *layers) for study in loaded}
    asked = None if tune is None else parse_tune(tune)
    tunings = [
        Tuning(study, bases[study.name], asked, chosen, results_dir, runs_dir) for study in loaded
    ]

    def plan_for(tuning: Tuning, seeds: Sequence[int]) -> "StudyPlan":
        return plan_study(
            tuning.study, tuning.base, preset, seeds, only or [], results_dir, runs_dir,
            tuning.tuned,
        )  # fmt: skip

    plans = [plan_for(tuning, chosen) for tuning in tunings]
    check_apart(plans)
    trials = [trial.spec for tuning in tunings for trial in tuning.trials if trial.to_train]
    to_train = [*trials, *(run.spec for run in runs_to_train(plans))]
    shared = choose_jobs("1" if executor_name == "local" else jobs, plans, len(to_train), target)
    _check_writable(results_dir, [plan.results_file for plan in plans], runs_dir)
    for study in () if quiet else loaded:
        _say_what_counts_for_nothing(study, bases[study.name], layers[1])
    if not quiet:
        costs.say_auto_preset(asked_preset, preset, device, to_train)
    timed = estimate.is_slow_here(preset, target) or estimate.may_take_a_day(to_train, target)
    timed = timed and bool(to_train) and not quiet
    if timed and not dry_run:  # missing data is reported before anything is timed
        load_images(to_train[0].data, "train", data_dir)
    seconds = estimate.seconds_if_it_fits(to_train, target) if dry_run or timed else 0.0
    if timed and seconds:
        fixed = precision is not None or seed_list is not None
        costs.warn_of_time(preset, seconds, target, _less(plans, fixed))
    if dry_run:
        show_plan(plans, trials, seconds, as_json)
        return
    if to_train and not quiet:
        options.say_wandb_mode(wandb, tracker)
    with closing(build_executor(shared.jobs, shared.threads, executor_name)) as executor:
        run_options = RunOptions(
            data_dir, device, tracker, wandb, images_at_once, recompute, compile_
        )
        how = How(run_options, quiet, executor)
        for tuning in tunings:
            _choose(tuning, how)
        failed = _run([plan_for(tuning, chosen) for tuning in tunings], how)
        if precision is not None and not failed:
            for tuning in tunings:
                failed += _add_seeds(partial(plan_for, tuning), precision, most_seeds, how)
    show_results(plans, as_json, quiet)
    if failed:
        for run in failed:
            console.error(f"{run.variant}, seed {run.seed} failed: {run.reason}")
        raise typer.Exit(1)


def _each_once(given: "dict[str, StudySpec]") -> "list[StudySpec]":
    """The given studies by name or file, each once.

    Raises:
        UsageError: Two studies have the same name.
    """
    by_name: dict[str, str] = {}
    for source, study in given.items():
        other = by_name.setdefault(study.name, source)
        if given[other] != study:
            raise UsageError(
                f"{other} and {source} are different studies with the same name ({study.name}): "
                "rename one"
            )
    return [given[source] for source in by_name.values()]


def _say_what_counts_for_nothing(study: "StudySpec", base: "ExperimentSpec", asked: "Tree") -> None:
    """Print variants that are identical on this base, and --set fields without effect."""
    from vitbench.config.study import is_factor
    from vitbench.study.variants import same_experiments

    for one, other in same_experiments(study, base):
        console.note(
            f"{study.name}: {one.key} and {other.key} are the same experiment on this base"
        )
    fields = [f"{section}.{name}" for section in asked for name in asked[section]]
    for field in fields:
        if all(field in v.set and not is_factor(v.set[field]) for v in study.variants):
            console.note(
                f"{study.name}: every variant sets {field}, so --set {field} has no effect"
            )


def _check_writable(results_dir: Path, results_files: Sequence[Path], runs_dir: Path) -> None:
    """Raise FileError if a sweep could not write its files."""
    for file in dict.fromkeys(results_files):
        options.check_writable("--results-dir", results_dir)
        options.check_writable("--results-dir", file.parent)
        lock = file.with_name(f".{file.name}.lock")
        if lock.exists() and not (lock.is_file() and os.access(lock, os.W_OK)):
            raise FileError(f"--results-dir {results_dir}: cannot write {lock}")
    options.check_writable("--runs-dir", runs_dir)


def _less(plans: "Sequence[StudyPlan]", fixed_seeds: bool) -> list[str]:
    """Options with which studies would take less time."""
    runs = [run for plan in plans for run in plan.runs]
    several = len({run.spec.seed for run in runs}) > 1 and not fixed_seeds
    ways = ["fewer seeds (--seeds 1)"] if several else []
    if len({run.variant.key for run in runs}) > 1:
        ways.append("one variant (--only)")
    return [*ways, "fewer epochs (--epochs)"]


def _with_budget(study: "StudySpec", budget: str | None) -> "StudySpec":
    if budget is None:
        return study
    options.check_word("--budget", budget, BUDGETS)
    return study.model_copy(update={"budget": budget})


def _first_seeds(
    seeds: int | None, seed_list: str | None, precision: float | None, max_seeds: int
) -> list[int]:
    """The first seeds."""
    from vitbench.study.precision import FIRST_LOOK

    if precision is None:
        return options.parse_seeds(seeds, seed_list)
    if seeds is not None or seed_list is not None:
        raise UsageError("--precision adds seeds itself: omit --seeds and --seed-list")
    if not 0 < precision < 100:
        raise UsageError(
            f"--precision {precision:g}: give points above 0 and below 100, such as 0.5"
        )
    if not FIRST_LOOK < max_seeds <= 1000:
        raise UsageError(f"--max-seeds {max_seeds}: give a number from {FIRST_LOOK + 1} to 1000")
    return list(range(FIRST_LOOK))


def _choose(tuning: "Tuning", how: How) -> None:
    """Run the remaining trials of a study, with progress bars."""
    from vitbench.cli.progress import Progress

    field = tuning.field.rpartition(".")[2]
    left = [
        (f"{trial.variant} {field}={trial.value}", trial.spec)
        for trial in tuning.trials
        if trial.to_train
    ]
    title = f"{tuning.study.name}, trials"
    with Progress(title, left, how.quiet) as progress:
        chosen = tuning.choose(how.options, progress, how.executor)
    for variant, value in chosen.items():
        if not how.quiet:
            console.note(f"{tuning.study.name}, {variant}: chose {tuning.field} {value}")


def _run(plans: "list[StudyPlan]", how: How) -> "list[StudyRun]":
    """Train the remaining runs of plans, with progress bars; return those that failed."""
    from vitbench.cli.progress import Progress
    from vitbench.study.plan import runs_to_train
    from vitbench.study.sweep import sweep as run_plan

    failed = []
    title = " ".join(plan.study.name for plan in plans)
    runs = [(_name(run, plans), run.spec) for run in runs_to_train(plans)]
    with Progress(title, runs, how.quiet) as progress:
        for plan in plans:
            for run in run_plan(plan, how.options, progress, how.executor):
                progress.ended(run)
                if run.status == "failed":
                    failed.append(run)
    return failed


def _name(run: "PlannedRun", plans: "list[StudyPlan]") -> str:
    """The name of a run in progress output; with several studies it includes the study."""
    name = f"{run.variant.key} s{run.spec.seed}"
    if len(plans) == 1:
        return name
    identity = run.spec.identity
    study = next(p.study.name for p in plans if any(r.spec.identity == identity for r in p.runs))
    return f"{study} {name}"


def _add_seeds(
    plan_for: "Callable[[Sequence[int]], StudyPlan]",
    half_width_pct: float,
    max_seeds: int,
    how: How,
) -> "list[StudyRun]":
    """Add seeds to a study until its intervals are narrow; return the runs that failed."""
    from vitbench.runs.results import merge_runs, read_results
    from vitbench.runs.schema import PrecisionRule
    from vitbench.study.precision import FIRST_LOOK, is_out_of_reach, is_reached, look_at

    def say(text: str) -> None:
        if not how.quiet:
            console.note(f"{plan.study.name}, {num_seeds} seeds: {text}")

    looks = []
    for num_seeds in range(FIRST_LOOK, max_seeds + 1):
        plan = plan_for(range(num_seeds))
        failed = _run([plan], how)
        if failed:
            return failed
        results = read_results(plan.results_file)
        looks.append(look_at(results, num_seeds))
        rule = PrecisionRule(half_width_pct=half_width_pct, max_seeds=max_seeds, looks=looks)
        merge_runs(plan.results_file, plan.header.model_copy(update={"precision": rule}), [])
        widest = looks[-1].widest_pct
        say("nothing to compare" if widest is None else f"widest interval ±{widest:.2f} points")
        if is_reached(looks, half_width_pct):
            return []
        if is_out_of_reach(results, half_width_pct):
            say(
                f"no number of seeds brings every interval to ±{half_width_pct:g}: the test set "
                "is too small"
            )
            return []
    say(f"not yet within ±{half_width_pct:g}; a larger --max-seeds continues from here")
    return []
