"""The kinds of picture that `vitbench visualize` makes, a line each, and of what each can be made.

Their functions are in attention.py and internals.py.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from vitbench.errors import UsageError
from vitbench.pictures.attention import (
    draw_curves,
    draw_explore,
    draw_last_layer,
    draw_layers,
    draw_pos_embed,
    draw_rollout,
)
from vitbench.pictures.internals import (
    draw_ablation,
    draw_explanations,
    draw_heads,
    draw_sanity,
    draw_sensitivity,
    draw_tokens,
)

if TYPE_CHECKING:
    from vitbench.figures.style import Drawing, Page
    from vitbench.pictures.view import View

# Kinds that show single images; the others take a sample, or none.
SHOW_IMAGES = ("rollout", "last-layer", "layers", "explanations", "explore")
# Kinds that take a score over test images.
SCORES = ("explanations", "sanity", "heads", "ablation", "tokens", "sensitivity")
PAGES = ("explore",)  # pages for a browser, which `all` leaves out: it draws pictures


class Kind(NamedTuple):
    """A kind of picture: its function, and what it shows, in a line."""

    draw: "Callable[[View], Iterator[Drawing | Page]]"
    shows: str


KINDS = {
    "rollout": Kind(
        draw_rollout,
        "what the class token is made of, whatever it answers (Abnar and Zuidema, "
        "arXiv:2005.00928)",
    ),
    "pos-embed": Kind(
        draw_pos_embed,
        "how alike the positions are (Dosovitskiy et al., arXiv:2010.11929, figure 7), and in what "
        "waves they vary",
    ),
    "last-layer": Kind(
        draw_last_layer, "the class token's attention, head by head, in the last layer or --layer"
    ),
    "layers": Kind(draw_layers, "the class token's attention, layer by layer"),
    "curves": Kind(
        draw_curves, "training and validation loss; of a results file, all its variants"
    ),
    "explanations": Kind(
        draw_explanations,
        "relevance (Chefer et al., arXiv:2103.15679) beside seven other methods, and how faithful "
        "each is (Petsiuk et al., arXiv:1806.07421)",
    ),
    "sanity": Kind(
        draw_sanity, "whether maps change when the model forgets (Adebayo et al., arXiv:1810.03292)"
    ),
    "heads": Kind(
        draw_heads,
        "distance, entropy and class-token share of every head (arXiv:2010.11929, figure 7), and "
        "how alike heads are",
    ),
    "ablation": Kind(
        draw_ablation, "accuracy lost without each head and layer (Michel et al., arXiv:1905.10650)"
    ),
    "tokens": Kind(
        draw_tokens,
        "length of tokens (Darcet et al., arXiv:2309.16588), logit lens, linear probes, and "
        "likeness of layers (Kornblith et al., arXiv:1905.00414)",
    ),
    "sensitivity": Kind(
        draw_sensitivity,
        "accuracy with shuffled patches (after Naseer et al., arXiv:2105.10497) and shifts",
    ),
    "explore": Kind(
        draw_explore,
        "a page for a browser, offline: point at a patch and see where it attends, in every layer "
        "and head",
    ),
}


def is_offered(kind: str, view: "View", among_all: bool) -> bool:
    """Whether `all` draws a kind of a view; a kind that was asked for by name is always tried."""
    if not among_all:
        return True
    if view.results is not None:
        return kind == "curves"
    return kind not in PAGES and (kind != "pos-embed" or view.has_positions)


def left_out(view: "View") -> list[str]:
    """What `all` did not draw of a view, and why, in words."""
    if view.results is not None:
        return [f"{view.path}: of a results file, all draws curves alone; compare its runs"]
    if view.has_positions:
        return []
    return [f"{view.path}: its positions add nothing to the tokens, so there is no picture"]


def check(kind: str, view: "View", among_all: bool) -> None:
    """Raise UsageError where a kind cannot be drawn of a view, before anything is drawn."""
    if view.results is not None:
        if kind != "curves":
            raise UsageError(f"{view.path} is a results file: of it, draw curves or compare")
        return
    if kind == "pos-embed" and not view.has_positions:
        raise UsageError(
            f"{view.path}: its positions add nothing to its tokens: there are no vectors to draw"
        )
    if kind == "curves" and not view.has_history:
        raise UsageError(f"{view.path} holds no finished epoch: there are no curves")
    if kind in SHOW_IMAGES:
        _ = view.layer_number, view.heads, view.images, view.patch
    elif kind not in ("pos-embed", "curves") and view.wanted.names_images and not among_all:
        raise UsageError(
            f"{kind} shows no single images: leave --images, --indices, --class, --wrong and "
            "--image out; --sample says over how many it is taken"
        )
    if kind == "tokens":
        _ = view.held_out
