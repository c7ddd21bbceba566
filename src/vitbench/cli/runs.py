"""`vitbench runs`: list run folders, and remove those that no results file refers to."""

import json
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vitbench.cli import console, options
from vitbench.cli.groups import Group
from vitbench.errors import FileError, ForeignFileError, UsageError

if TYPE_CHECKING:
    from vitbench.runs.catalogue import CataloguedRun
    from vitbench.runs.schema import StudyResults

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

    _check_folders(runs_dir, results_dir)
    studies, damaged = _studies(results_dir)
    runs = catalogue(runs_dir, studies)
    for error in damaged:
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

    Runs that are being trained are always kept. `report` works without run folders; `visualize`
    needs them.
    """
    from vitbench.runs.catalogue import catalogue, find_leftovers, remove, remove_leftovers

    _check_folders(runs_dir, results_dir)
    studies, damaged = _studies(results_dir)
    if damaged and not force:
        raise FileError(_unknown(damaged[0]))
    going = [
        run
        for run in catalogue(runs_dir, studies)
        if run.state != "training"
        and (force or not run.named_by)
        and (unfinished or run.state != "begun")
    ]
    leftovers = find_leftovers(runs_dir)
    if leftovers:
        console.note(
            f"{len(leftovers)} of {runs_dir}/.removed-* remain from an interrupted prune"
            f"{'' if dry_run else ': removed too'}"
        )
    if not going:
        if not leftovers:
            console.note(f"nothing to remove in {runs_dir}")
        elif not dry_run:
            remove_leftovers(runs_dir)
        return
    console.product(_table(going))
    if dry_run:
        return
    if not yes and not _agreed(going):
        console.note("nothing was removed")
        return
    is_needed = _Needed(results_dir, force)
    gone = []
    for run in going:
        why = remove(run, is_needed)
        if why is None:
            gone.append(run)
        else:
            console.note(f"{run.folder} stays: {why}")
    remove_leftovers(runs_dir)
    console.note(f"removed {_total(gone)}" if gone else "nothing was removed")


class _Needed:
    """Whether a results file refers to a run folder at this moment.

    A sweep may have recorded runs since they were listed.

    Args:
        results_dir: Folder of results files.
        force: Whether no folder counts as needed.
    """

    def __init__(self, results_dir: Path, force: bool) -> None:
        self._results_dir = results_dir
        self._force = force
        self._files: list[tuple[Path, int, int, int]] = []
        self._names: Callable[[Path], bool] = lambda _folder: False

    def __call__(self, folder: Path) -> bool:
        """Whether the folder is needed now.

        Raises:
            FileError: A results file is damaged, so the runs it refers to are unknown.
        """
        from vitbench.runs.catalogue import names_in

        if self._force:
            return False
        files = self._as_they_are()
        if files != self._files:
            studies, damaged = _studies(self._results_dir, tell=False)
            if damaged:
                raise FileError(_unknown(damaged[0]))
            self._files, self._names = files, names_in(studies)
        return self._names(folder)

    def _as_they_are(self) -> list[tuple[Path, int, int, int]]:
        """The results files; a rewritten file has another inode, size or time."""
        from vitbench.runs.results import find_results

        found = []
        for path in find_results(self._results_dir) if self._results_dir.is_dir() else []:
            with suppress(FileNotFoundError):
                status = path.stat()
                found.append((path, status.st_ino, status.st_size, status.st_mtime_ns))
        return found


def _unknown(error: FileError) -> str:
    return f"{error}: the runs it refers to are unknown; repair it, or move it to another folder"


def _check_folders(runs_dir: Path, results_dir: Path) -> None:
    options.check_folder("--runs-dir", runs_dir)
    options.check_folder("--results-dir", results_dir)


def _studies(
    results_dir: Path, tell: bool = True
) -> "tuple[list[tuple[Path, StudyResults]], list[FileError]]":
    """The studies in a folder, and the errors of files that cannot be read.

    Files of other tools are skipped with a note; a file that may be vitbench's is not.
    """
    from vitbench.runs.results import find_results, read_results

    studies: list[tuple[Path, StudyResults]] = []
    damaged: list[FileError] = []
    for path in find_results(results_dir) if results_dir.is_dir() else []:
        try:
            studies.append((path, read_results(path)))
        except ForeignFileError as error:
            if not error.is_known:
                damaged.append(error)
            elif tell:
                console.note(f"{error}; skipped")
        except FileError as error:
            damaged.append(error)
    return studies, damaged


def _agreed(going: "Sequence[CataloguedRun]") -> bool:
    """Ask.

    Raises:
        UsageError: There is nobody to ask.
    """
    if not sys.stdin.isatty():
        raise UsageError(
            "cannot ask for confirmation without a terminal: add --yes, or --dry-run "
            "to see what would be removed"
        )
    return typer.confirm(f"remove {_total(going)}?", err=True)


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
