"""Pictures of answers: what is drawn is what was given, whatever the words."""

import matplotlib.image
import numpy as np
import pytest

from vitbench.figures.predictions import (
    Reliability,
    SheetImage,
    confusion_figure,
    contact_sheet_figure,
    reliability_figure,
)
from vitbench.figures.style import save

RNG = np.random.default_rng(0)
NASTY = "a $\\frac{1}{$ <b>model</b> with a name that goes on and on, far past any width"


@pytest.mark.parametrize("numbers", [(1,), (3, 8), (9, 16)])
def test_every_image_is_on_the_sheet_under_its_heading(numbers, tmp_path) -> None:
    images = RNG.integers(0, 256, (20, 3, 8, 8), np.uint8)
    parts = [(NASTY, [SheetImage(i, [NASTY, "b"]) for i in images[:num]]) for num in numbers]

    figure = contact_sheet_figure(parts, NASTY)

    for part, num in zip(figure.subfigs, numbers, strict=True):
        shown = [axes.images[0].get_array() for axes in part.axes if axes.images]
        assert len(shown) == num
        assert (shown[0].transpose(2, 0, 1) == images[0]).all()
    pixels = matplotlib.image.imread(save(figure, tmp_path / "sheet.png"))
    assert pixels.shape[1] <= 1600
    assert pixels.std() > 0.05


@pytest.mark.parametrize("num_classes", [2, 10, 30])
def test_two_confusions_and_their_difference_are_shown(num_classes, tmp_path) -> None:
    first, second = 100 * RNG.random((2, num_classes, num_classes))
    first[0] = np.nan  # a class without images

    figure = confusion_figure((NASTY, "b"), (first, second), [NASTY] * num_classes, NASTY)

    a, b, less = (axes.images[0] for axes in figure.axes[:3])
    np.testing.assert_array_equal(less.get_array(), first - second)
    assert a.get_clim() == b.get_clim() == (0, 100)
    low, high = less.get_clim()
    assert low == -high
    save(figure, tmp_path / "confusion.png")


def test_reliability_has_a_line_a_seed_beside_the_diagonal(tmp_path) -> None:
    confidence, accuracy = np.sort(RNG.random((2, 3, 15)), axis=-1)
    accuracy[1, 0] = np.nan  # an empty bin
    side = Reliability(NASTY, confidence, accuracy, np.full((3, 15), 1 / 15), [1.0, 2.0, 3.0])
    lone = Reliability("b", confidence[:1], accuracy[:1], np.full((1, 15), 1 / 15), [1.0])

    figure = reliability_figure([side, lone], "title")

    assert [len(axes.lines) for axes in figure.axes[:2]] == [1 + 3, 1 + 1]
    assert "1.0, 2.0, 3.0 points, one per seed" in figure.axes[0].get_title()
    assert figure.axes[1].get_title().endswith("error: 1.0 points")
    save(figure, tmp_path / "reliability.png")
