"""Answers of anybody's models, from a CSV or NPZ file, as the results of a study.

No runs of vitbench are needed: a table of which class each model predicted for each test image is
enough to compare models of any framework.
"""

import csv
import hashlib
import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from vitbench.config.parsing import UnreadableError, as_text
from vitbench.config.study import StudySpec, Variant
from vitbench.errors import FileError, did_you_mean, shortened
from vitbench.files import read_regular_or_pipe, why_unreadable
from vitbench.runs.schema import MOST_TEST_IMAGES, StudyResults, StudyRun, pack_classes

MOST_BYTES = 4_000_000_000
MOST_CLASSES = 256
COLUMNS = ("variant", "seed", "image", "answer")
LABEL = "label"
ARRAYS = "arrays variant (R,), seed (R,), answer (R, N) and label (N,)"
DATASET = "the given images"


@dataclass(frozen=True)
class Answers:
    """Predicted classes of several models on the same images.

    Attributes:
        labels: True class of each image (N), any text.
        by_run: Predicted class of each image (N), by variant and seed.
    """

    labels: Sequence[str]
    by_run: dict[tuple[str, int], Sequence[str]]


def read_answers(path: Path) -> StudyResults:
    """The results of a study from a file of answers.

    A CSV file has a header with the columns variant, seed, image and answer, one line per image and
    run, and a column label with the true class; or the labels are in a second file beside it,
    `NAME_labels.csv`, with the columns image and label. An NPZ file has the arrays variant (R,),
    seed (R,), answer (R, N) and label (N,) of R runs on N images. Classes may be numbers or names.

    Raises:
        FileError: The file cannot be read, or a line or column is wrong; the message names it.
    """
    try:
        content = read_regular_or_pipe(path, MOST_BYTES)
    except OSError as error:
        raise FileError(why_unreadable(error, path, "file of answers")) from None
    if content.startswith(b"PK"):
        answers = _from_npz(path, content)
    else:
        answers = _from_csv(path, _decoded(path, content))
    if len(answers.labels) > MOST_TEST_IMAGES:
        raise FileError(f"{path}: it has more than {MOST_TEST_IMAGES:,} images")
    return _study(path, answers)


def _from_csv(path: Path, text: str) -> Answers:
    rows = _rows(path, text, COLUMNS)
    has_labels = bool(rows) and LABEL in rows[0][1]
    labels: dict[str, str] = {}
    if not has_labels:
        beside = path.with_name(f"{path.stem}_labels.csv")
        if not beside.is_file():
            raise FileError(f"{path}: it has no column {LABEL}, and there is no {beside}")
        content = _decoded(beside, beside.read_bytes())
        for number, row in _rows(beside, content, ("image", LABEL)):
            if row["image"] in labels:
                raise FileError(f"{beside}, line {number}: image {row['image']} is there twice")
            labels[row["image"]] = row[LABEL]
    by_run: dict[tuple[str, int], dict[str, str]] = {}
    for number, row in rows:
        where = f"{path}, line {number}"
        run = row["variant"], _seed(row["seed"], where)
        image = row["image"]
        if has_labels and labels.setdefault(image, row[LABEL]) != row[LABEL]:
            raise FileError(
                f"{where}, column {LABEL}: image {shortened(image)} is {shortened(row[LABEL])} "
                f"here and {shortened(labels[image])} before"
            )
        if image not in labels:
            raise FileError(f"{where}, column image: {shortened(image)} has no label")
        if image in by_run.setdefault(run, {}):
            raise FileError(f"{where}: a second answer of {run[0]}, seed {run[1]} to image {image}")
        by_run[run][image] = row["answer"]
    for (variant, seed), answers in by_run.items():
        if missing := next((image for image in labels if image not in answers), None):
            raise FileError(
                f"{path}: {variant}, seed {seed} has {len(answers):,} of {len(labels):,} images: "
                f"image {shortened(missing)} is missing"
            )
    return Answers(
        list(labels.values()),
        {run: [answers[image] for image in labels] for run, answers in by_run.items()},
    )


def _rows(path: Path, text: str, columns: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """The lines of a CSV file below its header, with their numbers."""
    reader = csv.DictReader(io.StringIO(text), strict=True)
    rows = []
    try:
        header = [name.strip().lower() for name in reader.fieldnames or []]
        reader.fieldnames = header
        for name in columns:
            if name not in header:
                raise FileError(
                    f"{path}, line 1: no column {name}: it needs {', '.join(columns)}"
                    f"{did_you_mean(name, header)}"
                )
        for row in reader:
            for name in header:
                if row[name] is None or None in row:
                    raise FileError(
                        f"{path}, line {reader.line_num}: it does not have {len(header)} columns"
                    )
            values = {name: row[name].strip() for name in header}
            if empty := next((name for name in columns if not values[name]), None):
                raise FileError(f"{path}, line {reader.line_num}, column {empty}: it is empty")
            rows.append((reader.line_num, values))
    except csv.Error as error:
        raise FileError(f"{path}, line {reader.line_num}: it is not CSV ({error})") from None
    if not rows:
        raise FileError(f"{path}: it has no lines below its header")
    return rows


def _from_npz(path: Path, content: bytes) -> Answers:
    import numpy as np

    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
    except (ValueError, OSError, zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise FileError(f"{path} is not a readable NPZ file ({type(error).__name__})") from None
    for name in ("variant", "seed", "answer", LABEL):
        if name not in found:
            names = ", ".join(found) or "none"
            raise FileError(f"{path}: no array {name}: it needs {ARRAYS}; it has {names}")
    answer, label = found["answer"], found[LABEL]
    runs = list(zip(found["variant"].ravel(), found["seed"].ravel(), strict=False))
    if (
        answer.ndim != 2
        or label.shape != answer.shape[1:]
        or {found["variant"].shape, found["seed"].shape} != {answer.shape[:1]}
    ):
        shapes = ", ".join(f"{name} {found[name].shape}" for name in found)
        raise FileError(f"{path}: it needs {ARRAYS}; it has {shapes}")
    by_run: dict[tuple[str, int], Sequence[str]] = {}
    for number, (variant, seed) in enumerate(runs):
        run = str(variant), _seed(str(seed), f"{path}, array seed, row {number}")
        if run in by_run:
            raise FileError(f"{path}, row {number}: {run[0]}, seed {run[1]} is there twice")
        by_run[run] = list(map(str, answer[number].tolist()))
    return Answers(list(map(str, label.tolist())), by_run)


def _seed(text: str, where: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text):
        raise FileError(f"{where}, column seed: {shortened(repr(text))} is not a whole number")
    return int(text)


def _study(path: Path, answers: Answers) -> StudyResults:
    """The answers as the results of a study; classes are numbered by their names."""
    used = dict.fromkeys(answers.labels)
    for predicted in answers.by_run.values():
        used.update(dict.fromkeys(predicted))
    classes = {name: number for number, name in enumerate(sorted(used))}
    if len(classes) > MOST_CLASSES:
        raise FileError(f"{path}: it has {len(classes)} classes, more than {MOST_CLASSES}")

    def packed(names: Iterable[str]) -> bytes:
        return bytes(classes[name] for name in names)

    labels = packed(answers.labels)
    keys = _keys(dict.fromkeys(variant for variant, _ in answers.by_run))
    runs = [
        _run(keys[variant], seed, packed(predicted), labels)
        for (variant, seed), predicted in answers.by_run.items()
    ]
    (name,) = _keys([path.stem]).values()
    try:
        return StudyResults(
            study=StudySpec(
                name=name,
                title=path.stem,
                variants=[Variant(key=key, label=label) for label, key in keys.items()],
                notes=["Only answers are known: costs and recipes of these models are not."],
            ),
            preset="none",
            base={},
            base_identity=hashlib.sha256(labels).hexdigest(),
            dataset=DATASET,
            num_test=len(labels),
            test_labels=pack_classes(labels),
            planned_seeds={
                key: [seed for variant, seed in answers.by_run if variant == label]
                for label, key in keys.items()
            },
            runs=runs,
        )
    except ValidationError as error:
        what = error.errors()[0]
        place = ".".join(map(str, what["loc"]))
        raise FileError(f"{path}: {place}: {what['msg'][:1].lower()}{what['msg'][1:]}") from None


def _keys(names: Iterable[str]) -> dict[str, str]:
    """A distinct key of a study for each name."""
    keys: dict[str, str] = {}
    for name in names:
        plain = re.sub(r"[^a-z0-9_.+-]+", "-", name.lower()).strip("-_.+")[:50] or "model"
        key, number = plain, 2
        while key in keys.values():
            key, number = f"{plain}-{number}", number + 1
        keys[name] = key
    return keys


def _run(variant: str, seed: int, predicted: bytes, labels: bytes) -> StudyRun:
    right = sum(answer == label for answer, label in zip(predicted, labels, strict=True))
    fields: dict[str, Any] = {
        "variant": variant,
        "identity": hashlib.sha256(f"{variant} {seed}".encode() + predicted).hexdigest(),
        "name": variant,
        "spec": {},
        "seed": seed,
        "status": "done",
        "test_top1_pct": 100 * right / len(labels),
        "predicted": pack_classes(predicted),
        "test_labels_sha256": hashlib.sha256(labels).hexdigest(),
    }
    return StudyRun(**fields)


def _decoded(path: Path, content: bytes) -> str:
    try:
        return as_text(content)
    except UnreadableError as error:
        raise FileError(f"{path} is not a CSV file: {error}") from None
