"""The predictions of a study's runs, by variant and seed.

A results file holds the predicted class of each test image, so that runs are compared without their
folders.
"""

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from vitbench.errors import FileError
from vitbench.runs.schema import StudyResults, StudyRun, unpack_classes

Correct = npt.NDArray[np.bool_]  # (n,), whether each image was classified correctly
Classes = npt.NDArray[np.uint8]  # (n,), predicted or true class of each image


def runs_by_variant(results: StudyResults) -> dict[str, list[StudyRun]]:
    """The runs of each variant of a study, in order; also of variants without runs."""
    runs: dict[str, list[StudyRun]] = {variant.key: [] for variant in results.study.variants}
    for run in results.runs:
        if run.variant in runs:
            runs[run.variant].append(run)
    return runs


def successful_runs(results: StudyResults, runs: Sequence[StudyRun]) -> dict[int, StudyRun]:
    """The successful runs of a variant, by seed of the study."""
    offset = results.study.variant(runs[0].variant).seed_offset if runs else 0
    return {
        run.seed - offset: run
        for run in runs
        if run.status == "done" and run.test_top1_pct is not None
    }


def correct_predictions(results: StudyResults) -> dict[str, dict[int, Correct]]:
    """The images that each run classified correctly, by variant with runs and by seed.

    Empty for a variant if one of its runs has no predictions, or the file has no labels.

    Raises:
        FileError: The predictions of a run are damaged, or of another test set.
    """
    labels = test_labels(results)
    done = {key: successful_runs(results, runs) for key, runs in runs_by_variant(results).items()}
    return {key: _correct(results, runs, labels) for key, runs in done.items() if runs}


def predictions_of(results: StudyResults, key: str) -> dict[int, Classes]:
    """The predictions of a variant's runs, by seed; empty if a run has none.

    Raises:
        FileError: The predictions of a run are damaged.
    """
    return _predictions(results, successful_runs(results, runs_by_variant(results).get(key, ())))


def test_labels(results: StudyResults) -> npt.NDArray[np.uint8] | None:
    """True class of each test image (n,), or None if the file has none.

    Raises:
        FileError: They are damaged, or a run has another test set.
    """
    if results.test_labels is None:
        return None
    packed = _unpacked(results, results.test_labels, "test labels")
    digest = hashlib.sha256(packed).hexdigest()
    for run in results.runs:
        if run.test_labels_sha256 not in (None, digest):
            raise FileError(
                f"study {results.study.name}: {run.variant}, seed {run.seed} has another test set "
                "than the file: remove that run from the file, and sweep again"
            )
    return np.frombuffer(packed, dtype=np.uint8)


def _correct(
    results: StudyResults, runs: Mapping[int, StudyRun], labels: npt.NDArray[np.uint8] | None
) -> dict[int, Correct]:
    """Whether each image (n,) was classified correctly, by seed; empty without predictions."""
    if labels is None or results.num_test < 2:  # one image has no variance over images
        return {}
    return {seed: predicted == labels for seed, predicted in _predictions(results, runs).items()}


def _predictions(results: StudyResults, runs: Mapping[int, StudyRun]) -> dict[int, Classes]:
    if any(run.predicted is None for run in runs.values()):
        return {}
    return {
        seed: np.frombuffer(
            _unpacked(
                results, run.predicted or "", f"predictions of {run.variant}, seed {run.seed}"
            ),
            dtype=np.uint8,
        )
        for seed, run in runs.items()
    }


def _unpacked(results: StudyResults, packed: str, what: str) -> bytes:
    try:
        classes = unpack_classes(packed, results.num_test)
    except ValueError:
        classes = b""
    if len(classes) != results.num_test:
        raise FileError(f"study {results.study.name}: the {what} are damaged: sweep again")
    return classes
