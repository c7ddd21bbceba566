"""`vitbench runs`: list run folders, and remove those that no results file refers to."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vitbench.cli import console, options
from vitbench.cli.groups import Group
from vitbench.errors import UsageError
from vitbench.runs.writable import check_folder

if TYPE_CHECKING:
    from vitbench.runs.catalogue import CataloguedRun
    from vitbench.runs.results_folder import ResultsFolder

app = typer.Typer(
    cls=Group,
    rich_markup_mode=None,
    help="List run folders, or remove those that no results file refers to.",
)


@app.callback(invoke_without_command=True)
def _runs(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_runs()


@app.command("list")
def list_runs(
    runs_dir: options.RunsDir = Path("runs"),
    results_dir: options.ResultsDir = Path("results"),
    as_json: options.Json = False,
) -> None:
    """List run folders: state, results files that refer to them, seed, epochs, accuracy, size."""
    from vitbench.runs.catalogue import catalogue
    from vitbench.runs.results_folder import read_folder

    _check_folders(runs_dir, results_dir)
    content = read_folder(results_dir)
    runs = catalogue(runs_dir, content.studies)
    _note_skipped(content)
    for error in content.damaged:
        console.note(f"{error}: the runs it refers to are unknown")
    if as_json:
        console.product(json.dumps([_as_json(run) for run in runs], indent=1))
        return
    if not runs:
        console.note(f"no run folders in {runs_dir}")
        return
    console.product(_table(runs))


@app.command("prune")
def prune(
    runs_dir: options.RunsDir = Path("runs"),
    results_dir: options.ResultsDir = Path("results"),
    unfinished: Annotated[
        bool, typer.Option("--unfinished", help="Also remove incomplete runs.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also remove runs that a results file refers to.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be removed, and remove nothing.")
    ] = False,
) -> None:
    """Remove run folders that no results file refers to.

    Shows them and asks first. Runs that are being trained are always kept. `vitbench report` works
    without run folders; `vitbench visualize` needs them.
    """
    from vitbench.runs import prune as pruning
    from vitbench.runs.catalogue import catalogue, find_leftovers, remove_leftovers
    from vitbench.runs.results_folder import read_folder

    _check_folders(runs_dir, results_dir)
    content = read_folder(results_dir)
    _note_skipped(content)
    if not force:
        pruning.refuse_damaged(content.damaged)
    runs = pruning.removable_runs(catalogue(runs_dir, content.studies), unfinished, force)
    leftovers = find_leftovers(runs_dir)
    if leftovers:
        console.note(
            f"{len(leftovers)} of {runs_dir}/.removed-* remain from an interrupted prune"
            f"{'' if dry_run else ': removed too'}"
        )
    if not runs:
        if not leftovers:
            console.note(f"nothing to remove in {runs_dir}")
        elif not dry_run:
            remove_leftovers(runs_dir)
        return
    console.product(_table(runs))
    if dry_run:
        return
    if not yes and not _is_confirmed(runs):
        console.note("nothing was removed")
        return
    pruned = pruning.prune(runs, runs_dir, results_dir, force)
    for folder, reason in pruned.kept:
        console.note(f"{folder} stays: {reason}")
    console.note(f"removed {_total(pruned.removed)}" if pruned.removed else "nothing was removed")


def _check_folders(runs_dir: Path, results_dir: Path) -> None:
    check_folder("--runs-dir", runs_dir)
    check_folder("--results-dir", results_dir)


def _note_skipped(content: "ResultsFolder") -> None:
    for error in content.foreign:
        console.note(f"{error}; skipped")


def _is_confirmed(runs: "Sequence[CataloguedRun]") -> bool:
    """Ask the user to confirm.

    Raises:
        UsageError: There is no terminal to ask in.
    """
    if not sys.stdin.isatty():
        raise UsageError(
            "cannot ask for confirmation without a terminal: add --yes, or --dry-run "
            "to see what would be removed"
        )
    return typer.confirm(f"remove {_total(runs)}?", err=True)


def _total(runs: "Sequence[CataloguedRun]") -> str:
    from vitbench.report.numbers import memory_words

    number = f"{len(runs)} run folder{'s' if len(runs) > 1 else ''}"
    return f"{number}, {memory_words(sum(run.num_bytes for run in runs))}"


def _table(runs: "Sequence[CataloguedRun]") -> str:
    from vitbench.report.numbers import memory_words

    rows = [
        (
            run.folder.name,
            run.state,
            ", ".join(run.named_by) or "-",
            "-" if run.seed is None else str(run.seed),
            f"{run.epochs}/{'?' if run.of_epochs is None else run.of_epochs}",
            "-" if run.test_top1_pct is None else f"{run.test_top1_pct:.2f}",
            memory_words(run.num_bytes),
        )
        for run in runs
    ]
    heads = ("run", "state", "referred to by", "seed", "epochs", "test accuracy in %", "size")
    return f"{console.table(heads, rows, least=('seed', 'size'))}\n{_total(runs)}"


def _as_json(run: "CataloguedRun") -> dict[str, Any]:
    return {
        "folder": str(run.folder),
        "state": run.state,
        "named_by": list(run.named_by),
        "seed": run.seed,
        "epochs": run.epochs,
        "of_epochs": run.of_epochs,
        "test_top1_pct": run.test_top1_pct,
        "num_bytes": run.num_bytes,
    }
