"""The pictures of a report: differences, seeds, costs and curves of each study.

For `vitbench report --figures` and for HTML pages.
"""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from vitbench.comparison.predictions import runs_by_variant
from vitbench.comparison.verdict import Comparison
from vitbench.config.study import Factor
from vitbench.report.columns import one_line
from vitbench.report.rows import Row
from vitbench.report.sections import Section

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from vitbench.figures.cost import CostPoint
    from vitbench.figures.curves import Series
    from vitbench.figures.differences import AccuracyRow, DifferenceRow
    from vitbench.figures.factorial import FactorLine

# Limits of variants in a picture: the best ones are shown.
MOST_ROWS = 40
MOST_LINES = 24
MOST_STUDIES = 25  # with figures in a page: a hundred would take a minute, and 30 MB


def write_figures(sections: Sequence[Section], folder: Path) -> list[Path]:
    """Draw the figures of each study; return the paths of the PNG files in order.

    Args:
        sections: The studies.
        folder: Folder of the files: `<study>_differences.png`, `_seeds`, `_cost` and `_curves`.
    """
    from vitbench.figures.style import save

    return [
        save(figure, folder / f"{stem}_{name}.png")
        for section, stem in zip(sections, _stems(sections), strict=True)
        for name, figure in _figures(section)
    ]


def with_figures(sections: Sequence[Section]) -> tuple[Section, ...]:
    """The sections, the first MOST_STUDIES with figures as SVG, for a page."""
    from vitbench.figures.style import as_svg

    drawn = [
        replace(
            section,
            figures={
                name: as_svg(figure, f"{stem}-{name}")
                for name, figure in _figures(section, narrow=True)
            },
        )
        for section, stem in zip(sections[:MOST_STUDIES], _stems(sections), strict=False)
    ]
    return (*drawn, *sections[MOST_STUDIES:])


def _figures(section: Section, narrow: bool = False) -> "Iterator[tuple[str, Figure]]":
    """The figures of a study, by name, for a page narrow enough for a phone."""
    from vitbench.figures.cost import cost_figure, costs_differ
    from vitbench.figures.curves import EPOCHS, TFLOP, curves_figure
    from vitbench.figures.differences import differences_figure, seeds_figure
    from vitbench.figures.factorial import factors_figure

    title, reference = one_line(section.title), one_line(section.reference)
    if differences := _differences(section):
        margin_pct = section.results.study.margin_pct
        together = "simultaneous " if len(section.compared.pairs) > 1 else ""
        heading = f"{title}: difference from {reference}, {together}95% intervals"
        heading += _best_words(MOST_ROWS, len(differences))
        shown = differences[:MOST_ROWS]
        yield "differences", differences_figure(shown, reference, margin_pct, heading, narrow)
    if accuracies := _accuracies(section):
        heading = f"{title}: test accuracy of each seed"
        heading += _best_words(MOST_ROWS, len(accuracies))
        yield "seeds", seeds_figure(accuracies[:MOST_ROWS], heading, narrow)
    if lines := _factor_lines(section):
        first = _x_factor(section)
        levels = [one_line(level.label) for level in first.levels]
        heading = f"{title}: test accuracy by {first.title}"
        yield "factors", factors_figure(levels, lines, one_line(first.title), heading, narrow)
    if costs_differ(costs := _costs(section)):
        yield "cost", cost_figure(costs, f"{title}: accuracy and training cost", narrow)
    if curves := _curves(section):
        in_flop = section.results.study.budget == "flops"
        heading = f"{title}: validation accuracy over {'training FLOPs' if in_flop else 'epochs'}"
        heading += _best_words(MOST_LINES, len(section.rows))
        xlabel = TFLOP if in_flop else EPOCHS
        yield "curves", curves_figure(curves, "validation accuracy in %", heading, xlabel, narrow)


def _differences(section: Section) -> "list[DifferenceRow]":
    """Each variant compared with the reference, the best first."""
    from vitbench.figures.differences import DifferenceRow

    found = [
        DifferenceRow(
            one_line(row.label),
            row.against.difference_pct,
            row.against.interval,
            _by_seed(section, row.against),
            row.against.kind,
        )
        for row in section.rows
        if row.against is not None
    ]
    return sorted(found, key=lambda one: -one.difference_pct)


def _accuracies(section: Section) -> "list[AccuracyRow]":
    """Each variant's seeds, the best first."""
    from vitbench.figures.differences import AccuracyRow

    found = [
        AccuracyRow(one_line(row.label), row.accuracy_by_seed, row.interval)
        for row in section.rows
        if row.accuracy_by_seed
    ]
    return sorted(found, key=lambda one: -one.mean_pct)


def _x_factor(section: Section) -> Factor:
    """The factor of an interaction plot's axis: the one with the most levels."""
    return max(section.results.study.factors, key=lambda factor: len(factor.levels))


def _factor_lines(section: Section) -> "list[FactorLine]":
    """A line for each combination of the other factors; none without factors."""
    from vitbench.figures.factorial import FactorLine

    study = section.results.study
    if not study.factors:
        return []
    first = _x_factor(section)
    others = [factor for factor in study.factors if factor.name != first.name]
    rows = {row.key: row for row in section.rows}
    by_cell = {tuple(sorted(variant.cell.items())): rows[variant.key] for variant in study.variants}
    lines = []
    for levels in itertools.product(*(factor.levels for factor in others)):
        fixed = {factor.name: level.key for factor, level in zip(others, levels, strict=True)}
        of_levels = [
            by_cell.get(tuple(sorted({**fixed, first.name: level.key}.items())))
            for level in first.levels
        ]
        seeds = [list(row.accuracy_by_seed.values()) if row else [] for row in of_levels]
        if any(seeds):
            intervals = [row.interval if row else None for row in of_levels]
            label = ", ".join(one_line(level.label) for level in levels)
            lines.append(FactorLine(label, seeds, intervals))
    return lines


def _costs(section: Section) -> "list[CostPoint]":
    """Each variant with a known cost."""
    from vitbench.figures.cost import CostPoint

    return [
        CostPoint(one_line(row.label), row.train_flop, row.mean_pct, row.interval, row.on_front)
        for row in section.rows
        if row.train_flop and row.mean_pct is not None
    ]


def _curves(section: Section) -> "list[Series]":
    """Validation accuracy of each variant over epochs or FLOPs, if any run has it."""
    from vitbench.figures.curves import Series

    runs = runs_by_variant(section.results)
    rows: Sequence[Row] = section.rows
    if len(rows) > MOST_LINES:
        rows = sorted(rows, key=lambda row: -(row.mean_pct or 0.0))[:MOST_LINES]
    in_flop = section.results.study.budget == "flops"
    series = []
    for row in rows:
        histories = [run.history for run in runs[row.key] if run.history]
        epochs = max((run.epochs for run in runs[row.key]), default=0)
        tflop = (row.train_flop or 0) / 1e12 / max(epochs, 1)
        series.append(
            Series(
                one_line(row.short_label),
                [[record.val_top1_pct for record in history] for history in histories],
                tflop if in_flop and tflop else 1.0,
            )
        )
    return series if any(line.by_seed for line in series) else []


def _by_seed(section: Section, pair: Comparison) -> dict[int, float]:
    """The difference of each seed of the study."""
    first, second = (_of_seeds(section, key) for key in (pair.first, pair.second))
    return {seed: first[seed] - second[seed] for seed in pair.seeds}


def _of_seeds(section: Section, key: str) -> dict[int, float]:
    """Accuracy of a variant by seed of the study, which differs from its own by its offset."""
    row = _row(section, key)
    offset = section.results.study.variant(key).seed_offset
    return {seed - offset: accuracy for seed, accuracy in row.accuracy_by_seed.items()}


def _best_words(most: int, number: int) -> str:
    """The part of a heading that says that only some variants are shown."""
    return f"; the {most} best of {number}, the table has all" if number > most else ""


def _row(section: Section, key: str) -> Row:
    return next(row for row in section.rows if row.key == key)


def _stems(sections: Sequence[Section]) -> Iterator[str]:
    """Prefix of the files of each study; unique, with plain characters only."""
    taken: set[str] = set()
    for section in sections:
        results = section.results
        parts = [results.study.name, *([results.dataset] * (results.dataset != "cifar10"))]
        first = re.sub(r"[^a-zA-Z0-9-]+", "_", "_".join(parts))
        stem, number = first, 2
        while stem in taken:
            stem, number = f"{first}_{number}", number + 1
        taken.add(stem)
        yield stem
