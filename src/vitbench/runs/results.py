"""A study's results file: found, read, and merged under a lock so that no run is ever lost."""

from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock
from pydantic import ValidationError

from vitbench.errors import FileError, UsageError
from vitbench.files import is_stream, write_text
from vitbench.runs.published import read_flat
from vitbench.runs.schema import StudyResults, StudyRun
from vitbench.spec.overrides import Tree, explain
from vitbench.spec.presets import PRESETS

MAX_FILE_BYTES = 200_000_000
SUFFIX = "_results.json"
SHARED_FIELDS = ("data.dataset", "data.val_size")


def read_results(path: Path) -> StudyResults:
    """Read a results file, or a flat one of the reference study.

    Raises:
        FileError: It is absent, damaged, or no results file.
    """
    try:
        if is_stream(path):
            raise FileError(f"{path} is no file but a pipe or a device")
        if path.stat().st_size > MAX_FILE_BYTES:
            raise FileError(f"{path} has over {MAX_FILE_BYTES:,} bytes: that is no results file")
        content = path.read_bytes()
        return read_flat(content) or StudyResults.model_validate_json(content)
    except FileNotFoundError:
        raise FileError(f"no results file {path}") from None
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror}") from None
    except ValidationError as error:
        raise FileError(f"{path} is no results file: {explain(error, StudyResults)}") from None
    except FileError:
        raise
    except UsageError as error:
        raise FileError(f"{path} is no results file: {error}") from None
    except ValueError:  # a NUL
        raise FileError(f"cannot read {str(path)!r}: no path has a NUL") from None


def find_results(folder: Path) -> list[Path]:
    """Every results file in a folder and below it, by name.

    Raises:
        FileError: The folder is absent or is a file.
    """
    if not folder.exists():
        raise FileError(f"no results folder {folder}: vitbench sweep writes one")
    if not folder.is_dir():
        raise FileError(f"{folder} is a file: name the folder, or give the file as an argument")
    return sorted(folder.rglob(f"*{SUFFIX}"))


def check_same_study(path: Path, header: StudyResults) -> None:
    """Raise UsageError where the file at a path holds runs of another base, budget or data set.

    Args:
        path: The results file; it may be absent.
        header: What is about to be written there.
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
        differing = f"with {names} tuned for each variant (give --tune as then)"
    elif there.runs and header.tuned and there.tuned != header.tuned:
        differing = "with other values tuned, or none"
    elif there.base_identity != header.base_identity:
        first = _first_difference(there, header)
        differing = f"of another base spec ({first})"
        if there.preset != header.preset and there.preset in PRESETS:
            differing = f"of preset {there.preset}, not {header.preset} ({first})"
            way = f"give --preset {there.preset}, or choose another --results-dir"
    if differing:
        raise UsageError(f"{path} holds runs {differing}: {way}")


def check_runs_belong(results: StudyResults) -> None:
    """Raise FileError where a file holds runs that must not be averaged or compared.

    Runs of a variant differ in their seeds alone; all runs share the meaning of training, the data
    set and, unless the study itself varies it, its split.
    """
    varied = {key for variant in results.study.variants for key in variant.set}
    shared = [field for field in SHARED_FIELDS if field not in varied]
    first_of: dict[str, StudyRun] = {}
    for run in results.runs:
        first, same = results.runs[0], first_of.setdefault(run.variant, run)
        where = f"study {results.study.name}: {run.variant}, seed {run.seed}"
        if run.semantics != first.semantics:
            raise FileError(
                f"{where} was made by semantics {run.semantics} of vitbench, others by "
                f"{first.semantics}: they are not the same experiment"
            )
        differs = _differing_field(run.spec, first.spec, shared)
        if differs:
            raise FileError(f"{where} has another data set or split than other runs ({differs})")
        differs = _differing_field(run.spec, same.spec)
        if differs:
            raise FileError(f"{where} has another spec than its variant's other runs ({differs})")


def merge_runs(path: Path, header: StudyResults, runs: Sequence[StudyRun]) -> StudyResults:
    """Put runs in a results file, each in the place of its variant and seed; the others stay.

    Args:
        path: The results file; made where it is absent.
        header: What the file says beside its runs.
        runs: New runs.

    Returns:
        What the file now holds.

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
            }
        )
        write_text(path, merged.model_dump_json(indent=1) + "\n")
    return merged


def _first_difference(there: StudyResults, here: StudyResults) -> str:
    """The first field in which two base specs differ, as words."""
    return _differing_field(there.base, here.base) or "other semantics"


def _differing_field(spec: Tree, other: Tree, among: Sequence[str] | None = None) -> str | None:
    """The first field in which a spec differs from another, as words; the seed is none.

    Args:
        spec: The one.
        other: The other.
        among: Fields to look at, by dotted name; all unless given.
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
