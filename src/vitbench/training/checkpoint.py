"""Checkpoints: the state of a training in one file, read with `torch.load(weights_only=True)`."""

import io
import math
import pickle
import re
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self

import torch
from pydantic import ValidationError
from torch.optim import AdamW

import vitbench
from vitbench.config.build import explain
from vitbench.config.experiment import ExperimentSpec
from vitbench.config.version import is_later
from vitbench.errors import FileError, ForeignFileError, LaterVersionError, UsageError, shortened
from vitbench.files import UnfitFileError, keep_as, open_regular, replacing, why_unreadable
from vitbench.model.vit import VisionTransformer, build_model, shapes_of
from vitbench.training.bits import Bits
from vitbench.training.device import versions
from vitbench.training.fit import TrainingState, begin
from vitbench.training.history import EpochRecord
from vitbench.training.muon import Muon

FORMATS = "vitbench-checkpoint-"
FORMAT = f"{FORMATS}1"
MOST_BYTES = 2**36  # 64 GiB, far more than any model here
MOST_HEAD_BYTES = 1_000_000  # the plain values of a checkpoint are in its first few thousand bytes
# Layers multiply: the product of two such numbers, and sums of products, are finite in float32.
LARGEST_WEIGHT = 1e15
# Errors that reading damaged bytes, or values of the wrong type, may raise.
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
        history: A record for each trained epoch.
        optimizers: State dicts of the optimisers; None if the run is complete.
        bits: What its bits depend on besides the spec: device, threads.
    """

    path: Path
    spec: ExperimentSpec
    weights: dict[str, Any]
    history: list[EpochRecord]
    optimizers: list[dict[str, Any]] | None
    bits: Bits

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open and check a checkpoint; no code in it is executed.

        Raises:
            LaterVersionError: A later vitbench wrote it.
            ForeignFileError: It is not a vitbench checkpoint.
            FileError: It is absent or damaged.
        """
        loaded = _loaded(path)
        if not isinstance(loaded, dict) or loaded.get("format") != FORMAT:
            raise _no_checkpoint(path, loaded)
        written = loaded.get("versions")
        later = written.get("vitbench") if isinstance(written, dict) else None
        try:
            spec = ExperimentSpec.model_validate(loaded["spec"])
            history = [EpochRecord.model_validate(record) for record in loaded["history"]]
            bits = Bits.model_validate(loaded["bits"])
            opened = cls(path, spec, dict(loaded["weights"]), history, loaded["optimizers"], bits)
            opened._check_parts()
            return opened
        except ValidationError as error:
            kind = Bits if error.title == Bits.__name__ else ExperimentSpec
            where = "bits: " if kind is Bits else ""
            what = f"{where}{explain(error, kind)}"
        except (UsageError, *DAMAGED) as error:
            what = str(error)
        if is_later(later):
            raise LaterVersionError(
                f"cannot read {path}: vitbench {later} wrote it, but this is "
                f"{vitbench.__version__}: update vitbench ({what})"
            )
        raise FileError(f"{path}: a damaged checkpoint ({what})")

    def _check_parts(self) -> None:
        """Raise ValueError if a part does not match the spec."""
        epochs = [record.epoch for record in self.history]
        if epochs != list(range(1, len(epochs) + 1)) or len(epochs) > self.spec.train.epochs:
            raise ValueError(
                f"its history does not cover the first epochs of {self.spec.train.epochs}"
            )
        batch_size = self.spec.train.batch_size
        if self.bits.micro_batch is not None and self.bits.micro_batch > batch_size:
            raise ValueError(
                f"bits: micro_batch {self.bits.micro_batch} exceeds batch_size {batch_size}"
            )
        of_mappings = isinstance(self.optimizers, list) and all(
            isinstance(one, dict) for one in self.optimizers
        )
        if self.optimizers is not None and not of_mappings:
            raise ValueError("optimizers is not a list of states")

    def model(self, device: torch.device) -> VisionTransformer:
        """The model with these weights.

        Raises:
            FileError: They do not fit the spec, or are not finite.
        """
        self.check_weights()
        built = build_model(self.spec)
        built.load_state_dict(self.weights)
        return built.to(device)

    def check_weights(self) -> None:
        """Raise FileError if the weights do not fit the spec, or are not finite."""
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
            self._check_numbers(f"weight {name}", given)
        if extra := sorted(set(self.weights) - set(expected), key=str):
            raise FileError(f"{self.path}: weight {extra[0]} does not belong to the spec's model")

    def check_resumable(self) -> None:
        """Raise FileError if the run cannot be resumed from it: weights and optimisers.

        If the last epoch is done, only the test and the result can be missing.
        """
        self.check_weights()
        if self.optimizers is None:
            if len(self.history) < self.spec.train.epochs:
                raise FileError(
                    f"{self.path} belongs to a complete run: it cannot be trained further"
                )
            return
        with torch.device("meta"):
            fresh = begin(self.spec, torch.device("meta")).optimizers
        if len(fresh) != len(self.optimizers):
            raise self._unfit_optimizers()
        for optimizer, saved in zip(fresh, self.optimizers, strict=True):
            try:
                self._check_optimizer(optimizer, saved)
            except DAMAGED:
                raise self._unfit_optimizers() from None

    def resume(self, device: torch.device) -> TrainingState:
        """The training state at the time of saving.

        Raises:
            FileError: A part is missing or does not fit.
        """
        self.check_resumable()
        state = begin(self.spec, device)
        state.model.load_state_dict(self.weights)
        try:
            for optimizer, saved in zip(state.optimizers, self.optimizers or (), strict=False):
                optimizer.load_state_dict(saved)
        except DAMAGED:
            raise self._unfit_optimizers() from None
        state.history.extend(self.history)
        state.lr_halvings = self.history[-1].lr_halvings if self.history else 0
        return state

    def _check_optimizer(self, fresh: torch.optim.Optimizer, saved: dict[str, Any]) -> None:
        """Raise FileError, or one of DAMAGED, if a state does not belong to an optimiser."""
        groups, expected = saved["param_groups"], fresh.state_dict()["param_groups"]
        for group, like in zip(groups, expected, strict=True):
            # The learning rate follows the schedule, flags depend on the device; numbers are the
            # spec's.
            same = group["params"] == like["params"] and all(
                group.get(name) == value
                for name, value in like.items()
                if name != "lr" and type(value) in (int, float, tuple)
            )
            if not same or not 0 <= float(group["lr"]) < math.inf:
                raise self._unfit_optimizers()
        parameters = [one for group in fresh.param_groups for one in group["params"]]
        if not set(saved["state"]) <= set(range(len(parameters))):
            raise self._unfit_optimizers()
        kinds = {AdamW: {"step", "exp_avg", "exp_avg_sq"}, Muon: {"momentum_buffer"}}
        names = kinds.get(type(fresh))  # None for a plug-in, whose names are unknown
        for place, state in saved["state"].items():
            if names is not None and not state.keys() >= names:
                raise self._unfit_optimizers()
            for name, value in state.items():
                if not isinstance(value, torch.Tensor):
                    if names is None:
                        continue
                    raise self._unfit_optimizers()
                counts = value.ndim == 0 and bool(value >= 0)
                shaped = value.shape == parameters[place].shape
                if not (counts if name == "step" else shaped or (names is None and counts)):
                    raise self._unfit_optimizers()
                self._check_numbers(f"the optimisers' {name}", value, math.inf)

    def _check_numbers(
        self, what: str, numbers: torch.Tensor, limit: float = LARGEST_WEIGHT
    ) -> None:
        """Raise FileError if a tensor holds NaN, or numbers too large to compute with."""
        if numbers.device.type != "cpu" or numbers.layout != torch.strided:
            raise FileError(f"{self.path}: {what} is not a plain tensor")
        if not numbers.is_floating_point() or not numbers.numel():
            return
        largest = float(numbers.abs().max())  # NaN if any number is NaN
        if math.isnan(largest):
            raise FileError(f"{self.path}: {what} is NaN: it cannot be used in a model")
        if largest >= limit:
            raise FileError(
                f"{self.path}: {what} has numbers up to {largest:.0e}: the logits would overflow"
            )

    def _unfit_optimizers(self) -> FileError:
        return FileError(f"{self.path}: the optimisers' state does not fit the spec")


def _loaded(path: Path) -> Any:
    """The plain values and tensors that torch reads from a file; None if it cannot.

    Raises:
        FileError: It is absent, or cannot be read.
    """
    try:
        with open_regular(path, MOST_BYTES) as file:
            if not _is_whole(file):
                return None
            file.seek(0)
            return torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        kind = ForeignFileError if isinstance(error, UnfitFileError) else FileError
        raise kind(why_unreadable(error, path, "checkpoint")) from None
    except (pickle.UnpicklingError, zipfile.BadZipFile, *DAMAGED):
        return None


def _no_checkpoint(path: Path, loaded: Any) -> FileError:
    """The error for a file that is not a checkpoint of this version, and what it is if known."""
    form = loaded.get("format") if isinstance(loaded, dict) else None
    if isinstance(form, str) and re.fullmatch(rf"{FORMATS}[1-9]\d*", form):
        return LaterVersionError(
            f"cannot read {path}: it has format {shortened(form)}, but vitbench "
            f"{vitbench.__version__} reads {FORMAT}: update vitbench"
        )
    if _holds_weights(loaded) and not str(form).startswith(FORMATS):
        return ForeignFileError(
            f"{path} is not a vitbench checkpoint, but holds weights: if they are of a ViT of "
            "timm or torchvision, convert them with vitbench.adopt in Python"
        )
    if loaded is None and _is_of_ours(path):
        return FileError(f"{path} is a damaged vitbench checkpoint")
    return ForeignFileError(
        f"{path} is not a vitbench checkpoint (format {FORMAT}), or is damaged; convert a model "
        "of timm or torchvision with vitbench.adopt in Python"
    )


def _is_of_ours(path: Path) -> bool:
    """Whether a file that torch cannot read starts like a vitbench checkpoint."""
    try:
        with open_regular(path, MOST_BYTES) as file:
            return FORMATS.encode() in file.read(MOST_HEAD_BYTES)
    except OSError:
        return False


def _holds_weights(loaded: Any) -> bool:
    """Whether a value is a state dict, or contains one, such as `{"state_dict": ...}`."""
    if not isinstance(loaded, Mapping):
        return False
    inner = [value for value in loaded.values() if isinstance(value, Mapping)]
    return any(
        isinstance(value, torch.Tensor) for one in (loaded, *inner) for value in one.values()
    )


def save_checkpoint(
    path: Path, state: TrainingState, spec: ExperimentSpec, bits: Bits, *, complete: bool
) -> None:
    """Save a training state, completely or not at all; during training the previous one is kept.

    Args:
        path: The file.
        state: The state, at the end of an epoch.
        spec: The experiment.
        bits: What its bits depend on besides the spec.
        complete: Whether training is over; then the state of the optimisers is omitted.
    """
    content = {
        "format": FORMAT,
        "spec": spec.to_json(),
        "weights": state.model.state_dict(),
        "history": [record.model_dump() for record in state.history],
        "optimizers": None if complete else [o.state_dict() for o in state.optimizers],
        "bits": bits.model_dump(),
        "versions": versions(),
    }
    before = previous(path)
    if not complete and path.exists():
        keep_as(path, before)
    buffer = io.BytesIO()  # torch's own writer does not report a full disk
    torch.save(content, buffer)
    with replacing(path) as part:
        part.write_bytes(buffer.getbuffer())
    if complete:
        before.unlink(missing_ok=True)


def _is_whole(file: BinaryIO) -> bool:
    """Whether a file is an undamaged zip archive as torch writes it.

    `torch.load` verifies no checksums, and a compressed member could have any size.
    """
    if not zipfile.is_zipfile(file):
        return False
    with zipfile.ZipFile(file) as archive:
        stored = all(one.compress_type == zipfile.ZIP_STORED for one in archive.infolist())
        return stored and archive.testzip() is None


def previous(path: Path) -> Path:
    """The path of the previous checkpoint, which is kept during training."""
    return path.with_name(f"{path.stem}.previous{path.suffix}")
