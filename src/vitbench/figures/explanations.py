"""Pictures of explanations: methods side by side, and how faithful each is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vitbench.figures.attention import Picture
from vitbench.figures.settings import own_settings
from vitbench.figures.style import GREY, LINES, Array, new_figure, plain, show_image, show_overlay


@dataclass(frozen=True)
class Gap:
    """How far a method's insertion lies above its deletion, beyond a map that knows nothing.

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
    """What a method's maps did to the model's answer.

    Attributes:
        label: The method; or an order that knows nothing of the model.
        places: Share of the patches at each point of the curves (steps + 1,), 0 to 1.
        deletion: Mean probability of the answer as patches go (steps + 1,).
        insertion: The same as they come (steps + 1,).
        above_random: Against a random order; None for such an order itself.
        above_centre: Against the centre first; None likewise.
        told: Whether it is shown to beat both.
    """

    label: str
    places: Array
    deletion: Array
    insertion: Array
    above_random: Gap | None = None
    above_centre: Gap | None = None
    told: bool = False


@own_settings()
def explanations_figure(
    pictures: Sequence[Picture], maps: dict[str, Array], scores: dict[str, str], title: str
) -> Figure:
    """A row an image, a column a method, each map on a scale of its own.

    Args:
        pictures: The images and answers, B of them.
        maps: (B, rows, cols) of each method.
        scores: A line below each method's name.
        title: Heading.
    """
    columns = 1 + len(maps)
    figure = new_figure(max(1.18 * columns, 6), 1.42 * len(pictures) + 1.3, title)
    axes = figure.subplots(len(pictures), columns, squeeze=False)
    for picture, row in zip(pictures, axes, strict=True):
        show_image(row[0], picture.image)
        row[0].set_title(f"{picture.truth}\n{picture.answer}", fontsize=6, color=picture.colour)
    for column, (name, of_images) in enumerate(maps.items(), start=1):
        for picture, heat, cell in zip(pictures, of_images, axes[:, column], strict=True):
            most = float(np.abs(heat).max()) or 1.0
            low = -most if heat.min() < 0 else float(heat.min())
            show_overlay(cell, picture.image, heat, (low, most))
        axes[0, column].set_title(f"{name}\n{scores[name]}", fontsize=6)
    return figure


@own_settings()
def faithfulness_figure(methods: Sequence[Faithfulness], num_images: int, title: str) -> Figure:
    """Deletion and insertion curves, and each method's gap with its intervals.

    Args:
        methods: The methods, and the orders that know nothing.
        num_images: Test images that it was measured on.
        title: Heading.
    """
    figure = new_figure(10.6, 5.3, title)
    falling, rising, gaps = figure.subplots(1, 3, width_ratios=(1, 1, 1.25))
    scored = [method for method in methods if method.above_random is not None]
    for axes, curve, words in (
        (falling, "deletion", "deletion: low is faithful"),
        (rising, "insertion", "insertion: high is faithful"),
    ):
        for number, method in enumerate(methods):
            values = getattr(method, curve)
            known = method.above_random is not None
            style = ("-" if number < len(LINES) else "--") if known else (":", "-.")[number % 2]
            colour = LINES[number % len(LINES)] if known else GREY
            share = 100 * method.places
            axes.plot(share, 100 * values, style, color=colour, linewidth=1.3, label=method.label)
        axes.set_title(words, fontsize=10)
        axes.set_xlabel("% of the patches " + ("taken away" if axes is falling else "shown"))
        axes.set_ylim(0, 100)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    falling.set_ylabel("mean probability of the answer, %")
    figure.legend(*rising.get_legend_handles_labels(), frameon=False, fontsize=8,
                  loc="outside lower center", ncols=5)  # fmt: skip
    _draw_gaps(gaps, scored, num_images)
    return figure


def _draw_gaps(axes: Axes, methods: Sequence[Faithfulness], num_images: int) -> None:
    """A row a method: its gap above a random order, and above the centre first."""
    places = np.arange(len(methods))
    for offset, name, colour, marker in (
        (-0.16, "above_random", LINES[0], "o"),
        (0.16, "above_centre", LINES[1], "D"),
    ):
        found = [getattr(method, name) for method in methods]
        values = np.array([gap.value for gap in found])
        low, high = (np.array([getattr(gap, end) for gap in found]) for end in ("low", "high"))
        words = name.replace("above_random", "a random order").replace(
            "above_centre", "centre first"
        )
        axes.errorbar(
            100 * values, places + offset, xerr=100 * np.stack([values - low, high - values]),
            fmt=marker, color=colour, markersize=4, capsize=2, label=f"against {words}",
        )  # fmt: skip
    axes.axvline(0, color=GREY, linewidth=0.8)
    labels = [plain(f"{m.label}{' *' if m.told else ''}", 40) for m in methods]
    axes.set_yticks(places, labels=labels, fontsize=8)
    axes.set_ylim(len(methods) - 0.5, -0.5)
    axes.set_title("insertion less deletion, points above", fontsize=10)
    axes.set_xlabel(
        f"simultaneous 95 % intervals over {num_images} images\n* better than both", fontsize=8
    )
    axes.legend(frameon=False, fontsize=7, loc="upper right")
    axes.spines[["top", "right"]].set_visible(False)
