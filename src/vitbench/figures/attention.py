"""Pictures of attention over images: rollout, heads and layers."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from vitbench.figures.settings import own_settings
from vitbench.figures.style import (
    GREY,
    RIGHT,
    WRONG,
    Array,
    new_figure,
    plain,
    show_image,
    show_map,
    show_overlay,
)

COLUMNS = 5  # images in a row; more go below


@dataclass(frozen=True)
class Picture:
    """An image and the prediction of a model.

    Attributes:
        image: uint8 (C, H, W).
        true: Its class; None if unknown.
        predicted: The predicted class.
        confidence: Probability of that class, 0 to 1.
    """

    image: Array
    true: str | None
    predicted: str
    confidence: float

    @property
    def colour(self) -> str:
        """Green for a correct prediction, red for a wrong one, grey if unknown."""
        if self.true is None:
            return GREY
        return RIGHT if self.true == self.predicted else WRONG

    @property
    def truth(self) -> str:
        """Its class in words."""
        return "your picture" if self.true is None else f"true: {plain(self.true, 20)}"

    @property
    def answer(self) -> str:
        """The prediction in words."""
        return f"answer: {plain(self.predicted, 16)} ({self.confidence:.0%})"


@own_settings()
def rollout_figure(picture: Picture, heat: Array, title: str) -> Figure:
    """Input, map and overlay side by side.

    Args:
        picture: The image and the prediction.
        heat: (rows, cols), share of each patch in the class token.
        title: Heading.
    """
    figure = new_figure(9.6, 3.7, title)
    left, middle, right = figure.subplots(1, 3)
    percent = heat * 100
    limits = (float(percent.min()), float(percent.max()))
    show_image(left, picture.image)
    left.set_title(picture.truth)
    shown = show_map(middle, percent, limits)
    middle.set_title(f"% from each patch (uniform: {100 / heat.size:.2f})")
    show_overlay(right, picture.image, percent, limits)
    right.set_title(picture.answer, color=picture.colour)
    figure.colorbar(shown, ax=middle, shrink=0.8)
    return figure


@own_settings()
def maps_figure(
    pictures: Sequence[Picture], maps: Array, title: str, limits: tuple[float, float]
) -> Figure:
    """Rows of images, each above a row of maps.

    Args:
        pictures: The images and predictions, B of them.
        maps: (B, rows, cols), attention to each patch.
        title: Heading.
        limits: The colour scale, the same for all pictures to be compared.
    """
    columns = min(len(pictures), COLUMNS)
    blocks = -(-len(pictures) // COLUMNS)
    figure = new_figure(max(2.1 * columns, 5.2), 4.5 * blocks + 1.2, title)
    axes = figure.subplots(2 * blocks, columns, squeeze=False)
    for number, (picture, heat) in enumerate(zip(pictures, maps, strict=True)):
        block, column = divmod(number, COLUMNS)
        above, below = axes[2 * block : 2 * block + 2, column]
        show_image(above, picture.image)
        above.set_title(picture.truth, fontsize=9)
        shown = show_overlay(below, picture.image, heat * 100, (limits[0] * 100, limits[1] * 100))
        below.set_title(picture.answer, fontsize=9, color=picture.colour)
    for cell in axes.flat:
        cell.set_visible(cell.has_data())
    words, open_end = "% of the attention", "max"
    if limits[0] < 0:
        words, open_end = "signed: first softmax minus lambda times the second, %", "both"
    figure.colorbar(
        shown, ax=axes, label=words, extend=open_end, location="bottom", shrink=0.6, aspect=40
    )
    return figure


@own_settings()
def map_grid_figure(
    pictures: Sequence[Picture],
    maps: Array,
    rows: Sequence[str],
    title: str,
    limits: tuple[float, float],
) -> Figure:
    """All layers or heads at once: a row of images, then one row of maps each.

    Args:
        pictures: The images and predictions, B of them; the first five are shown.
        maps: (R, B, rows, cols), attention to each patch.
        rows: Names of the R rows.
        title: Heading.
        limits: The colour scale.
    """
    columns = min(len(pictures), COLUMNS)
    figure = new_figure(1.25 * columns + 1.4, 1.25 * (len(rows) + 1) + 1.4, title)
    axes = figure.subplots(len(rows) + 1, columns, squeeze=False)
    for cell, picture in zip(axes[0], pictures, strict=False):
        show_image(cell, picture.image)
        cell.set_title(picture.answer.removeprefix("answer: "), fontsize=8, color=picture.colour)
    for number, row in enumerate(axes[1:]):
        for cell, picture, heat in zip(row, pictures, maps[number], strict=False):
            shown = show_overlay(
                cell, picture.image, heat * 100, (limits[0] * 100, limits[1] * 100)
            )
        row[0].text(
            -0.08, 0.5, rows[number], transform=row[0].transAxes, ha="right", va="center",
            fontsize=9,
        )  # fmt: skip
    figure.colorbar(
        shown, ax=axes, label="% of the attention", location="bottom", shrink=0.6, aspect=40,
        extend="both" if limits[0] < 0 else "max",
    )  # fmt: skip
    return figure
