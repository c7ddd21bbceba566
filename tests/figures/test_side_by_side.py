"""Pictures of several models: one scale, the same images, and what the numbers say."""

import matplotlib.image
import numpy as np

from vitbench.figures.attention import Picture
from vitbench.figures.internals import Line
from vitbench.figures.side_by_side import (
    ComparedMaps,
    VariantOfRuns,
    compared_maps_figure,
    structure_accuracy_figure,
    structure_figure,
)
from vitbench.figures.style import save

RNG = np.random.default_rng(0)
NASTY = "a $\\frac{1}{$ <b>model</b> with a name that goes on and on, far past any width"


def pictures(answer: str) -> list[Picture]:
    return [Picture(RNG.integers(0, 256, (3, 8, 8), np.uint8), "cat", answer, 0.6) for _ in "ab"]


def test_all_maps_are_on_one_scale_below_the_images(tmp_path) -> None:
    low, high = RNG.random((2, 4, 4)), 5 * RNG.random((2, 4, 4))
    models = [ComparedMaps(NASTY, pictures("cat"), low), ComparedMaps("b", pictures("dog"), high)]

    figure = compared_maps_figure(models, "maps")

    cells = figure.axes[:6]
    titles = [axes.get_title() for axes in cells]
    assert titles == ["true: cat"] * 2 + ["answer: cat (60%)"] * 2 + ["answer: dog (60%)"] * 2
    scales = {axes.images[-1].get_clim() for axes in cells[2:]}
    (scale,) = scales
    assert 4 < scale[1] <= high.max()
    assert (cells[3].images[-1].get_array() == low[1]).all()
    assert (cells[4].images[-1].get_array() == high[0]).all()
    assert matplotlib.image.imread(save(figure, tmp_path / "maps.png")).std() > 0.05


def test_every_model_has_its_line_in_every_panel_that_it_has_a_measure_for(tmp_path) -> None:
    lines = [Line(name, np.arange(3), RNG.random(3)) for name in (NASTY, "b")]

    figure = structure_figure({"distance": lines, "share": lines[:1]}, "structure")

    assert [len(axes.lines) for axes in figure.axes] == [2, 1]
    assert figure.axes[0].get_ylabel() == "distance"
    names = [text.get_text() for text in figure.legends[0].texts]
    assert len(names) == 2  # of the panel that has both
    save(figure, tmp_path / "structure.png")


def test_a_run_is_a_dot_and_a_variant_a_mark_with_both_intervals(tmp_path) -> None:
    one = VariantOfRuns("a", [1.0, 3.0], [60.0, 62.0], (2.0, 61.0), (0.0, 4.0), (59.0, 63.0))
    lone = VariantOfRuns(NASTY, [5.0], [50.0], (5.0, 50.0), None, None)

    figure = structure_accuracy_figure([("distance", [one, lone], "r = +0.9")], "title")

    (axes,) = figure.axes
    assert [line.get_xdata().tolist() for line in axes.lines] == [[1, 3], [2], [5], [5]]
    intervals = [c.get_segments()[0].tolist() for c in axes.collections]
    assert intervals == [[[0, 61], [4, 61]], [[2, 59], [2, 63]]]
    assert axes.get_title() == "r = +0.9"
    save(figure, tmp_path / "accuracy.png")
