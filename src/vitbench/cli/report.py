"""`vitbench report`: results files in, a report out."""

from pathlib import Path
from typing import Annotated

import typer

from vitbench.cli import console, options
from vitbench.errors import UsageError
from vitbench.files import write_text
from vitbench.registry import FORMATS
from vitbench.runs.writable import check_writable

DIFFERS = 3  # exit code of --check and --require
RESULTS_DIR = Path("results")  # unless one is named
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
    answers: Annotated[
        list[Path] | None,
        typer.Option(
            "--answers",
            help="CSV or NPZ file of any models' answers (variant, seed, image, answer, label), "
            "reported as a study; repeatable.",
            show_default=False,
            parser=options.path,
        ),
    ] = None,
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
    require: Annotated[
        list[str] | None,
        typer.Option(
            "--require",
            metavar="COMPARISON",
            help="Exit 3 if the results do not show it: 'A > B', or 'A within B' for the margin; "
            "repeatable.",
            show_default=False,
        ),
    ] = None,
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
    from vitbench.report.audit import audit_lines
    from vitbench.report.destination import check_destination, format_for
    from vitbench.report.methods import methods as methods_text
    from vitbench.report.requirements import parse_requirement, unmet
    from vitbench.runs.answers import read_answers
    from vitbench.runs.results_folder import read_studies

    name = format_for(out or check) if form is None else SHORT.get(form, form)
    FORMATS.check(name)
    if check is not None and (out is not None or methods):
        raise UsageError("--check writes nothing: omit --out and --methods")
    if methods and name != "markdown":
        raise UsageError(f"--methods is text with BibTeX: omit --format {form}")
    requirements = [parse_requirement(text) for text in require or []]
    if out is not None:
        check_destination(out, [*(results or []), *(answers or [])])
    if figures is not None:
        check_writable("--figures", figures)
    beside = (check or out or Path("x")).parent
    if check is not None and results is None and results_dir == RESULTS_DIR:
        results_dir = beside / RESULTS_DIR
    studies = [read_answers(path) for path in answers or []]
    if results or not answers:
        studies += read_studies(results or [results_dir], console.note)
    built = build_illustrated_report(studies, visualizations, figures, beside, console.note)
    not_shown = unmet(built, requirements)
    for line in audit_lines(built) if audit else []:
        console.note(line)
    if name == "html" and check is None:
        built = with_page_figures(built, console.note)
    text = methods_text(studies) if methods else FORMATS.get(name)(built)
    if check is not None:
        _compare(text, check, with_pictures=figures is not None)
    elif out is None:
        show = console.document if form is None and not methods else console.product
        show(text.rstrip("\n"))
    else:
        write_text(out.resolve(), text)  # a link stays one
        console.note(f"wrote {out}")
    for line in not_shown:
        console.error(line)
    if not_shown:
        raise typer.Exit(DIFFERS)


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
