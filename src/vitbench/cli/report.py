"""`vitbench report`: results files in, a report out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vitbench.cli import console, options
from vitbench.errors import FileError, UsageError
from vitbench.files import is_stream, same_file, write_text
from vitbench.registry import FORMATS
from vitbench.runs.writable import check_writable

if TYPE_CHECKING:
    from vitbench.report.sections import Report
    from vitbench.runs.schema import StudyResults

DIFFERS = 3  # exit code of --check
RESULTS_DIR = Path("results")  # unless one is named
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
    """Report the results of sweeps: differences with intervals, verdicts, costs and limits.

    Prints the report, or writes it to --out. Reads results files only: no run folders are needed.
    """
    from vitbench.pictures.report import build_illustrated_report, with_page_figures
    from vitbench.runs.results_folder import read_studies

    name = _format_of(out or check) if form is None else SHORT.get(form, form)
    FORMATS.check(name)
    if check is not None and (out is not None or methods):
        raise UsageError("--check writes nothing: omit --out and --methods")
    if methods and name != "markdown":
        raise UsageError(f"--methods is text with BibTeX: omit --format {form}")
    _check_out(out, results or [])
    if figures is not None:
        check_writable("--figures", figures)
    beside = (check or out or Path("x")).parent
    if check is not None and results is None and results_dir == RESULTS_DIR:
        results_dir = beside / RESULTS_DIR
    studies = read_studies(results or [results_dir], console.note)
    built = build_illustrated_report(studies, visualizations, figures, beside, console.note)
    if audit:
        _audit(built)
    if name == "html" and check is None:
        built = with_page_figures(built, console.note)
    text = _methods(studies) if methods else FORMATS.get(name)(built)
    if check is not None:
        _compare(text, check, with_pictures=figures is not None)
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
        check_writable("--out", out.parent)
        check_writable("--out", out.resolve().parent)  # a link is followed
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


def _methods(studies: "list[StudyResults]") -> str:
    from vitbench.report.methods import methods

    if not any(results.base for results in studies):
        raise UsageError("--methods: the settings of these runs were not recorded")
    return methods(studies)


def _compare(text: str, path: Path, with_pictures: bool) -> None:
    """Print the lines in which a report differs from a new one; exit 3 if there are any."""
    from vitbench.report.check import report_differences

    lines = report_differences(text, path, with_pictures)
    if not lines:
        console.note(f"{path} matches the results")
        return
    console.product("\n".join(lines))
    console.error(f"{path} does not match the results")
    raise typer.Exit(DIFFERS)


def _audit(built: "Report") -> None:
    """Print the intervals of other methods, and where they disagree too much."""
    from vitbench.comparison.audit import audit

    for section in built.sections:
        lines = audit(section.results, section.compared)
        console.note(f"audit of {section.title}:")
        if not lines:
            console.note("  nothing to check: at least two seeds are needed")
        for line in lines:
            console.note(f"  {line}")
