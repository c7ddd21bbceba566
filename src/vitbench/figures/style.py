"""How pictures look, and how they are saved.

Colours are safe for the colour-blind: inferno and PuOr for maps, Okabe and Ito's for lines.
Pictures are up to 1,600 pixels wide, for a README and a slide. matplotlib's global state is not
touched.
"""

import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from vitbench.files import replacing

DPI = 150
ONE_SIDED = "inferno"
SIGNED = "PuOr_r"
LINES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
RIGHT, WRONG = "#009E73", "#D55E00"
GREY = "#6b6b6b"
Array = npt.NDArray[Any]


def new_figure(width: float, height: float, title: str) -> Figure:
    """An empty figure of a size in inches; its parts are laid out when it is drawn."""
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    figure.suptitle(textwrap.fill(plain(title, 300), int(10 * width)))  # 10 characters an inch
    return figure


def save(figure: Figure, path: Path) -> Path:
    """Write a figure as PNG, whole or not at all; gives its path."""
    with replacing(path) as part:
        figure.savefig(part, format="png", dpi=DPI)
    return path


def show_image(axes: Axes, image: Array) -> None:
    """Show an image (C, H, W) of uint8 as it is, each pixel a square."""
    pixels = image[0] if len(image) == 1 else image.transpose(1, 2, 0)
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.set_axis_off()


def show_overlay(axes: Axes, image: Array, heat: Array, limits: tuple[float, float]) -> AxesImage:
    """Show a map (rows, cols) over the grey image (C, H, W); gives what a colour bar needs.

    The more a patch has, the more of its colour covers the image. The image is dark below bright
    colours, and light below the signed ones, which are dark.
    """
    height, width = image.shape[-2:]
    area = (-0.5, width - 0.5, height - 0.5, -0.5)
    black, white = (-160, 255) if limits[0] < 0 else (-40, 420)
    axes.imshow(image.mean(axis=0), cmap="gray", vmin=black, vmax=white, interpolation="nearest")
    shown = show_map(axes, heat, limits, area)
    low = max(limits[0], 0.0)
    span = (limits[1] - low) or 1.0  # one patch alone has no span
    shown.set_alpha((0.9 * (np.abs(heat) - low) / span).clip(0, 0.9))
    return shown


def show_map(
    axes: Axes,
    heat: Array,
    limits: tuple[float, float],
    area: tuple[float, float, float, float] | None = None,
) -> AxesImage:
    """Show a map (rows, cols), each patch a square; limits below 0 take the signed colours."""
    axes.set_axis_off()
    return axes.imshow(
        heat,
        cmap=SIGNED if limits[0] < 0 else ONE_SIDED,
        vmin=limits[0],
        vmax=limits[1],
        extent=area,
        interpolation="nearest",
    )


def shared_limits(maps: Array, signed: bool) -> tuple[float, float]:
    """One colour scale for several maps: 0 to their 99.5th percentile, symmetric where signed."""
    most = float(np.quantile(np.abs(maps), 0.995)) or 1.0
    return (-most if signed else 0.0, most)


def plain(text: str, most: int) -> str:
    """Text without matplotlib's mathematics, of so many characters at most."""
    short = text if len(text) <= most else f"{text[: most - 1]}…"
    return short.replace("$", r"\$")
