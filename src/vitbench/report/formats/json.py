"""A report as JSON; docs/report-json.md describes every field."""

import json

from vitbench.report.fields import report_fields
from vitbench.report.sections import Report


def render(report: Report) -> str:
    """One JSON document with every number of the report.

    It is ASCII, so that no label can send control characters to a terminal.
    """
    return json.dumps(report_fields(report), indent=2, allow_nan=False) + "\n"
