"""How pictures look, and how they are saved.

Colours are safe for the colour-blind: inferno and PuOr for maps, Okabe and Ito's for lines.
Pictures are up to 1,600 pixels wide, for a README and a slide. They are drawn under settings of our
own, and matplotlib's global state stays as it was.
"""

import io
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from vitbench.config.allowed import DPI
from vitbench.figures.settings import colour_map, own_settings
from vitbench.files import replacing

ONE_SIDED = colour_map("inferno")
SIGNED = colour_map("PuOr_r")
GREYS = colour_map("gray")
LINES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
RIGHT, WRONG = "#009E73", "#D55E00"
GREY = "#6b6b6b"
TIP = "tip:"  # an artist's gid begins so where the rest is words for who points at it
Array = npt.NDArray[Any]


@own_settings()
def new_figure(width: float, height: float, title: str) -> Figure:
    """An empty figure of a size in inches; its parts are laid out when it is drawn."""
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    figure.suptitle(textwrap.fill(plain(title, 300), int(10 * width)))  # 10 characters an inch
    return figure


@dataclass(frozen=True)
class Drawing:
    """A figure that is not written yet.

    Attributes:
        figure: The figure.
        path: Where it belongs, below a folder of the caller's and without a suffix.
        data: The numbers that it shows, by name.
    """

    figure: Figure
    path: PurePath
    data: dict[str, Array]


@dataclass(frozen=True)
class Page:
    """A page for a browser that is not written yet.

    Attributes:
        text: HTML.
        path: Where it belongs, below a folder of the caller's and without a suffix.
        note: What of what was asked for is not in it, if anything.
    """

    text: str
    path: PurePath
    note: str | None


def save(figure: Figure, path: Path, dpi: int = DPI) -> Path:
    """Write a figure in the format of its suffix, whole or not at all; gives its path."""
    suffix = path.suffix.removeprefix(".")
    # A file of the same figure has the same bytes, whenever it is written.
    undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(suffix)
    with replacing(path) as part, own_settings():
        figure.savefig(part, format=suffix, dpi=dpi, metadata=undated)
    return path


def as_svg(figure: Figure, prefix: str) -> str:
    """A figure as an <svg> to stand in a page.

    Text is text. What has words for who points at it is of class "tip" and can be reached by
    keyboard; its words are its aria-label.

    Args:
        figure: The figure.
        prefix: Begins its ids, which must differ from those of other figures of the page.
    """
    written = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with own_settings({"svg.fonttype": "none"}):
        figure.savefig(written, format="svg", metadata=nothing)
    text = written.getvalue()
    text = text[text.index("<svg") :]
    # Ids are in tags alone; the text between them is anyone's.
    return re.sub(r"<[^>]*>", lambda tag: _tag_of_page(tag[0], prefix), text)


def _tag_of_page(tag: str, prefix: str) -> str:
    """A tag of matplotlib's, which quotes by ' what has a " in it, as it stands in a page."""
    if tip := re.search(rf"""\bid=(["']){TIP}(.*?)\1""", tag, re.DOTALL):
        words = tip[2].replace('"', "&quot;")
        spoken = f'class="tip" tabindex="0" role="img" aria-label="{words}"'
        return tag[: tip.start()] + spoken + tag[tip.end() :]
    return re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{prefix}-", tag)


def save_arrays(data: dict[str, Array], path: Path) -> Path:
    """Write named arrays as one .npz, whole or not at all; gives its path."""
    named: dict[str, Array] = {}
    for name, values in data.items():
        plain_name = re.sub(r"\W+", "_", name).strip("_")
        while plain_name in (*named, "", "file", "allow_pickle"):  # numpy's own parameters
            plain_name += "_"
        named[plain_name] = values
    with replacing(path) as part, part.open("wb") as file:
        np.savez_compressed(file, **named)  # type: ignore[arg-type]
    return path


def show_image(axes: Axes, image: Array) -> None:
    """Show an image (C, H, W) of uint8 as it is, each pixel a square."""
    _without_ticks(axes)
    pixels = image[0] if len(image) == 1 else image.transpose(1, 2, 0)
    axes.imshow(pixels, cmap=GREYS, vmin=0, vmax=255, interpolation="nearest")
    axes.set_axis_off()


def show_overlay(axes: Axes, image: Array, heat: Array, limits: tuple[float, float]) -> AxesImage:
    """Show a map (rows, cols) over the grey image (C, H, W); gives what a colour bar needs.

    The more a patch has, the more of its colour covers the image. The image is dark below bright
    colours, and light below the signed ones, which are dark.
    """
    height, width = image.shape[-2:]
    area = (-0.5, width - 0.5, height - 0.5, -0.5)
    black, white = (-160, 255) if limits[0] < 0 else (-40, 420)
    axes.imshow(image.mean(axis=0), cmap=GREYS, vmin=black, vmax=white, interpolation="nearest")
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
    _without_ticks(axes)
    axes.set_axis_off()
    return axes.imshow(
        heat,
        cmap=SIGNED if limits[0] < 0 else ONE_SIDED,
        vmin=limits[0],
        vmax=limits[1],
        extent=area,
        interpolation="nearest",
    )


def _without_ticks(axes: Axes) -> None:
    """Have no ticks: those that nobody sees take most of the time of a layout."""
    axes.set_xticks([])
    axes.set_yticks([])


def shared_limits(maps: Array, signed: bool) -> tuple[float, float]:
    """One colour scale for several maps: 0 to their 99.5th percentile, symmetric where signed."""
    most = float(np.quantile(np.abs(maps), 0.995)) or 1.0
    return (-most if signed else 0.0, most)


def plain(text: str, most: int) -> str:
    """Text without matplotlib's mathematics, of so many characters at most."""
    short = text if len(text) <= most else f"{text[: most - 1]}…"
    return short.replace("$", r"\$")
