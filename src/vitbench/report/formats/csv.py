"""A report as CSV: one line per study and variant."""

import csv
import io
from typing import Any

from vitbench.report.columns import one_line
from vitbench.report.fields import row_fields
from vitbench.report.sections import Report

# A spreadsheet treats the full-width forms of =, +, - and @ like the ASCII ones.
_FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")


def render(report: Report) -> str:
    """One line per study and variant; column names carry their unit."""
    lines = [
        {
            "study": section.results.study.name,
            "dataset": section.results.dataset,
            **row_fields(section, row),
        }
        for section in report.sections
        for row in section.rows
    ]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(lines[0])
    writer.writerows([_cell(value) for value in line.values()] for line in lines)
    return text.getvalue()


def _cell(value: Any) -> Any:
    """A value as a spreadsheet should read it; text is never a formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        text = one_line(value)
        return f"'{text}" if text.startswith(_FORMULA) else text
    return value
