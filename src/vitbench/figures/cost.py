"""A picture of accuracy against the cost of training, whose labels keep out of each other's way.

What a colour says, a shape says too.
"""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from vitbench.figures.settings import own_settings
from vitbench.figures.style import GREY, LINES, TIP, new_figure, plain

LINE = 0.2  # height of a line of text in inches
MOST_NAMED = 30  # labels in a plot
WIDEST = 22  # characters of a line of a label inside a plot


@dataclass(frozen=True)
class Cost:
    """A variant's accuracy and what its training costs.

    Attributes:
        label: The variant.
        train_flop: FLOPs of one training.
        mean_pct: Mean test accuracy in %.
        interval: 95 % interval of that.
        on_front: Whether nothing at this cost or less has a higher mean.
    """

    label: str
    train_flop: int
    mean_pct: float
    interval: tuple[float, float] | None
    on_front: bool


@own_settings()
def cost_figure(costs: Sequence[Cost], title: str) -> Figure:
    """A point for each variant, accuracy over training FLOPs, and a line through the front.

    Args:
        costs: The variants.
        title: Heading.
    """
    named = _named(costs)
    height = max(5.4, 3.0 + 0.4 * len(named))
    figure = new_figure(8.4, height, title)
    axes = figure.subplots()
    front = sorted((one for one in costs if one.on_front), key=lambda one: one.train_flop)
    axes.step(
        [_tflop(one) for one in front],
        [one.mean_pct for one in front],
        where="post",
        color=LINES[0],
        linestyle="--",
        linewidth=1.2,
    )
    for one in costs:
        colour = LINES[0] if one.on_front else GREY
        if one.interval is not None:
            axes.vlines(_tflop(one), *one.interval, color=colour, linewidth=1.5)
        face = colour if one.on_front else "white"
        axes.plot(
            _tflop(one), one.mean_pct, "D" if one.on_front else "o", color=colour,
            markerfacecolor=face, markersize=8, markeredgewidth=1.6, zorder=3,
            gid=f"{TIP}{one.label}: {one.mean_pct:.2f} % for {_tflop(one):.4g} TFLOP",
        )  # fmt: skip
    _set_cost_axis(axes, costs)
    line = LINE / (height - 1.2)  # above and below the axes there are a title and words
    for one, (place, moved) in zip(named, _label_places(axes, named, line), strict=True):
        _label_point(axes, one, place, moved)
    more = "" if len(named) == len(costs) else f"; {len(costs) - len(named)} points without a name"
    axes.set_xlabel(
        "FLOPs of one training, in TFLOP (log scale)\n"
        f"blue diamonds: nothing as cheap or cheaper has a higher mean; bars: 95% intervals{more}"
    )
    axes.set_ylabel("test accuracy in %")
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _named(costs: Sequence[Cost]) -> Sequence[Cost]:
    """Those that get a label: all, or where they are too many the front and the most accurate."""
    best = sorted(costs, key=lambda one: (not one.on_front, -one.mean_pct))
    return costs if len(costs) <= MOST_NAMED else best[:MOST_NAMED]


def _tflop(cost: Cost) -> float:
    return cost.train_flop / 1e12


def _set_cost_axis(axes: Axes, costs: Sequence[Cost]) -> None:
    """A log axis with room for labels at the right, and plain numbers."""
    axes.set_xscale("log")
    low, high = min(map(_tflop, costs)), max(map(_tflop, costs))
    span = max(math.log(high / low), math.log(4))
    longest = min(max(len(one.label) for one in costs), WIDEST)
    middle_gap = (span - math.log(high / low)) / 2
    left = low * math.exp(-middle_gap - 0.08 * span)
    right = high * math.exp(middle_gap + span * (0.1 + 0.02 * longest))
    axes.set_xlim(left, right)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _label_places(axes: Axes, costs: Sequence[Cost], line: float) -> list[tuple[float, bool]]:
    """Where labels stand, and whether they had to move up for another label.

    Those of the front stand just above their points and the others below, away from its line.

    Args:
        axes: Where they go; it is made taller until they fit.
        costs: The points.
        line: Height of a line of text, as a share of the axes.
    """
    left, right = axes.get_xlim()
    wide = math.log(right / left) / 2.5  # a label, about
    places: list[tuple[float, bool]] = []
    for _ in range(10):  # in taller axes a line is taller too, in their units
        low, high = axes.get_ylim()
        unit = (high - low) * line
        tall = [unit * (1 + _name_in_plot(one).count("\n")) for one in costs]
        places = _apart(costs, tall, wide, unit / 4)
        tops = [place + height for (place, _), height in zip(places, tall, strict=True)]
        lowest = min(place for place, _ in places)
        if max(tops) <= high and lowest >= low:
            break
        axes.set_ylim(min(low, lowest - unit / 2), max(high, max(tops) + unit / 2))
    return places


def _apart(
    costs: Sequence[Cost], tall: Sequence[float], wide: float, gap: float
) -> list[tuple[float, bool]]:
    """Places from the lowest label up, each above all that are beside it."""
    wished = [
        one.mean_pct + (gap if one.on_front else -gap - height)
        for one, height in zip(costs, tall, strict=True)
    ]
    places: dict[int, float] = {}
    for number in sorted(range(len(costs)), key=lambda number: wished[number]):
        tops = [
            place + tall[other]
            for other, place in places.items()
            if abs(math.log(costs[other].train_flop / costs[number].train_flop)) < wide
        ]
        places[number] = max([wished[number], *tops])
    return [(places[number], places[number] > wish) for number, wish in enumerate(wished)]


def _label_point(axes: Axes, one: Cost, place: float, moved: bool) -> None:
    """Write a label at the right of its point, with a thin line to it where it had to move."""
    left, right = axes.get_xlim()
    colour = LINES[0] if one.on_front else GREY
    line = {"arrowstyle": "-", "color": colour, "linewidth": 0.6, "relpos": (0, 0.5)}
    label = axes.annotate(
        _name_in_plot(one),
        (_tflop(one), one.mean_pct),
        (_tflop(one) * (right / left) ** 0.018, place),
        va="bottom",
        color=colour,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.8},
        arrowprops=line if moved else None,
    )
    label.set_in_layout(False)  # or a hundred of them would leave no room for the points


def _name_in_plot(one: Cost) -> str:
    return textwrap.fill(plain(one.label, 2 * WIDEST), WIDEST)
