"""The run folders, the results files that refer to them, and how a folder is removed."""

import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from filelock import Timeout

from vitbench.config.build import Tree
from vitbench.config.recorded import completed
from vitbench.errors import FileError
from vitbench.runs.folder import RunFolder
from vitbench.runs.schema import StudyResults

# done, diverged: complete; training: by another process, now; begun: some epochs are done;
# new: no epoch is done; damaged: its files cannot be read.
State = Literal["done", "diverged", "training", "begun", "new", "damaged"]
IDENTITY_DIGITS = re.compile(r"-([0-9a-f]{10})$")
GOING = ".removed-"  # prefix of a folder that is being removed


@dataclass(frozen=True)
class CataloguedRun:
    """A run folder.

    Attributes:
        folder: Its path.
        state: The state that its files show.
        seed: Its seed; None if its spec cannot be read.
        epochs: Epochs finished.
        of_epochs: Epochs of its spec; None if that cannot be read.
        test_top1_pct: Top-1 accuracy in % on the test set; None unless it is done.
        num_bytes: Its size on disk.
        named_by: Studies and variants that refer to it, such as `pos-embed/none`.
        files: Its files and their versions; they differ once a file changes.
    """

    folder: Path
    state: State
    seed: int | None
    epochs: int
    of_epochs: int | None
    test_top1_pct: float | None
    num_bytes: int
    named_by: tuple[str, ...]
    files: frozenset[tuple[str, int, int]]


def find_run_folders(runs_dir: Path) -> list[Path]:
    """The run folders in a folder, by name; links and other files are ignored."""
    if not runs_dir.is_dir():
        return []
    return sorted(filter(is_run_folder, runs_dir.iterdir()), key=_by_number)


def existing_checkpoints(most: int = 3) -> str:
    """The newest checkpoints in runs/, for the end of a message about a missing checkpoint."""
    files = [file for file in Path("runs").glob("*/checkpoint.pt") if file.is_file()]
    newest = sorted(files, key=lambda file: file.stat().st_mtime_ns, reverse=True)
    if not newest:
        return ": vitbench train writes runs/NAME/checkpoint.pt"
    more = f" and {len(newest) - most} more" if len(newest) > most else ""
    return f"; existing: {', '.join(map(str, newest[:most]))}{more}"


def is_run_folder(path: Path) -> bool:
    """Whether a path is the folder of a vitbench run."""
    if path.is_symlink() or not path.is_dir() or path.name.startswith("."):
        return False
    folder = RunFolder(path)
    if IDENTITY_DIGITS.search(path.name) and folder.lock_file.exists():
        return True
    return _spec_of(folder) is not None


def catalogue(runs_dir: Path, studies: Sequence[tuple[Path, StudyResults]]) -> list[CataloguedRun]:
    """Every run folder in a folder.

    Args:
        runs_dir: The folder.
        studies: Results files and their contents, to find which refer to a run.
    """
    named = _named(studies)
    return [_entry(RunFolder(path), named) for path in find_run_folders(runs_dir)]


def remove(run: CataloguedRun, is_needed: Callable[[Path], bool]) -> str | None:
    """Remove a run folder; a partly removed folder never counts as a run.

    Args:
        run: The run.
        is_needed: Whether a folder is needed now; called while the folder is locked, just before
            its removal.

    Returns:
        Why it is kept; None if it was removed.

    Raises:
        OSError: It cannot be removed.
    """
    if not run.folder.is_dir():
        return None
    lock = RunFolder(run.folder).lock()
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return "another process is training it"
    try:
        if _versions(dict(_files(run.folder))) != run.files:
            return "it changed after it was listed"
        if is_needed(run.folder):
            return "a results file refers to it now"
        going = _free_name(run.folder)
        run.folder.rename(going)
    finally:
        lock.release()
    _remove_tree(going)
    return None


def find_leftovers(runs_dir: Path) -> list[Path]:
    """Folders that an interrupted removal left."""
    return [
        path
        for path in sorted(runs_dir.glob(f"{GOING}*"))
        if path.is_dir() and not path.is_symlink()
    ]


def remove_leftovers(runs_dir: Path) -> None:
    """Remove the folders that an interrupted removal left."""
    for path in find_leftovers(runs_dir):
        _remove_tree(path)


def names_in(studies: Sequence[tuple[Path, StudyResults]]) -> Callable[[Path], bool]:
    """A function that says whether results files refer to a run folder; they are read once.

    Args:
        studies: Results files and their contents.
    """
    named = _named(studies)
    return lambda folder: bool(_who_names(folder, named))


def _free_name(folder: Path) -> Path:
    """An unused name for a folder that is being removed."""
    going = folder.with_name(f"{GOING}{folder.name}")
    number = 1
    while os.path.lexists(going):
        number += 1
        going = folder.with_name(f"{GOING}{folder.name}.{number}")
    return going


def _remove_tree(folder: Path) -> None:
    with suppress(FileNotFoundError):  # another process removes it too
        shutil.rmtree(folder)


def _by_number(path: Path) -> list[str | int]:
    """A key that sorts seed 2 before seed 10."""
    parts = re.split(r"(\d+)", path.name)
    return [int(part) if number % 2 else part for number, part in enumerate(parts)]


def _entry(folder: RunFolder, named: dict[str, set[str]]) -> CataloguedRun:
    spec = _spec_of(folder)
    seed, of_epochs = (spec["seed"], spec["train"]["epochs"]) if spec else (None, None)
    state, epochs, accuracy = _ending(folder)
    if spec is None:
        state = "damaged"
    statuses = dict(_files(folder.path))
    return CataloguedRun(
        folder.path,
        state,
        seed,
        epochs,
        of_epochs,
        accuracy,
        # A file with several hard links counts once.
        sum({status.st_ino: status.st_size for status in statuses.values()}.values()),
        tuple(sorted(_who_names(folder.path, named))),
        _versions(statuses),
    )


def _who_names(folder: Path, named: dict[str, set[str]]) -> set[str]:
    digits = IDENTITY_DIGITS.search(folder.name)
    keys = (str(folder.resolve()), digits[1] if digits else "")
    return set().union(*(named.get(key, set()) for key in keys))


def _ending(folder: RunFolder) -> tuple[State, int, float | None]:
    """The state of a run, its finished epochs and its test accuracy."""
    if folder.state() == "trained":
        try:
            result = folder.read_result()
        except FileError:
            return "damaged", 0, None
        ended: State = "diverged" if result.status == "diverged" else "done"
        return ended, result.epochs, result.test_top1_pct
    epochs = folder.count_epochs()
    if folder.is_busy():
        return "training", epochs, None
    return "begun" if folder.state() == "begun" else "new", epochs, None


def _named(studies: Sequence[tuple[Path, StudyResults]]) -> dict[str, set[str]]:
    """The variants that refer to a run, by its folder's path and by the digits of its identity.

    Both, because results and runs may have been moved separately.
    """
    named: dict[str, set[str]] = {}
    for file, results in studies:
        for run in results.runs:
            keys = [run.identity[:10]]
            if run.run_folder is not None:
                keys.append(str((file.parent / run.run_folder).resolve()))
            for key in keys:
                named.setdefault(key, set()).add(f"{results.study.name}/{run.variant}")
    return named


def _spec_of(folder: RunFolder) -> Tree | None:
    try:
        return completed(folder.read_spec_fields()) or None
    except (FileError, ValueError, RecursionError):
        return None


def _files(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Each file below a folder."""
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):  # a run in training replaces its files
                path = Path(parent) / name
                yield str(path), path.lstat()


def _versions(statuses: dict[str, os.stat_result]) -> frozenset[tuple[str, int, int]]:
    """The version of each file; locks are ignored."""
    return frozenset(
        (path, status.st_ino, status.st_mtime_ns)
        for path, status in statuses.items()
        if not path.endswith(".lock")
    )
