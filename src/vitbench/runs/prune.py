"""Removes run folders that no results file refers to. Nothing is asked or printed here."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from vitbench.errors import FileError
from vitbench.runs.catalogue import CataloguedRun, names_in, remove, remove_leftovers
from vitbench.runs.results import find_results
from vitbench.runs.results_folder import read_folder


@dataclass
class Pruned:
    """What a prune did.

    Attributes:
        removed: The runs whose folders were removed.
        kept: The folders that were kept, each with the reason.
    """

    removed: list[CataloguedRun] = field(default_factory=list)
    kept: list[tuple[Path, str]] = field(default_factory=list)


def removable_runs(
    runs: Iterable[CataloguedRun], unfinished: bool, force: bool
) -> list[CataloguedRun]:
    """The runs that may be removed; never one that is being trained.

    Args:
        runs: The runs of a folder.
        unfinished: Whether incomplete runs may be removed too.
        force: Whether runs that a results file refers to may be removed too.
    """
    return [
        run
        for run in runs
        if run.state != "training"
        and (force or not run.named_by)
        and (unfinished or run.state != "begun")
    ]


def prune(runs: Sequence[CataloguedRun], runs_dir: Path, results_dir: Path, force: bool) -> Pruned:
    """Remove run folders, and what an interrupted prune left.

    Args:
        runs: The runs to remove.
        runs_dir: Folder of run folders.
        results_dir: Folder of results files.
        force: Whether to remove runs that a results file refers to.

    Raises:
        FileError: A results file is damaged, so the runs it refers to are unknown.
    """
    is_needed = NeededRuns(results_dir, force)
    pruned = Pruned()
    for run in runs:
        reason = remove(run, is_needed)
        if reason is None:
            pruned.removed.append(run)
        else:
            pruned.kept.append((run.folder, reason))
    remove_leftovers(runs_dir)
    return pruned


class NeededRuns:
    """Whether a results file refers to a run folder at this moment.

    A sweep may have recorded runs since they were listed.

    Args:
        results_dir: Folder of results files.
        force: Whether no folder counts as needed.
    """

    def __init__(self, results_dir: Path, force: bool) -> None:
        self._results_dir = results_dir
        self._force = force
        self._versions: list[tuple[Path, int, int, int]] = []
        self._names: Callable[[Path], bool] = lambda _folder: False

    def __call__(self, folder: Path) -> bool:
        """Whether the folder is needed now.

        Raises:
            FileError: A results file is damaged, so the runs it refers to are unknown.
        """
        if self._force:
            return False
        versions = self._current_versions()
        if versions != self._versions:
            content = read_folder(self._results_dir)
            refuse_damaged(content.damaged)
            self._versions, self._names = versions, names_in(content.studies)
        return self._names(folder)

    def _current_versions(self) -> list[tuple[Path, int, int, int]]:
        """The results files; a rewritten file has another inode, size or time."""
        versions = []
        for path in find_results(self._results_dir) if self._results_dir.is_dir() else []:
            with suppress(FileNotFoundError):
                status = path.stat()
                versions.append((path, status.st_ino, status.st_size, status.st_mtime_ns))
        return versions


def refuse_damaged(damaged: Sequence[FileError]) -> None:
    """Raise FileError if a results file cannot be read: the runs it refers to are unknown."""
    if damaged:
        raise FileError(
            f"{damaged[0]}: the runs it refers to are unknown; repair it, or move it to another "
            "folder"
        )
