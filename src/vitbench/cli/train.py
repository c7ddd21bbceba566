"""`vitbench train`: one experiment: a spec in, a run folder out."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vitbench.cli import console, costs, options, spec_options
from vitbench.config.allowed import DEVICES
from vitbench.config.presets import AUTO, preset_fields, preset_for
from vitbench.runs.writable import check_folder, check_writable

if TYPE_CHECKING:
    from vitbench.runs.folder import RunFolder
    from vitbench.runs.schema import RunResult
    from vitbench.runs.train_plan import TrainPlan


def train(
    preset: spec_options.Preset = AUTO,
    spec_file: Annotated[
        Path | None,
        typer.Option(
            "--spec",
            help="Spec file (YAML or JSON), applied over the preset; a run's spec.json works too.",
            parser=options.path,
        ),
    ] = None,
    fields: spec_options.SetFields = None,
    dataset: spec_options.Dataset = None,
    data_dir: options.DataDir = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Run folder; default: runs/<name>-<hash>.", parser=options.path),
    ] = None,
    seed: spec_options.Seed = None,
    epochs: spec_options.Epochs = None,
    device: options.Device = "auto",
    micro_batch: options.MicroBatch = "auto",
    recompute: options.Recompute = False,
    compile_: options.Compile = False,
    tracker: options.Tracker = "wandb",
    wandb: options.Wandb = "auto",
    dry_run: options.DryRun = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Train one model and test it once.

    Writes a run folder with the checkpoint, the history and the result. An interrupted run resumes
    after its last finished epoch; a complete run is not trained again. Next: `vitbench visualize
    all RUN_FOLDER`.
    """
    options.check_word("--device", device, DEVICES)
    options.check_tracking(tracker, wandb)
    images_at_once = options.parse_micro_batch(micro_batch)
    layers = spec_options.spec_layers(preset, spec_file, fields, dataset, epochs, seed)
    from vitbench.config.build import build_spec

    spec = build_spec(*layers)
    folder = out or Path("runs")
    check_folder("--out", folder)

    # From here on torch is needed.
    from vitbench.cli.progress import Progress
    from vitbench.runs.experiment import RunOptions, RunRequest, run_experiment
    from vitbench.runs.folder import RunFolder
    from vitbench.runs.train_plan import plan_training
    from vitbench.study import estimate
    from vitbench.study.listener import guarded
    from vitbench.training.device import pick_device

    target = pick_device(device)
    asked, preset = preset, preset_for(preset, target.type)
    spec = build_spec(preset_fields(preset), layers[1])
    folder = out or RunFolder.of(spec, Path("runs")).path
    check_writable("--out", folder)
    plan = plan_training(spec, folder, target)
    matters = estimate.preset_matters(layers[1])  # not beside a complete spec
    if matters and not quiet:
        costs.say_auto_preset(asked, preset, device, plan.to_train)
    known_preset = preset if matters else None
    time = estimate.TimeEstimate(0.0, is_long=False)
    if dry_run or not quiet:
        time = estimate.estimate_time(plan.to_train, known_preset, target, data_dir, dry_run)
    if time.is_long and not quiet:
        costs.warn_of_time(known_preset, time.seconds, target, ["fewer epochs (--epochs)"])
    if dry_run:
        _show_plan(plan, time.seconds, as_json)
        return
    if not plan.is_complete and not quiet:
        options.say_wandb_mode(wandb, tracker)
    run_options = RunOptions(data_dir, device, tracker, wandb, images_at_once, recompute, compile_)
    request = RunRequest(spec, folder, run_options)
    name = f"{spec.data.dataset.name} s{spec.seed}"
    with Progress(name, [(name, spec)], quiet) as progress:
        result = run_experiment(request, guarded(progress))
    if as_json:
        console.product(json.dumps({"run_folder": str(folder), **result.model_dump(mode="json")}))
        return
    _show_result(result, plan.folder)
    if plan.is_complete and not quiet:
        console.note("this run is complete: nothing was trained")


def _show_plan(plan: "TrainPlan", seconds: float, as_json: bool) -> None:
    if as_json:
        console.product(json.dumps(plan.to_json(seconds), indent=1))
        return
    rows = [
        ("run folder", f"{plan.folder.path} ({plan.state})"),
        ("parameters", f"{plan.cost.num_params:,}"),
        ("forward pass", f"{plan.cost.forward_flop / 1e9:.3f} GFLOP per image"),
        ("training", f"{plan.cost.train_flop / 1e12:.1f} TFLOP"),
        ("time here", options.about(seconds)),
    ]
    console.product(console.table(("plan", ""), rows))


def _show_result(result: "RunResult", folder: "RunFolder") -> None:
    if result.status == "diverged":
        rows = [("status", f"diverged: {result.reason}")]
    else:
        rows = [
            ("test accuracy", f"{result.test_top1_pct:.2f} %"),
            ("validation accuracy", f"{result.val_top1_pct:.2f} %"),
        ]
    rows += [
        ("epochs", str(result.epochs)),
        ("training time", console.duration(result.train_time_s)),
        ("run folder", str(folder.path)),
        ("checkpoint", str(folder.checkpoint)),
    ]
    console.product(console.table(("run", result.name), rows))
