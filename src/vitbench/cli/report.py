"""`vitbench report`: results files in, a markdown report out."""

from pathlib import Path
from typing import Annotated

import typer

from vitbench.cli import console, options


def report(
    results: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[RESULTS...]",
            help="Results files, or folders of them; --results-dir unless given.",
            show_default=False,
        ),
    ] = None,
    results_dir: options.ResultsDir = Path("results"),
    out: Annotated[
        Path | None, typer.Option("--out", help="Write the report to a file instead of stdout.")
    ] = None,
    visualizations: Annotated[
        Path,
        typer.Option("--visualizations", help="Folder of pictures to link, where there are any."),
    ] = Path("visualizations"),
) -> None:
    """Write the tables as markdown."""
    from vitbench.errors import FileError
    from vitbench.files import write_text
    from vitbench.registry import FORMATS
    from vitbench.report.tables import build_report
    from vitbench.runs.results import find_results, read_results

    files: list[Path] = []
    for path in results or [results_dir]:
        files += [path] if path.is_file() else find_results(path)
    if not files:
        raise FileError(f"no *_results.json below {results_dir}: vitbench sweep writes them")
    if out is not None:
        options.check_folder("--out", out.parent)
        if out.is_dir():
            raise FileError(f"--out {out} is a folder: name a file")
    beside = out.parent if out is not None else Path()
    pictures = sorted(visualizations.rglob("*.png")) if visualizations.is_dir() else []
    built = build_report([read_results(path) for path in dict.fromkeys(files)], pictures, beside)
    text = FORMATS.get("markdown")(built)
    if out is None:
        console.product(text.rstrip("\n"))
    else:
        write_text(out, text)
        console.note(f"wrote {out}")
