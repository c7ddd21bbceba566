"""RunFolder: where a run's files are, whether it is complete, and its lock."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from filelock import FileLock, Timeout
from pydantic import ValidationError

from vitbench.errors import FileError
from vitbench.files import write_text
from vitbench.runs.schema import RunResult
from vitbench.spec.experiment import ExperimentSpec
from vitbench.training.history import EpochRecord


class Answers(NamedTuple):
    """Classes on the test set, image by image, uint8 (n,) each."""

    predicted: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class RunFolder:
    """A run's folder: complete when its `result.json` is there."""

    path: Path

    @classmethod
    def of(cls, spec: ExperimentSpec, runs_dir: Path) -> Self:
        """The folder of a spec: one that ends in its identity's digits, else its own name."""
        digits = spec.identity[:10]
        found = sorted(runs_dir.glob(f"*-{digits}")) if runs_dir.is_dir() else []
        return cls(found[0] if found else runs_dir / spec.folder_name)

    @classmethod
    def finder(cls, runs_dir: Path) -> "Callable[[ExperimentSpec], RunFolder]":
        """`of` for many specs: the folder is listed once, as it is now."""
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
        """The spec, whole."""
        return self.path / "spec.json"

    @property
    def history_file(self) -> Path:
        """A line of JSON for each finished epoch."""
        return self.path / "history.jsonl"

    @property
    def checkpoint(self) -> Path:
        """The state after the last finished epoch."""
        return self.path / "checkpoint.pt"

    @property
    def previous_checkpoint(self) -> Path:
        """The state an epoch before, kept while the run goes on."""
        return self.path / "checkpoint.previous.pt"

    @property
    def predictions(self) -> Path:
        """Logits, answers and labels of the test set."""
        return self.path / "predictions.npz"

    @property
    def lock_file(self) -> Path:
        """What `lock` locks."""
        return self.path / ".lock"

    @property
    def result_file(self) -> Path:
        """How the run ended."""
        return self.path / "result.json"

    def state(self) -> Literal["trained", "begun", "new"]:
        """What its files say it is now: `trained`, `begun` or `new`."""
        if self.result_file.exists():
            return "trained"
        begun = self.checkpoint.exists() or self.previous_checkpoint.exists()
        return "begun" if begun else "new"

    def lock(self) -> FileLock:
        """Held by whoever trains this run; the system lets go of it when that process ends."""
        self.path.mkdir(parents=True, exist_ok=True)
        return FileLock(self.lock_file)

    def is_busy(self) -> bool:
        """Whether another process trains this run now."""
        if not self.path.is_dir():
            return False
        lock = self.lock()
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return True
        except OSError:  # whoever trains here will say what is wrong
            return False
        lock.release()
        return False

    def write_history(self, history: list[EpochRecord]) -> None:
        """Write all finished epochs."""
        write_text(self.history_file, "".join(f"{r.model_dump_json()}\n" for r in history))

    def read_answers(self) -> Answers | None:
        """What was answered on the test set; None where no predictions are there.

        Raises:
            FileError: The file is damaged.
        """
        arrays = self._predictions("predicted", "labels")
        if arrays is None:
            return None
        predicted, labels = arrays
        # A member that is no array comes as bytes.
        if not all(isinstance(a, np.ndarray) and a.dtype == np.uint8 for a in (predicted, labels)):
            raise self._damaged(self.predictions)
        if predicted.ndim != 1 or predicted.shape != labels.shape:
            raise self._damaged(self.predictions)
        return Answers(predicted, labels)

    def read_logits(self) -> npt.NDArray[np.float16] | None:
        """Logits of the test set (n, classes); None where no predictions are there.

        Raises:
            FileError: The file is damaged.
        """
        arrays = self._predictions("logits")
        if arrays is None:
            return None
        (logits,) = arrays
        if not isinstance(logits, np.ndarray) or logits.dtype != np.float16 or logits.ndim != 2:
            raise self._damaged(self.predictions)
        return logits

    def _predictions(self, *names: str) -> list[npt.NDArray[Any]] | None:
        """Arrays of the predictions' file; None where it is absent."""
        try:
            with (
                self.predictions.open("rb") as file,
                np.load(file, allow_pickle=False) as arrays,
            ):
                return [arrays[name] for name in names]
        except (FileNotFoundError, NotADirectoryError):
            return None
        except Exception:  # of damaged bytes zipfile, zlib and numpy's header each have their own
            raise self._damaged(self.predictions) from None

    def write_result(self, result: RunResult) -> None:
        """Write how the run ended; with this it is complete."""
        write_text(self.result_file, result.model_dump_json(indent=1) + "\n")

    def read_result(self) -> RunResult:
        """How the run ended.

        Raises:
            FileError: The file is damaged.
        """
        try:
            return RunResult.model_validate_json(self.result_file.read_text(encoding="utf-8"))
        except (ValidationError, UnicodeDecodeError, OSError):
            raise self._damaged(self.result_file) from None

    def _damaged(self, file: Path) -> FileError:
        return FileError(f"{file} is damaged: remove its folder, and the run is done again")
