"""The picture of accuracy against cost: its front, and labels that can be read."""

import matplotlib.image
import pytest
from matplotlib.text import Text

from vitbench.figures.cost import CostPoint, cost_figure
from vitbench.figures.style import save

NASTY = "a $\\frac{1}{$ <b>variant</b>\nwith a name that goes on and on and on, far past any width"
COSTS = [
    CostPoint("small", 10**12, 50.0, (49.0, 51.0), True),
    CostPoint("wasteful", 4 * 10**12, 48.0, (47.0, 49.0), False),
    CostPoint("large", 16 * 10**12, 55.0, None, True),
]


def test_the_front_is_a_line_of_steps_through_what_nothing_cheaper_exceeds() -> None:
    axes = cost_figure(COSTS, "").axes[0]

    front, *points = axes.lines
    assert front.get_xydata().tolist() == [[1, 50], [16, 50], [16, 55]]
    assert [point.get_marker() for point in points] == ["D", "o", "D"]
    assert axes.get_xscale() == "log"
    assert [c.get_segments()[0][:, 1].tolist() for c in axes.collections] == [[49, 51], [47, 49]]
    assert [text.get_text() for text in axes.texts] == ["large", "small", "wasteful"]  # best first


@pytest.mark.parametrize("number", [4, 12])
@pytest.mark.parametrize("spread", [0.0, 0.01, 0.3])
def test_labels_of_points_at_one_cost_do_not_cover_one_another(spread, number) -> None:
    costs = [
        CostPoint(f"variant number {place} of many", 10**12, 50 + place * spread, None, place == 3)
        for place in range(number)
    ]

    figure = cost_figure(costs, "")
    figure.draw_without_rendering()

    boxes = [Text.get_window_extent(text) for text in figure.axes[0].texts]  # without its line
    for number, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[number + 1 :])
    edge = figure.axes[0].get_window_extent()
    assert all(edge.x0 <= box.x0 and box.x1 <= edge.x1 for box in boxes)
    assert all(edge.y0 <= box.y0 and box.y1 <= edge.y1 for box in boxes)


@pytest.mark.parametrize("number", [1, 2, 12])
def test_long_and_odd_words_are_drawn_whatever_their_number(number, tmp_path) -> None:
    costs = [CostPoint(NASTY, 10**9, 50.0, None, False)] * number

    pixels = matplotlib.image.imread(save(cost_figure(costs, NASTY), tmp_path / "cost.png"))

    assert 700 <= pixels.shape[1] <= 1600
    assert pixels[..., :3].std() > 0.05  # something is on it
