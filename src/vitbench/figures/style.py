"""The style of pictures, and how they are saved.

Colours are safe for colour-blind readers: inferno and PuOr for maps, Okabe and Ito's for lines.
Pictures are at most 1,600 pixels wide, for a README or a slide. They are drawn with settings of
their own, and matplotlib's global state is not changed.
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
NARROW = 5.4  # width in inches of a figure that can be read on a phone
TIP = "tip:"  # gid prefix: the rest of the gid is the tooltip
Array = npt.NDArray[Any]


@own_settings()
def new_figure(width: float, height: float, title: str) -> Figure:
    """An empty figure with a size in inches; its layout is computed when it is drawn."""
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    figure.suptitle(balanced(plain(title, 300), int(10 * width)))  # 10 characters per inch
    return figure


def balanced(text: str, width: int) -> str:
    """Text in as few lines as a width allows, of about the same length: no word is left alone."""
    lines = textwrap.wrap(text, width)
    for less in range(width - 1, 0, -1):
        narrower = textwrap.wrap(text, less, break_long_words=False)
        if len(narrower) != len(lines) or max(map(len, narrower), default=0) > less:
            break
        lines = narrower
    return "\n".join(lines)


@dataclass(frozen=True)
class Drawing:
    """A figure before it is written.

    Attributes:
        figure: The figure.
        path: Its path relative to a folder of the caller, without suffix.
        data: The numbers that it shows, by name.
    """

    figure: Figure
    path: PurePath
    data: dict[str, Array]


@dataclass(frozen=True)
class Page:
    """An HTML page before it is written.

    Attributes:
        text: HTML.
        path: Its path relative to a folder of the caller, without suffix.
        note: What the page leaves out, if anything.
    """

    text: str
    path: PurePath
    note: str | None


def save(figure: Figure, path: Path, dpi: int = DPI) -> Path:
    """Write a figure in the format of its suffix, completely or not at all; return its path."""
    suffix = path.suffix.removeprefix(".")
    # The same figure always gives the same bytes.
    undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(suffix)
    with replacing(path) as part, own_settings():
        figure.savefig(part, format=suffix, dpi=dpi, metadata=undated)
    return path


def as_svg(figure: Figure, prefix: str) -> str:
    """A figure as an <svg> element of a page.

    Text stays text. Elements with a tooltip have class "tip", can be focused by keyboard, and have
    the tooltip as aria-label.

    Args:
        figure: The figure.
        prefix: Prefix of its ids, unique among the figures of the page.
    """
    written = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with own_settings({"svg.fonttype": "none"}):
        figure.savefig(written, format="svg", metadata=nothing)
    text = written.getvalue()
    text = text[text.index("<svg") :]
    # Ids are only in tags; text between them may come from a user.
    return re.sub(r"<[^>]*>", lambda tag: _tag_of_page(tag[0], prefix), text)


def _tag_of_page(tag: str, prefix: str) -> str:
    """A tag of matplotlib, which quotes text with a " by ', as it is in a page."""
    if tip := re.search(rf"""\bid=(["']){TIP}(.*?)\1""", tag, re.DOTALL):
        words = tip[2].replace('"', "&quot;")
        spoken = f'class="tip" tabindex="0" role="img" aria-label="{words}"'
        return tag[: tip.start()] + spoken + tag[tip.end() :]
    return re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{prefix}-", tag)


def save_arrays(data: dict[str, Array], path: Path) -> Path:
    """Write named arrays as one .npz, completely or not at all; return its path."""
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
    """Show a uint8 image (C, H, W) with square pixels."""
    _without_ticks(axes)
    pixels = image[0] if len(image) == 1 else image.transpose(1, 2, 0)
    axes.imshow(pixels, cmap=GREYS, vmin=0, vmax=255, interpolation="nearest")
    axes.set_axis_off()


def show_overlay(axes: Axes, image: Array, heat: Array, limits: tuple[float, float]) -> AxesImage:
    """Show a map (rows, cols) over the grey image (C, H, W); return it for a colour bar.

    Larger values are more opaque. The image is dark below bright colours, and light below the
    signed ones, which are dark.
    """
    height, width = image.shape[-2:]
    area = (-0.5, width - 0.5, height - 0.5, -0.5)
    black, white = (-160, 255) if limits[0] < 0 else (-40, 420)
    axes.imshow(image.mean(axis=0), cmap=GREYS, vmin=black, vmax=white, interpolation="nearest")
    shown = show_map(axes, heat, limits, area)
    low = max(limits[0], 0.0)
    span = (limits[1] - low) or 1.0  # a single patch has no span
    shown.set_alpha((0.9 * (np.abs(heat) - low) / span).clip(0, 0.9))
    return shown


def show_map(
    axes: Axes,
    heat: Array,
    limits: tuple[float, float],
    area: tuple[float, float, float, float] | None = None,
) -> AxesImage:
    """Show a map (rows, cols) with square patches; limits below 0 use the signed colours."""
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
    """Remove ticks: invisible ones take most of the time of a layout."""
    axes.set_xticks([])
    axes.set_yticks([])


def shared_limits(maps: Array, signed: bool) -> tuple[float, float]:
    """One colour scale for several maps: 0 to their 99.5th percentile, symmetric where signed."""
    most = float(np.quantile(np.abs(maps), 0.995)) or 1.0
    return (-most if signed else 0.0, most)


def plain(text: str, most: int) -> str:
    """Text without matplotlib's mathematics, with a limit of characters."""
    short = text if len(text) <= most else f"{text[: most - 1]}…"
    return short.replace("$", r"\$")
