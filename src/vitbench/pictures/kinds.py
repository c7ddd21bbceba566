"""The kinds of picture of `vitbench visualize`, and what each needs.

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

# Kinds that show single images; the others use a sample, or no images.
SHOW_IMAGES = ("rollout", "last-layer", "layers", "explanations", "explore")
# Kinds with scores over test images.
SCORES = ("explanations", "sanity", "heads", "ablation", "tokens", "sensitivity")
PAGES = ("explore",)  # HTML pages, which `all` omits


class Kind(NamedTuple):
    """A kind of picture: its function, and what it shows."""

    draw: "Callable[[View], Iterator[Drawing | Page]]"
    shows: str


KINDS = {
    "rollout": Kind(
        draw_rollout,
        "attention rollout: the share of each patch in the class token (Abnar and Zuidema, "
        "arXiv:2005.00928)",
    ),
    "pos-embed": Kind(
        draw_pos_embed,
        "cosine similarity of the position vectors (Dosovitskiy et al., arXiv:2010.11929, figure "
        "7), and their spatial spectrum",
    ),
    "last-layer": Kind(
        draw_last_layer, "the class token's attention, head by head, in the last layer or --layer"
    ),
    "layers": Kind(draw_layers, "the class token's attention, layer by layer"),
    "curves": Kind(
        draw_curves, "training and validation loss; for a results file, all its variants"
    ),
    "explanations": Kind(
        draw_explanations,
        "relevance (Chefer et al., arXiv:2103.15679) beside seven other methods, and the "
        "faithfulness of each (Petsiuk et al., arXiv:1806.07421)",
    ),
    "sanity": Kind(
        draw_sanity,
        "whether maps depend on what the model learned (Adebayo et al., arXiv:1810.03292)",
    ),
    "heads": Kind(
        draw_heads,
        "distance, entropy and class-token share of every head (arXiv:2010.11929, figure 7), and "
        "the similarity of heads",
    ),
    "ablation": Kind(
        draw_ablation, "accuracy lost without each head and layer (Michel et al., arXiv:1905.10650)"
    ),
    "tokens": Kind(
        draw_tokens,
        "token norms (Darcet et al., arXiv:2309.16588), logit lens, linear probes, and layer "
        "similarity (CKA; Kornblith et al., arXiv:1905.00414)",
    ),
    "sensitivity": Kind(
        draw_sensitivity,
        "accuracy with shuffled patches (after Naseer et al., arXiv:2105.10497) and shifts",
    ),
    "explore": Kind(
        draw_explore,
        "an offline page: point at a patch to see where it attends, in every layer and head",
    ),
}


def is_offered(kind: str, view: "View", among_all: bool) -> bool:
    """Whether `all` draws a kind for a view; a single kind is always tried."""
    if not among_all:
        return True
    if view.results is not None:
        return kind == "curves"
    return kind not in PAGES and (kind != "pos-embed" or view.has_positions)


def left_out(view: "View") -> list[str]:
    """What `all` did not draw, and why."""
    if view.results is not None:
        return [f"{view.path}: for a results file, all draws only curves; use compare for its runs"]
    if view.has_positions:
        return []
    return [f"{view.path}: its positions add nothing to the tokens, so they have no picture"]


def check(kind: str, view: "View", among_all: bool) -> None:
    """Raise UsageError if a kind cannot be drawn, before anything is drawn."""
    if view.results is not None:
        if kind != "curves":
            raise UsageError(f"{view.path} is a results file: use curves or compare")
        return
    if kind == "pos-embed" and not view.has_positions:
        raise UsageError(
            f"{view.path}: its positions add nothing to its tokens: there are no vectors to draw"
        )
    if kind == "curves" and not view.has_history:
        raise UsageError(f"{view.path} has no finished epoch: there are no curves")
    if kind in SHOW_IMAGES:
        _ = view.layer_number, view.heads, view.images, view.patch
    elif kind not in ("pos-embed", "curves") and view.selection.names_images and not among_all:
        raise UsageError(
            f"{kind} shows no single images: omit --images, --indices, --class, --wrong and "
            "--image; --sample sets the number of test images"
        )
    if kind == "tokens":
        _ = view.held_out
