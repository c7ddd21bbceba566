"""Curves over epochs: one run, or a study's variants with their spread over seeds."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.ticker import MaxNLocator

from vitbench.figures.style import LINES, new_figure, plain, save


@dataclass(frozen=True)
class Series:
    """One line: a value per epoch, for one seed or several.

    Attributes:
        label: Its name in the legend.
        by_seed: A list of values for each seed; a run that was stopped is shorter.
    """

    label: str
    by_seed: Sequence[Sequence[float]]


def draw_curves(series: Sequence[Series], ylabel: str, title: str, path: Path) -> Path:
    """Draw lines on one pair of axes, each the mean over seeds within its smallest and largest.

    Args:
        series: The lines.
        ylabel: What is drawn, with its unit.
        title: Heading.
        path: The PNG file.
    """
    figure = new_figure(8.4, 5.0)
    axes = figure.subplots()
    several = False
    for number, one in enumerate(series):
        values = np.full((len(one.by_seed), max(map(len, one.by_seed), default=0)), np.nan)
        for seed, numbers in enumerate(one.by_seed):
            values[seed, : len(numbers)] = numbers
        if not np.isfinite(values).any():
            continue
        epochs = np.flatnonzero(np.isfinite(values).any(axis=0)) + 1
        shown = values[:, epochs - 1]
        colour = LINES[number % len(LINES)]
        marker = "o" if len(epochs) < 12 else ""
        style = ("-", "--", ":")[number // len(LINES) % 3]
        axes.plot(epochs, np.nanmean(shown, axis=0), style, color=colour, marker=marker,
                  markersize=4, label=plain(one.label))  # fmt: skip
        if len(values) > 1:
            several = True
            low, high = np.nanmin(shown, axis=0), np.nanmax(shown, axis=0)
            axes.fill_between(epochs, low, high, color=colour, alpha=0.18, linewidth=0)
    axes.set_xlabel("epoch")
    axes.set_ylabel(plain(ylabel))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    if axes.lines:
        axes.legend(frameon=False, title="mean; band: all seeds" if several else None)
    figure.suptitle(plain(title))
    return save(figure, path)
