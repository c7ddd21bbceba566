"""Interaction plots."""

import numpy as np
import pytest

from vitbench.figures.factorial import FactorLine, factors_figure
from vitbench.figures.style import save

LINES = [
    FactorLine("without", [[57.0, 58.0], [62.0, 63.0], []], [(56.0, 59.0), None, None]),
    FactorLine("with $x$", [[60.0], [61.0, 61.5], [61.0]], [None, (60.0, 62.0), None]),
]


@pytest.mark.parametrize("narrow", [False, True])
def test_lines_go_through_means_with_intervals_and_a_dot_for_each_seed(narrow, tmp_path) -> None:
    figure = factors_figure(["none", "1D", "2D"], LINES, "Position", "Title", narrow)
    axes = figure.axes[0]

    means = [line.get_ydata().tolist() for line in axes.lines if line.get_linestyle() == "-"]
    assert means == [[57.5, 62.5], [60.0, 61.25, 61.0]]
    dots = [line for line in axes.lines if (line.get_gid() or "").startswith("tip:")]
    assert sorted(float(dot.get_ydata()[0]) for dot in dots) == sorted(
        value for line in LINES for seeds in line.by_level for value in seeds
    )
    intervals = [c.get_segments()[0][:, 1].tolist() for c in axes.collections]
    assert intervals == [[56.0, 59.0], [60.0, 62.0]]
    xs = np.concatenate([c.get_segments()[0][:, 0] for c in axes.collections])
    assert len(set(np.round(xs, 6))) == 2  # bars of two lines do not cover each other
    assert save(figure, tmp_path / "f.png").stat().st_size > 1000
