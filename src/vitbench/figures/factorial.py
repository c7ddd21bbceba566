"""Interaction plots: accuracy by the levels of one factor, a line for each level of the others."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from vitbench.figures.settings import own_settings
from vitbench.figures.style import LINES, NARROW, TIP, balanced, new_figure, plain

MARKS = ("o", "s", "D", "^", "v", "P", "X", "*")
SPREAD = 0.12  # distance of lines at a level, so that bars do not overlap


@dataclass(frozen=True)
class FactorLine:
    """Accuracy at each level of the first factor, for one level of the others.

    Attributes:
        label: The levels of the other factors.
        by_level: Test accuracy in % of each seed, for each level in order; empty if it is missing.
        intervals: 95 % interval of each mean, or None.
    """

    label: str
    by_level: Sequence[Sequence[float]]
    intervals: Sequence[tuple[float, float] | None]


@own_settings()
def factors_figure(
    levels: Sequence[str],
    lines: Sequence[FactorLine],
    xlabel: str,
    title: str,
    narrow: bool = False,
) -> Figure:
    """Means with intervals and seeds; lines that are not parallel show an interaction.

    Args:
        levels: Labels of the levels of the first factor.
        lines: One for each combination of the other factors.
        xlabel: The first factor.
        title: Heading.
        narrow: Whether to draw it narrow enough for a phone.
    """
    width = NARROW if narrow else max(7.2, 1.7 * len(levels))
    figure = new_figure(width, 4.6, title)
    axes = figure.subplots()
    for number, line in enumerate(lines):
        colour, mark = LINES[number % len(LINES)], MARKS[number % len(MARKS)]
        shift = SPREAD * (number - (len(lines) - 1) / 2)
        x = [place + shift for place, seeds in enumerate(line.by_level) if seeds]
        means = [float(np.mean(seeds)) for seeds in line.by_level if seeds]
        axes.plot(
            x, means, mark, linestyle="-", color=colour, markersize=7, label=plain(line.label, 40)
        )
        for place, (seeds, interval) in enumerate(zip(line.by_level, line.intervals, strict=True)):
            if interval is not None:
                axes.vlines(place + shift, *interval, color=colour, linewidth=2)
            for value in seeds:
                axes.plot(
                    place + shift + SPREAD / 3, value, "o", color=colour, markersize=3.5, alpha=0.6,
                    markeredgewidth=0, gid=f"{TIP}{line.label}, {levels[place]}: {value:.2f} %",
                )  # fmt: skip
    axes.set_xticks(range(len(levels)), [balanced(plain(level, 40), 16) for level in levels])
    axes.set_xlabel(f"{plain(xlabel, 60)}\nbars: 95% intervals of means; small dots: single seeds")
    axes.set_ylabel("test accuracy in %")
    axes.margins(x=0.08)
    axes.grid(axis="y", alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(frameon=False, loc="outside lower center", ncols=2)
    return figure
