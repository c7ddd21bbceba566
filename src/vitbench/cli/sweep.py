"""`vitbench sweep`: studies, variants times seeds in, a results file each out."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vitbench.cli import console, options

if TYPE_CHECKING:
    from vitbench.runs.schema import StudyResults, StudyRun
    from vitbench.study.plan import StudyPlan

DOCUMENT_STUDIES = ("patch-size", "pos-embed", "hyperparams", "augmentation")


def sweep(
    studies: Annotated[
        list[str],
        typer.Argument(
            metavar="STUDY...",
            help=f"{', '.join(DOCUMENT_STUDIES)}, all (these four), another name that "
            "`vitbench studies` lists, or a study file of your own.",
            show_default=False,
        ),
    ],
    preset: options.Preset = "default",
    fields: options.SetFields = None,
    seeds: Annotated[
        int | None, typer.Option("--seeds", help="Number of seeds, from 0 up; three unless given.")
    ] = None,
    seed_list: Annotated[
        str | None, typer.Option("--seed-list", help="The seeds themselves, as 0,1,7.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="VARIANT", help="Run this variant alone.")
    ] = None,
    results_dir: options.ResultsDir = Path("results"),
    runs_dir: options.RunsDir = Path("runs"),
    dataset: options.Dataset = None,
    data_dir: options.DataDir = None,
    epochs: options.Epochs = None,
    device: options.Device = "auto",
    wandb: options.Wandb = "auto",
    dry_run: options.DryRun = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Run studies: all variants, several seeds.

    What is done already is not done again, so the same command goes on after a stop, and a larger
    --seeds adds to what is there.
    """
    options.check_word("--device", device, options.DEVICES)
    options.check_word("--wandb", wandb, options.WANDB_MODES)
    options.check_folder("--results-dir", results_dir)
    options.check_folder("--runs-dir", runs_dir)
    names = [n for given in studies for n in (DOCUMENT_STUDIES if given == "all" else (given,))]
    from vitbench.spec.study import base_spec, load_study

    loaded = [load_study(name) for name in dict.fromkeys(names)]
    layers = options.spec_layers(preset, None, fields, dataset, epochs)
    chosen = options.parse_seeds(seeds, seed_list)

    # From here on torch is needed.
    from vitbench.study.plan import plan_study, runs_to_train, seconds_for
    from vitbench.training.device import pick_device

    target = pick_device(device)
    plans = [
        plan_study(
            study, base_spec(study, *layers), preset, chosen, only or [], results_dir, runs_dir
        )
        for study in loaded
    ]
    to_train = [run.spec for run in runs_to_train(plans)]
    if dry_run:
        _show_plan(plans, seconds_for(to_train, target), as_json)
        return
    if preset in options.GPU_PRESETS and target.type == "cpu" and to_train and not quiet:
        options.warn_slow(preset, seconds_for(to_train, target))
    if to_train and not quiet:
        options.say_wandb_mode(wandb)
    failed = _run(plans, data_dir, device, wandb, quiet)
    _show_results(plans, as_json, quiet)
    if failed:
        for run in failed:
            console.error(f"{run.variant}, seed {run.seed} failed: {run.reason}")
        raise typer.Exit(1)


def _run(
    plans: "list[StudyPlan]", data_dir: Path | None, device: str, wandb: str, quiet: bool
) -> "list[StudyRun]":
    """Do what is missing of the plans, with bars; the runs that failed."""
    from vitbench.cli.progress import Progress
    from vitbench.study.plan import run_flop, runs_to_train
    from vitbench.study.sweep import sweep as run_plan

    runs = [run.spec for run in runs_to_train(plans)]
    failed = []
    with Progress(
        " ".join(plan.study.name for plan in plans), len(runs), sum(map(run_flop, runs)), quiet
    ) as progress:
        for plan in plans:
            for run in run_plan(plan, data_dir, device, wandb, progress):
                if run.status == "failed":
                    failed.append(run)
    return failed


def _show_plan(plans: "list[StudyPlan]", seconds: float, as_json: bool) -> None:
    """Print what would be done."""
    rows = [(plan, run) for plan in plans for run in plan.runs]
    if as_json:
        runs = [
            {
                "study": plan.study.name,
                "variant": run.variant.key,
                "seed": run.spec.seed,
                "state": run.state,
                "run_folder": str(run.folder),
                "num_params": run.cost.num_params,
                "forward_flop": run.cost.forward_flop,
                "train_flop": run.cost.train_flop,
                "identity": run.spec.identity,
            }
            for plan, run in rows
        ]
        console.product(json.dumps({"runs": runs, "estimated_time_s": round(seconds, 1)}, indent=1))
        return
    console.product(
        console.table(
            ("study", "variant", "seed", "parameters", "GFLOP/image", "TFLOP", "state"),
            [
                (
                    plan.study.name,
                    run.variant.key,
                    str(run.spec.seed),
                    f"{run.cost.num_params:,}",
                    f"{run.cost.forward_flop / 1e9:.3f}",
                    f"{run.cost.train_flop / 1e12:.1f}",
                    run.state,
                )
                for plan, run in rows
            ],
        )
    )
    identities = {run.spec.identity: run for _, run in rows if run.to_train}
    flop = sum(run.cost.train_flop for run in identities.values())
    console.product(
        f"\nto train: {len(identities)} runs, {flop / 1e12:.1f} TFLOP, "
        f"{options.about(seconds)} on this machine"
    )


def _show_results(plans: "list[StudyPlan]", as_json: bool, quiet: bool) -> None:
    """Print a table of each study and the files written."""
    from vitbench.runs.results import read_results

    held = [read_results(plan.results_file) for plan in plans if plan.results_file.exists()]
    if as_json:
        console.product(json.dumps([results.model_dump(mode="json") for results in held]))
        return
    files = [plan.results_file for plan in plans if plan.results_file.exists()]
    for results, path in zip(held, files, strict=True):
        console.product(f"{results.study.title}: {path}")
        console.product(_table(results) + "\n")
    if not quiet:
        console.note(f"next: vitbench report {' '.join(map(str, files))} > RESULTS.md")


def _table(results: "StudyResults") -> str:
    from vitbench.report.rows import study_rows
    from vitbench.report.verdict import verdict_words
    from vitbench.report.words import (
        accuracy_words,
        count_words,
        gflop_words,
        not_averaged_words,
        time_words,
    )
    from vitbench.study.comparison import compare_study

    compared = compare_study(results)
    reference = results.study.variant(results.study.reference_key).label
    heads = ("variant", "test accuracy in %", "seeds", f"against {reference}")
    return console.table(
        (*heads, "parameters", "GFLOP", "time a run", ""),
        [
            (
                row.label,
                accuracy_words(row),
                str(len(row.accuracy_by_seed)),
                verdict_words(row, results, compared),
                count_words(row.num_params),
                gflop_words(row.forward_flop),
                time_words(row.train_time_s),
                "; ".join(not_averaged_words(row)),
            )
            for row in study_rows(results, compared)
        ],
    )
