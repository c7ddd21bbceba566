"""What is wrong with run folders and checkpoints, and what mends it."""

import hashlib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vitbench.config.build import build_spec
from vitbench.config.experiment import ExperimentSpec
from vitbench.errors import FileError, ForeignFileError, LaterVersionError, UsageError
from vitbench.files import open_regular
from vitbench.runs.catalogue import IDENTITY_DIGITS
from vitbench.runs.folder import AGAIN, MOST_PREDICTIONS_BYTES, Answers, RunFolder
from vitbench.runs.schema import RunResult, unpack_classes
from vitbench.training.checkpoint import Checkpoint, previous
from vitbench.training.history import EpochRecord

UPDATE = "update vitbench"
KNOWN = "update vitbench, or install what it names; or remove its folder, and the run is done again"
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


def verify_checkpoint(path: Path, is_named: bool = False) -> list[Finding]:
    """Whether a checkpoint's checksums hold, it can be opened, and its weights fit its spec.

    Args:
        path: The file.
        is_named: Whether a user named it; a file that was found may be another tool's.
    """
    try:
        _open(path)
    except ForeignFileError as error:
        mends = "no harm: it is passed over, and stays as it is"
        if is_named:
            mends = "name a checkpoint of vitbench; this one stays as it is"
        return [Finding(path, _said(error, path), mends, is_note=not is_named)]
    except FileError as error:
        mends = UPDATE if isinstance(error, LaterVersionError) else "train it again"
        return [Finding(path, _said(error, path), mends)]
    return []


def verify_run(path: Path) -> list[Finding]:
    """Whether a run folder's files are whole and agree with one another."""
    folder = RunFolder(path)
    if folder.is_busy():
        return [Finding(path, "another process trains it now", "look again later", is_note=True)]
    return [*_leftovers(path), *_verified(folder)]


def _verified(folder: RunFolder) -> Iterator[Finding]:
    result, spec_file, result_file = None, folder.spec_file, folder.result_file
    try:
        fields = folder.read_spec_fields()
    except FileError as error:
        yield Finding(spec_file, _said(error, spec_file), AGAIN)
        return
    try:
        if folder.state() == "trained":
            result = folder.read_result()
    except LaterVersionError as error:
        yield Finding(result_file, _said(error, result_file), UPDATE)
        return
    except FileError as error:
        yield Finding(result_file, _said(error, result_file), AGAIN)
        return
    try:
        spec = build_spec(fields)
    except UsageError as error:  # readable, so that another vitbench may well know it
        yield Finding(spec_file, str(error), KNOWN)
        return
    digits = IDENTITY_DIGITS.search(folder.path.name)
    if result is not None and result.semantics != ExperimentSpec.semantics:
        here = ExperimentSpec.semantics
        what = f"it is of semantics {result.semantics}, this vitbench's are {here}"
        yield Finding(folder.path, what, "no harm: it is not used again", is_note=True)
    elif digits and not spec.identity.startswith(digits[1]):
        what = f"the spec is of another run ({spec.folder_name})"
        yield Finding(spec_file, what, AGAIN)
    elif result is not None:
        yield from _verified_result(folder, result, spec)
        yield from _verified_answers(folder, result)
        yield from _verified_checkpoint(folder, spec, result.history, result.status == "done")
    elif folder.state() == "begun":
        yield from _verified_checkpoint(folder, spec, None, complete=False)


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
    if folder.read_history() != result.history:
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
        with open_regular(path, MOST_PREDICTIONS_BYTES) as file, zipfile.ZipFile(file) as archive:
            broken = archive.testzip()
    except FileNotFoundError:
        return
    except Exception:  # of damaged bytes zipfile and zlib raise many
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
    spare = not complete and _is_whole(previous(file), spec)
    if not file.exists():
        if complete:
            what = "it is gone, so there are no weights to look into"
            yield Finding(file, what, "no harm: reports need none", is_note=True)
        elif folder.state() == "begun":
            yield Finding(file, "it is gone", before if spare else AGAIN, is_note=spare)
        return
    try:
        checkpoint = _open(file, resumable=not complete)
    except LaterVersionError as error:
        yield Finding(file, _said(error, file), UPDATE)
        return
    except FileError as error:
        yield Finding(file, _said(error, file), before if spare else AGAIN, is_note=spare)
        return
    if checkpoint.spec.identity != spec.identity:
        yield Finding(file, f"it is of another run ({checkpoint.spec.name})", AGAIN)
    elif history is not None and complete and checkpoint.history != history:
        yield Finding(file, "its history is not that of result.json", AGAIN)
    elif history is None and folder.read_history() != checkpoint.history:
        what = "it is not the history of the checkpoint"
        mends = "no harm: the next epoch writes it again"
        yield Finding(folder.history_file, what, mends, is_note=True)


def _leftovers(path: Path) -> Iterator[Finding]:
    for part in sorted(path.glob(".*.part")):
        what = "left by a process that was killed as it wrote"
        yield Finding(part, what, "remove it", is_note=True)


def _open(path: Path, resumable: bool = False) -> Checkpoint:
    """A checkpoint whose weights fit.

    Args:
        path: The file.
        resumable: Whether its optimisers must fit too.

    Raises:
        FileError: It cannot be opened, or they do not.
    """
    checkpoint = Checkpoint.open(path)
    if resumable:
        checkpoint.check_resumable()
    else:
        checkpoint.check_weights()
    return checkpoint


def _is_whole(path: Path, spec: ExperimentSpec) -> bool:
    """Whether a run can be resumed from a checkpoint."""
    try:
        return _open(path, resumable=True).spec.identity == spec.identity
    except FileError:
        return False


def _said(error: Exception, path: Path) -> str:
    """An error's words without the path and the advice that stand beside them."""
    words = str(error).replace(f"cannot read {path}", "cannot be read").replace(str(path), "")
    return words.strip(" :").removesuffix(f": {AGAIN}").removesuffix(f": {UPDATE}")
