"""`vitbench report`: results files in, a report out."""

import difflib
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vitbench.cli import console, options
from vitbench.errors import FileError, ForeignFileError, UsageError
from vitbench.files import UnfitFileError, is_stream, read_regular, same_file, write_text
from vitbench.registry import FORMATS

if TYPE_CHECKING:
    from vitbench.report.sections import Report
    from vitbench.runs.schema import StudyResults

MOST_REPORT_BYTES = 500_000_000
DIFFERS = 3  # exit code of --check
RESULTS_DIR = Path("results")  # unless one is named
# The last section of a report, and the figures of a page.
PICTURES = re.compile(r"\n## Pictures\n.*|<section><h2>Pictures<.*?</section>", re.DOTALL)
FIGURES = re.compile(r'<div class="figures">.*?</figure>\n</div>\n', re.DOTALL)
SUFFIX = "_results.json"
SHORT = {"md": "markdown"}


def report(
    results: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[RESULTS...]",
            help="Results files, or folders of them; default: --results-dir.",
            show_default=False,
            parser=options.path,
        ),
    ] = None,
    results_dir: options.ResultsDir = RESULTS_DIR,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="Write the report to a file instead of stdout.", parser=options.path
        ),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            "-f",
            help=f"{', '.join(('md', *FORMATS.names()[1:]))}; default: by the name of --out, else "
            "markdown, formatted in a terminal.",
            show_default=False,
        ),
    ] = None,
    visualizations: Annotated[
        Path,
        typer.Option(
            "--visualizations",
            help="Folder of pictures to link, if it exists.",
            parser=options.path,
        ),
    ] = Path("visualizations"),
    figures: Annotated[
        Path | None,
        typer.Option(
            "--figures",
            help="Draw figures of differences, seeds, costs and curves in this folder, and link "
            "them.",
            parser=options.path,
        ),
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option(
            "--check",
            help="Compare a report with the results beside it; exit 3 and print the differences "
            "if there are any. Add --figures to check pictures too.",
            parser=options.path,
        ),
    ] = None,
    methods: Annotated[
        bool, typer.Option("--methods", help="Write a methods paragraph for a paper, with BibTeX.")
    ] = False,
    audit: Annotated[
        bool,
        typer.Option(
            "--audit", help="Compute the intervals by other methods too; printed on stderr."
        ),
    ] = False,
) -> None:
    """Write the report: differences with intervals, verdicts, costs and limits."""
    from vitbench.report.sections import build_report

    name = _format_of(out or check) if form is None else SHORT.get(form, form)
    FORMATS.check(name)
    if check is not None and (out is not None or methods):
        raise UsageError("--check writes nothing: omit --out and --methods")
    if methods and name != "markdown":
        raise UsageError(f"--methods is text with BibTeX: omit --format {form}")
    _check_out(out, results or [])
    if figures is not None:
        options.check_writable("--figures", figures)
    beside = (check or out or Path("x")).parent
    if check is not None and results is None and results_dir == RESULTS_DIR:
        results_dir = beside / RESULTS_DIR
    studies = _read(results, results_dir)
    pictures = sorted(visualizations.rglob("*.png")) if visualizations.is_dir() else []
    built = build_report(studies, pictures, beside)
    if figures is not None:
        built = build_report(studies, [*_draw(built, figures), *pictures], beside)
    if audit:
        _audit(built)
    if name == "html" and check is None:
        from vitbench.pictures.studies import MOST_STUDIES, with_figures

        if len(built.sections) > MOST_STUDIES:
            console.note(
                f"the first {MOST_STUDIES} of {len(built.sections)} studies have figures in the "
                "page; --figures FOLDER draws all"
            )
        built = replace(built, sections=with_figures(built.sections))
    text = _methods(studies) if methods else FORMATS.get(name)(built)
    if check is not None:
        _compare(text, check, pictures=figures is not None)
    elif out is None:
        show = console.document if form is None and not methods else console.product
        show(text.rstrip("\n"))
    else:
        write_text(out.resolve(), text)  # a link stays one
        console.note(f"wrote {out}")


def _format_of(path: Path | None) -> str:
    """The format for the suffix of a path, or markdown."""
    ends = {FORMATS.entry(name).facts["suffix"]: name for name in FORMATS.names()}
    return ends.get(path.suffix if path else "", "markdown")


def _check_out(out: Path | None, results: list[Path]) -> None:
    """Refuse a path at which a report would replace something else."""
    from vitbench.runs.results import kind_of_work

    if out is not None:
        options.check_writable("--out", out.parent)
        options.check_writable("--out", out.resolve().parent)  # a link is followed
        if out.is_dir():
            raise FileError(f"--out {out} is a folder: name a file")
        if is_stream(out):  # a new file would replace it
            raise FileError(f"--out {out} is a pipe or a device: omit --out to write to stdout")
        what = "one of the results files" if any(same_file(out, p) for p in results) else None
        if what := what or kind_of_work(out):
            raise FileError(
                f"--out {out} is {what}, which a report would replace: choose another path"
            )
        if out.name.endswith(SUFFIX):
            raise UsageError(
                f"--out {out}: this name is reserved for results files: choose another"
            )


def _read(results: list[Path] | None, results_dir: Path) -> "list[StudyResults]":
    """The results files that were named or are in a folder, each once.

    Raises:
        FileError: One is damaged, or was named and belongs to another tool; or there are none.
    """
    from vitbench.runs.results import find_results, read_results

    named: dict[Path, bool] = {}
    for path in results or [results_dir]:
        if path.is_file() or is_stream(path):
            named[path] = True
        else:
            named = {**dict.fromkeys(find_results(path), False), **named}
    studies = []
    for path, is_named in named.items():
        try:
            studies.append(read_results(path))
        except ForeignFileError as error:
            if is_named:
                raise
            console.note(f"{error}; skipped")
    if not studies:
        folders = ", ".join(map(str, results or [results_dir]))
        raise FileError(f"no results files (*{SUFFIX}) in {folders}: vitbench sweep writes them")
    return studies


def _draw(built: "Report", folder: Path) -> list[Path]:
    """Draw the figures of a report."""
    from vitbench.pictures.studies import write_figures

    paths = write_figures(built.sections, folder)
    console.note(f"wrote {len(paths)} figures to {folder}")
    return paths


def _methods(studies: "list[StudyResults]") -> str:
    from vitbench.report.methods import methods

    if not any(results.base for results in studies):
        raise UsageError("--methods: the settings of these runs were not recorded")
    return methods(studies)


def _compare(text: str, path: Path, pictures: bool) -> None:
    """Print the lines in which a report differs from a new one; exit 3.

    Args:
        text: The new report.
        path: The report on disk.
        pictures: Whether to compare the section of pictures too.
    """
    try:
        written = read_regular(path, MOST_REPORT_BYTES).decode("utf-8")
    except UnfitFileError as error:
        raise FileError(f"--check {path}: {error.strerror}") from None
    except FileNotFoundError:
        raise FileError(f"no report {path}") from None
    except (OSError, UnicodeDecodeError):
        raise FileError(f"cannot read report {path}") from None
    written = FIGURES.sub(
        "", written
    )  # of a page: another version of matplotlib may have drawn them
    if not pictures:
        written, text = (PICTURES.sub("", whole) for whole in (written, text))
    if written.rstrip("\n") == text.rstrip("\n"):
        console.note(f"{path} matches the results")
        return
    lines = difflib.unified_diff(
        written.splitlines(), text.splitlines(), str(path), "new report", lineterm="", n=0
    )
    console.product("\n".join(lines))
    console.error(f"{path} does not match the results")
    raise typer.Exit(DIFFERS)


def _audit(built: "Report") -> None:
    """Print the intervals of other methods, and where they disagree too much."""
    from vitbench.comparison.audit import audit

    for section in built.sections:
        found = audit(section.results, section.compared)
        console.note(f"audit of {section.title}:")
        if not found:
            console.note("  nothing to check: at least two seeds are needed")
        for one in found:
            console.note(f"  {one}")
