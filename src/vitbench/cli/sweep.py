"""`vitbench sweep`: studies in, one results file each out."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vitbench.cli import console, costs, options, spec_options
from vitbench.config.allowed import DEVICES
from vitbench.config.presets import AUTO
from vitbench.registry import EXECUTORS
from vitbench.runs.writable import check_folder
from vitbench.study.request import DOCUMENT_STUDIES, SweepRequest, load_studies

if TYPE_CHECKING:
    from vitbench.study.sweep_plan import SweepPlan


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
        str | None,
        typer.Option(
            "--seeds",
            metavar="N",
            help="Number of seeds, counted from 0; default: 3. Or VARIANT=N, several with commas; "
            "a number among them is for the others.",
        ),
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
    check_folder("--results-dir", results_dir)
    check_folder("--runs-dir", runs_dir)
    loaded = load_studies(studies, budget)
    _, overrides = spec_options.spec_layers(preset, None, fields, dataset, epochs)
    is_given = seeds is not None or seed_list is not None
    count, by_variant = options.parse_numbers_of_seeds(seeds)
    given_seeds = tuple(options.parse_seeds(count, seed_list)) if is_given else None
    request = SweepRequest(
        loaded, overrides, preset, given_seeds, by_variant, tuple(only or ()), precision, max_seeds,
        tune, results_dir, runs_dir, jobs, executor_name,
    )  # fmt: skip

    # From here on torch is needed.
    from vitbench.cli.sweep_progress import SweepProgress
    from vitbench.cli.sweep_tables import show_plan, show_results
    from vitbench.runs.experiment import RunOptions
    from vitbench.study.sweep import run_planned_sweep
    from vitbench.study.sweep_plan import plan_sweep

    run_options = RunOptions(data_dir, device, tracker, wandb, images_at_once, recompute, compile_)
    plan = plan_sweep(replace(request, run_options=run_options))
    if not quiet:
        for note in plan.notes:
            console.note(note)
    seconds = _estimate(plan, fixed_seeds=seed_list is not None, dry_run=dry_run, quiet=quiet)
    if dry_run:
        show_plan(plan.studies, plan.trials, seconds, as_json)
        return
    if plan.to_train and not quiet:
        options.say_wandb_mode(wandb, tracker)
    with SweepProgress(quiet) as progress:
        outcome = run_planned_sweep(plan, progress)
    show_results(plan.studies, as_json, quiet)
    if outcome.failed:
        for run in outcome.failed:
            console.error(f"{run.variant}, seed {run.seed} failed: {run.reason}")
        raise typer.Exit(1)


def _estimate(plan: "SweepPlan", fixed_seeds: bool, dry_run: bool, quiet: bool) -> float:
    """The estimated seconds of a sweep, with a warning if it takes long; 0 if nothing was timed.

    Args:
        plan: The plan.
        fixed_seeds: Whether the seeds were listed, so that fewer are no option.
        dry_run: Whether the estimate is needed even if it is short.
        quiet: Whether to print nothing.
    """
    from vitbench.study import estimate

    to_train, device, request = plan.to_train, plan.device, plan.request
    if not quiet:
        costs.say_auto_preset(request.preset, plan.preset, plan.options.device, to_train)
    if quiet and not dry_run:
        return 0.0
    time = estimate.estimate_time(to_train, plan.preset, device, plan.options.data_dir, dry_run)
    if time.is_long and not quiet:
        ways = _ways_to_take_less(plan, fixed_seeds or request.precision_pct is not None)
        costs.warn_of_time(plan.preset, time.seconds, device, ways)
    return time.seconds


def _ways_to_take_less(plan: "SweepPlan", fixed_seeds: bool) -> list[str]:
    """Options with which a sweep would take less time."""
    runs = [run for study in plan.studies for run in study.runs]
    several = len({run.spec.seed for run in runs}) > 1 and not fixed_seeds
    ways = ["fewer seeds (--seeds 1)"] if several else []
    if len({run.variant.key for run in runs}) > 1:
        ways.append("one variant (--only)")
    return [*ways, "fewer epochs (--epochs)"]
