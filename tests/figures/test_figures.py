"""Pictures are written whole, say what they must, and bear odd input."""

import subprocess
import sys

import matplotlib.image
import numpy as np
import pytest

from vitbench.figures.attention import (
    Picture,
    maps_figure,
    rollout_figure,
)
from vitbench.figures.curves import Series, curves_figure
from vitbench.figures.positions import positions_figure
from vitbench.figures.style import plain, save, shared_limits

RNG = np.random.default_rng(0)
NASTY = "a $\\frac{1}{$ class with a name that goes on and on and on and on, far past any width"


def picture(channels: int = 3, side: int = 32) -> Picture:
    image = RNG.integers(0, 256, (channels, side, side), dtype=np.uint8)
    return Picture(image, NASTY, "frog", 0.5)


def read(path) -> np.ndarray:
    pixels = matplotlib.image.imread(path)
    assert 700 <= pixels.shape[1] <= 1600
    assert pixels[..., :3].std() > 0.05  # something is on it
    return pixels


@pytest.mark.parametrize(("channels", "grid"), [(3, 8), (1, 4), (3, 16), (3, 1)])
def test_rollout_and_maps_are_drawn_for_every_grid(channels, grid, tmp_path) -> None:
    heat = RNG.random((grid, grid))

    read(save(rollout_figure(picture(channels), heat, NASTY), tmp_path / "rollout.png"))
    maps = np.stack([heat, 1 - heat])
    limits = shared_limits(maps, signed=False)
    pictures = [picture(channels)] * 2
    read(save(maps_figure(pictures, maps, NASTY, limits), tmp_path / "deep" / "maps.png"))


def test_a_rollout_tells_the_true_class_the_answer_and_its_confidence() -> None:
    seen = Picture(np.zeros((3, 32, 32), np.uint8), "cat", "dog", 0.574)

    titles = [axes.get_title() for axes in rollout_figure(seen, np.eye(8), "").axes]
    assert (titles[0], titles[2]) == ("true: cat", "answer: dog (57%)")
    assert "uniform: 1.56" in titles[1]


@pytest.mark.parametrize("number", [1, 4, 5, 12])
def test_each_image_has_a_map_and_many_go_in_rows_of_five(number, tmp_path) -> None:
    maps = RNG.random((number, 4, 4))

    figure = maps_figure([picture()] * number, maps, "", (0, 1))
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert len(shown) == 2 * number + 1  # and the colour bar
    assert len({round(axes.get_subplotspec().colspan.start) for axes in shown[:-1]}) <= 5
    read(save(maps_figure([picture()] * number, maps, "", (0, 1)), tmp_path / "maps.png"))


def test_a_signed_map_says_so_and_a_long_title_keeps_its_end() -> None:
    title = "Attention rollout (mean over heads), no class token: mean over patches, by their size"

    figure = maps_figure([picture()], np.eye(2)[None], title, (-1, 1))
    assert figure.axes[-1].get_xlabel().startswith("signed")
    assert figure.get_suptitle().replace("\n", " ") == title


def test_signed_maps_have_a_scale_symmetric_about_zero() -> None:
    maps = np.array([[-0.3, 0.1]])

    low, high = shared_limits(maps, signed=True)
    assert low == -high < 0
    assert shared_limits(maps * 0, signed=True) == (-1, 1)
    assert shared_limits(np.abs(maps), signed=False)[0] == 0


def test_the_hottest_patch_is_where_it_should_be(tmp_path) -> None:
    """Over a grey image the colour lies where the one hot patch of four is."""
    grey = Picture(np.full((3, 32, 32), 128, dtype=np.uint8), "", "", 1.0)
    centres = []
    for row, col in ((0, 0), (1, 1)):
        maps = np.zeros((1, 2, 2))
        maps[0, row, col] = 1
        pixels = read(save(maps_figure([grey], maps, "", (0, 1)), tmp_path / "one.png"))[..., :3]
        colourful = pixels[..., 0] - pixels[..., 2] > 0.2  # red over blue: the scale's hot end
        colourful[int(pixels.shape[0] * 0.85) :] = False  # the colour bar
        centres.append(np.argwhere(colourful).mean(axis=0))

    assert np.all(centres[1] - centres[0] > 50)


@pytest.mark.parametrize("side", [1, 4, 8, 16])
def test_positions_are_drawn_for_every_grid(side, tmp_path) -> None:
    similarity = RNG.uniform(-1, 1, (side, side, side, side))

    read(
        save(
            positions_figure(similarity, RNG.random((side, side)), NASTY),
            tmp_path / "positions.png",
        )
    )


@pytest.mark.parametrize(("side", "shown"), [(8, range(8)), (16, range(0, 16, 2))])
def test_a_fine_grid_shows_some_patches_and_says_so(side, shown) -> None:
    similarity = RNG.uniform(-1, 1, (side, side, side, side))

    maps, _, *_ = positions_figure(similarity, np.ones((side, side)), "").axes
    assert [label.get_text() for label in maps.get_xticklabels()] == [str(i) for i in shown]
    assert ("one of 2 x 2 patches" in maps.get_title()) == (side == 16)


@pytest.mark.parametrize(
    "by_seed",
    [[[1.0, 0.5, 0.2]], [[1.0, 0.5], [1.2, 0.7], [1.1]], [[2.0]], [[1.0, float("nan")]], []],
    ids=["run", "seeds", "one-epoch", "diverged", "nothing"],
)
def test_curves_bear_short_stopped_and_diverged_runs(by_seed, tmp_path) -> None:
    series = [Series(NASTY, by_seed), Series("other", [[0.9, 0.8, 0.7]])]

    read(save(curves_figure(series, "loss", NASTY), tmp_path / "curves.png"))


def legend(*series: Series) -> list[str]:
    return [t.get_text() for t in curves_figure(series, "loss", "").axes[0].get_legend().texts]


def test_the_legend_says_which_variants_lack_seeds() -> None:
    nan = float("nan")
    labels = legend(
        Series("whole", [[1.0, 0.5], [1.2, 0.7]]),
        Series("stopped", [[1.0, 0.5], [1.2]]),
        Series("diverged", [[1.0, 0.5], [nan, nan], [1.0, float("inf")]]),
        Series("lost", [[nan]]),
        Series("absent", []),
    )

    assert labels == [
        "whole", "stopped (1 of 2 seeds ended early)", "diverged (2 of 3 seeds ended early)",
        "lost (no value)", "absent (no value)",
    ]  # fmt: skip


def test_a_line_is_the_mean_within_the_smallest_and_largest_seed() -> None:
    axes = curves_figure([Series("a", [[1.0, 4.0], [3.0, 8.0]])], "loss", "").axes[0]

    assert axes.lines[0].get_xydata().tolist() == [[1, 2], [2, 6]]
    band = axes.collections[0].get_paths()[0].get_extents()
    assert (band.ymin, band.ymax) == (1, 8)


def test_one_epoch_has_one_tick_and_a_spread_that_is_seen() -> None:
    axes = curves_figure([Series("a", [[1.0], [3.0]])], "loss", "").axes[0]

    low, high = axes.get_xlim()
    assert [tick for tick in axes.get_xticks() if low <= tick <= high] == [1]
    assert axes.lines[0].get_marker() == "o"
    assert axes.collections[0].get_linewidth() > 1


def test_text_has_no_mathematics_and_an_end() -> None:
    assert plain("a$b", 3) == r"a\$b"
    assert plain("x" * 500, 4) == "xxx…"


def test_no_global_state_of_matplotlib_is_touched() -> None:
    code = "import sys, vitbench.figures.attention, vitbench.figures.curves; " \
           "print('matplotlib.pyplot' in sys.modules)"  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
