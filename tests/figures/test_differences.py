"""Pictures of comparisons say what the numbers say, without colour too, and bear odd input."""

import matplotlib.image
import numpy as np
import pytest
from matplotlib.colors import same_color

from vitbench.figures.differences import (
    MARKS,
    AccuracyRow,
    DifferenceRow,
    differences_figure,
    seeds_figure,
)
from vitbench.figures.style import TIP, save

NASTY = "a $\\frac{1}{$ <b>variant</b>\nwith a name that goes on and on and on, far past any width"
THREE = [
    DifferenceRow("sinusoidal", 4.0, (2.5, 5.5), {0: 3.5, 1: 4.0, 4: 4.5}, "better"),
    DifferenceRow("learned-2d", 0.1, (-1.0, 1.2), {0: 0.5, 1: -0.4, 4: 0.2}, "inconclusive"),
    DifferenceRow("none", -2.0, (-3.0, -1.0), {0: -2.0, 1: -1.5, 4: -2.5}, "worse"),
]


def read(path) -> np.ndarray:
    pixels = matplotlib.image.imread(path)
    assert 700 <= pixels.shape[1] <= 1600
    assert pixels[..., :3].std() > 0.05  # something is on it
    return pixels


def texts(axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def dots(axes) -> list[float]:
    return [line.get_xdata()[0] for line in axes.lines if (line.get_gid() or "").startswith(TIP)]


def tips(axes) -> list[str]:
    gids = [line.get_gid() or "" for line in axes.lines]
    return [gid.removeprefix(TIP) for gid in gids if gid.startswith(TIP)]


def test_a_difference_is_drawn_with_its_interval_its_seeds_and_its_verdict_in_words() -> None:
    axes = differences_figure(THREE, "learned-1d", 0.5, "").axes[0]

    assert [label.get_text() for label in axes.get_yticklabels()] == [one.label for one in THREE]
    intervals = [c.get_segments()[0][:, 0].tolist() for c in axes.collections]
    assert intervals == [[2.5, 5.5], [-1.0, 1.2], [-3.0, -1.0]]
    points = [line.get_xdata()[0] for line in axes.lines if line.get_markersize() == 9]
    assert points == [4.0, 0.1, -2.0]
    assert tips(axes)[:3] == [
        "sinusoidal, seed 0: +3.50 points",
        "sinusoidal, seed 1: +4.00 points",
        "sinusoidal, seed 4: +4.50 points",
    ]
    assert dots(axes) == [3.5, 4.0, 4.5, 0.5, -0.4, 0.2, -2.0, -1.5, -2.5]
    assert texts(axes) == [
        "+4.00 (+2.50 to +5.50)\nbetter",
        "+0.10 (−1.00 to +1.20)\ninconclusive",
        "−2.00 (−3.00 to −1.00)\nworse",
    ]
    assert "points above learned-1d" in axes.get_xlabel()
    assert list(axes.get_yticks()) == [2, 1, 0]  # the first on top


def test_the_margin_is_shaded_and_nought_is_in_sight() -> None:
    far = [DifferenceRow("a", 9.0, (8.0, 10.0), {}, "better")]

    axes = differences_figure(far, "b", 0.5, "").axes[0]

    (band,) = axes.patches
    assert (band.get_x(), band.get_x() + band.get_width()) == (-0.5, 0.5)
    low, high = axes.get_xlim()
    assert low <= -0.5
    assert high >= 10
    assert "within ±0.5 points" in axes.get_xlabel()
    assert "seeds" not in axes.get_xlabel()  # there are none


def test_no_two_verdicts_share_a_colour_or_a_shape() -> None:
    colours, shapes = zip(*MARKS.values(), strict=True)

    assert len(set(colours)) == len(set(shapes)) == len(MARKS)
    for one in THREE:
        axes = differences_figure([one], "b", 0.5, "").axes[0]
        (point,) = [line for line in axes.lines if line.get_markersize() == 9]
        assert point.get_marker() == MARKS[one.verdict][1]
        assert same_color(point.get_color(), MARKS[one.verdict][0])


def test_seeds_are_dots_under_their_mean_and_its_interval() -> None:
    accuracies = [
        AccuracyRow("a", {0: 60.0, 1: 62.0}, (59.0, 63.0)),
        AccuracyRow("b", {0: 50.0}, (49.0, 51.0)),
        AccuracyRow("c", {0: 40.0, 1: 41.0, 2: 42.0}, None),
    ]

    axes = seeds_figure(accuracies, "").axes[0]

    means = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "D"]
    assert means == [61, 50, 41]
    assert dots(axes) == [60.0, 62.0, 40.0, 41.0, 42.0]
    assert tips(axes)[1] == "a, seed 1: 62.00 %"
    assert [c.get_segments()[0][:, 0].tolist() for c in axes.collections] == [[59, 63], [49, 51]]
    assert texts(axes) == ["61.00, 2 seeds", "50.00, 1 seed", "41.00, 3 seeds"]


@pytest.mark.parametrize("number", [1, 2, 12])
def test_long_and_odd_words_are_drawn_whatever_their_number(number, tmp_path) -> None:
    differences = [DifferenceRow(NASTY, 0.1, (-1, 1), {0: 0.1, 1: 0.2}, NASTY)] * number
    accuracies = [AccuracyRow(NASTY, {0: 50.0, 1: 51.0}, (49.0, 52.0))] * number

    figure = differences_figure(differences, NASTY, 0.5, NASTY)
    read(save(figure, tmp_path / "differences.png"))
    read(save(seeds_figure(accuracies, NASTY), tmp_path / "deep" / "seeds.png"))
