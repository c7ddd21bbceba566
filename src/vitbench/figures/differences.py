"""Pictures of a comparison: differences with intervals, and seeds as dots.

What a colour says, a shape and a word say too. Numbers and labels in: nothing is computed here but
where to draw.
"""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vitbench.figures.settings import own_settings
from vitbench.figures.style import GREY, LINES, NARROW, TIP, balanced, new_figure, plain

PALE = "#ececec"
# A verdict's colour and shape; others are grey.
MARKS = {
    "better": (LINES[0], ">"),
    "worse": (LINES[1], "<"),
    "checkpoints differ": (LINES[3], "D"),
    "inconclusive": (GREY, "o"),
    "equivalent": (LINES[2], "s"),
}
DOT = 4.5  # size of a seed's dot in points
LONGEST_LINE = 60  # characters above a row of a narrow figure
MOST = 60  # characters of a label beside a row, on two lines


@dataclass(frozen=True)
class DifferenceRow:
    """A variant against the reference.

    Attributes:
        label: The variant.
        difference_pct: Its accuracy minus the reference's, in points.
        interval: Simultaneous 95 % interval of that.
        by_seed: The same difference of each seed alone, by the seed.
        verdict: A key of MARKS.
    """

    label: str
    difference_pct: float
    interval: tuple[float, float]
    by_seed: Mapping[int, float]
    verdict: str


@dataclass(frozen=True)
class AccuracyRow:
    """A variant's test accuracy.

    Attributes:
        label: The variant.
        by_seed: Accuracy in % by seed.
        interval: 95 % interval of their mean.
    """

    label: str
    by_seed: Mapping[int, float]
    interval: tuple[float, float] | None

    @property
    def mean_pct(self) -> float:
        """Mean over seeds."""
        return float(np.mean(list(self.by_seed.values())))


@own_settings()
def differences_figure(
    differences: Sequence[DifferenceRow],
    reference: str,
    margin_pct: float,
    title: str,
    narrow: bool = False,
) -> Figure:
    """A row for each variant: its difference from the reference, the interval, and the verdict.

    Args:
        differences: The variants, best first.
        reference: What they are compared with.
        margin_pct: Differences of less than so many points do not matter; shaded.
        title: Heading.
        narrow: Whether to write names and numbers above the rows instead of beside them.
    """
    figure, axes = _rows_figure(len(differences), title, narrow)
    places = range(len(differences))[::-1]  # the first on top
    axes.axvspan(-margin_pct, margin_pct, color=PALE, zorder=0)
    axes.axvline(0, color="black", linewidth=1, zorder=1)
    for place, one in zip(places, differences, strict=True):
        colour, marker = MARKS.get(one.verdict, (GREY, "o"))
        axes.hlines(place, *one.interval, color=colour, linewidth=2.5, zorder=2)
        axes.plot(one.difference_pct, place, marker, color=colour, markersize=9, zorder=3)
        if len(one.by_seed) > 1:
            _draw_seeds(axes, one.label, one.by_seed, place - 0.24, colour, "{:+.2f} points")
        low, high = one.interval
        numbers = f"{one.difference_pct:+.2f} ({low:+.2f} to {high:+.2f})".replace("-", "−")
        words = [numbers, plain(one.verdict, 30)]
        _label_row(axes, place, one.label, words, narrow)
    _finish_rows(axes, [one.label for one in differences], narrow)
    dots = "; small dots: single seeds" if any(len(d.by_seed) > 1 for d in differences) else ""
    axes.set_xlabel(
        _wrapped(f"test accuracy, points above {plain(reference, MOST)}", narrow)
        + "\n"
        + _wrapped(f"grey band: within ±{margin_pct:g} points, too little to matter{dots}", narrow)
    )
    return figure


@own_settings()
def seeds_figure(accuracies: Sequence[AccuracyRow], title: str, narrow: bool = False) -> Figure:
    """A row for each variant: a dot for each seed, above them the mean and its interval.

    Args:
        accuracies: The variants, best first.
        title: Heading.
        narrow: Whether to write names and numbers above the rows instead of beside them.
    """
    figure, axes = _rows_figure(len(accuracies), title, narrow)
    several = any(len(one.by_seed) > 1 for one in accuracies)
    for place, one in zip(range(len(accuracies))[::-1], accuracies, strict=True):
        if one.interval is not None:
            axes.hlines(place, *one.interval, color=LINES[0], linewidth=2.5)
        axes.plot(one.mean_pct, place, "D", color=LINES[0], markersize=7, zorder=3)
        if len(one.by_seed) > 1:
            _draw_seeds(axes, one.label, one.by_seed, place - 0.24, LINES[1], "{:.2f} %")
        num = len(one.by_seed)
        words = [f"{one.mean_pct:.2f}, {num} seed{'s' * (num > 1)}"]
        _label_row(axes, place, one.label, words, narrow)
    _finish_rows(axes, [one.label for one in accuracies], narrow)
    dots = "blue: mean over seeds and its 95% interval; orange dots: single seeds"
    note = dots if several else "one seed, and its 95% interval over images"
    axes.set_xlabel(f"test accuracy in %\n{_wrapped(note, narrow)}")
    return figure


def _rows_figure(num_rows: int, title: str, narrow: bool) -> tuple[Figure, Axes]:
    """An empty figure with room for so many rows."""
    width, height = (NARROW, 1.8 + 0.72 * num_rows) if narrow else (9.6, 2.4 + 0.55 * num_rows)
    figure = new_figure(width, height, title)
    return figure, figure.subplots()


def _wrapped(text: str, narrow: bool) -> str:
    """A note below the axes, on more lines in a narrow figure."""
    return balanced(text, 62) if narrow else text


def _draw_seeds(
    axes: Axes, label: str, by_seed: Mapping[int, float], place: float, colour: str, words: str
) -> None:
    """Draw a small dot for each seed, below what they make up."""
    for seed, value in by_seed.items():
        axes.plot(
            value, place, "o", color=colour, markersize=DOT, alpha=0.75, markeredgewidth=0,
            zorder=2, gid=f"{TIP}{label}, seed {seed}: {words.format(value)}",
        )  # fmt: skip


def _label_row(axes: Axes, place: int, label: str, words: Sequence[str], narrow: bool) -> None:
    """Write a row's numbers on its right, or its name and its numbers above it."""
    across = axes.get_yaxis_transform()
    if not narrow:
        axes.annotate("\n".join(words), (1.02, place), xycoords=across, va="center")
        return
    numbers = ", ".join(words)
    name = plain(label, MOST)
    name_height = 0.28 if len(name) + len(numbers) <= LONGEST_LINE else 0.47
    for text, x, height, side in ((name, 0, name_height, "left"), (numbers, 1, 0.28, "right")):
        axes.annotate(
            text, (x, place + height), xycoords=across, va="center", ha=side,
            fontweight="bold" if text is name else "normal",
            bbox={"facecolor": "white", "linewidth": 0, "pad": 1},
        )  # fmt: skip


def _finish_rows(axes: Axes, labels: Sequence[str], narrow: bool) -> None:
    """Set the limits of the axis of rows, the first on top, and name them unless it is narrow."""
    names = [textwrap.fill(plain(label, MOST), MOST // 2) for label in labels]
    axes.set_yticks(range(len(labels))[::-1], ["" for _ in labels] if narrow else names)
    axes.set_ylim(-0.6, len(labels) - 0.4)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", alpha=0.25)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
