"""Labels of points and lines: none covers a mark, a line or another label."""

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from vitbench.figures.curves import Series, curves_figure, spread
from vitbench.figures.labels import Label, place_labels


def axes_with(points):
    axes = Figure(figsize=(6, 4), layout="constrained").subplots()
    axes.plot(*zip(*points, strict=True), "o")
    axes.margins(0.2)
    return axes


POINTS = {
    "apart": [(0, 0), (1, 2), (2, 1)],
    "a pile": [(1, 1), (1.01, 1), (1, 1.01), (1.01, 1.01)],
    "a column": [(0, 0), *((1, 1 + number / 50) for number in range(8))],
}


@pytest.mark.parametrize("points", POINTS.values(), ids=POINTS)
def test_labels_cover_neither_marks_nor_each_other(points) -> None:
    axes = axes_with(points)

    written = place_labels(
        axes, [Label(f"variant {number}", x, y, "black") for number, (x, y) in enumerate(points)]
    )

    boxes = [Text.get_window_extent(text) for text in written]
    for number, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[number + 1 :])
        assert not any(box.contains(*axes.transData.transform(point)) for point in points)


def test_a_label_does_not_cover_a_line() -> None:
    axes = axes_with([(0, 0), (1, 1)])
    line = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)]  # to the right of the first point

    first, _ = place_labels(axes, [Label("a", 0, 0, "black"), Label("b", 1, 1, "black")], [line])

    box = Text.get_window_extent(first)
    start, corner = axes.transData.transform(line[:2])
    steps = [start + (corner - start) * share / 100 for share in range(101)]
    assert not any(box.contains(*place) for place in steps)


def test_heights_are_spread_in_their_order_around_where_they_were() -> None:
    assert spread([0.1, 0.5, 0.9], 0.05) == [0.1, 0.5, 0.9]

    heights = spread([0.5, 0.5, 0.51], 0.1)

    assert heights == pytest.approx([0.4, 0.5, 0.6], abs=0.01)
    assert spread([0.51, 0.5, 0.5], 0.1)[0] == max(spread([0.51, 0.5, 0.5], 0.1))


def test_lines_with_close_ends_have_labels_that_can_be_read() -> None:
    series = [Series(f"variant {number}", [[10, 20 + number / 100]]) for number in range(6)]

    figure = curves_figure(series, "accuracy in %", "Title")
    figure.draw_without_rendering()

    axes = figure.axes[0]
    boxes = [Text.get_window_extent(text) for text in axes.texts]
    assert len(boxes) == 6
    assert axes.get_legend() is None
    for number, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[number + 1 :])
        assert box.x0 >= axes.get_window_extent().x1  # outside the lines
        assert box.x1 <= figure.bbox.x1  # and not clipped
