"""Checkpoints: a training's state in one file that `torch.load(weights_only=True)` opens."""

import io
import pickle
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self

import torch
from pydantic import ValidationError

from vitbench.errors import FileError, UsageError
from vitbench.files import is_stream, keep_as, replacing
from vitbench.model.vit import VisionTransformer, build_model, shapes_of
from vitbench.spec.experiment import ExperimentSpec
from vitbench.spec.overrides import explain
from vitbench.training.device import versions
from vitbench.training.fit import TrainingState, begin
from vitbench.training.history import EpochRecord

FORMAT = "vitbench-checkpoint-1"
# What reading damaged bytes, or values of the wrong type, may end in.
DAMAGED = (
    RuntimeError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    struct.error,
)


@dataclass(frozen=True)
class Checkpoint:
    """An opened checkpoint.

    Attributes:
        path: Its file, for messages.
        spec: The experiment it belongs to.
        weights: The model's state dict, on the CPU.
        history: A record for each epoch that made them.
        optimizers: State dicts of the optimisers; None once the run is complete.
        bits: What else its bits depend on: device, threads.
    """

    path: Path
    spec: ExperimentSpec
    weights: dict[str, Any]
    history: list[EpochRecord]
    optimizers: list[dict[str, Any]] | None
    bits: dict[str, Any]

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open and check a checkpoint; nothing in it is run.

        Raises:
            FileError: It is absent, no checkpoint of ours, or damaged.
        """
        try:
            if is_stream(path):
                raise FileError(f"{path} is no file but a pipe or a device")
            with path.open("rb") as file:
                whole = _is_whole(file)
                file.seek(0)
                loaded = torch.load(file, map_location="cpu", weights_only=True) if whole else None
        except FileNotFoundError:
            raise FileError(f"no checkpoint {path}") from None
        except OSError as error:
            raise FileError(f"cannot read checkpoint {path}: {error.strerror or error}") from None
        except (pickle.UnpicklingError, zipfile.BadZipFile, *DAMAGED):
            loaded = None
        if not isinstance(loaded, dict) or loaded.get("format") != FORMAT:
            raise FileError(f"{path} is no checkpoint of vitbench (format {FORMAT}), or is damaged")
        try:
            return cls(
                path,
                ExperimentSpec.model_validate(loaded["spec"]),
                dict(loaded["weights"]),
                [EpochRecord.model_validate(record) for record in loaded["history"]],
                loaded["optimizers"],
                dict(loaded["bits"]),
            )
        except ValidationError as error:
            what = explain(error, ExperimentSpec)
        except (UsageError, *DAMAGED) as error:
            what = str(error)
        raise FileError(f"{path}: a damaged checkpoint ({what})")

    def model(self, device: torch.device) -> VisionTransformer:
        """The model with these weights.

        Raises:
            FileError: They do not fit the spec.
        """
        self.check_weights()
        built = build_model(self.spec)
        built.load_state_dict(self.weights)
        return built.to(device)

    def check_weights(self) -> None:
        """Raise FileError where the weights do not fit the spec."""
        with torch.device("meta"):
            model = shapes_of(self.spec)
        expected = model.state_dict()
        for name, weight in expected.items():
            given = self.weights.get(name)
            if not isinstance(given, torch.Tensor):
                raise FileError(f"{self.path}: weight {name} is missing")
            if given.shape != weight.shape or given.dtype != weight.dtype:
                raise FileError(
                    f"{self.path}: weight {name} is {given.dtype} {tuple(given.shape)}, "
                    f"the spec's model has {weight.dtype} {tuple(weight.shape)}"
                )
        if extra := sorted(set(self.weights) - set(expected)):
            raise FileError(
                f"{self.path}: weight {extra[0]} belongs to no part of the spec's model"
            )

    def resume(self, device: torch.device) -> TrainingState:
        """The training's state as it was when this was saved.

        Raises:
            FileError: The optimisers' state is absent or does not fit.
        """
        if self.optimizers is None:
            raise FileError(f"{self.path} is of a complete run: it cannot be trained on")
        state = begin(self.spec, device)
        state.model.load_state_dict(self.model(device).state_dict())
        try:
            for optimizer, saved in zip(state.optimizers, self.optimizers, strict=True):
                optimizer.load_state_dict(saved)
        except (ValueError, KeyError, TypeError, RuntimeError):
            raise FileError(f"{self.path}: the optimisers' state does not fit the spec") from None
        state.history.extend(self.history)
        state.lr_halvings = self.history[-1].lr_halvings if self.history else 0
        return state


def save_checkpoint(
    path: Path, state: TrainingState, spec: ExperimentSpec, bits: dict[str, Any], *, complete: bool
) -> None:
    """Save a training's state, whole or not at all; of a run that goes on the one before is kept.

    Args:
        path: The file.
        state: The state, at the end of an epoch.
        spec: The experiment.
        bits: What else its bits depend on, as JSON values.
        complete: Whether training is over; then the optimisers' state is left out.
    """
    content = {
        "format": FORMAT,
        "spec": spec.to_json(),
        "weights": state.model.state_dict(),
        "history": [record.model_dump() for record in state.history],
        "optimizers": None if complete else [o.state_dict() for o in state.optimizers],
        "bits": bits,
        "versions": versions(),
    }
    before = previous(path)
    if not complete and path.exists():
        keep_as(path, before)
    buffer = io.BytesIO()  # torch's own writer does not say that a disk is full
    torch.save(content, buffer)
    with replacing(path) as part:
        part.write_bytes(buffer.getbuffer())
    if complete:
        before.unlink(missing_ok=True)


def _is_whole(file: BinaryIO) -> bool:
    """Whether a file is a zip archive as torch writes them, with the bits that it was written with.

    Of the checksums `torch.load` looks at none, and a compressed member could be of any size.
    """
    if not zipfile.is_zipfile(file):
        return False
    with zipfile.ZipFile(file) as archive:
        stored = all(one.compress_type == zipfile.ZIP_STORED for one in archive.infolist())
        return stored and archive.testzip() is None


def previous(path: Path) -> Path:
    """Where the checkpoint before that of a path is kept while a run goes on."""
    return path.with_name(f"{path.stem}.previous{path.suffix}")
