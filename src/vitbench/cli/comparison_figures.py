"""The pictures of a report: of each study its differences, seeds, costs and curves.

From a report's sections to what the figures take; `vitbench report --figures` asks for it.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vitbench.report.columns import one_line
from vitbench.report.rows import Row
from vitbench.report.tables import Section
from vitbench.study.comparison import Comparison

if TYPE_CHECKING:
    from vitbench.figures.comparison import Accuracy, Difference
    from vitbench.figures.cost import Cost
    from vitbench.figures.curves import Series


def write_figures(sections: Sequence[Section], folder: Path) -> list[Path]:
    """Draw what there is to draw of each study; gives the paths of the PNG files, in that order.

    Args:
        sections: The studies.
        folder: Where the files go: `<study>_differences.png`, `_seeds`, `_cost` and `_curves`.
    """
    return [
        path
        for section, stem in zip(sections, _stems(sections), strict=True)
        for path in _draw(section, folder, stem)
    ]


def _draw(section: Section, folder: Path, stem: str) -> Iterator[Path]:
    from vitbench.figures.comparison import draw_differences, draw_seeds
    from vitbench.figures.cost import draw_cost
    from vitbench.figures.curves import draw_curves

    title, reference = one_line(section.title), one_line(section.reference)
    margin_pct = section.results.study.margin_pct
    if differences := _differences(section):
        path = folder / f"{stem}_differences.png"
        together = " (all pairs at once)" if len(section.compared.pairs) > 1 else ""
        heading = f"{title}: points above {reference}, 95% intervals{together}"
        yield draw_differences(differences, reference, margin_pct, heading, path)
    if accuracies := _accuracies(section):
        path = folder / f"{stem}_seeds.png"
        yield draw_seeds(accuracies, f"{title}: test accuracy of each seed", path)
    if costs := _costs(section):
        path = folder / f"{stem}_cost.png"
        yield draw_cost(costs, f"{title}: accuracy against the cost of training", path)
    if curves := _curves(section):
        path = folder / f"{stem}_curves.png"
        heading = f"{title}: validation accuracy over epochs"
        yield draw_curves(curves, "validation accuracy in %", heading, path)


def _differences(section: Section) -> "list[Difference]":
    """Each variant against the reference, the best first."""
    from vitbench.figures.comparison import Difference

    found = [
        Difference(
            one_line(row.label),
            row.against.difference_pct,
            row.against.interval,
            _by_seed(section, row.against),
            _verdict(row.against),
        )
        for row in section.rows
        if row.against is not None
    ]
    return sorted(found, key=lambda one: -one.difference_pct)


def _accuracies(section: Section) -> "list[Accuracy]":
    """Each variant's seeds, the best first."""
    from vitbench.figures.comparison import Accuracy

    found = [
        Accuracy(one_line(row.label), tuple(row.accuracy_by_seed.values()), row.interval)
        for row in section.rows
        if row.accuracy_by_seed
    ]
    return sorted(found, key=lambda one: -one.mean_pct)


def _costs(section: Section) -> "list[Cost]":
    """Each variant whose cost is known."""
    from vitbench.figures.cost import Cost

    return [
        Cost(one_line(row.label), row.train_flop, row.mean_pct, row.interval, row.on_front)
        for row in section.rows
        if row.train_flop and row.mean_pct is not None
    ]


def _curves(section: Section) -> "list[Series]":
    """Each variant's validation accuracy over epochs, if any run has kept it."""
    from vitbench.figures.curves import Series

    runs = section.results.runs
    found = [
        Series(
            one_line(row.label),
            [
                [record.val_top1_pct for record in run.history]
                for run in runs
                if run.variant == row.key and run.history
            ],
        )
        for row in section.rows
    ]
    return found if any(one.by_seed for one in found) else []


def _by_seed(section: Section, pair: Comparison) -> list[float]:
    """The difference of each seed of the study alone."""
    first, second = (_of_seeds(section, key) for key in (pair.first, pair.second))
    return [first[seed] - second[seed] for seed in pair.seeds]


def _of_seeds(section: Section, key: str) -> dict[int, float]:
    """A variant's accuracy by seed of the study, which is not its own where it has an offset."""
    row = _row(section, key)
    offset = section.results.study.variant(key).seed_offset
    return {seed - offset: accuracy for seed, accuracy in row.accuracy_by_seed.items()}


def _row(section: Section, key: str) -> Row:
    return next(row for row in section.rows if row.key == key)


def _verdict(pair: Comparison) -> str:
    equivalent = pair.verdict == "inconclusive" and pair.within_margin
    return "equivalent" if equivalent else pair.verdict


def _stems(sections: Sequence[Section]) -> Iterator[str]:
    """How the files of each study begin; no two alike, and nothing in them but plain characters."""
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
