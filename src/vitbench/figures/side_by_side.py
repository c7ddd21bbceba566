"""Pictures of several models side by side: the same images, the same scale."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from vitbench.figures.attention import Picture
from vitbench.figures.internals import Line, layers_axis, lines
from vitbench.figures.settings import own_settings
from vitbench.figures.style import (
    GREY,
    LINES,
    Array,
    new_figure,
    plain,
    shared_limits,
    show_image,
    show_overlay,
)

SHAPES = "osD^v<>"  # seven, so that with eight colours combinations repeat late


@dataclass(frozen=True)
class ComparedMaps:
    """Maps of one model.

    Attributes:
        label: The model.
        pictures: The images and its predictions (B).
        maps: (B, rows, cols), as multiples of the uniform share of a patch.
    """

    label: str
    pictures: Sequence[Picture]
    maps: Array


@own_settings()
def compared_maps_figure(models: Sequence[ComparedMaps], title: str) -> Figure:
    """A row of images, then one row of maps per model, all on one scale.

    Args:
        models: The models, all with the same images.
        title: Heading.
    """
    first = models[0].pictures
    figure = new_figure(max(2.1 * len(first) + 1.6, 6.4), 2.15 * (len(models) + 1) + 1.1, title)
    axes = figure.subplots(len(models) + 1, len(first), squeeze=False)
    limits = shared_limits(np.concatenate([of.maps.ravel() for of in models]), signed=False)
    for cell, picture in zip(axes[0], first, strict=True):
        show_image(cell, picture.image)
        cell.set_title(picture.truth, fontsize=9)
    for row, model in zip(axes[1:], models, strict=True):
        for cell, picture, heat in zip(row, model.pictures, model.maps, strict=True):
            shown = show_overlay(cell, picture.image, heat, limits)
            cell.set_title(picture.answer, fontsize=9, color=picture.colour)
        label = textwrap.fill(plain(model.label, 66), 22)
        row[0].text(
            -0.08, 0.5, label, transform=row[0].transAxes, rotation=90, ha="right", va="center",
            fontsize=9,
        )  # fmt: skip
    figure.colorbar(
        shown, ax=axes, label="multiples of the uniform share of a patch", extend="max",
        location="bottom", shrink=0.6, aspect=40,
    )  # fmt: skip
    return figure


@own_settings()
def structure_figure(panels: Mapping[str, Sequence[Line]], title: str) -> Figure:
    """Attention statistics by layer, one line per model.

    Args:
        panels: Lines of the models for each statistic, by its description.
        title: Heading.
    """
    figure = new_figure(3.9 * len(panels) + 0.4, 4.6, title)
    for axes, (words, of_models) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
    ):
        lines(axes, of_models)
        layers_axis(axes)
        axes.set_ylabel(words)
    fullest = max(figure.axes, key=lambda axes: len(axes.lines))
    handles, labels = fullest.get_legend_handles_labels()
    names = [plain(label, 60) for label in labels]
    figure.legend(
        handles, names, loc="outside lower center", frameon=False, fontsize=8,
        ncols=1 if max(map(len, names)) > 40 else min(4, len(names)),
    )  # fmt: skip
    return figure


@dataclass(frozen=True)
class VariantOfRuns:
    """The runs of a variant: a statistic and accuracy.

    Attributes:
        label: The variant.
        x: A statistic of each run.
        accuracy_pct: Test accuracy of each run.
        mean: The means of both over runs.
        x_interval: 95 % interval of the first mean over seeds, or None.
        accuracy_interval: Likewise of accuracy.
    """

    label: str
    x: Sequence[float]
    accuracy_pct: Sequence[float]
    mean: tuple[float, float]
    x_interval: tuple[float, float] | None
    accuracy_interval: tuple[float, float] | None


@own_settings()
def structure_accuracy_figure(
    panels: Sequence[tuple[str, Sequence[VariantOfRuns], str]], title: str
) -> Figure:
    """Accuracy over attention statistics: one small dot per run, one large mark per variant.

    Args:
        panels: The statistic, the variants, and its correlation with accuracy in words.
        title: Heading.
    """
    figure = new_figure(4.1 * len(panels) + 0.4, 5.4, title)
    for axes, (words, variants, correlations) in zip(
        figure.subplots(1, len(panels), squeeze=False, sharey=True)[0], panels, strict=True
    ):
        for number, one in enumerate(variants):
            colour = LINES[number % len(LINES)]
            axes.plot(one.x, one.accuracy_pct, "o", color=colour, markersize=4, alpha=0.6)
            axes.plot(
                *one.mean, SHAPES[number % len(SHAPES)], color=colour, markersize=9,
                label=one.label, markeredgecolor="white",
            )  # fmt: skip
            if one.x_interval is not None:
                axes.hlines(one.mean[1], *one.x_interval, color=colour, linewidth=1.2)
            if one.accuracy_interval is not None:
                axes.vlines(one.mean[0], *one.accuracy_interval, color=colour, linewidth=1.2)
        axes.set_xlabel(words)
        axes.set_title(correlations, fontsize=9, color=GREY)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].set_ylabel("test accuracy in %")
    fullest = max(figure.axes, key=lambda axes: len(axes.lines))
    handles, labels = fullest.get_legend_handles_labels()
    figure.legend(
        handles, [plain(label, 50) for label in labels], loc="outside lower center", frameon=False,
        fontsize=8, ncols=min(4, len(labels)),
    )  # fmt: skip
    return figure
