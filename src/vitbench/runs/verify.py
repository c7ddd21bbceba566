"""What is wrong with run folders and checkpoints, and what mends it."""

import hashlib
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vitbench.errors import FileError, UsageError
from vitbench.runs.catalogue import IDENTITY_DIGITS
from vitbench.runs.folder import Answers, RunFolder
from vitbench.runs.schema import RunResult, unpack_classes
from vitbench.spec.experiment import ExperimentSpec
from vitbench.spec.overrides import build_spec, load_mapping
from vitbench.training.checkpoint import Checkpoint, previous
from vitbench.training.history import EpochRecord

AGAIN = "remove its folder, and the run is done again"
SLACK_PCT = 1e-6  # accuracies are quotients of whole numbers


@dataclass(frozen=True)
class Finding:
    """Something that is not as it should be.

    Attributes:
        path: Where.
        what: What is wrong.
        mends: What mends it.
        is_note: Whether nothing is lost or false by it.
    """

    path: Path
    what: str
    mends: str
    is_note: bool = False


def verify_checkpoint(path: Path) -> list[Finding]:
    """Whether a checkpoint's checksums hold, it can be opened, and its weights fit its spec."""
    try:
        _open(path)
    except FileError as error:
        return [Finding(path, _said(error, path), "there is no mending it: train again")]
    return []


def verify_run(path: Path) -> list[Finding]:
    """Whether a run folder's files are whole and agree with one another."""
    folder = RunFolder(path)
    if folder.is_busy():
        return [Finding(path, "another process trains it now", "look again later", is_note=True)]
    return [*_leftovers(path), *_verified(folder)]


def _verified(folder: RunFolder) -> Iterator[Finding]:
    try:
        spec = build_spec(load_mapping(folder.spec_file, "spec"))
    except UsageError as error:
        yield Finding(folder.spec_file, _said(error, folder.spec_file), AGAIN)
        return
    digits = IDENTITY_DIGITS.search(folder.path.name)
    old = _of_other_semantics(folder)
    if old is not None:
        yield old
    elif digits and not spec.identity.startswith(digits[1]):
        what = f"the spec is of another run ({spec.folder_name})"
        yield Finding(folder.spec_file, what, AGAIN)
    elif folder.state() == "trained":
        try:
            result = folder.read_result()
        except FileError as error:
            yield Finding(folder.result_file, _said(error, folder.result_file), AGAIN)
            return
        yield from _verified_result(folder, result, spec)
        yield from _verified_answers(folder, result)
        yield from _verified_checkpoint(folder, spec, result.history, result.status == "done")
    elif folder.state() == "begun":
        yield from _verified_checkpoint(folder, spec, None, complete=False)


def _of_other_semantics(folder: RunFolder) -> Finding | None:
    """A note where a run is of a vitbench to which specs meant another training."""
    try:
        result = folder.read_result() if folder.state() == "trained" else None
    except FileError:
        return None
    if result is None or result.semantics == ExperimentSpec.semantics:
        return None
    what = f"it is of semantics {result.semantics}, this vitbench's are {ExperimentSpec.semantics}"
    return Finding(folder.path, what, "no harm: it is not used again", is_note=True)


def _verified_result(
    folder: RunFolder, result: RunResult, spec: ExperimentSpec
) -> Iterator[Finding]:
    file = folder.result_file
    if result.identity != spec.identity:
        yield Finding(file, f"it is of another run than the spec ({result.name})", AGAIN)
    elif result.spec != spec.to_json():
        yield Finding(file, "its spec is not that of spec.json", AGAIN)
    numbers = [record.epoch for record in result.history]
    if len(numbers) != result.epochs or numbers != list(range(1, len(numbers) + 1)):
        yield Finding(file, f"its history is not of epochs 1 to {result.epochs}", AGAIN)
    if result.status == "done" and result.epochs != spec.train.epochs:
        what = f"it ended after {result.epochs} of {spec.train.epochs} epochs"
        yield Finding(file, what, AGAIN)
    if _history(folder) != result.history:
        what = "it is not the history of result.json"
        yield Finding(folder.history_file, what, "no harm: result.json holds it", is_note=True)


def _verified_answers(folder: RunFolder, result: RunResult) -> Iterator[Finding]:
    """Whether the predictions are those that the result counts."""
    try:
        answers = folder.read_answers()
        _check_sums(folder.predictions)
    except FileError as error:
        yield Finding(folder.predictions, _said(error, folder.predictions), AGAIN)
        return
    if result.status != "done":
        return
    if answers is None:
        what = "the answers on the test set are gone"
        yield Finding(folder.predictions, what, "no harm: result.json holds them", is_note=True)
        return
    accuracy = 100 * float(np.mean(answers.predicted == answers.labels))
    if result.test_top1_pct is None or abs(accuracy - result.test_top1_pct) > SLACK_PCT:
        what = f"it says {result.test_top1_pct} % on the test set, its answers {accuracy:.2f} %"
        yield Finding(folder.result_file, what, AGAIN)
    elif not _is_same(answers, result):
        yield Finding(folder.result_file, "its answers are not those of predictions.npz", AGAIN)


def _check_sums(path: Path) -> None:
    """Raise FileError where a member of an archive is not what its checksum says."""
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
    except FileNotFoundError:
        return
    except (OSError, zipfile.BadZipFile, zlib.error):
        broken = "it"
    if broken is not None:
        raise FileError(f"{path}: {broken} is damaged")


def _is_same(answers: Answers, result: RunResult) -> bool:
    digest = hashlib.sha256(answers.labels.tobytes()).hexdigest()
    if result.test_labels_sha256 != digest or result.predicted is None:
        return False
    try:
        packed = unpack_classes(result.predicted, len(answers.predicted))
    except ValueError:
        return False
    return packed == answers.predicted.tobytes()


def _verified_checkpoint(
    folder: RunFolder, spec: ExperimentSpec, history: list[EpochRecord] | None, complete: bool
) -> Iterator[Finding]:
    """Whether the checkpoint is whole and this run's; the one before it may stand in."""
    file = folder.checkpoint
    before = "no harm: the run goes on from the epoch before"
    spare = not complete and _is_whole(previous(file))
    if not file.exists():
        if complete:
            what = "it is gone, so there are no weights to look into"
            yield Finding(file, what, "no harm: reports need none", is_note=True)
        elif folder.state() == "begun":
            yield Finding(file, "it is gone", before, is_note=spare)
        return
    try:
        checkpoint = _open(file)
    except FileError as error:
        yield Finding(file, _said(error, file), before if spare else AGAIN, is_note=spare)
        return
    if checkpoint.spec.identity != spec.identity:
        yield Finding(file, f"it is of another run ({checkpoint.spec.name})", AGAIN)
    elif history is not None and complete and checkpoint.history != history:
        yield Finding(file, "its history is not that of result.json", AGAIN)
    elif history is None and _history(folder) != checkpoint.history:
        what = "it is not the history of the checkpoint"
        mends = "no harm: the next epoch writes it anew"
        yield Finding(folder.history_file, what, mends, is_note=True)


def _leftovers(path: Path) -> Iterator[Finding]:
    for part in sorted(path.glob(".*.part")):
        what = "left by a process that was killed as it wrote"
        yield Finding(part, what, "remove it", is_note=True)


def _open(path: Path) -> Checkpoint:
    """A checkpoint whose weights fit.

    Raises:
        FileError: It cannot be opened, or they do not.
    """
    checkpoint = Checkpoint.open(path)
    checkpoint.check_weights()
    return checkpoint


def _is_whole(path: Path) -> bool:
    try:
        _open(path)
    except FileError:
        return False
    return True


def _history(folder: RunFolder) -> list[EpochRecord] | None:
    """What history.jsonl holds; None where it is absent or a line is torn."""
    try:
        lines = folder.history_file.read_text(encoding="utf-8").splitlines()
        return [EpochRecord.model_validate_json(line) for line in lines]
    except (OSError, ValueError):
        return None


def _said(error: Exception, path: Path) -> str:
    """An error's words without the path that stands beside them."""
    return str(error).removeprefix(f"{path}").removeprefix(":").strip()
