"""Curves over epochs or FLOPs: one run, or a study's variants with their range over seeds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from vitbench.figures.settings import own_settings
from vitbench.figures.style import LINES, NARROW, Array, new_figure, plain

MOST_AT_ENDS = 8  # lines that are labelled at their ends; more have a legend
LINE_HEIGHT = 0.052  # of a label, as a share of the axes
EPOCHS = "epoch"
TFLOP = "training FLOPs so far, in TFLOP (log scale)"


@dataclass(frozen=True)
class Series:
    """One line: a value per epoch, for one seed or several.

    Attributes:
        label: Its name.
        by_seed: A list of values per seed; a run that was stopped has fewer.
        x_per_epoch: What an epoch adds on the x axis: 1 for epochs, or its TFLOP.
    """

    label: str
    by_seed: Sequence[Sequence[float]]
    x_per_epoch: float = 1.0

    @property
    def values(self) -> Array:
        """One array (seeds, epochs), NaN where a run has no finite value."""
        values = np.full((len(self.by_seed), max(map(len, self.by_seed), default=0)), np.nan)
        for row, values_of_seed in zip(values, self.by_seed, strict=True):
            row[: len(values_of_seed)] = values_of_seed
        return np.where(np.isfinite(values), values, np.nan)


@own_settings()
def curves_figure(
    series: Sequence[Series],
    ylabel: str,
    title: str,
    xlabel: str = EPOCHS,
    narrow: bool = False,
) -> Figure:
    """Lines on one pair of axes: the mean over seeds, and a band from the smallest to the largest.

    Args:
        series: The lines.
        ylabel: The quantity with its unit.
        title: Heading.
        xlabel: EPOCHS, or TFLOP for a log axis of cost.
        narrow: Whether to draw it narrow enough for a phone.
    """
    several = any(len(line.by_seed) > 1 for line in series)
    figure = new_figure(*((NARROW, 4.4) if narrow else (8.4, 5.0)), title)
    axes = figure.subplots()
    draw_curves(axes, series, in_flop=xlabel == TFLOP)
    note = "\nlines: mean over seeds; bands: smallest to largest seed" if several else ""
    axes.set_xlabel(f"{xlabel}{note}")
    axes.set_ylabel(plain(ylabel, 60))
    return figure


@own_settings()
def training_figure(panels: Sequence[tuple[str, Sequence[Series]]], title: str) -> Figure:
    """Several quantities of one run side by side over epochs: losses and accuracies.

    Args:
        panels: A quantity with its unit, and its lines.
        title: Heading.
    """
    figure = new_figure(4.8 * len(panels), 4.4, title)
    for axes, (ylabel, series) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True
    ):
        draw_curves(axes, series)
        axes.set_xlabel(EPOCHS)
        axes.set_ylabel(ylabel)
    return figure


def draw_curves(axes: Axes, series: Sequence[Series], in_flop: bool = False) -> None:
    """Draw lines, each labelled at its end, or in a legend if there are many."""
    at_ends = 1 < len(series) <= MOST_AT_ENDS
    ends = []
    for number, line in enumerate(series):
        colour = LINES[number % len(LINES)]
        style = ("-", "--", ":")[number // len(LINES) % 3]
        end = _draw_line(axes, line, colour, style)
        if end is not None:
            ends.append((*end, _label(line), colour))
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    if in_flop:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    missing = [_label(line) for line in series if not np.isfinite(line.values).any()]
    if at_ends:
        _label_ends(axes, ends)
        for label in missing:
            axes.plot([], [], " ", label=label)
        if missing:
            axes.legend(frameon=False)
    elif len(series) > 1 or missing or _label(series[0]) != plain(series[0].label, 50):
        for label in missing:
            axes.plot([], [], " ", label=label)
        axes.legend(frameon=False, fontsize=8)


def _label(line: Series) -> str:
    """The name of a line, and what it lacks."""
    known = np.isfinite(line.values)
    label = plain(line.label, 50)
    if not known.any():
        return f"{label} (no value)"
    num_epochs = int(known.any(axis=0).sum())
    early = int((known.sum(axis=1) < num_epochs).sum())
    return f"{label} ({early} of {len(known)} seeds ended early)" if early else label


def _draw_line(axes: Axes, line: Series, colour: str, style: str) -> tuple[float, float] | None:
    """Draw a mean and its band; return the end of the line, or None without values."""
    values = line.values
    known = np.isfinite(values)
    epochs = np.flatnonzero(known.any(axis=0)) + 1
    if not len(epochs):
        return None
    values, x = values[:, epochs - 1], epochs * line.x_per_epoch
    mean = np.nanmean(values, axis=0)
    marker = "o" if len(epochs) < 12 else ""
    axes.plot(x, mean, style, color=colour, marker=marker, markersize=4, label=_label(line))
    if len(known) > 1:
        low, high = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
        width = 4 if len(epochs) == 1 else 0  # the band of one epoch is a line
        axes.fill_between(x, low, high, color=colour, alpha=0.18, linewidth=width)
    return float(x[-1]), float(mean[-1])


def _label_ends(axes: Axes, ends: Sequence[tuple[float, float, str, str]]) -> None:
    """Write the names of lines to the right of the axes, at the heights of their ends."""
    low, high = axes.get_ylim()
    heights = spread([(y - low) / (high - low) for _, y, _, _ in ends], LINE_HEIGHT)
    for (x, y, label, colour), height in zip(ends, heights, strict=True):
        axes.annotate(
            label, (x, y), (1.02, height), textcoords=axes.transAxes, va="center", fontsize=9,
            color=colour,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.5, "alpha": 0.6,
                        "shrinkA": 1, "shrinkB": 4},
        )  # fmt: skip


def spread(wished: Sequence[float], gap: float) -> list[float]:
    """Heights near the wished ones and at least a gap apart, in the same order.

    Args:
        wished: Heights, as shares of the axes.
        gap: Smallest distance of two.
    """
    order = sorted(range(len(wished)), key=lambda number: wished[number])
    placed: dict[int, float] = {}
    lowest = -math.inf
    for number in order:
        lowest = placed[number] = max(wished[number], lowest + gap)
    # Move the whole column down by half of what the labels had to rise.
    excess = max((placed[number] - wished[number] for number in order), default=0.0) / 2
    return [placed[number] - excess for number in range(len(wished))]
