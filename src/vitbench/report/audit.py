"""The intervals of a report computed by other methods, in lines of text."""

from vitbench.comparison.audit import audit
from vitbench.report.sections import Report


def audit_lines(report: Report) -> list[str]:
    """For each study a heading, and lines with the intervals of other methods."""
    lines = []
    for section in report.sections:
        lines.append(f"audit of {section.title}:")
        checked = [str(line) for line in audit(section.results, section.compared)]
        checked = checked or ["nothing to check: at least two seeds are needed"]
        lines += [f"  {line}" for line in checked]
    return lines
