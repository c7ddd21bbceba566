"""Pictures of attention over images: rollout, and single heads or layers."""

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
    """An image and what a model said of it.

    Attributes:
        image: uint8 (C, H, W).
        true: Its class; None where nobody said.
        predicted: The class that the model answers.
        confidence: Probability that it gives to that, 0 to 1.
    """

    image: Array
    true: str | None
    predicted: str
    confidence: float

    @property
    def colour(self) -> str:
        """Of the answer: green where right, red where wrong, grey where nobody knows."""
        if self.true is None:
            return GREY
        return RIGHT if self.true == self.predicted else WRONG

    @property
    def truth(self) -> str:
        """Its class in words."""
        return "a picture of yours" if self.true is None else f"true: {plain(self.true, 20)}"

    @property
    def answer(self) -> str:
        """The answer in words."""
        return f"answer: {plain(self.predicted, 16)} ({self.confidence:.0%})"


@own_settings()
def rollout_figure(picture: Picture, heat: Array, title: str) -> Figure:
    """Input, map and overlay side by side.

    Args:
        picture: The image and the answer.
        heat: (rows, cols), share of the class token's value that comes from each patch.
        title: What the map is.
    """
    figure = new_figure(9.6, 3.7, title)
    left, middle, right = figure.subplots(1, 3)
    percent = heat * 100
    limits = (float(percent.min()), float(percent.max()))
    show_image(left, picture.image)
    left.set_title(picture.truth)
    shown = show_map(middle, percent, limits)
    middle.set_title(f"% from each patch (all alike: {100 / heat.size:.2f})")
    show_overlay(right, picture.image, percent, limits)
    right.set_title(picture.answer, color=picture.colour)
    figure.colorbar(shown, ax=middle, shrink=0.8)
    return figure


@own_settings()
def maps_figure(
    pictures: Sequence[Picture], maps: Array, title: str, limits: tuple[float, float]
) -> Figure:
    """Rows of images, each with a row of maps over them below.

    Args:
        pictures: The images and answers, B of them.
        maps: (B, rows, cols), attention to each patch.
        title: What the maps are.
        limits: The colour scale, the same in all pictures that will be compared.
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
