"""Two things that were trained, against each other alone: a run each, or a variant's runs each.

On all test images and class by class; the classes are a family of their own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vitbench.errors import FileError, UsageError
from vitbench.runs.folder import RunFolder
from vitbench.runs.results import check_runs_belong, read_results
from vitbench.runs.schema import RunResult
from vitbench.spec.data import DataSpec
from vitbench.study.comparison import Comparison, Correct, right_answers, test_labels
from vitbench.study.statistics import difference_estimate

DEFAULT_MARGIN_PCT = 0.5


@dataclass(frozen=True)
class Side:
    """One of the two.

    Attributes:
        label: What it is called.
        correct: Whether its run of each seed was right on each test image (n,); one run by itself
            has seed 0.
        labels: uint8 (n,), true class of each image.
        classes: Name of each class.
        margin_pct: Differences below this many points do not matter.
    """

    label: str
    correct: Mapping[int, Correct]
    labels: npt.NDArray[np.uint8]
    classes: Sequence[str]
    margin_pct: float


@dataclass(frozen=True)
class Difference:
    """What was found.

    Attributes:
        first: The one.
        second: The other.
        overall: The first against the second on all test images.
        classes: The same on the images of each class, by its name; adjusted for all classes.
    """

    first: Side
    second: Side
    overall: Comparison
    classes: Mapping[str, Comparison]


def open_side(given: str, beside: str | None = None) -> Side:
    """A side from what a user names: a run folder, or FILE_results.json:VARIANT.

    Args:
        given: The name; a variant alone is one of the file that `beside` names.
        beside: What the other side was given as.

    Raises:
        FileError: The run or the file is absent or damaged, or its runs kept no answers.
        UsageError: It is neither.
    """
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
    seeds = tuple(sorted(first.correct.keys() & second.correct.keys()))
    if not seeds:
        raise UsageError(f"{first.label} and {second.label} share no seed")
    a, b = (np.stack([side.correct[seed] for seed in seeds]) for side in (first, second))
    present = [
        (number, name)
        for number, name in enumerate(first.classes)
        if (first.labels == number).any()
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
    correct = {0: answers.predicted == answers.labels}
    return Side(name, correct, answers.labels, _classes(result), DEFAULT_MARGIN_PCT)


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
    labels, correct = test_labels(results), right_answers(results).get(variant.key)
    if labels is None or not correct:
        raise FileError(f"{path} holds no answers of {variant.label}: there is nothing to compare")
    return Side(variant.label, correct, labels, _classes(runs[0]), results.study.margin_pct)


def _classes(result: RunResult) -> Sequence[str]:
    if not result.spec:
        raise FileError(f"run {result.name!r} holds no spec, so its classes are not known")
    return DataSpec.model_validate({"dataset": result.spec["data"]["dataset"]}).classes
