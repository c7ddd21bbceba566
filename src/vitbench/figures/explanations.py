"""Pictures of explanations: methods side by side, and their faithfulness."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vitbench.figures.attention import Picture
from vitbench.figures.settings import own_settings
from vitbench.figures.style import GREY, LINES, Array, new_figure, plain, show_image, show_overlay

MOST_COLOURED = 4  # methods with a colour of their own


@dataclass(frozen=True)
class Gap:
    """Insertion minus deletion of a method, above that of a baseline.

    Attributes:
        value: The mean over images.
        low: Lower end of its interval.
        high: Upper end.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Faithfulness:
    """Deletion and insertion of a method's maps.

    Attributes:
        label: The method, or a baseline that does not use the model.
        places: Share of the patches at each point of the curves (steps + 1,), 0 to 1.
        deletion: Mean probability of the class while patches are removed (steps + 1,).
        insertion: The same while they are added (steps + 1,).
        above_random: Gap above a random order; None for a baseline.
        above_centre: Gap above the centre-first order; None for a baseline.
        beats_baselines: Whether it significantly beats both baselines.
    """

    label: str
    places: Array
    deletion: Array
    insertion: Array
    above_random: Gap | None = None
    above_centre: Gap | None = None
    beats_baselines: bool = False


@own_settings()
def explanations_figure(
    pictures: Sequence[Picture], maps: dict[str, Array], scores: dict[str, str], title: str
) -> Figure:
    """One row per image, one column per method, each map on its own scale.

    Args:
        pictures: The images and predictions, B of them.
        maps: (B, rows, cols) of each method.
        scores: A line below the name of each method.
        title: Heading.
    """
    columns = 1 + len(maps)
    figure = new_figure(max(1.18 * columns + 1.0, 6), 1.12 * len(pictures) + 1.5, title)
    axes = figure.subplots(len(pictures), columns, squeeze=False)
    for picture, row in zip(pictures, axes, strict=True):
        show_image(row[0], picture.image)
        row[0].text(
            -0.1, 0.5, textwrap.fill(f"{picture.truth}", 14) + "\n" + _wrapped_answer(picture),
            transform=row[0].transAxes, ha="right", va="center", fontsize=8, color=picture.colour,
        )  # fmt: skip
    for column, (name, maps_of_method) in enumerate(maps.items(), start=1):
        for picture, heat, cell in zip(pictures, maps_of_method, axes[:, column], strict=True):
            most = float(np.abs(heat).max()) or 1.0
            low = -most if heat.min() < 0 else float(heat.min())
            show_overlay(cell, picture.image, heat, (low, most))
        heading = f"{textwrap.fill(name, 14)}\n{scores[name].replace(' (', chr(10) + '(')}"
        axes[0, column].set_title(heading, fontsize=8)
    return figure


def _wrapped_answer(picture: Picture) -> str:
    """The prediction on two lines: name, and confidence."""
    return picture.answer.replace("answer: ", "").replace(" (", "\n(")


@own_settings()
def faithfulness_figure(methods: Sequence[Faithfulness], num_images: int, title: str) -> Figure:
    """Deletion and insertion curves, and the gap of each method with its intervals.

    The best methods have a colour; the others and the baselines are grey.

    Args:
        methods: The methods, and the baselines.
        num_images: Number of test images.
        title: Heading.
    """
    figure = new_figure(10.6, 4.9, title)
    falling, rising, gaps = figure.subplots(1, 3, width_ratios=(1, 1, 1.25))
    scored = [method for method in methods if method.above_random is not None]
    best = sorted(
        (method for method in scored if method.beats_baselines),
        key=lambda method: -_gap(method),
    )[:MOST_COLOURED]
    colours = {method.label: LINES[number] for number, method in enumerate(best)}
    for axes, curve, words in (
        (falling, "deletion", "deletion: low is faithful"),
        (rising, "insertion", "insertion: high is faithful"),
    ):
        for method in sorted(methods, key=lambda method: method.label in colours):
            is_baseline = method.above_random is None
            coloured = method.label in colours
            axes.plot(
                100 * method.places, 100 * getattr(method, curve),
                ":" if is_baseline else "-", color=colours.get(method.label, GREY),
                linewidth=2.0 if coloured else 1.0, alpha=1.0 if coloured or is_baseline else 0.45,
                label=_legend_words(method, coloured),
            )  # fmt: skip
        axes.set_title(words, fontsize=10)
        axes.set_xlabel("% of the patches " + ("removed" if axes is falling else "shown"))
        axes.set_ylim(0, 100)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    falling.set_ylabel("mean probability of the predicted class, %")
    handles, labels = rising.get_legend_handles_labels()
    once = dict(zip(reversed(labels), reversed(handles), strict=True))
    figure.legend(once.values(), once.keys(), frameon=False, fontsize=8,
                  loc="outside lower center", ncols=6)  # fmt: skip
    _draw_gaps(gaps, scored, num_images, colours)
    return figure


def _gap(method: Faithfulness) -> float:
    assert method.above_random is not None
    return method.above_random.value


def _legend_words(method: Faithfulness, coloured: bool) -> str:
    if coloured:
        return plain(method.label, 40)
    return "baselines" if method.above_random is None else "other methods"


def _draw_gaps(
    axes: Axes, methods: Sequence[Faithfulness], num_images: int, colours: dict[str, str]
) -> None:
    """One row per method: its gap above a random order, and above the centre-first order."""
    places = np.arange(len(methods))
    for offset, name, marker, words in (
        (-0.16, "above_random", "o", "above random order"),
        (0.16, "above_centre", "D", "above centre-first"),
    ):
        for place, method in zip(places, methods, strict=True):
            gap = getattr(method, name)
            axes.errorbar(
                100 * gap.value, place + offset,
                xerr=[[100 * (gap.value - gap.low)], [100 * (gap.high - gap.value)]],
                fmt=marker, color=colours.get(method.label, GREY), markersize=4, capsize=2,
                markerfacecolor=None if name == "above_random" else "white",
                label=words if place == 0 else None,
            )  # fmt: skip
    axes.axvline(0, color="black", linewidth=0.8)
    labels = [plain(f"{m.label}{' *' if m.beats_baselines else ''}", 40) for m in methods]
    axes.set_yticks(places, labels=labels, fontsize=8)
    axes.set_ylim(len(methods) - 0.5, -0.5)
    axes.set_title("gap (insertion minus deletion), points", fontsize=10)
    axes.set_xlabel(
        "above random order (circles), centre-first (diamonds)\n"
        f"simultaneous 95% intervals, {num_images} images; * both", fontsize=8
    )  # fmt: skip
    axes.spines[["top", "right"]].set_visible(False)
