"""Pictures are written whole, say what they must, and bear odd input."""

import subprocess
import sys

import matplotlib.image
import numpy as np
import pytest

from vitbench.figures.attention import Picture, draw_maps, draw_rollout
from vitbench.figures.curves import Series, draw_curves
from vitbench.figures.positions import draw_positions
from vitbench.figures.style import plain, shared_limits

RNG = np.random.default_rng(0)
NASTY = "a $\\frac{1}{$ class with a name that goes on and on and on and on, far past any width"


def picture(channels: int = 3, side: int = 32) -> Picture:
    image = RNG.integers(0, 256, (channels, side, side), dtype=np.uint8)
    return Picture(image, NASTY, "frog", 0.5)


def read(path) -> np.ndarray:
    pixels = matplotlib.image.imread(path)
    assert 700 <= pixels.shape[1] <= 1800
    assert pixels[..., :3].std() > 0.05  # something is on it
    return pixels


@pytest.mark.parametrize(("channels", "grid"), [(3, 8), (1, 4), (3, 16), (3, 1)])
def test_rollout_and_maps_are_drawn_for_every_grid(channels, grid, tmp_path) -> None:
    heat = RNG.random((grid, grid))

    read(draw_rollout(picture(channels), heat, NASTY, tmp_path / "rollout.png"))
    maps = np.stack([heat, 1 - heat])
    limits = shared_limits(maps, signed=False)
    pictures = [picture(channels)] * 2
    read(draw_maps(pictures, maps, NASTY, limits, tmp_path / "deep" / "maps.png"))


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
        pixels = read(draw_maps([grey], maps, "", (0, 1), tmp_path / "one.png"))[..., :3]
        colourful = pixels[..., 0] - pixels[..., 2] > 0.2  # red over blue: the scale's hot end
        colourful[:, int(pixels.shape[1] * 0.7) :] = False  # the colour bar
        centres.append(np.argwhere(colourful).mean(axis=0))

    assert np.all(centres[1] - centres[0] > 50)


@pytest.mark.parametrize("side", [1, 4, 8, 16])
def test_positions_are_drawn_for_every_grid(side, tmp_path) -> None:
    similarity = RNG.uniform(-1, 1, (side, side, side, side))

    read(draw_positions(similarity, RNG.random((side, side)), NASTY, tmp_path / "positions.png"))


@pytest.mark.parametrize(
    "by_seed",
    [[[1.0, 0.5, 0.2]], [[1.0, 0.5], [1.2, 0.7], [1.1]], [[2.0]], [[1.0, float("nan")]], []],
    ids=["run", "seeds", "one-epoch", "diverged", "nothing"],
)
def test_curves_bear_short_stopped_and_diverged_runs(by_seed, tmp_path) -> None:
    series = [Series(NASTY, by_seed), Series("other", [[0.9, 0.8, 0.7]])]

    read(draw_curves(series, "loss", NASTY, tmp_path / "curves.png"))


def test_text_has_no_mathematics_and_an_end() -> None:
    assert plain("a$b") == r"a\$b"
    assert len(plain("x" * 500)) == 60


def test_no_global_state_of_matplotlib_is_touched() -> None:
    code = "import sys, vitbench.figures.attention, vitbench.figures.curves; " \
           "print('matplotlib.pyplot' in sys.modules)"  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
