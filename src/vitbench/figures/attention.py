"""Pictures of attention over images: rollout, and single heads or layers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vitbench.figures.style import (
    RIGHT,
    WRONG,
    Array,
    new_figure,
    plain,
    save,
    shared_limits,
    show_image,
    show_map,
    show_overlay,
)


@dataclass(frozen=True)
class Picture:
    """An image and what a model said of it.

    Attributes:
        image: uint8 (C, H, W).
        true: Its class.
        predicted: The class that the model answers.
        confidence: Probability that it gives to that, 0 to 1.
    """

    image: Array
    true: str
    predicted: str
    confidence: float

    @property
    def colour(self) -> str:
        """Of the answer: green where right, red where wrong."""
        return RIGHT if self.true == self.predicted else WRONG

    @property
    def answer(self) -> str:
        """The answer in words."""
        return plain(f"{self.predicted} ({self.confidence:.0%})")


def draw_rollout(picture: Picture, heat: Array, title: str, path: Path) -> Path:
    """Draw input, map and overlay side by side.

    Args:
        picture: The image and the answer.
        heat: (rows, cols), share of the class token's value that comes from each patch.
        title: What the map is.
        path: The PNG file.
    """
    figure = new_figure(9.6, 3.6)
    left, middle, right = figure.subplots(1, 3)
    percent = heat * 100
    limits = (float(percent.min()), float(percent.max()))
    show_image(left, picture.image)
    left.set_title(f"input: {plain(picture.true)}")
    shown = show_map(middle, percent, limits)
    middle.set_title(f"% from each patch (all alike: {100 / heat.size:.2f})")
    show_overlay(right, picture.image, percent, limits)
    right.set_title(f"answer: {picture.answer}", color=picture.colour)
    figure.colorbar(shown, ax=middle, shrink=0.8)
    figure.suptitle(plain(title))
    return save(figure, path)


def draw_maps(
    pictures: Sequence[Picture],
    maps: Array,
    title: str,
    limits: tuple[float, float],
    path: Path,
) -> Path:
    """Draw a row of images and, below, a map over each.

    Args:
        pictures: The images and answers, B of them.
        maps: (B, rows, cols), attention to each patch.
        title: What the maps are.
        limits: The colour scale, the same in all pictures that will be compared.
        path: The PNG file.
    """
    figure = new_figure(max(2.0 * len(pictures) + 1.2, 5.0), 4.9)
    axes = figure.subplots(2, len(pictures), squeeze=False)
    for picture, heat, above, below in zip(pictures, maps, axes[0], axes[1], strict=True):
        show_image(above, picture.image)
        above.set_title(plain(picture.true), fontsize=10)
        shown = show_overlay(below, picture.image, heat * 100, (limits[0] * 100, limits[1] * 100))
        below.set_title(picture.answer, fontsize=10, color=picture.colour)
    bar = figure.colorbar(shown, ax=axes[1].tolist(), shrink=0.9, extend="max")
    bar.set_label("signed, % of a row" if limits[0] < 0 else "% of the attention")
    figure.suptitle(plain(title))
    return save(figure, path)


__all__ = ["Picture", "draw_maps", "draw_rollout", "shared_limits"]
