"""The pictures of `vitbench diff --figures`."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from vitbench.comparison.calibration import calibration
from vitbench.comparison.diff import SideComparison
from vitbench.comparison.disagreement import Disagreement, confusion, most_different
from vitbench.comparison.sides import Side
from vitbench.data.datasets import load_images
from vitbench.errors import VitbenchError
from vitbench.figures.predictions import (
    Reliability,
    SheetImage,
    confusion_figure,
    contact_sheet_figure,
    reliability_figure,
)
from vitbench.figures.style import save
from vitbench.report.columns import one_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_IMAGES = 16  # on each side of a contact sheet


def draw_comparison(
    found: SideComparison, folder: Path, data_dir: Path | None, note: Callable[[str], None]
) -> Iterator[Path]:
    """Draw the pictures of a comparison as PNG files; yield the path of each one written.

    Args:
        found: The comparison.
        folder: Folder of the files: `confusion.png`, `reliability.png`, `contact_sheet.png`.
        data_dir: Folder of the data set, whose images the sheet shows.
        note: Called with what cannot be drawn, and why.
    """
    for name, figure in drawings(found, data_dir, note):
        yield save(figure, folder / f"{name}.png")


def drawings(
    found: SideComparison, data_dir: Path | None, note: Callable[[str], None]
) -> "Iterator[tuple[str, Figure]]":
    """Confusion matrices, reliability diagrams and a contact sheet, each with its name.

    Args:
        found: The comparison.
        data_dir: Folder of the data set, whose images the sheet shows.
        note: Called with what cannot be drawn, and why.
    """
    yield "confusion", _confusion(found)
    reliable = [_reliability(side, found.overall.seeds) for side in (found.first, found.second)]
    absent = [
        side.label
        for side, of in zip((found.first, found.second), reliable, strict=True)
        if of is None
    ]
    if absent:
        names = " and ".join(absent)
        note(f"no reliability diagrams: the run folders with the logits of {names} are missing")
    else:
        sides = [side for side in reliable if side is not None]
        title = f"Calibration: {_versus(found)}, 15 bins of equal width"
        yield "reliability", reliability_figure(sides, title)
    try:
        images = load_images(found.first.data, "test", data_dir).images
    except VitbenchError as error:
        note(f"no contact sheet: {error}")
        return
    if (sheet := _sheet(found, images)) is None:
        note("no contact sheet: both are correct on the same images")
    else:
        yield "contact_sheet", sheet


def _versus(found: SideComparison) -> str:
    return f"{one_line(found.first.label)} and {one_line(found.second.label)}"


def _confusion(found: SideComparison) -> "Figure":
    seeds = found.overall.seeds
    first, second = (
        confusion([side.predictions[seed] for seed in seeds], side.labels, len(side.classes))
        for side in (found.first, found.second)
    )
    names = one_line(found.first.label), one_line(found.second.label)
    of = "1 seed" if len(seeds) == 1 else f"the mean of {len(seeds)} seeds"
    title = f"Confusion matrices, % of the true class, {of}"
    return confusion_figure(names, (first, second), found.first.classes, title)


def _reliability(side: Side, seeds: tuple[int, ...]) -> Reliability | None:
    """None if the logits of a seed are missing."""
    of_seeds = []
    for seed in seeds:
        logits = side.logits(seed)
        if logits is None:
            return None
        of_seeds.append(calibration(logits, side.labels))
    return Reliability(
        one_line(side.label),
        np.stack([one.confidence for one in of_seeds]),
        np.stack([one.accuracy for one in of_seeds]),
        np.stack([one.num_images / one.num_images.sum() for one in of_seeds]),
        [100 * one.error for one in of_seeds],
    )


def _sheet(found: SideComparison, images: torch.Tensor) -> "Figure | None":
    """The images on which either side is right more often; None where there are none."""
    seeds, labels, classes = found.overall.seeds, found.first.labels, found.first.classes
    sides = (found.first, found.second)
    answers = [[side.predictions[seed] for seed in seeds] for side in sides]
    names = [one_line(side.label) for side in sides]

    def lines(image: Disagreement) -> list[str]:
        words = [f"{image.image}: {classes[labels[image.image]]}",
                f"taken for {classes[image.mistaken_for]}"]  # fmt: skip
        if len(seeds) > 1:
            words.append(f"right {image.right[0]} to {image.right[1]} of {len(seeds)}")
        return words

    parts = []
    for better, other in ((0, 1), (1, 0)):
        most = most_different(answers[better], answers[other], labels, MOST_IMAGES)
        if most:
            heading = (
                f"{names[better]} is right, {names[other]} is wrong"
                if len(seeds) == 1
                else f"{names[better]} is right in more seeds than "
                f"{names[other]}{_counts(most, len(seeds))}"
            )
            parts.append((heading, [SheetImage(images[m.image].numpy(), lines(m)) for m in most]))
    if not parts:
        return None
    title = f"Test images on which they differ most: {_versus(found)}"
    return contact_sheet_figure(parts, title)


def _counts(shown: Sequence[Disagreement], num_seeds: int) -> str:
    """In how many seeds each side is right: one pair of numbers, or the range."""
    pairs = sorted({one.right for one in shown}, reverse=True)
    words = [f"{first} and {second}" for first, second in (pairs[0], pairs[-1])]
    return f" ({' to '.join(dict.fromkeys(words))} of {num_seeds} seeds)"
