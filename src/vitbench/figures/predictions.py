"""Pictures of two sides of a diff: images on which they differ, confusion, calibration."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from vitbench.figures.settings import own_settings
from vitbench.figures.style import (
    GREY,
    LINES,
    ONE_SIDED,
    SIGNED,
    Array,
    new_figure,
    plain,
    show_image,
)

COLUMNS = 8
MOST_NUMBERED = 20  # classes up to which the numbers are written in


@dataclass(frozen=True)
class SheetImage:
    """An image of a contact sheet.

    Attributes:
        image: uint8 (C, H, W).
        lines: At most three short lines below it.
    """

    image: Array
    lines: Sequence[str]


@own_settings()
def contact_sheet_figure(parts: Sequence[tuple[str, Sequence[SheetImage]]], title: str) -> Figure:
    """Rows of images under headings.

    Args:
        parts: Images of each heading, at least one.
        title: Heading of the figure.
    """
    blocks = [-(-len(images) // COLUMNS) for _, images in parts]
    most_lines = max(len(one.lines) for _, images in parts for one in images)
    height = 1.3 + 0.18 * most_lines
    figure = new_figure(1.3 * COLUMNS, height * sum(blocks) + 0.4 * len(parts) + 0.6, title)
    below = figure.subfigures(len(parts), 1, height_ratios=blocks, squeeze=False)[:, 0]
    for part, block, (heading, images) in zip(below, blocks, parts, strict=True):
        part.suptitle(plain(heading, 120), fontsize=10)
        cells = list(part.subplots(block, COLUMNS, squeeze=False).flat)
        for cell in cells:
            cell.set_axis_off()
        for cell, one in zip(cells, images, strict=False):
            show_image(cell, one.image)
            cell.text(
                0.5, -0.04, "\n".join(plain(line, 22) for line in one.lines), fontsize=8,
                transform=cell.transAxes, ha="center", va="top",
            )  # fmt: skip
    return figure


@own_settings()
def confusion_figure(
    names: tuple[str, str], matrices: tuple[Array, Array], classes: Sequence[str], title: str
) -> Figure:
    """Two confusion matrices, and their difference.

    Args:
        names: The two sides.
        matrices: For each, (true class, predicted class) in % of the true class.
        classes: Names of the classes.
        title: Heading.
    """
    figure = new_figure(10.6, 5.2, title)
    first, second = matrices
    difference = first - second
    most = max(float(np.nanmax(np.abs(difference))), 0.1)
    panels = (
        (plain(names[0], 50), first, ONE_SIDED, 0.0, 100.0),
        (plain(names[1], 50), second, ONE_SIDED, 0.0, 100.0),
        ("first minus second", difference, SIGNED, -most, most),
    )
    cells = figure.subplots(1, 3, sharey=True)
    drawn = []
    for axes, (heading, matrix, colours, low, high) in zip(cells, panels, strict=True):
        drawn.append(
            axes.imshow(matrix, cmap=colours, vmin=low, vmax=high, interpolation="nearest")
        )
        axes.set_title(heading, fontsize=10)
        if len(classes) <= MOST_NUMBERED:
            ticks = [plain(name, 16) for name in classes]
            axes.set_xticks(range(len(classes)), ticks, rotation=60, ha="right", fontsize=8)
            axes.set_yticks(range(len(classes)), ticks, fontsize=8)
            for (row, col), value in np.ndenumerate(matrix):
                light = abs(value) < 0.55 * most if low else value > 55
                axes.text(
                    col, row, f"{value:.0f}".replace("-0", "0"), ha="center", va="center",
                    fontsize=7 if len(classes) <= 12 else 4,
                    color="black" if light else "white",
                )  # fmt: skip
        axes.set_xlabel("predicted class")
    cells[0].set_ylabel("true class")
    figure.colorbar(drawn[0], ax=list(cells[:2]), label="% of the true class", location="bottom",
                    shrink=0.5, aspect=40)  # fmt: skip
    figure.colorbar(drawn[2], ax=cells[2], label="points", location="bottom", shrink=0.9)
    return figure


@dataclass(frozen=True)
class Reliability:
    """Confidence and accuracy of one side.

    Attributes:
        name: The side.
        confidence: Mean confidence of each bin, one row per seed (S, bins), NaN if empty.
        accuracy: Accuracy of each bin, likewise.
        share: Share of the images in each bin, likewise.
        error_pct: Expected calibration error of each seed, in points.
    """

    name: str
    confidence: Array
    accuracy: Array
    share: Array
    error_pct: Sequence[float]


@own_settings()
def reliability_figure(sides: Sequence[Reliability], title: str) -> Figure:
    """A reliability diagram per side, above the distribution of confidence.

    Args:
        sides: The sides.
        title: Heading.
    """
    figure = new_figure(4.6 * len(sides) + 0.4, 6.0, title)
    cells = figure.subplots(2, len(sides), squeeze=False, sharex=True, height_ratios=(3, 1))
    for number, side in enumerate(sides):
        above, below = cells[:, number]
        colour = LINES[number]
        above.plot([0, 100], [0, 100], ":", color=GREY, label="perfect calibration")
        above.plot(
            100 * side.confidence.T, 100 * side.accuracy.T, "o-", color=colour, alpha=0.7,
            markersize=4, linewidth=1,
        )  # fmt: skip
        errors = ", ".join(f"{error:.1f}" for error in side.error_pct)
        seeds = "" if len(side.error_pct) == 1 else ", one per seed"
        above.set_title(f"{plain(side.name, 40)}\ncalibration error: {errors} points{seeds}",
                        fontsize=9)  # fmt: skip
        bins = side.share.shape[1]
        centres = (np.arange(bins) + 0.5) * 100 / bins
        below.bar(centres, 100 * side.share.mean(axis=0), 90 / bins, color=colour)
        below.set_xlabel("confidence in %")
        above.set_xlim(0, 100)
        above.set_ylim(0, 100)
        for axes in (above, below):
            axes.grid(alpha=0.25)
            axes.spines[["top", "right"]].set_visible(False)
    cells[0, 0].set_ylabel("accuracy in %")
    cells[1, 0].set_ylabel("images in %")
    cells[0, 0].legend(frameon=False, fontsize=8)
    return figure
