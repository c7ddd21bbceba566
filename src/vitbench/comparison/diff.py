"""Two things that were trained, against each other alone: a run each, or a variant's runs each.

On all test images and class by class; the classes are a family of their own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vitbench.comparison.pairs import (
    MOST_SEEDS,
    Classes,
    Comparison,
    Correct,
    answers_of,
    seeds_for,
    test_labels,
)
from vitbench.comparison.statistics import SeedsAndImages, difference_estimate
from vitbench.config.data import DataSpec
from vitbench.errors import FileError, UsageError
from vitbench.runs.folder import RunFolder
from vitbench.runs.results import check_runs_belong, read_results
from vitbench.runs.schema import RunResult

DEFAULT_MARGIN_PCT = 0.5
WIDE_PCT = 20.0  # half-width of an interval that tells nothing of a class unless it leaves 0 out
USEFUL_PCT = 10.0  # half-width for which seeds of a class are foreseen


@dataclass(frozen=True)
class Side:
    """One of the two.

    Attributes:
        label: What it is called.
        answers: Class that its run of each seed answered to each test image (n,); one run by
            itself has seed 0.
        labels: uint8 (n,), true class of each image.
        data: What it was trained on.
        margin_pct: Differences below this many points do not matter.
        folders: The folders of its runs by seed, of those whose place is known.
    """

    label: str
    answers: Mapping[int, Classes]
    labels: Classes
    data: DataSpec
    margin_pct: float
    folders: Mapping[int, RunFolder]

    @property
    def classes(self) -> Sequence[str]:
        """Name of each class."""
        return self.data.classes

    def correct(self, seed: int) -> Correct:
        """Whether its run of a seed was right on each test image (n,)."""
        right: Correct = self.answers[seed] == self.labels
        return right

    def logits(self, seed: int) -> npt.NDArray[np.float16] | None:
        """Logits (n, classes) of its run of a seed; None where its folder is not there.

        Raises:
            FileError: They are damaged, or those of another test set.
        """
        found = self.folders[seed].read_logits() if seed in self.folders else None
        if found is not None and found.shape != (len(self.labels), len(self.classes)):
            raise FileError(f"{self.folders[seed].path}: its logits are of another test set")
        return found


@dataclass(frozen=True)
class Difference:
    """What was found.

    Attributes:
        first: The one.
        second: The other.
        overall: The first against the second on all test images.
        classes: The same on the images of each class that has two or more, by its name; adjusted
            for all classes.
    """

    first: Side
    second: Side
    overall: Comparison
    classes: Mapping[str, Comparison]

    @property
    def told(self) -> Mapping[str, Comparison]:
        """Those classes of which something is known: a difference, or a width that is not all."""
        return {name: pair for name, pair in self.classes.items() if not _tells_nothing(pair)}

    def seeds_for_classes(self) -> int | None:
        """Seeds that should bring most of the other classes within USEFUL_PCT; None: none would.

        With one seed each nothing can be foreseen, so that is None too.
        """
        needed = sorted(
            seeds_for(pair.estimate, USEFUL_PCT, pair.num_pairs) or MOST_SEEDS + 1
            for pair in self.classes.values()
            if _tells_nothing(pair) and isinstance(pair.estimate, SeedsAndImages)
        )
        median = needed[len(needed) // 2] if needed else MOST_SEEDS + 1
        return median if median <= MOST_SEEDS else None


def _tells_nothing(pair: Comparison) -> bool:
    """Whether an interval holds 0 and so much else that it says nothing."""
    low, high = pair.interval
    return pair.verdict == "inconclusive" and (high - low) / 2 > WIDE_PCT


def open_side(given: str, beside: str | None = None) -> Side:
    """A side from what a user names: a run folder, or FILE_results.json:VARIANT.

    Args:
        given: The name; a variant alone is one of the file that `beside` names.
        beside: What the other side was given as.

    Raises:
        FileError: The run or the file is absent or damaged, or its runs kept no answers.
        UsageError: It is neither.
    """
    side = _side(given, beside)
    highest = max(int(answers.max()) for answers in (side.labels, *side.answers.values()))
    if highest >= len(side.classes):
        raise FileError(
            f"{given}: it has an answer {highest}, and {side.data.dataset} has classes 0 to "
            f"{len(side.classes) - 1}: its answers are damaged"
        )
    return side


def _side(given: str, beside: str | None) -> Side:
    path, colon, variant = given.rpartition(":")
    if colon and path.endswith(".json"):
        return _of_study(Path(path), variant)
    if given.endswith(".json"):
        raise UsageError(f"{given}: name a variant of it, as {given}:VARIANT")
    if Path(given).exists():
        return _of_run(Path(given))
    file = (beside or "").rpartition(":")[0]
    if file.endswith(".json") and "/" not in given:
        return _of_study(Path(file), given)
    raise FileError(f"no run folder {given}: give one, or FILE_results.json:VARIANT")


def difference(first: Side, second: Side) -> Difference:
    """Compare two sides.

    Raises:
        UsageError: They answered other test images, or share no seed.
    """
    if not np.array_equal(first.labels, second.labels):
        raise UsageError(f"{first.label} and {second.label} answered different test sets")
    seeds = tuple(sorted(first.answers.keys() & second.answers.keys()))
    if not seeds:
        raise UsageError(f"{first.label} and {second.label} share no seed")
    a, b = (np.stack([side.correct(seed) for seed in seeds]) for side in (first, second))
    present = [
        (number, name)
        for number, name in enumerate(first.classes)
        if (first.labels == number).sum() > 1  # one image has no variance
    ]

    def compared(images: npt.NDArray[np.bool_], num_pairs: int) -> Comparison:
        estimate = difference_estimate(a[:, images], b[:, images])
        return Comparison(first.label, second.label, estimate, seeds, num_pairs, first.margin_pct)

    return Difference(
        first,
        second,
        compared(np.ones(len(first.labels), dtype=bool), 1),
        {name: compared(first.labels == number, len(present)) for number, name in present},
    )


def _of_run(path: Path) -> Side:
    folder = RunFolder(path if path.is_dir() else path.parent)
    if folder.state() != "trained":
        raise FileError(f"{folder.path} is no complete run: train it to its end first")
    result, answers = folder.read_result(), folder.read_answers()
    if answers is None:
        raise FileError(f"{folder.path} has no answers: it {result.status}")
    name = folder.path.resolve().name
    return Side(
        name,
        {0: answers.predicted},
        answers.labels,
        _data(result),
        DEFAULT_MARGIN_PCT,
        {0: folder},
    )


def _of_study(path: Path, key: str) -> Side:
    results = read_results(path)
    check_runs_belong(results)
    variant = results.study.variant(key)
    runs = [run for run in results.runs if run.variant == variant.key]
    diverged = sum(run.status == "diverged" for run in runs)
    if diverged:
        raise UsageError(
            f"{variant.label} diverged in {diverged} seeds: what is left of it is not compared"
        )
    labels, answers = test_labels(results), answers_of(results, variant.key)
    if labels is None or not answers or results.num_test < 2:  # one image has no variance
        raise FileError(f"{path} holds no answers of {variant.label}: there is nothing to compare")
    folders = {
        results.study_seed(run): RunFolder(path.parent / run.run_folder)
        for run in runs
        if run.run_folder is not None
    }
    return Side(variant.label, answers, labels, _data(runs[0]), results.study.margin_pct, folders)


def _data(result: RunResult) -> DataSpec:
    if not result.spec:
        raise FileError(f"run {result.name!r} holds no spec, so its classes are not known")
    return DataSpec.model_validate({"dataset": result.spec["data"]["dataset"]})
