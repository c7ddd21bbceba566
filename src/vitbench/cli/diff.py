"""`vitbench diff`: compare two runs, or two variants of results files."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vitbench.cli import console, options
from vitbench.runs.writable import check_writable

if TYPE_CHECKING:
    from vitbench.comparison.diff import SideComparison
    from vitbench.comparison.verdict import Comparison


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
    console.product(json.dumps(_as_json(result)) if as_json else _as_text(result))
    if figures is not None:
        from vitbench.figures.style import save
        from vitbench.pictures.diff import drawings

        for name, figure in drawings(result, data_dir, console.note):
            console.note(f"wrote {save(figure, figures / f'{name}.png')}")


def _as_text(result: "SideComparison") -> str:
    from vitbench.report.numbers import interval_words, p_words, runs_words
    from vitbench.report.verdict import comparison_words

    def cells(name: str, pair: "Comparison") -> tuple[str, ...]:
        return (
            name,
            f"{pair.difference_pct:+.2f}",
            interval_words(pair.interval),
            p_words(pair.p_adjusted),
            comparison_words(pair),
        )

    heads = ("images", "points", "95% interval", "p", "verdict")
    rows = [cells("all", result.overall)]
    rows += [cells(name, pair) for name, pair in result.informative_classes.items()]
    seeds = runs_words(len(result.overall.seeds))
    lines = [
        f"{result.first.label} compared with {result.second.label}, {seeds}",
        console.table(heads, rows, least=("p",)),
    ]
    if result.informative_classes:
        lines.append(
            f"Classes: intervals and p-values are adjusted for all {len(result.classes)} classes."
        )
    if len(result.informative_classes) < len(result.classes):
        lines.append(_too_few_words(result))
    return "\n".join(lines)


def _too_few_words(result: "SideComparison") -> str:
    """Why some classes have no row, and what would help."""
    from vitbench.comparison.diff import USEFUL_PCT, WIDE_PCT

    num, all_ = len(result.classes) - len(result.informative_classes), len(result.classes)
    which = "classes" if num == all_ else f"{num} of {all_} classes"
    wide = f"for {which}: their intervals are wider than ±{WIDE_PCT:g} points"
    needed = result.seeds_for_classes()
    if len(result.overall.seeds) == 1:
        return f"too few test images {wide}"
    if needed is None:
        return f"too few test images {wide}, and more seeds do not help"
    return f"too few seeds {wide}; about {needed} seeds would bring most within ±{USEFUL_PCT:g}"


def _as_json(result: "SideComparison") -> dict[str, Any]:
    def pair_json(pair: "Comparison") -> dict[str, Any]:
        return {
            "difference_pct": pair.difference_pct,
            "interval_pct": list(pair.interval),
            "p_adjusted": pair.p_adjusted,
            "verdict": pair.verdict,
            "within_margin": pair.within_margin,
            "num_pairs": pair.num_pairs,
        }

    return {
        "first": result.first.label,
        "second": result.second.label,
        "seeds": list(result.overall.seeds),
        "overall": pair_json(result.overall),
        "classes": {name: pair_json(pair) for name, pair in result.classes.items()},
    }
