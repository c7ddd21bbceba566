"""Labels of points that cover neither marks nor lines nor each other."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox

Alignment = tuple[Literal["left", "center", "right"], Literal["bottom", "center", "top"]]

NEAR = 9.0  # points between a mark and its label
STEPS = (1.0, 1.8, 2.8, 4.0, 5.5, 7.5, 10.0)  # distances that are tried, in multiples of NEAR
LEADER_FROM = 2.0  # multiples of NEAR from which a thin line leads to the mark
MARK = 6.0  # half the side of a mark in points
DIRECTIONS = (0, 45, -45, 90, -90, 135, -135, 180)  # degrees, the right first


@dataclass(frozen=True)
class Label:
    """A text for a point.

    Attributes:
        text: The text, with line breaks.
        x: Position of the point in data coordinates.
        y: The same.
        colour: Colour of the text.
    """

    text: str
    x: float
    y: float
    colour: str


def place_labels(
    axes: Axes, labels: Sequence[Label], lines: Sequence[Sequence[tuple[float, float]]] = ()
) -> list[Annotation]:
    """Write each label at the free place nearest to its point.

    The layout of the figure must be complete: it is settled here, before places are chosen.

    Args:
        axes: The axes.
        labels: The labels; their points count as marks that no label may cover.
        lines: Other lines that labels should not cover, as points in data coordinates.
    """
    figure = axes.figure.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # later text must not move the axes
    pixels = figure.dpi / 72
    marks = [_around(axes, label.x, label.y, MARK * pixels) for label in labels]
    taken = [*marks, *(box for line in lines for box in _boxes_along(axes, line, pixels))]
    frame = axes.get_window_extent()
    written = []
    for label in labels:
        text = axes.annotate(
            label.text,
            (label.x, label.y),
            (0, 0),
            textcoords="offset points",
            color=label.colour,
            arrowprops={"arrowstyle": "-", "color": label.colour, "linewidth": 0.6, "shrinkB": 5},
            annotation_clip=False,
        )
        text.set_in_layout(False)
        best = min(
            _candidates(text, pixels),
            key=lambda candidate: _cost(candidate[2], candidate[3], taken, frame),
        )
        offset, alignment, distance, box = best
        _move(text, offset, alignment)
        assert text.arrow_patch is not None
        text.arrow_patch.set_visible(distance >= LEADER_FROM)
        taken.append(box)
        written.append(text)
    return written


def _candidates(
    text: Annotation, pixels: float
) -> list[tuple[tuple[float, float], Alignment, float, Bbox]]:
    """Places around a point: offset, alignment, distance, and the box of the text there."""
    found = []
    for distance in STEPS:
        for degrees in DIRECTIONS:
            angle = math.radians(degrees)
            offset = NEAR * distance * math.cos(angle), NEAR * distance * math.sin(angle)
            alignment = _alignment(offset)
            _move(text, offset, alignment)
            text.get_window_extent()  # brings its transform up to date
            box = Text.get_window_extent(text)  # without the leader line
            found.append((offset, alignment, distance, box.padded(1.5 * pixels)))
    return found


def _alignment(offset: tuple[float, float]) -> Alignment:
    x, y = offset
    horizontal: Literal["left", "center", "right"] = (
        "left" if x > 1 else "right" if x < -1 else "center"
    )
    vertical: Literal["bottom", "center", "top"] = (
        "bottom" if y > 1 else "top" if y < -1 else "center"
    )
    return horizontal, vertical


def _move(text: Annotation, offset: tuple[float, float], alignment: Alignment) -> None:
    text.set_position(offset)
    text.set_horizontalalignment(alignment[0])
    text.set_verticalalignment(alignment[1])


def _cost(distance: float, box: Bbox, taken: Sequence[Bbox], frame: Bbox) -> float:
    """How bad a place is: covered area first, then the part outside the axes, then distance."""
    covered = sum(_overlap(box, other) for other in taken)
    area = box.width * box.height
    outside = area - _overlap(box, frame)
    return 100 * covered + 50 * outside + distance


def _overlap(box: Bbox, other: Bbox) -> float:
    common = Bbox.intersection(box, other)
    return 0.0 if common is None else common.width * common.height


def _around(axes: Axes, x: float, y: float, half: float) -> Bbox:
    """A square in pixels around a point in data coordinates."""
    middle_x, middle_y = axes.transData.transform((x, y))
    return Bbox([[middle_x - half, middle_y - half], [middle_x + half, middle_y + half]])


def _boxes_along(axes: Axes, line: Sequence[tuple[float, float]], pixels: float) -> list[Bbox]:
    """Thin boxes in pixels along a line of horizontal and vertical pieces."""
    points = axes.transData.transform(list(line))
    return [
        Bbox.from_extents(
            min(a[0], b[0]) - pixels,
            min(a[1], b[1]) - pixels,
            max(a[0], b[0]) + pixels,
            max(a[1], b[1]) + pixels,
        )
        for a, b in pairwise(points)
    ]
