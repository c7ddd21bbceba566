"""A report as one page for a browser: nothing is loaded from anywhere, nothing is sent.

Tables sort by a click, figures are inline, and tooltips open by mouse, touch or keyboard. The
template, with its style and its script, is page.html.
"""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from markupsafe import Markup

from vitbench.report import effects, reference
from vitbench.report.columns import Column, how_to_read, one_line, study_columns
from vitbench.report.overview import overview
from vitbench.report.rows import Row
from vitbench.report.sections import Report, Section
from vitbench.templates import render_page

TEMPLATE = Path(__file__).with_name("page.html")
CAPTIONS = {
    "differences": "Differences with their intervals",
    "seeds": "Every seed's accuracy",
    "cost": "Accuracy against the cost of training",
    "curves": "Validation accuracy during training",
    "factors": "Accuracy by factor: lines that are not parallel show an interaction",
}


@dataclass(frozen=True)
class _Cell:
    """A table cell.

    Attributes:
        text: What it shows.
        align: left or right.
        number: What it sorts by, or None.
        tip: A tooltip, or "".
        is_name: Whether it names the row.
        is_bold: Whether it is bold.
    """

    text: str
    align: str
    number: float | None = None
    tip: str = ""
    is_name: bool = False
    is_bold: bool = False


def render(report: Report) -> str:
    """One offline page, with the figures that the sections hold."""
    values = {
        "report": report,
        "overview": overview(report.sections),
        "reference": reference,
        "effect_words": effects,
        "sections": [
            {
                "of": section,
                "columns": study_columns(section),
                "lines": _lines(section),
                "figures": [_figure(name, svg) for name, svg in section.figures.items()],
                "how_to_read": how_to_read(section),
                "effects": [effects.effect_cells(effect) for effect in section.effects],
            }
            for section in report.sections
        ],
        "pictures": _pictures(report.pictures),
    }
    return render_page(TEMPLATE, values, clean=one_line) + "\n"


def _lines(section: Section) -> list[list[_Cell]]:
    """The cells of a study's table, line by line."""
    columns = study_columns(section)
    return [
        [_cell(column, number, row) for column in columns]
        for number, row in enumerate(section.rows)
    ]


def _cell(column: Column, number: int, row: Row) -> _Cell:
    """A cell; that of the accuracy shows each seed's value in a tooltip."""
    text = column.cells[number]
    if not column.numbers:
        is_name = column.name == "Variant"
        return _Cell(text, "left", is_name=is_name, is_bold=is_name and row.among_best)
    tip = ""
    if column.name.startswith("Test accuracy") and row.accuracy_by_seed:
        seeds = "; ".join(f"seed {seed}: {pct:.2f}" for seed, pct in row.accuracy_by_seed.items())
        tip = f"{text}; {seeds}"
    return _Cell(text, "right", column.numbers[number], tip)


def _figure(name: str, svg: str) -> dict[str, str]:
    caption = CAPTIONS.get(name, name.capitalize())
    caption += "; point at or tap a mark for details" if 'class="tip"' in svg else ""
    return {"svg": Markup(svg), "caption": caption}


def _pictures(pictures: dict[str, tuple[str, ...]]) -> list[dict[str, object]]:
    """Pictures that lie beside the page, by folder."""
    return [
        {
            "folder": folder.replace("_", " ").capitalize(),
            "links": [(quote(link), PurePosixPath(link).stem) for link in links],
        }
        for folder, links in pictures.items()
    ]
