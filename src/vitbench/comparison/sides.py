"""The sides of `vitbench diff`: a run folder, or a variant of a results file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vitbench.comparison.predictions import Classes, Correct, predictions_of, test_labels
from vitbench.config.data import DataSpec
from vitbench.errors import FileError, UsageError
from vitbench.runs.folder import RunFolder
from vitbench.runs.results import check_runs_belong, read_results
from vitbench.runs.schema import RunResult

DEFAULT_MARGIN_PCT = 0.5


@dataclass(frozen=True)
class Side:
    """One of the two sides.

    Attributes:
        label: Its name.
        predictions: Predicted class of each test image (n,), by seed; a single run has seed 0.
        labels: uint8 (n,), true class of each image.
        data: Its data set.
        margin_pct: Differences below this many points do not matter.
        folders: The folders of its runs by seed, as far as known.
    """

    label: str
    predictions: Mapping[int, Classes]
    labels: Classes
    data: DataSpec
    margin_pct: float
    folders: Mapping[int, RunFolder]

    @property
    def classes(self) -> Sequence[str]:
        """Name of each class."""
        return self.data.classes

    def correct(self, seed: int) -> Correct:
        """Whether each test image (n,) was classified correctly with a seed."""
        correct: Correct = self.predictions[seed] == self.labels
        return correct

    def logits(self, seed: int) -> npt.NDArray[np.float16] | None:
        """Logits (n, classes) with a seed; None if its folder is missing.

        Raises:
            FileError: They are damaged, or of another test set.
        """
        logits = self.folders[seed].read_logits() if seed in self.folders else None
        if logits is not None and logits.shape != (len(self.labels), len(self.classes)):
            raise FileError(f"{self.folders[seed].path}: its logits are of another test set")
        return logits


def open_side(given: str, beside: str | None = None) -> Side:
    """Open a side: a run folder, or FILE_results.json:VARIANT.

    Args:
        given: The name; a variant without a file belongs to the file of `beside`.
        beside: The name of the other side.

    Raises:
        FileError: The run or file is absent or damaged, or has no predictions.
        UsageError: It is neither.
    """
    side = _find_side(given, beside)
    highest = max(int(classes.max()) for classes in (side.labels, *side.predictions.values()))
    if highest >= len(side.classes):
        raise FileError(
            f"{given}: it predicts class {highest}, but {side.data.dataset} has classes 0 to "
            f"{len(side.classes) - 1}: its predictions are damaged"
        )
    return side


def _find_side(given: str, beside: str | None) -> Side:
    path, colon, variant = given.rpartition(":")
    if colon and path.endswith(".json"):
        return _open_variant(Path(path), variant)
    if given.endswith(".json"):
        raise UsageError(f"{given}: add a variant: {given}:VARIANT")
    if Path(given).exists():
        return _open_run(Path(given))
    file = (beside or "").rpartition(":")[0]
    if file.endswith(".json") and "/" not in given:
        return _open_variant(Path(file), given)
    raise FileError(f"no run folder {given}: give one, or FILE_results.json:VARIANT")


def _open_run(path: Path) -> Side:
    folder = RunFolder(path if path.is_dir() else path.parent)
    if folder.state() != "trained":
        raise FileError(f"{folder.path} is not a complete run: resume it first")
    result, answers = folder.read_result(), folder.read_answers()
    if answers is None:
        raise FileError(f"{folder.path} has no predictions: it {result.status}")
    name = folder.path.resolve().name
    return Side(
        name,
        {0: answers.predicted},
        answers.labels,
        _data(result),
        DEFAULT_MARGIN_PCT,
        {0: folder},
    )


def _open_variant(path: Path, key: str) -> Side:
    results = read_results(path)
    check_runs_belong(results)
    variant = results.study.variant(key)
    runs = [run for run in results.runs if run.variant == variant.key]
    diverged = sum(run.status == "diverged" for run in runs)
    if diverged:
        raise UsageError(f"{variant.label} diverged in {diverged} seeds, so it is not compared")
    labels, predictions = test_labels(results), predictions_of(results, variant.key)
    if labels is None or not predictions or results.num_test < 2:  # one image has no variance
        raise FileError(f"{path} has no predictions of {variant.label}, so it cannot be compared")
    folders = {
        results.study_seed(run): RunFolder(path.parent / run.run_folder)
        for run in runs
        if run.run_folder is not None
    }
    return Side(
        variant.label, predictions, labels, _data(runs[0]), results.study.margin_pct, folders
    )


def _data(result: RunResult) -> DataSpec:
    if not result.spec:
        raise FileError(f"run {result.name!r} has no spec, so its classes are unknown")
    return DataSpec.model_validate({"dataset": result.spec["data"]["dataset"]})
