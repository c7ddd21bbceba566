"""A report together with its pictures: those to link, and those of an HTML page."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from vitbench.pictures.studies import MOST_STUDIES, with_figures, write_figures
from vitbench.report.sections import Report, build_report
from vitbench.runs.schema import StudyResults


def build_illustrated_report(
    studies: Sequence[StudyResults],
    visualizations: Path,
    figures: Path | None,
    beside: Path,
    note: Callable[[str], None],
) -> Report:
    """A report that links pictures.

    Args:
        studies: The results.
        visualizations: Folder of pictures to link, if it exists.
        figures: Folder in which to draw figures, or None.
        beside: Folder of the report, to which links are relative.
        note: Called with a line about the figures that were written.
    """
    pictures = sorted(visualizations.rglob("*.png")) if visualizations.is_dir() else []
    report = build_report(list(studies), pictures, beside)
    if figures is None:
        return report
    paths = write_figures(report.sections, figures)
    note(f"wrote {len(paths)} figures to {figures}")
    return build_report(list(studies), [*paths, *pictures], beside)


def with_page_figures(report: Report, note: Callable[[str], None]) -> Report:
    """A report with figures in its sections, for an HTML page.

    Args:
        report: The report.
        note: Called with a line if some studies get no figures.
    """
    if len(report.sections) > MOST_STUDIES:
        note(
            f"the first {MOST_STUDIES} of {len(report.sections)} studies have figures in the "
            "page; --figures FOLDER draws all"
        )
    return replace(report, sections=with_figures(report.sections))
