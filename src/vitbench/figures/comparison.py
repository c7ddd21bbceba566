"""Pictures of a comparison: differences with intervals, seeds as dots, accuracy against cost.

What a colour says, a shape and a word say too. Numbers and labels in: nothing is computed here but
where to draw.
"""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from vitbench.figures.style import LINES, new_figure, plain, save

GREY = "#6b6b6b"
PALE = "#ececec"
# A verdict's colour and shape. What is not in here is told by its word alone.
MARKS = {
    "better": (LINES[0], ">"),
    "worse": (LINES[1], "<"),
    "checkpoints differ": (LINES[3], "D"),
    "inconclusive": (GREY, "o"),
    "equivalent": (LINES[2], "s"),
}
DOT = 4.5  # size of a seed's dot in points
MOST = 60  # characters of a label beside a row, on two lines
LINE = 0.2  # height of a line of text in inches
WIDEST = 22  # characters of a line of a label inside a plot


@dataclass(frozen=True)
class Difference:
    """A variant against the reference.

    Attributes:
        label: The variant.
        difference_pct: Its accuracy minus the reference's, in points.
        interval: Simultaneous 95 % interval of that.
        by_seed: The same difference of each seed alone.
        verdict: A key of MARKS.
    """

    label: str
    difference_pct: float
    interval: tuple[float, float]
    by_seed: Sequence[float]
    verdict: str


@dataclass(frozen=True)
class Accuracy:
    """A variant's test accuracy.

    Attributes:
        label: The variant.
        by_seed: Accuracy in % of each seed.
        interval: 95 % interval of their mean.
    """

    label: str
    by_seed: Sequence[float]
    interval: tuple[float, float] | None

    @property
    def mean_pct(self) -> float:
        """Mean over seeds."""
        return float(np.mean(self.by_seed))


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


def draw_differences(
    differences: Sequence[Difference], reference: str, margin_pct: float, title: str, path: Path
) -> Path:
    """Write the figure of differences as PNG; gives its path."""
    return save(differences_figure(differences, reference, margin_pct, title), path)


def differences_figure(
    differences: Sequence[Difference], reference: str, margin_pct: float, title: str
) -> Figure:
    """A row for each variant: its difference from the reference, the interval, and the verdict.

    Args:
        differences: The variants, best first.
        reference: What they are compared with.
        margin_pct: Differences of less than so many points do not matter; shaded.
        title: Heading.
    """
    figure = new_figure(9.6, 2.4 + 0.55 * len(differences), title)
    axes = figure.subplots()
    places = range(len(differences))[::-1]  # the first on top
    axes.axvspan(-margin_pct, margin_pct, color=PALE, zorder=0)
    axes.axvline(0, color="black", linewidth=1, zorder=1)
    for place, one in zip(places, differences, strict=True):
        colour, marker = MARKS.get(one.verdict, (GREY, "o"))
        axes.hlines(place, *one.interval, color=colour, linewidth=2.5, zorder=2)
        axes.plot(one.difference_pct, place, marker, color=colour, markersize=9, zorder=3)
        if len(one.by_seed) > 1:
            _draw_seeds(axes, one.by_seed, place - 0.24, colour)
        low, high = one.interval
        numbers = f"{one.difference_pct:+.2f} ({low:+.2f} to {high:+.2f})".replace("-", "−")
        words = f"{numbers}\n{plain(one.verdict, 30)}"
        axes.annotate(words, (1.02, place), xycoords=axes.get_yaxis_transform(), va="center")
    _label_rows(axes, [one.label for one in differences])
    axes.set_xlabel(
        f"test accuracy, points above {plain(reference, MOST)}\n"
        f"grey band: within ±{margin_pct:g} points, too little to matter"
        + ("; small dots: single seeds" if any(len(d.by_seed) > 1 for d in differences) else "")
    )
    return figure


def draw_seeds(accuracies: Sequence[Accuracy], title: str, path: Path) -> Path:
    """Write the figure of seeds as PNG; gives its path."""
    return save(seeds_figure(accuracies, title), path)


def seeds_figure(accuracies: Sequence[Accuracy], title: str) -> Figure:
    """A row for each variant: a dot for each seed, above them the mean and its interval.

    Args:
        accuracies: The variants, best first.
        title: Heading.
    """
    figure = new_figure(9.6, 2.2 + 0.55 * len(accuracies), title)
    axes = figure.subplots()
    several = any(len(one.by_seed) > 1 for one in accuracies)
    for place, one in zip(range(len(accuracies))[::-1], accuracies, strict=True):
        if one.interval is not None:
            axes.hlines(place, *one.interval, color=LINES[0], linewidth=2.5)
        axes.plot(one.mean_pct, place, "D", color=LINES[0], markersize=7, zorder=3)
        if len(one.by_seed) > 1:
            _draw_seeds(axes, one.by_seed, place - 0.24, LINES[1])
        num = len(one.by_seed)
        words = f"{one.mean_pct:.2f}, {num} seed{'s' * (num > 1)}"
        axes.annotate(words, (1.02, place), xycoords=axes.get_yaxis_transform(), va="center")
    _label_rows(axes, [one.label for one in accuracies])
    dots = "blue: mean over seeds and its 95% interval; orange dots: single seeds"
    axes.set_xlabel(
        f"test accuracy in %\n{dots if several else 'one seed, and its 95% interval over images'}"
    )
    return figure


def draw_cost(costs: Sequence[Cost], title: str, path: Path) -> Path:
    """Write the figure of accuracy against cost as PNG; gives its path."""
    return save(cost_figure(costs, title), path)


def cost_figure(costs: Sequence[Cost], title: str) -> Figure:
    """A point for each variant, accuracy over training FLOPs, and a line through the front.

    Args:
        costs: The variants.
        title: Heading.
    """
    height = max(5.4, 3.0 + 0.4 * len(costs))
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
        )  # fmt: skip
    _set_cost_axis(axes, costs)
    line = LINE / (height - 1.2)  # above and below the axes there are a title and words
    for one, (place, moved) in zip(costs, _label_places(axes, costs, line), strict=True):
        _label_point(axes, one, place, moved)
    axes.set_xlabel(
        "FLOPs of one training, in TFLOP (log scale)\n"
        "blue diamonds: nothing as cheap or cheaper has a higher mean; bars: 95% intervals"
    )
    axes.set_ylabel("test accuracy in %")
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _draw_seeds(axes: Axes, values: Sequence[float], place: float, colour: str) -> None:
    """Draw a small dot for each seed, below what they make up."""
    heights = np.full(len(values), place)
    axes.plot(
        values, heights, "o", color=colour, markersize=DOT, alpha=0.55, markeredgewidth=0, zorder=2
    )


def _label_rows(axes: Axes, labels: Sequence[str]) -> None:
    """Name the rows, the first on top, and leave nothing else on that axis."""
    names = [textwrap.fill(plain(label, MOST), MOST // 2) for label in labels]
    axes.set_yticks(range(len(labels))[::-1], names)
    axes.set_ylim(-0.6, len(labels) - 0.4)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", alpha=0.25)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)


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
