"""A page to explore one model by hand: its images, and where every token looks in every head.

Arrays in, one HTML text out that loads nothing; its style and its script are in explore.html.
Weights are kept to a 255th of the largest of their row, which is less than an eye can tell.
"""

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from markupsafe import Markup
from matplotlib.colors import Colormap

from vitbench.figures.attention import Picture
from vitbench.figures.style import ONE_SIDED, SIGNED, Array
from vitbench.templates import render_page

TEMPLATE = Path(__file__).with_name("explore.html")
MOST_BYTES = 8_000_000  # of packed weights in a page


@dataclass(frozen=True)
class Attention:
    """Attention of a model on some images.

    Attributes:
        weights: (L, B, H, T, T), queries by keys.
        grid: Rows and columns of patches.
        class_token: Whether token 0 is a class token.
        signed: Whether weights may be negative.
    """

    weights: Array
    grid: tuple[int, int]
    class_token: bool
    signed: bool


@dataclass(frozen=True)
class Exploration:
    """What there is to explore.

    Attributes:
        title: The model's name.
        facts: What is known of it, by name.
        names: Name of each image (B).
        pictures: The images and the model's answers (B).
        attention: Where its tokens look.
        maps: Maps over each image (B, rows, cols), by name, each to be seen beside the others.
        positions: Cosine of every two patches' positions (N, N), or None.
        curves: Pictures as SVG.
    """

    title: str
    facts: Mapping[str, str]
    names: Sequence[str]
    pictures: Sequence[Picture]
    attention: Attention
    maps: Mapping[str, Array]
    positions: Array | None
    curves: Sequence[str]


@dataclass(frozen=True)
class ExplorePage:
    """The page, and what of the exploration had no room in it.

    Attributes:
        text: HTML.
        num_images: Images in it, the first ones.
        heads_averaged: Whether it holds the mean over heads alone.
    """

    text: str
    num_images: int
    heads_averaged: bool


def explore_page(explored: Exploration, most_bytes: int | None = None) -> ExplorePage:
    """The page of an exploration, of no more images and heads than there is room for.

    Args:
        explored: What there is.
        most_bytes: Room for attention weights, MOST_BYTES unless given; the first image has its
            place whatever it takes.
    """
    most_bytes = MOST_BYTES if most_bytes is None else most_bytes
    attention = explored.attention
    weights = attention.weights.swapaxes(0, 1)  # (B, L, H, T, T)
    first = _packed_weights(weights[0], attention.signed)
    averaged = len(first["values"]) > most_bytes
    if averaged:
        weights = weights.mean(axis=2, keepdims=True)
        first = _packed_weights(weights[0], attention.signed)
    packed, room = [first], most_bytes - len(first["values"])
    for of_image in weights[1:]:
        more = _packed_weights(of_image, attention.signed)
        room -= len(more["values"])
        if room < 0:
            break
        packed.append(more)
    num_images = len(packed)
    seen = slice(0, num_images)
    data = {
        "rows": attention.grid[0],
        "cols": attention.grid[1],
        "layers": weights.shape[1],
        "heads": weights.shape[2],
        "averaged": averaged,
        "classToken": attention.class_token,
        "signed": attention.signed,
        "colours": _colours(SIGNED if attention.signed else ONE_SIDED),
        "plainColours": _colours(ONE_SIDED),
        "signedColours": _colours(SIGNED),
        "images": [
            {"name": name, **_picture(picture), "attention": of_image}
            for name, picture, of_image in zip(
                explored.names[seen], explored.pictures[seen], packed, strict=True
            )
        ],
        "maps": [
            {"name": name, "signed": bool((maps < 0).any()),
             "images": [_packed(of_image.astype("<f4")) for of_image in maps[seen]]}
            for name, maps in explored.maps.items()
        ],
        "positions": None
        if explored.positions is None
        else _packed(explored.positions.astype("<f4")),
    }  # fmt: skip
    values = {
        "title": explored.title,
        "facts": explored.facts.items(),
        "curves": [Markup(svg) for svg in explored.curves],
        "data": Markup(json.dumps(data, allow_nan=False).replace("<", "\\u003c")),
    }
    text = render_page(TEMPLATE, values)
    return ExplorePage(text, num_images, averaged)


def _packed_weights(weights: Array, signed: bool) -> dict[str, str]:
    """Weights (L, H, T, T) as bytes, each row by the largest size in it."""
    largest = np.abs(weights).max(axis=-1, keepdims=True)
    most = 127 if signed else 255
    scaled = np.rint(weights / np.maximum(largest, 1e-30) * most)
    return {
        "values": _packed(scaled.astype("i1" if signed else "u1")),
        "scales": _packed((largest / most).astype("<f4")),
    }


def _packed(values: npt.NDArray[Any]) -> str:
    """An array's bytes, deflated, as base64."""
    packed = zlib.compress(np.ascontiguousarray(values).tobytes(), 9)
    return base64.b64encode(packed).decode("ascii")


def _picture(picture: Picture) -> dict[str, Any]:
    """An image and its answer, for the page."""
    image = picture.image
    rgb = np.broadcast_to(image, (3, *image.shape[1:])) if len(image) == 1 else image
    return {
        "height": image.shape[1],
        "width": image.shape[2],
        "pixels": _packed(rgb.transpose(1, 2, 0)),  # (H, W, 3)
        "true": picture.true,
        "answer": picture.predicted,
        "confidence": picture.confidence,
    }


def _colours(colours: Colormap) -> str:
    """A colour map's 256 colours, six hexadecimal digits each."""
    table = colours(np.arange(256))[:, :3]
    return "".join(f"{value:02x}" for value in np.rint(table * 255).astype(int).flatten())
