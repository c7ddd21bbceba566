"""`vitbench runs`: list the run folders, and remove those that nobody needs."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vitbench.cli import console, options
from vitbench.cli.groups import Group
from vitbench.errors import FileError, UsageError

if TYPE_CHECKING:
    from vitbench.runs.catalogue import CataloguedRun
    from vitbench.runs.schema import StudyResults

app = typer.Typer(
    cls=Group, rich_markup_mode=None, help="List run folders, or remove what nobody needs."
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
    """List the run folders: state, who names them, seed, epochs, accuracy, size."""
    from vitbench.runs.catalogue import catalogue

    _check_folders(runs_dir, results_dir)
    studies, damaged = _studies(results_dir)
    runs = catalogue(runs_dir, studies)
    for error in damaged:
        console.note(f"{error}: what it names is not known")
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
        bool, typer.Option("--unfinished", help="Also runs that were begun and not ended.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also runs that a results file names.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would go, and remove nothing.")
    ] = False,
) -> None:
    """Remove run folders that no results file names.

    What is being trained stays, whatever is asked for. Reports need no run folder, `visualize` and
    a larger number of epochs do.
    """
    from vitbench.runs.catalogue import catalogue, remove, remove_leftovers

    _check_folders(runs_dir, results_dir)
    studies, damaged = _studies(results_dir)
    if damaged and not force:
        raise FileError(f"{damaged[0]}; so what it names is not known: mend it, or give --force")
    going = [
        run
        for run in catalogue(runs_dir, studies)
        if run.state != "training"
        and (force or not run.named_by)
        and (unfinished or run.state != "begun")
    ]
    if not going:
        console.note(f"nothing to remove in {runs_dir}")
        return
    console.product(_table(going))
    if dry_run:
        return
    if not yes and not _agreed(going):
        console.note("nothing was removed")
        return
    for run in going:
        remove(run)
    remove_leftovers(runs_dir)
    console.note(f"removed {_total(going)}")


def _check_folders(runs_dir: Path, results_dir: Path) -> None:
    options.check_folder("--runs-dir", runs_dir)
    options.check_folder("--results-dir", results_dir)


def _studies(
    results_dir: Path,
) -> "tuple[list[tuple[Path, StudyResults]], list[FileError]]":
    """What is in a folder of results, and what is wrong with the files that cannot be read."""
    from vitbench.runs.results import find_results, read_results

    studies, damaged = [], []
    for path in find_results(results_dir) if results_dir.is_dir() else []:
        try:
            studies.append((path, read_results(path)))
        except FileError as error:
            damaged.append(error)
    return studies, damaged


def _agreed(going: "Sequence[CataloguedRun]") -> bool:
    """Ask.

    Raises:
        UsageError: There is nobody to ask.
    """
    if not sys.stdin.isatty():
        raise UsageError("nobody is there to be asked: give --yes, or --dry-run to see")
    return typer.confirm(f"remove {_total(going)}?", err=True)


def _total(runs: "Sequence[CataloguedRun]") -> str:
    from vitbench.report.words import memory_words

    number = f"{len(runs)} run folder{'s' if len(runs) > 1 else ''}"
    return f"{number}, {memory_words(sum(run.num_bytes for run in runs))}"


def _table(runs: "Sequence[CataloguedRun]") -> str:
    from vitbench.report.words import memory_words

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
    heads = ("run", "state", "named by", "seed", "epochs", "test accuracy in %", "size")
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
