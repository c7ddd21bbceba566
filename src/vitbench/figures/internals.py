"""Pictures of a model's internals: heads, layers, tokens, ablation and sensitivity."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from vitbench.figures.settings import own_settings
from vitbench.figures.style import GREY, LINES, ONE_SIDED, SIGNED, Array, new_figure, plain


@dataclass(frozen=True)
class HeadMeasure:
    """Values of heads by layer.

    Attributes:
        values: (L, H).
        ylabel: The quantity with its unit.
        even: Its value for uniform attention; None if there is none.
    """

    values: Array
    ylabel: str
    even: float | None = None


@dataclass(frozen=True)
class Line:
    """Values with intervals.

    Attributes:
        label: Its name in the legend.
        x: (n,).
        y: (n,).
        low: Lower ends of intervals (n,), or None.
        high: Upper ends (n,), or None.
    """

    label: str
    x: Array
    y: Array
    low: Array | None = None
    high: Array | None = None


@own_settings()
def heads_figure(panels: Sequence[HeadMeasure], title: str) -> Figure:
    """One dot per head, by layer, beside the value of uniform attention."""
    figure = new_figure(3.5 * len(panels), 4.2, title)
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        layers, heads = panel.values.shape
        spread = np.linspace(-0.18, 0.18, heads) if heads > 1 else np.zeros(1)
        places = np.arange(layers)[:, None] + spread
        axes.scatter(places, panel.values, s=14, color=LINES[0], label="head")
        axes.plot(
            np.arange(layers), panel.values.mean(axis=1), color=LINES[1], label="mean of heads"
        )
        if panel.even is not None:
            axes.axhline(panel.even, color=GREY, linestyle=":", label="uniform attention")
        axes.set_ylim(bottom=min(0.0, float(panel.values.min())))
        axes.set_title(panel.ylabel, fontsize=10)
        layers_axis(axes)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", frameon=False, fontsize=8, ncols=3)
    return figure


@own_settings()
def matrix_figure(
    matrix: Array,
    rows: Sequence[str],
    columns: Sequence[str],
    words: str,
    title: str,
    group: int | None = None,
) -> Figure:
    """A matrix of similarities up to 1, with names where there is room for them.

    Args:
        matrix: (R, C).
        rows: Names of its rows; empty ones have no tick.
        columns: Names of its columns likewise.
        words: The quantity.
        title: Heading.
        group: Rows and columns of a group, such as the heads of a layer; a line divides groups.
    """
    figure = new_figure(7.2, 6.4, title)
    axes = figure.subplots()
    low = -1.0 if matrix.min() < -0.1 else 0.0  # slightly negative by chance counts as 0
    shown = axes.imshow(
        matrix, cmap=SIGNED if low else ONE_SIDED, vmin=low, vmax=1, interpolation="nearest"
    )
    for axis, names in ((axes.yaxis, rows), (axes.xaxis, columns)):
        marked = [place for place, name in enumerate(names) if name]
        axis.set_ticks(marked, labels=[plain(names[place], 30) for place in marked])
    axes.tick_params(axis="x", rotation=45 if max(map(len, columns)) > 3 else 0)
    for place in range(group, len(matrix), group) if group else ():
        axes.axhline(place - 0.5, color="white", linewidth=1.2)
        axes.axvline(place - 0.5, color="white", linewidth=1.2)
    if matrix.size <= 150:
        for (row, col), value in np.ndenumerate(matrix):
            axes.text(
                col, row, f"{value:.2f}", ha="center", va="center", fontsize=7,
                color="black" if (abs(value) < 0.6 if low else value > 0.6) else "white",
            )  # fmt: skip
    figure.colorbar(shown, ax=axes, label=words, shrink=0.8)
    return figure


@own_settings()
def ablation_figure(
    heads: Array, shown_to_matter: Array, layers: Sequence[Line], num_images: int, title: str
) -> Figure:
    """Accuracy lost without each head, and without parts of each layer.

    Args:
        heads: (L, H), points lost.
        shown_to_matter: bool (L, H), whether the interval excludes 0.
        layers: For each part, points lost by layer with intervals.
        num_images: Number of test images.
        title: Heading.
    """
    figure = new_figure(10.6, 4.6, title)
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
    most = max(float(np.abs(heads).max()), 0.1)
    shown = left.imshow(heads, cmap=SIGNED, vmin=-most, vmax=most, aspect="auto")
    for (layer, head), value in np.ndenumerate(heads):
        star = "*" if shown_to_matter[layer, head] else ""
        dark = abs(value) > 0.6 * most
        left.text(
            head, layer, f"{value:.1f}{star}", ha="center", va="center", fontsize=8,
            color="white" if dark else "black",
        )  # fmt: skip
    left.set_title("points lost without a head (* significant)", fontsize=10)
    left.set_xlabel("head")
    left.set_ylabel("layer")
    left.xaxis.set_major_locator(MaxNLocator(integer=True))
    left.yaxis.set_major_locator(MaxNLocator(integer=True))
    figure.colorbar(shown, ax=left, shrink=0.8)
    lines(right, layers)
    right.axhline(0, color=GREY, linewidth=0.8)
    right.set_title("points lost without part of a layer", fontsize=10)
    right.set_ylabel(f"points of accuracy over {num_images} images", fontsize=9)
    layers_axis(right)
    right.legend(frameon=False, fontsize=8)
    return figure


@own_settings()
def tokens_figure(
    norms: Array,
    class_norms: Array | None,
    outliers: Array,
    accuracies: Sequence[Line],
    readout: Sequence[Line],
    title: str,
) -> Figure:
    """Token norms by layer, and what can be decoded from tokens.

    Args:
        norms: (L + 1, patches), norms of patch tokens of many images.
        class_norms: (L + 1,), mean norm of the class token, or None.
        outliers: (L + 1,), share of patch tokens above twice the median.
        accuracies: Accuracy in % by layer, of the logit lens and probes.
        readout: R2 of row and column by layer.
        title: Heading.
    """
    figure = new_figure(10.6, 4.2, title)
    length, accuracy, place = figure.subplots(1, 3)
    layers = np.arange(len(norms))
    low, median, high = np.quantile(norms, (0.05, 0.5, 0.95), axis=1)
    length.fill_between(layers, low, high, color=LINES[0], alpha=0.2, label="90% of patches")
    length.plot(layers, median, color=LINES[0], marker="o", markersize=3, label="median patch")
    length.plot(layers, norms.max(axis=1), ":", color=LINES[0], label="largest patch norm")
    if class_norms is not None:
        length.plot(
            layers, class_norms, color=LINES[1], marker="o", markersize=3, label="class token"
        )
    length.set_title("token norms", fontsize=10)
    length.set_ylabel(
        f"norm\n(at most {100 * outliers.max():.2f} % above twice the median)", fontsize=9
    )
    length.set_ylim(bottom=0)
    lines(accuracy, accuracies)
    accuracy.set_title("accuracy from the tokens of a layer", fontsize=10)
    accuracy.set_ylabel("test accuracy in %", fontsize=9)
    accuracy.set_ylim(bottom=0)
    lines(place, readout)
    place.set_title("position decoded from a patch token", fontsize=10)
    place.set_ylabel("R²", fontsize=9)
    place.set_ylim(min(0.0, min(float(line.y.min()) for line in readout)) - 0.05, 1.05)
    for axes in (length, accuracy, place):
        layers_axis(axes)
        axes.set_xlabel("after block")
        axes.legend(frameon=False, fontsize=7)
    return figure


@own_settings()
def sensitivity_figure(
    panels: Sequence[tuple[Line, str, str]], chance: float, title: str
) -> Figure:
    """Accuracy over the strength of a perturbation.

    Args:
        panels: A line of accuracies in %, its x label, and a heading.
        chance: Accuracy in % by chance.
        title: Heading.
    """
    figure = new_figure(4.6 * len(panels), 4.2, title)
    for axes, (line, xlabel, heading) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True
    ):
        lines(axes, [line])
        axes.axhline(chance, color=GREY, linestyle=":", label="chance")
        axes.set_xlabel(xlabel)
        axes.set_ylabel("test accuracy in %")
        axes.set_title(heading, fontsize=10)
        axes.set_ylim(0, 100)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8)
    return figure


@own_settings()
def sanity_figure(steps: Sequence[str], methods: Sequence[Line], title: str) -> Figure:
    """Similarity of each method's maps while more and more layers are reset.

    Args:
        steps: The last reset part; the first step is the trained model.
        methods: Mean rank correlation with the maps of the first step, one line per method.
        title: Heading.
    """
    figure = new_figure(8.4, 5.0, title)
    axes = figure.subplots()
    lines(axes, methods)
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.set_xticks(range(len(steps)), labels=steps, rotation=30, ha="right")
    axes.set_xlabel("reset to initial weights, from the head down to")
    axes.set_ylabel("rank correlation with the trained model's map")
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
    return figure


@own_settings()
def spectrum_figure(power: Array, title: str) -> Figure:
    """Share of the variance of positions at each spatial frequency.

    Args:
        power: (rows, cols), shares with frequency 0 in the middle.
        title: Heading.
    """
    figure = new_figure(6.2, 5.0, title)
    axes = figure.subplots()
    rows, cols = power.shape
    area = (-(cols // 2) - 0.5, cols - cols // 2 - 0.5, rows - rows // 2 - 0.5, -(rows // 2) - 0.5)
    shown = axes.imshow(100 * power, cmap=ONE_SIDED, extent=area, interpolation="nearest", vmin=0)
    axes.set_xlabel("cycles per image, from left to right")
    axes.set_ylabel("cycles per image, from top to bottom")
    figure.colorbar(shown, ax=axes, label="% of the variance", shrink=0.85)
    return figure


def lines(axes: Axes, several: Sequence[Line]) -> None:
    """Draw lines with intervals as bands."""
    for number, line in enumerate(several):
        colour = LINES[number % len(LINES)]
        axes.plot(line.x, line.y, color=colour, marker="o", markersize=3.5, label=line.label)
        if line.low is not None and line.high is not None:
            axes.fill_between(line.x, line.low, line.high, color=colour, alpha=0.18, linewidth=0)


def layers_axis(axes: Axes) -> None:
    """An axis of layers: integers, a grid, no frame."""
    axes.set_xlabel("layer")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
