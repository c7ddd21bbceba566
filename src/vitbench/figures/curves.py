"""Curves over epochs: one run, or a study's variants with their spread over seeds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from vitbench.figures.settings import own_settings
from vitbench.figures.style import LINES, Array, new_figure, plain


@dataclass(frozen=True)
class Series:
    """One line: a value per epoch, for one seed or several.

    Attributes:
        label: Its name in the legend.
        by_seed: A list of values for each seed; a run that was stopped is shorter.
    """

    label: str
    by_seed: Sequence[Sequence[float]]

    @property
    def values(self) -> Array:
        """One array (seeds, epochs), NaN where a run has no finite value."""
        values = np.full((len(self.by_seed), max(map(len, self.by_seed), default=0)), np.nan)
        for row, of_seed in zip(values, self.by_seed, strict=True):
            row[: len(of_seed)] = of_seed
        return np.where(np.isfinite(values), values, np.nan)


@own_settings()
def curves_figure(series: Sequence[Series], ylabel: str, title: str) -> Figure:
    """Lines on one pair of axes, each the mean over seeds within its smallest and largest.

    Args:
        series: The lines.
        ylabel: What is drawn, with its unit.
        title: Heading.
    """
    figure = new_figure(8.4, 5.0, title)
    axes = figure.subplots()
    for number, one in enumerate(series):
        style = ("-", "--", ":")[number // len(LINES) % 3]
        _draw_line(axes, one, LINES[number % len(LINES)], style)
    axes.set_xlabel("epoch")
    axes.set_ylabel(plain(ylabel, 60))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    several = any(len(one.by_seed) > 1 for one in series)
    if len(series) > 1 or several:
        axes.legend(frameon=False, title="mean, and smallest to largest seed" if several else None)
    return figure


def _draw_line(axes: Axes, series: Series, colour: str, style: str) -> None:
    """Draw a mean and its band; the legend says where seeds ended early or gave nothing."""
    values = series.values
    known = np.isfinite(values)
    epochs = np.flatnonzero(known.any(axis=0)) + 1
    values = values[:, epochs - 1]
    early = int((known.sum(axis=1) < len(epochs)).sum())
    label = plain(series.label, 50)
    if not len(epochs):
        label += " (no value)"
    elif early:
        label += f" ({early} of {len(known)} seeds ended early)"
    marker = "o" if len(epochs) < 12 else ""
    mean = np.nanmean(values, axis=0) if len(epochs) else []
    axes.plot(epochs, mean, style, color=colour, marker=marker, markersize=4, label=label)
    if len(known) > 1 and len(epochs):
        low, high = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
        width = 4 if len(epochs) == 1 else 0  # one epoch's band is a line
        axes.fill_between(epochs, low, high, color=colour, alpha=0.18, linewidth=width)
