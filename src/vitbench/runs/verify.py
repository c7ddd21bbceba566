"""Problems of run folders and checkpoints, and how to fix them."""

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
KNOWN = "update vitbench, or install the missing name; or remove its folder to train it again"
SLACK_PCT = 1e-6  # rounding of quotients of whole numbers


@dataclass(frozen=True)
class Finding:
    """A problem.

    Attributes:
        path: The file or folder.
        what: What is wrong.
        fix: How to fix it.
        is_note: Whether it is harmless.
    """

    path: Path
    what: str
    fix: str
    is_note: bool = False


def verify_checkpoint(path: Path, is_named: bool = False) -> list[Finding]:
    """Check a checkpoint's checksums, that it opens, and that its weights fit its spec.

    Args:
        path: The file.
        is_named: Whether the user named it; a file that was found may belong to another tool.
    """
    try:
        _open(path)
    except ForeignFileError as error:
        fix = "harmless: it is skipped and not changed"
        if is_named:
            fix = "give a vitbench checkpoint; this file is not changed"
        return [Finding(path, _said(error, path), fix, is_note=not is_named)]
    except FileError as error:
        fix = UPDATE if isinstance(error, LaterVersionError) else "train it again"
        return [Finding(path, _said(error, path), fix)]
    return []


def verify_run(path: Path) -> list[Finding]:
    """Check that the files of a run folder are undamaged and consistent."""
    folder = RunFolder(path)
    if folder.is_busy():
        return [Finding(path, "another process is training it", "check again later", is_note=True)]
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
    except UsageError as error:  # readable, so another version may know it
        yield Finding(spec_file, str(error), KNOWN)
        return
    digits = IDENTITY_DIGITS.search(folder.path.name)
    if result is not None and result.semantics != ExperimentSpec.semantics:
        here = ExperimentSpec.semantics
        what = f"its training semantics are {result.semantics}, and this vitbench's {here}"
        yield Finding(folder.path, what, "harmless: it is not used again", is_note=True)
    elif digits and not spec.identity.startswith(digits[1]):
        what = f"the spec belongs to another run ({spec.folder_name})"
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
        yield Finding(file, f"it belongs to another run than the spec ({result.name})", AGAIN)
    elif result.spec != spec.to_json():
        yield Finding(file, "its spec differs from spec.json", AGAIN)
    numbers = [record.epoch for record in result.history]
    if len(numbers) != result.epochs or numbers != list(range(1, len(numbers) + 1)):
        yield Finding(file, f"its history does not cover epochs 1 to {result.epochs}", AGAIN)
    if result.status == "done" and result.epochs != spec.train.epochs:
        what = f"it ended after {result.epochs} of {spec.train.epochs} epochs"
        yield Finding(file, what, AGAIN)
    if folder.read_history() != result.history:
        what = "it differs from the history in result.json"
        yield Finding(folder.history_file, what, "harmless: result.json has it", is_note=True)


def _verified_answers(folder: RunFolder, result: RunResult) -> Iterator[Finding]:
    """Check that the predictions match the result."""
    try:
        answers = folder.read_answers()
        _check_sums(folder.predictions)
    except FileError as error:
        yield Finding(folder.predictions, _said(error, folder.predictions), AGAIN)
        return
    if result.status != "done":
        return
    if answers is None:
        what = "the test predictions are missing"
        yield Finding(folder.predictions, what, "harmless: result.json has them", is_note=True)
        return
    accuracy = 100 * float(np.mean(answers.predicted == answers.labels))
    if result.test_top1_pct is None or abs(accuracy - result.test_top1_pct) > SLACK_PCT:
        what = (
            f"it records {result.test_top1_pct} % test accuracy, but its predictions have "
            f"{accuracy:.2f} %"
        )
        yield Finding(folder.result_file, what, AGAIN)
    elif not _is_same(answers, result):
        yield Finding(folder.result_file, "its predictions differ from predictions.npz", AGAIN)


def _check_sums(path: Path) -> None:
    """Raise FileError if the checksum of an archive member is wrong."""
    try:
        with open_regular(path, MOST_PREDICTIONS_BYTES) as file, zipfile.ZipFile(file) as archive:
            broken = archive.testzip()
    except FileNotFoundError:
        return
    except Exception:  # zipfile and zlib raise many kinds for damaged bytes
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
    """Check that the checkpoint, or the previous one, is undamaged and belongs to this run."""
    file = folder.checkpoint
    before = "harmless: the run resumes from the previous epoch"
    spare = not complete and _is_whole(previous(file), spec)
    if not file.exists():
        if complete:
            what = "it is missing, so there are no weights to visualize"
            yield Finding(file, what, "harmless: reports do not need it", is_note=True)
        elif folder.state() == "begun":
            yield Finding(file, "it is missing", before if spare else AGAIN, is_note=spare)
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
        yield Finding(file, f"it belongs to another run ({checkpoint.spec.name})", AGAIN)
    elif history is not None and complete and checkpoint.history != history:
        yield Finding(file, "its history differs from result.json", AGAIN)
    elif history is None and folder.read_history() != checkpoint.history:
        what = "it differs from the history in the checkpoint"
        fix = "harmless: the next epoch writes it again"
        yield Finding(folder.history_file, what, fix, is_note=True)


def _leftovers(path: Path) -> Iterator[Finding]:
    for part in sorted(path.glob(".*.part")):
        what = "left by a process that was killed while writing"
        yield Finding(part, what, "remove it", is_note=True)


def _open(path: Path, resumable: bool = False) -> Checkpoint:
    """Open a checkpoint and check its weights.

    Args:
        path: The file.
        resumable: Whether to check its optimisers too.

    Raises:
        FileError: It cannot be opened, or they do not fit.
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
    """The message of an error without the path and the advice, which are printed beside it."""
    words = str(error).replace(f"cannot read {path}", "cannot be read").replace(str(path), "")
    return words.strip(" :").removesuffix(f": {AGAIN}").removesuffix(f": {UPDATE}")
