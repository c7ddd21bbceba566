"""Where a report is written: it never replaces results, runs or anything but a report."""

from collections.abc import Sequence
from pathlib import Path

from vitbench.errors import FileError, UsageError
from vitbench.files import is_stream, same_file
from vitbench.registry import FORMATS
from vitbench.runs.results import SUFFIX, kind_of_work
from vitbench.runs.writable import check_writable


def format_for(path: Path | None) -> str:
    """The report format for the suffix of a path, or markdown."""
    by_suffix = {FORMATS.entry(name).facts["suffix"]: name for name in FORMATS.names()}
    return by_suffix.get(path.suffix if path else "", "markdown")


def check_destination(out: Path, results: Sequence[Path]) -> None:
    """Refuse a path at which a report would replace something else.

    Args:
        out: The path of --out.
        results: The results files that are read.

    Raises:
        FileError: It is a folder, a pipe, a results file or part of a run, or cannot be written.
        UsageError: Its name is reserved for results files.
    """
    check_writable("--out", out.parent)
    check_writable("--out", out.resolve().parent)  # a link is followed
    if out.is_dir():
        raise FileError(f"--out {out} is a folder: name a file")
    if is_stream(out):  # a new file would replace it
        raise FileError(f"--out {out} is a pipe or a device: omit --out to write to stdout")
    is_input = any(same_file(out, path) for path in results)
    if what := "one of the results files" if is_input else kind_of_work(out):
        raise FileError(f"--out {out} is {what}, which a report would replace: choose another path")
    if out.name.endswith(SUFFIX):
        raise UsageError(f"--out {out}: this name is reserved for results files: choose another")
