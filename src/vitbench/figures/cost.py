"""A picture of accuracy against the cost of training.

Colours are never the only difference: shapes differ too.
"""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from vitbench.figures.labels import Label, place_labels
from vitbench.figures.settings import own_settings
from vitbench.figures.style import GREY, LINES, NARROW, TIP, balanced, new_figure, plain

MOST_NAMED = 30  # labels in a plot
WIDEST = 22  # characters of a line of a label inside a plot


@dataclass(frozen=True)
class CostPoint:
    """A variant's accuracy and what its training costs.

    Attributes:
        label: The variant.
        train_flop: FLOPs of one training.
        mean_pct: Mean test accuracy in %.
        interval: 95 % interval of that.
        on_front: Whether no variant of equal or lower cost is significantly more accurate.
    """

    label: str
    train_flop: int
    mean_pct: float
    interval: tuple[float, float] | None
    on_front: bool


@own_settings()
def cost_figure(costs: Sequence[CostPoint], title: str, narrow: bool = False) -> Figure:
    """A point for each variant, accuracy over training FLOPs, and steps through the best means.

    Args:
        costs: The variants.
        title: Heading.
        narrow: Whether to draw it narrow enough for a phone.
    """
    named = _named(costs)
    width, height = (NARROW, 4.6) if narrow else (8.4, 5.4)
    figure = new_figure(width, max(height, 3.0 + 0.3 * len(named)), title)
    axes = figure.subplots()
    steps = _steps(_rising([point for point in costs if point.on_front]))
    axes.plot(
        [x for x, _ in steps], [y for _, y in steps], color=LINES[0], linestyle="--", linewidth=1.2
    )
    bars = []
    for point in costs:
        colour = LINES[0] if point.on_front else GREY
        if point.interval is not None:
            axes.vlines(_tflop(point), *point.interval, color=colour, linewidth=1.5)
            bars.append([(_tflop(point), end) for end in point.interval])
        axes.plot(
            _tflop(point), point.mean_pct, "D" if point.on_front else "o", color=colour,
            markerfacecolor=colour if point.on_front else "white", markersize=8,
            markeredgewidth=1.6, zorder=3,
            gid=f"{TIP}{point.label}: {point.mean_pct:.2f} % for {_tflop(point):.4g} TFLOP",
        )  # fmt: skip
    _set_axes(axes, costs)
    more = "" if len(named) == len(costs) else f"; {len(costs) - len(named)} points without a name"
    front_words = "blue diamonds: no variant of equal or lower cost is significantly more accurate"
    note = f"{front_words}; bars: 95% intervals{more}"
    axes.set_xlabel(
        "training FLOPs of one run, in TFLOP (log scale)\n" + balanced(note, 60 if narrow else 82)
    )
    axes.set_ylabel("test accuracy in %")
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    labels = [
        Label(
            _name_in_plot(point), _tflop(point), point.mean_pct,
            LINES[0] if point.on_front else GREY,
        )
        for point in sorted(named, key=lambda point: -point.mean_pct)
    ]  # fmt: skip
    place_labels(axes, labels, [*bars, steps])
    return figure


def costs_differ(costs: Sequence[CostPoint]) -> bool:
    """Whether variants differ in cost, by more than rounding to whole epochs: else no picture."""
    flops = [point.train_flop for point in costs]
    return len(flops) > 1 and max(flops) > 1.25 * min(flops)


def _rising(front: Sequence[CostPoint]) -> list[tuple[float, float]]:
    """The points of a front, from the cheapest, that are more accurate than all cheaper ones."""
    rising: list[tuple[float, float]] = []
    for point in sorted(front, key=lambda point: (point.train_flop, -point.mean_pct)):
        if not rising or point.mean_pct > rising[-1][1]:
            rising.append((_tflop(point), point.mean_pct))
    return rising


def _steps(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """A line of steps through points, from left to right: level, then up."""
    line = list(points[:1])
    for x, y in points[1:]:
        line += [(x, line[-1][1]), (x, y)]
    return line


def _named(costs: Sequence[CostPoint]) -> Sequence[CostPoint]:
    """The points with a label: all, or with too many the front and the most accurate."""
    best = sorted(costs, key=lambda point: (not point.on_front, -point.mean_pct))
    return costs if len(costs) <= MOST_NAMED else best[:MOST_NAMED]


def _tflop(cost: CostPoint) -> float:
    return cost.train_flop / 1e12


def _set_axes(axes: Axes, costs: Sequence[CostPoint]) -> None:
    """A log axis of cost with plain numbers, and room for labels on all sides."""
    axes.set_xscale("log")
    low, high = min(map(_tflop, costs)), max(map(_tflop, costs))
    span = max(math.log(high / low), math.log(4))
    gap = (span - math.log(high / low)) / 2
    longest = min(max(len(point.label) for point in costs), WIDEST)
    axes.set_xlim(low * math.exp(-gap - 0.12 * span), high * math.exp(gap + 0.02 * longest * span))
    axes.margins(y=0.15)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _name_in_plot(point: CostPoint) -> str:
    return textwrap.fill(plain(point.label, 2 * WIDEST), WIDEST)
