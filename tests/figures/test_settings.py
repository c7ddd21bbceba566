"""Pictures have the same bytes whatever the user's matplotlibrc and MPLBACKEND say."""

import os
import subprocess
import sys
from collections.abc import Callable

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from vitbench.figures.attention import Picture, maps_figure, rollout_figure
from vitbench.figures.curves import Series, curves_figure
from vitbench.figures.internals import matrix_figure, spectrum_figure
from vitbench.figures.positions import positions_figure
from vitbench.figures.predictions import (
    Reliability,
    SheetImage,
    confusion_figure,
    contact_sheet_figure,
    reliability_figure,
)
from vitbench.figures.style import as_svg, save

HOSTILE = {
    "axes.facecolor": "black",
    "axes.formatter.limits": [-1, 1],
    "axes.grid": True,
    "axes.prop_cycle": "cycler('color', ['r', 'g'])",
    "figure.constrained_layout.use": False,
    "figure.dpi": 37,
    "figure.facecolor": "red",
    "font.family": "monospace",
    "font.size": 31,
    "image.cmap": "hot",
    "lines.linewidth": 9,
    "path.sketch": (1, 100, 2),
    "pdf.compression": 0,
    "pdf.fonttype": 42,
    "savefig.bbox": "tight",
    "savefig.dpi": 20,
    "savefig.transparent": True,
    "svg.fonttype": "none",
    "svg.hashsalt": "theirs",
    "text.color": "green",
    "xtick.labelsize": 22,
}
IMAGE = np.arange(3 * 8 * 8, dtype=np.uint8).reshape(3, 8, 8)
PICTURE = Picture(IMAGE, "cat", "dog", 0.5)
HEAT = np.linspace(-1, 1, 16).reshape(4, 4)
FIGURES: dict[str, Callable[[], Figure]] = {
    "curves": lambda: curves_figure([Series("a", [[1.0, 4.0], [3.0, 8.0]])], "loss", "Curves"),
    "confusion": lambda: confusion_figure(
        ("a", "b"), (100 * np.eye(4), 25 * np.ones((4, 4))), ["cat", "dog", "frog", "ship"], "t"
    ),
    "maps": lambda: maps_figure([PICTURE], HEAT[None], "Maps", (-1.0, 1.0)),
    "matrix": lambda: matrix_figure(HEAT, list("abcd"), list("abcd"), "likeness", "Matrix"),
    "positions": lambda: positions_figure(np.zeros((4, 4, 4, 4)), np.ones((4, 4)), "Positions"),
    "reliability": lambda: reliability_figure(
        [Reliability("a", HEAT[:1] ** 2, HEAT[:1] ** 2, np.full((1, 4), 0.25), [3.0])], "t"
    ),
    "rollout": lambda: rollout_figure(PICTURE, HEAT + 1, "Rollout"),
    "sheet": lambda: contact_sheet_figure([("better", [SheetImage(IMAGE, ["0: cat"])])], "t"),
    "spectrum": lambda: spectrum_figure(HEAT**2, "Spectrum"),
}
# Draws one picture in every format, and prints their digests and what is left for the caller.
DRAW = """
import hashlib, sys
from pathlib import Path
import numpy as np
from vitbench.figures.curves import Series, curves_figure
from vitbench.figures.internals import matrix_figure
from vitbench.figures.style import save
signs = np.linspace(-1, 1, 16).reshape(4, 4)
for suffix in ("png", "svg", "pdf"):
    for figure in (
        curves_figure([Series("a", [[1.0, 4.0], [3.0, 8.0]])], "loss", "Curves"),
        matrix_figure(signs, list("abcd"), list("abcd"), "likeness", "Matrix"),
    ):
        path = save(figure, Path(f"drawn.{suffix}"))
        print(hashlib.sha256(path.read_bytes()).hexdigest())
import matplotlib
print("matplotlib.pyplot" in sys.modules, file=sys.stderr)
print(matplotlib.rcParams._get_backend_or_none(), file=sys.stderr)
"""


def drawn(figure: Figure, folder) -> tuple[bytes, str]:
    """A figure's file, and its <svg> for a page."""
    return save(figure, folder / "one.png", dpi=40).read_bytes(), as_svg(figure, "p")


@pytest.mark.parametrize("name", FIGURES)
def test_a_users_settings_change_no_byte_of_a_figure_and_stay_as_they_were(name, tmp_path) -> None:
    expected = drawn(FIGURES[name](), tmp_path)

    with matplotlib.rc_context(HOSTILE):
        before = dict(matplotlib.rcParams)
        found = drawn(FIGURES[name](), tmp_path)
        assert dict(matplotlib.rcParams) == before

    assert found == expected


def draw(folder, rc: str | bytes, **environment: str) -> tuple[list[str], list[str]]:
    folder.mkdir()
    settings = rc if isinstance(rc, bytes) else rc.encode()
    (folder / "matplotlibrc").write_bytes(settings)
    done = subprocess.run(
        [sys.executable, "-c", DRAW],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines(), done.stderr.splitlines()


def test_files_are_the_same_with_a_hostile_matplotlibrc_a_broken_one_and_jupyters_backend(
    tmp_path,
) -> None:
    rc = "image.lut: 4\nfont.size: 31\nbackend: nonsense\nno.such.key: 1\nfigure.dpi: x\n"
    jupyters = "module://matplotlib_inline.backend_inline"

    plain, told = draw(tmp_path / "plain", "", MPLBACKEND="")
    hostile, told_hostile = draw(
        tmp_path / "hostile", rc, MPLBACKEND=jupyters, SOURCE_DATE_EPOCH="yesterday"
    )
    broken, told_broken = draw(tmp_path / "broken", b"\xcb\xff\x00", MPLBACKEND="svg")

    assert len(set(plain)) == 6
    assert hostile == broken == plain
    assert told == ["False", "None"]
    assert len(told_hostile) == 2  # not a word about settings that are not used
    assert told_broken == ["False", "svg"]  # a backend that is there is left to the caller
