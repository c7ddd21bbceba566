"""`vitbench diff`: compare two runs, or two variants of results files."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vitbench.cli import console, options
from vitbench.runs.writable import check_writable

if TYPE_CHECKING:
    from vitbench.comparison.diff import SideComparison


def diff(
    first: Annotated[
        str, typer.Argument(metavar="A", help="A run folder, or FILE_results.json:VARIANT.")
    ],
    second: Annotated[
        str,
        typer.Argument(metavar="B", help="The same; or the name of another variant in A's file."),
    ],
    figures: Annotated[
        Path | None,
        typer.Option(
            "--figures",
            help="Draw the images on which they differ most, confusion matrices and calibration "
            "there.",
            parser=options.path,
        ),
    ] = None,
    data_dir: options.DataDir = None,
    as_json: options.Json = False,
) -> None:
    """Compare two runs or variants on the same test images, overall and per class.

    Prints a table with intervals; --figures also draws pictures.
    """
    from vitbench.comparison.diff import compare_sides
    from vitbench.comparison.sides import open_side

    if figures is not None:
        check_writable("--figures", figures)
    a = open_side(first)
    result = compare_sides(a, open_side(second, beside=first))
    console.product(json.dumps(result.to_json()) if as_json else _as_text(result))
    if figures is not None:
        from vitbench.pictures.diff import draw_comparison

        for path in draw_comparison(result, figures, data_dir, console.note):
            console.note(f"wrote {path}")


def _as_text(result: "SideComparison") -> str:
    from vitbench.report.diff import COLUMNS, diff_notes, diff_rows, diff_title

    table = console.table(COLUMNS, diff_rows(result), least=("p",))
    return "\n".join([diff_title(result), table, *diff_notes(result)])
