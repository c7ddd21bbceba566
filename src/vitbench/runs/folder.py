"""RunFolder: the files of a run, its state, and its lock."""

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from vitbench.config.build import Tree
from vitbench.config.experiment import ExperimentSpec
from vitbench.config.parsing import UnreadableError, as_text, read_json
from vitbench.errors import FileError, LaterVersionError
from vitbench.files import (
    UnfitFileError,
    is_locked,
    open_regular,
    read_regular,
    why_unreadable,
    write_text,
)
from vitbench.runs.parsing import LaterError, checked
from vitbench.runs.schema import MOST_TEST_IMAGES, RunResult, unpack_classes
from vitbench.training.history import EpochRecord

AGAIN = "remove its folder; the same command trains it again"
# Limits in bytes, many times what a run writes.
MOST_SPEC_BYTES = 1_000_000
MOST_TEXT_BYTES = 200_000_000  # of a result, or of a history: a million epochs
MOST_PREDICTIONS_BYTES = 2**31  # packed and unpacked: ten million images of 100 classes


class Answers(NamedTuple):
    """Classes of the test images, uint8 (n,) each."""

    predicted: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class RunFolder:
    """The folder of a run, which is complete when it has a `result.json`."""

    path: Path

    @classmethod
    def of(cls, spec: ExperimentSpec, runs_dir: Path) -> Self:
        """The folder of a spec: an existing one with its identity, else its default name."""
        digits = spec.identity[:10]
        there = runs_dir.glob(f"[!.]*-{digits}") if runs_dir.is_dir() else ()
        found = sorted(path for path in there if path.is_dir())
        return cls(found[0] if found else runs_dir / spec.folder_name)

    @classmethod
    def finder(cls, runs_dir: Path) -> "Callable[[ExperimentSpec], RunFolder]":
        """`of` for many specs: the folder is listed once."""
        there: dict[str, Path] = {}
        for path in sorted(runs_dir.glob("[!.]*")) if runs_dir.is_dir() else ():
            digits = path.name.rpartition("-")[2]
            if len(digits) == 10 and path.is_dir():
                there.setdefault(digits, path)

        def find(spec: ExperimentSpec) -> RunFolder:
            return cls(there.get(spec.identity[:10]) or runs_dir / spec.folder_name)

        return find

    @property
    def spec_file(self) -> Path:
        """The complete spec."""
        return self.path / "spec.json"

    @property
    def history_file(self) -> Path:
        """One line of JSON per finished epoch."""
        return self.path / "history.jsonl"

    @property
    def checkpoint(self) -> Path:
        """The state after the last finished epoch."""
        return self.path / "checkpoint.pt"

    @property
    def previous_checkpoint(self) -> Path:
        """The state one epoch earlier, kept during training."""
        return self.path / "checkpoint.previous.pt"

    @property
    def predictions(self) -> Path:
        """Logits, predictions and labels of the test set."""
        return self.path / "predictions.npz"

    @property
    def lock_file(self) -> Path:
        """The file that `lock` locks."""
        return self.path / ".lock"

    @property
    def result_file(self) -> Path:
        """The result of the run."""
        return self.path / "result.json"

    def state(self) -> Literal["trained", "begun", "new"]:
        """Its state: `trained`, `begun` or `new`."""
        if self.result_file.exists():
            return "trained"
        begun = self.checkpoint.exists() or self.previous_checkpoint.exists()
        return "begun" if begun else "new"

    def lock(self) -> FileLock:
        """The lock of the process that trains this run; the system releases it when that ends."""
        self.path.mkdir(parents=True, exist_ok=True)
        return FileLock(self.lock_file)

    def is_busy(self) -> bool:
        """Whether another process trains this run now."""
        return is_locked(self.lock_file)

    def write_spec(self, spec: ExperimentSpec) -> None:
        """Write the complete spec."""
        write_text(self.spec_file, ExperimentSpec.model_dump_json(spec, indent=1) + "\n")

    def read_spec_fields(self) -> Tree:
        """The fields in the spec file, not validated.

        Raises:
            FileError: It is absent or damaged.
        """
        path = self.spec_file
        try:
            fields = read_json(as_text(read_regular(path, MOST_SPEC_BYTES)))
        except OSError as error:
            raise FileError(why_unreadable(error, path, "spec file")) from None
        except UnreadableError as error:
            raise FileError(f"{path} is not a readable spec: {error}") from None
        if not isinstance(fields, dict):
            raise FileError(f"{path} is not a spec: it must be a mapping of fields")
        return fields

    def write_history(self, history: list[EpochRecord]) -> None:
        """Write all finished epochs."""
        write_text(self.history_file, "".join(f"{r.model_dump_json()}\n" for r in history))

    def read_history(self) -> list[EpochRecord] | None:
        """All finished epochs; None if the file is absent or a line is damaged."""
        try:
            lines = read_regular(self.history_file, MOST_TEXT_BYTES).splitlines()
            return [checked(EpochRecord, read_json(as_text(line))) for line in lines]
        except (OSError, UnreadableError):
            return None

    def count_epochs(self) -> int:
        """Number of lines of the history, not validated."""
        try:
            return read_regular(self.history_file, MOST_TEXT_BYTES).count(b"\n")
        except OSError:
            return 0

    def read_answers(self) -> Answers | None:
        """Predictions on the test set; None if the file is absent.

        Raises:
            FileError: The file is damaged.
        """
        arrays = self._predictions("predicted", "labels")
        if arrays is None:
            return None
        predicted, labels = arrays
        # A member that is not an array is read as bytes.
        if not all(isinstance(a, np.ndarray) and a.dtype == np.uint8 for a in (predicted, labels)):
            raise self._damaged(self.predictions)
        if predicted.ndim != 1 or predicted.shape != labels.shape or not len(labels):
            raise self._damaged(self.predictions)
        return Answers(predicted, labels)

    def read_logits(self) -> npt.NDArray[np.float16] | None:
        """Logits of the test set (n, classes); None if the file is absent.

        Raises:
            FileError: The file is damaged.
        """
        arrays = self._predictions("logits")
        if arrays is None:
            return None
        (logits,) = arrays
        if not isinstance(logits, np.ndarray) or logits.dtype != np.float16:
            raise self._damaged(self.predictions)
        if logits.ndim != 2 or not logits.size:
            raise self._damaged(self.predictions)
        return logits

    def _predictions(self, *names: str) -> list[npt.NDArray[Any]] | None:
        """Arrays of the predictions file; None if it is absent."""
        try:
            with open_regular(self.predictions, MOST_PREDICTIONS_BYTES) as file:
                with zipfile.ZipFile(file) as archive:
                    unpacked = sum(member.file_size for member in archive.infolist())
                if unpacked > MOST_PREDICTIONS_BYTES:
                    raise self._damaged(self.predictions)
                file.seek(0)
                with np.load(file, allow_pickle=False) as arrays:
                    return [arrays[name] for name in names]
        except (FileNotFoundError, NotADirectoryError):
            return None
        except UnfitFileError as error:
            raise self._damaged(self.predictions, error.strerror) from None
        except Exception:  # zipfile, zlib and numpy raise many kinds for damaged bytes
            raise self._damaged(self.predictions) from None

    def write_result(self, result: RunResult) -> None:
        """Write the result; this completes the run."""
        write_text(self.result_file, result.model_dump_json(indent=1) + "\n")

    def read_result(self) -> RunResult:
        """The result of the run.

        Raises:
            LaterVersionError: A later vitbench wrote it.
            FileError: The file is damaged.
        """
        file = self.result_file
        try:
            result = checked(RunResult, read_json(as_text(read_regular(file, MOST_TEXT_BYTES))))
            if result.status == "failed":
                raise UnreadableError("status is 'failed', but a failed run has no result")
            if result.status == "done" and None in (result.test_top1_pct, result.val_top1_pct):
                raise UnreadableError("an accuracy is missing")
            if result.predicted is not None:
                unpack_classes(result.predicted, MOST_TEST_IMAGES)
        except LaterError as error:
            raise LaterVersionError(f"cannot read {file}: {error}") from None
        except UnfitFileError as error:
            raise self._damaged(file, error.strerror) from None
        except OSError as error:
            raise FileError(f"cannot read {file}: {error.strerror}") from None
        except ValueError as error:
            raise self._damaged(file, str(error)) from None
        return result

    def _damaged(self, file: Path, why: str | None = None) -> FileError:
        return FileError(f"{file} is damaged{f' ({why})' if why else ''}: {AGAIN}")
