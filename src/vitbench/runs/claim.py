"""Whether a folder may be a run's: new, empty, or that run's own, begun or complete.

What is in a folder that is not ours is never written over.
"""

from pathlib import Path

from vitbench.errors import FileError, UsageError
from vitbench.runs.folder import RunFolder
from vitbench.spec.experiment import ExperimentSpec
from vitbench.spec.overrides import build_spec, load_mapping


def check_free(folder: RunFolder, spec: ExperimentSpec) -> None:
    """Raise where a folder without a finished epoch holds what is not of this run.

    Args:
        folder: The folder; it may be absent.
        spec: The run's spec.

    Raises:
        FileError: It is a file, or holds a file that is not of a run of ours.
        UsageError: Another run was begun in it.
    """
    path = folder.path
    if not path.exists():
        return
    if not path.is_dir():
        raise FileError(f"{path} is a file: a run takes a folder")
    there = spec_of(folder)
    if there is not None:
        check_same(folder, there, spec)
        return
    for inside in sorted(path.iterdir()):
        if inside == folder.lock_file:
            is_ours = inside.is_file() and not inside.stat().st_size
        else:
            is_ours = inside.name == "wandb" or inside.name.startswith(".")
        if not is_ours:
            raise not_ours(inside)


def check_same(folder: RunFolder, there: ExperimentSpec, spec: ExperimentSpec) -> None:
    """Raise UsageError where the run in a folder is another than the one that is asked for."""
    if there.identity == spec.identity:
        return
    what = f"{folder.path} holds another run ({there.name})"
    here, asked = there.train.epochs, spec.train.epochs
    as_long = spec.train.model_copy(update={"epochs": here})
    if spec.model_copy(update={"train": as_long}).identity == there.identity:
        what += (
            f", whose learning rate is planned over {_epochs(here)} and ends with them: "
            f"{_epochs(asked)} are another experiment; choose another --out"
        )
        raise UsageError(what)
    raise UsageError(f"{what}: choose another --out")


def _epochs(number: int) -> str:
    return f"{number} epoch{'s' * (number != 1)}"


def not_ours(file: Path) -> FileError:
    """The refusal of a folder that holds a stranger's file."""
    return FileError(f"{file} is not of a run of vitbench: choose another --out")


def spec_of(folder: RunFolder) -> ExperimentSpec | None:
    """The spec that a run of ours wrote in a folder; None where there is none.

    A run writes every section; a file with some of the fields is a user's own.
    """
    try:
        tree = load_mapping(folder.spec_file, "spec")
        return build_spec(tree) if tree.keys() >= {"data", "model", "train", "seed"} else None
    except UsageError:
        return None
