"""Whether a run may use a folder: a new one, an empty one, or its own.

Files of other programs or runs are never overwritten.
"""

from pathlib import Path

import torch

from vitbench.config.build import build_spec, load_mapping
from vitbench.config.experiment import ExperimentSpec
from vitbench.errors import FileError, UsageError
from vitbench.runs.folder import RunFolder
from vitbench.training.checkpoint import Checkpoint


def check_folder_of_run(folder: RunFolder, spec: ExperimentSpec) -> None:
    """Refuse a folder before any work if a run could not use it.

    Args:
        folder: The folder; it may be absent.
        spec: The run's spec.

    Raises:
        FileError: It is a file, is damaged, or has files of another program.
        UsageError: It belongs to another run.
    """
    if folder.state() == "trained":
        _check_trained(folder, spec)
    elif folder.state() == "begun":
        _check_begun(folder, spec)
    else:
        check_free(folder, spec)


def check_free(folder: RunFolder, spec: ExperimentSpec) -> None:
    """Raise if a folder without a finished epoch has files that are not of this run.

    Args:
        folder: The folder; it may be absent.
        spec: The run's spec.

    Raises:
        FileError: It is a file, or has files of another program.
        UsageError: It belongs to another run.
    """
    path = folder.path
    if not path.exists():
        return
    if not path.is_dir():
        raise FileError(f"{path} is a file: a run needs a folder")
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
    """Raise UsageError if a folder holds another run than the requested one."""
    if there.identity == spec.identity:
        return
    what = f"{folder.path} holds another run ({there.name})"
    here, asked = there.train.epochs, spec.train.epochs
    as_long = spec.train.model_copy(update={"epochs": here})
    if spec.model_copy(update={"train": as_long}).identity == there.identity:
        what += (
            f": its learning-rate schedule covers {_epochs(here)}, so {_epochs(asked)} is another "
            "experiment; choose another --out"
        )
        raise UsageError(what)
    raise UsageError(f"{what}: choose another --out")


def _epochs(number: int) -> str:
    return f"{number} epoch{'s' * (number != 1)}"


def _check_trained(folder: RunFolder, spec: ExperimentSpec) -> None:
    there = spec_of(folder)
    try:
        result = folder.read_result()
    except FileError:
        if there is None:
            raise not_ours(folder.result_file) from None
        raise
    if result.identity != spec.identity:
        if there is not None:
            check_same(folder, there, spec)
        raise UsageError(f"{folder.path} holds another run ({result.name}): choose another --out")


def _check_begun(folder: RunFolder, spec: ExperimentSpec) -> None:
    try:
        _check_checkpoint(folder, folder.checkpoint, spec)
    except FileError as error:
        if spec_of(folder) is None:
            raise not_ours(folder.checkpoint) from None
        try:
            _check_checkpoint(folder, folder.previous_checkpoint, spec)
        except FileError:
            if type(error) is not FileError:  # not damage: other errors have their own advice
                raise error from None
            raise FileError(f"{error}: remove {folder.path} to start the run again") from None


def _check_checkpoint(folder: RunFolder, file: Path, spec: ExperimentSpec) -> None:
    checkpoint = Checkpoint.open(file)
    check_same(folder, checkpoint.spec, spec)
    checkpoint.resume(torch.device("cpu"))


def not_ours(file: Path) -> FileError:
    """The error for a folder with a file of another program."""
    return FileError(f"{file} does not belong to a vitbench run: choose another --out")


def spec_of(folder: RunFolder) -> ExperimentSpec | None:
    """The spec that a run wrote in a folder; None if there is none.

    A run writes every section; a file with only some of them is a user's own.
    """
    if not folder.spec_file.is_file():  # reading a pipe may never end
        return None
    try:
        tree = load_mapping(folder.spec_file, "spec")
        return build_spec(tree) if tree.keys() >= {"data", "model", "train", "seed"} else None
    except UsageError:
        return None
