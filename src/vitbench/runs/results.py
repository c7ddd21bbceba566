"""Results files: finding, reading, and merging under a lock, so that no run is lost."""

import codecs
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock

from vitbench.config.build import Tree
from vitbench.config.parsing import UTF_16, UnreadableError, as_text, read_json
from vitbench.config.presets import PRESETS
from vitbench.errors import FileError, ForeignFileError, LaterVersionError, UsageError
from vitbench.files import UnfitFileError, is_stream, read_regular, why_unreadable, write_text
from vitbench.runs.parsing import LaterError, checked
from vitbench.runs.published import from_flat
from vitbench.runs.schema import StudyResults, StudyRun

MAX_FILE_BYTES = 200_000_000
SUFFIX = "_results.json"
# Other tools use this suffix too. A vitbench file has a study, or at least two of these fields.
OURS = {"schema_version", "study", "preset", "base_identity", "num_test", "tuned", "runs"}
WORK = {
    **dict.fromkeys((".pt", ".pth", ".ckpt", ".safetensors"), "a checkpoint"),
    **dict.fromkeys((".yaml", ".yml"), "a YAML file"),
    ".npz": "a file of arrays",
    ".jsonl": "a history",
}
BEGINS = b'{"schema_version":'
SHARED_FIELDS = ("data.dataset", "data.val_size")


def read_results(path: Path) -> StudyResults:
    """Read a results file, or a flat one of the reference study.

    Raises:
        ForeignFileError: It is absent, or vitbench did not write it.
        LaterVersionError: A later vitbench wrote it.
        FileError: It is damaged.
    """
    what = f"{path} is not a results file: "
    try:
        content = read_regular(path, MAX_FILE_BYTES)
    except OSError as error:  # absent: for example a link to an unmounted disk
        is_unfit = isinstance(error, UnfitFileError)
        is_known = is_stream(path) if is_unfit else isinstance(error, IsADirectoryError)
        raise ForeignFileError(why_unreadable(error, path, "results file"), is_known) from None
    except ValueError:  # a NUL
        raise FileError(f"cannot read {str(path)!r}: a path cannot contain NUL") from None
    try:
        loaded = read_json(as_text(content))
    except UnreadableError as error:
        if _begins_as_ours(content):
            raise FileError(f"{what}{error}") from None
        raise ForeignFileError(f"{what}{error}", bool(content.strip())) from None
    flat = from_flat(loaded)
    if flat is not None:
        return flat
    if not _has_our_fields(loaded):
        raise ForeignFileError(f"{what}it has no study and no runs")
    try:
        return checked(StudyResults, loaded)
    except LaterError as error:
        raise LaterVersionError(f"cannot read {path}: {error}") from None
    except UnreadableError as error:
        raise FileError(f"{what}{error}") from None


def find_results(folder: Path) -> list[Path]:
    """Every file in a folder and its sub-folders with the name of a results file, sorted.

    Raises:
        FileError: The folder is absent or is a file.
    """
    if not folder.exists():
        raise FileError(f"no results folder {folder}: vitbench sweep writes results")
    if not folder.is_dir():
        raise FileError(f"{folder} is a file: give a folder, or give the file as an argument")
    return sorted(folder.rglob(f"*{SUFFIX}"))


def _has_our_fields(loaded: Any) -> bool:
    """Whether a JSON value is a vitbench results file, damaged or not."""
    if not isinstance(loaded, dict):
        return False
    return isinstance(loaded.get("study"), dict) or len(OURS & loaded.keys()) > 1


def _begins_as_ours(content: bytes) -> bool:
    """Whether bytes that are not JSON are the remains of a vitbench results file."""
    if content.startswith(UTF_16):
        content = content.decode("utf-16", "ignore").encode()
    begins = b"".join(content[:4096].removeprefix(codecs.BOM_UTF8).split())
    return bool(begins) and (
        BEGINS.startswith(begins)
        or begins.startswith(BEGINS)
        or all(f'"{field}"'.encode() in content for field in ("study", "runs"))
    )


def kind_of_work(path: Path) -> str | None:
    """What kind of valuable file a path is, in words; None for a report and other text.

    Args:
        path: The file, or a link to it; it may be absent.
    """
    if not path.is_file():
        return None
    if (ending := path.resolve().suffix.lower()) in WORK:
        return WORK[ending]
    try:
        content = read_regular(path, MAX_FILE_BYTES)
        loaded = read_json(as_text(content))
    except UnfitFileError:
        return f"a file of over {MAX_FILE_BYTES:,} bytes"
    except OSError:
        return None
    except UnreadableError:
        if _begins_as_ours(content):
            return "a damaged results file"
        return "a binary file" if b"\0" in content[:4096] else None
    if _has_our_fields(loaded) or from_flat(loaded) is not None:
        return "a results file"
    fields = loaded.keys() if isinstance(loaded, dict) else set()
    if {"schema_version", "studies"} <= fields or not loaded:
        return None
    if {"identity", "spec"} <= fields:
        return "the result of a run"
    if {"name", "variants"} <= fields:
        return "a study"
    sections = {str(name).partition(".")[0] for name in fields}
    is_spec = bool(sections) and sections <= {"data", "model", "train", "seed"}
    return "a spec" if is_spec else "a JSON file that is not a report"


def check_same_study(path: Path, header: StudyResults) -> None:
    """Raise UsageError if a results file holds runs of another base, budget or data set.

    Args:
        path: The results file; it may be absent.
        header: The header that will be written there.
    """
    if not path.exists():
        return
    there = read_results(path)
    differing, way = None, "choose another --results-dir"
    if there.study.name != header.study.name:
        differing = f"of study {there.study.name}, not {header.study.name}"
    elif there.dataset != header.dataset:
        differing = f"on {there.dataset}, not {header.dataset}"
    elif there.study.budget != header.study.budget:
        differing = f"at budget {there.study.budget}, not {header.study.budget}"
    elif there.tuned and not header.tuned:
        names = ", ".join(one.field for one in there.tuned)
        differing = f"with {names} tuned for each variant (give the same --tune)"
    elif there.runs and header.tuned and there.tuned != header.tuned:
        differing = "with other tuned values, or none"
    elif there.base_identity != header.base_identity:
        first = _first_difference(there, header)
        differing = f"of another base spec ({first})"
        if there.preset != header.preset and there.preset in PRESETS:
            differing = f"of preset {there.preset}, not {header.preset} ({first})"
            way = f"give --preset {there.preset}, or choose another --results-dir"
    if differing:
        raise UsageError(f"{path} holds runs {differing}: {way}")


def check_runs_belong(results: StudyResults) -> None:
    """Raise FileError if a file holds runs that must not be averaged or compared.

    Runs of a variant may differ only in the seed. All runs share the training semantics, the data
    set and, unless the study varies it, the split.
    """
    varied = {key for variant in results.study.variants for key in variant.set}
    shared = [field for field in SHARED_FIELDS if field not in varied]
    first_of: dict[str, StudyRun] = {}
    for run in results.runs:
        first, same = results.runs[0], first_of.setdefault(run.variant, run)
        where = f"study {results.study.name}: {run.variant}, seed {run.seed}"
        if run.semantics != first.semantics:
            raise FileError(
                f"{where} was trained with semantics {run.semantics} of vitbench, others with "
                f"{first.semantics}: they are different experiments"
            )
        differs = _differing_field(run.spec, first.spec, shared)
        if differs:
            raise FileError(f"{where} has another data set or split than other runs ({differs})")
        differs = _differing_field(run.spec, same.spec)
        if differs:
            raise FileError(
                f"{where} has another spec than the other runs of its variant ({differs})"
            )


def merge_runs(path: Path, header: StudyResults, runs: Sequence[StudyRun]) -> StudyResults:
    """Merge runs into a results file by variant and seed; other runs are kept.

    Args:
        path: The results file; created if absent.
        header: The contents of the file without its runs.
        runs: New runs.

    Returns:
        The new contents of the file.

    Raises:
        UsageError: It holds runs of another base, budget or data set.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f".{path.name}.lock")):
        check_same_study(path, header)
        there = read_results(path) if path.exists() else header
        kept = there.runs
        by_place = {(run.seed, run.variant): run for run in [*kept, *runs]}
        order = {variant.key: place for place, variant in enumerate(header.study.variants)}
        ordered = sorted(by_place, key=lambda place: (place[0], order.get(place[1], len(order))))
        merged = header.model_copy(
            update={
                "runs": [by_place[place] for place in ordered],
                "test_labels": header.test_labels or there.test_labels,
                "tuned": header.tuned or there.tuned,
                "precision": header.precision or there.precision,
                "planned_seeds": header.planned_seeds or there.planned_seeds,
            }
        )
        write_text(path, merged.model_dump_json(indent=1) + "\n")
    return merged


def _first_difference(there: StudyResults, here: StudyResults) -> str:
    """The first field in which two base specs differ, in words."""
    return _differing_field(there.base, here.base) or "other semantics"


def _differing_field(spec: Tree, other: Tree, among: Sequence[str] | None = None) -> str | None:
    """The first field in which a spec differs from another, in words; the seed is ignored.

    Args:
        spec: The first spec.
        other: The second spec.
        among: Dotted names of the fields to compare; default: all.
    """
    for section, fields in other.items():
        if not isinstance(fields, dict):
            continue
        for name, value in fields.items():
            here = spec.get(section, {}).get(name)
            key = f"{section}.{name}"
            if here != value and (among is None or key in among):
                return f"{key} {_short(here)}, not {_short(value)}"
    return None


def _short(value: object) -> str:
    if isinstance(value, dict) and "name" in value:
        return str(value["name"])
    return ", ".join(map(_short, value)) if isinstance(value, list) else str(value)
