"""Kinds of picture of attention over images: rollout, heads, layers, positions, a page of all.

A function a kind: what it analyses is in attention/, how it is drawn in figures/; here the two
meet. It takes a view (a checkpoint, and what of it was asked for) and gives drawings that are not
saved yet.
"""

from collections.abc import Iterator
from pathlib import PurePath
from typing import TYPE_CHECKING

from vitbench.errors import UsageError

if TYPE_CHECKING:
    from vitbench.figures.style import Drawing, Page
    from vitbench.pictures.view import View

ATTENTION = PurePath("attention_visualization")
EXPLORED_MAPS = {
    "rollout": "rollout: what {whose} made of, whatever it answers",
    "relevance": "relevance: what spoke for the answer",
}
CURVES = {"train_loss": "training loss", "val_loss": "validation loss"}


def draw_rollout(view: "View") -> "Iterator[Drawing]":
    """A picture an image."""
    from vitbench.attention.heads import maps_over_patches
    from vitbench.attention.rollout import rollout
    from vitbench.figures.attention import rollout_figure
    from vitbench.figures.style import Drawing

    seen, wanted = view.capture, view.wanted
    joint = rollout(seen.weights, wanted.fusion, wanted.discard)
    maps = maps_over_patches(joint, seen.grid, seen.class_token).numpy()
    whose = "class token" if seen.class_token else "no class token: mean over patches"
    title = f"Attention rollout ({wanted.fusion} over heads), {whose}"
    title += ", signed weights by their size" if seen.signed else ""
    for name, picture, heat in zip(view.image_names, view.pictures, maps, strict=True):
        path = ATTENTION / "attention_rollout" / f"rollout_image_{name}"
        yield Drawing(rollout_figure(picture, heat, title), path, {"rollout": heat})


def draw_last_layer(view: "View") -> "Iterator[Drawing]":
    """The heads of one layer, and their mean."""
    from vitbench.figures.attention import maps_figure
    from vitbench.figures.style import Drawing, shared_limits

    seen = view.capture
    layer = view.layer_number
    maps = view.maps(seen.weights[layer]).numpy()
    limits = shared_limits(maps, seen.signed)
    folder = ATTENTION / "last_layer_attention"
    where = "last layer" if layer == len(seen.weights) - 1 else f"layer {layer}"
    if view.wanted.head is None:
        mean = maps.mean(axis=1)
        title = f"Mean of {maps.shape[1]} heads, {where}: {view.whose_attention}"
        # On a scale of its own: heads are sharper than their mean, which would be all dark on
        # theirs.
        own_limits = shared_limits(mean, seen.signed)
        figure = maps_figure(view.pictures, mean, title, own_limits)
        yield Drawing(figure, folder / "head_avg", {"attention": mean})
    for head in view.heads:
        title = f"Head {head}, {where}: {view.whose_attention}"
        figure = maps_figure(view.pictures, maps[:, head], title, limits)
        yield Drawing(figure, folder / f"head_{head}", {"attention": maps[:, head]})


def draw_layers(view: "View") -> "Iterator[Drawing]":
    """A picture a layer, the mean of its heads."""
    from vitbench.figures.attention import maps_figure
    from vitbench.figures.style import Drawing, shared_limits

    seen = view.capture
    maps = view.maps(seen.weights.mean(dim=2)).numpy()
    limits = shared_limits(maps, seen.signed)
    for layer, of_layer in enumerate(maps):
        title = f"Layer {layer} (of 0 to {len(maps) - 1}), mean of heads: {view.whose_attention}"
        figure = maps_figure(view.pictures, of_layer, title, limits)
        path = ATTENTION / "all_layers_attention" / f"layer_{layer}"
        yield Drawing(figure, path, {"attention": of_layer})


def draw_pos_embed(view: "View") -> "Iterator[Drawing]":
    """How alike the positions are, and their spectrum."""
    from vitbench.attention.position_similarity import (
        cosine_similarity,
        norms,
        position_vectors,
        spectrum,
    )
    from vitbench.figures.internals import spectrum_figure
    from vitbench.figures.positions import positions_figure
    from vitbench.figures.style import Drawing

    grid = view.model.patch_embed.grid
    vectors = position_vectors(view.model)
    similarity = cosine_similarity(vectors, grid).unflatten(0, grid).numpy()
    length = norms(vectors, grid).numpy()
    names = " + ".join(map(str, view.spec.model.pos_embed))
    folder = ATTENTION / "positional_embeddings"
    yield Drawing(
        positions_figure(similarity, length, f"Positions: {names}"),
        folder / "pos_embed_visualization",
        {"cosine": similarity, "length": length},
    )
    power = spectrum(vectors, grid).numpy()
    title = f"In what waves the positions vary: {names}"
    yield Drawing(spectrum_figure(power, title), folder / "pos_embed_spectrum", {"share": power})


def draw_explore(view: "View") -> "Iterator[Page]":
    """A page to explore by hand."""
    from vitbench.attention.explanations import explain
    from vitbench.attention.position_similarity import cosine_similarity, position_vectors
    from vitbench.figures.curves import curves_figure
    from vitbench.figures.explore import Attention, Exploration, explore_page
    from vitbench.figures.style import Page, as_svg

    seen = view.capture
    if not (seen.logits.isfinite().all() and seen.weights.isfinite().all()):
        raise UsageError(f"{view.path}: its logits are not finite, so there is nothing to explore")
    answers = seen.logits.argmax(dim=1).to(view.device)
    whose = "the class token is" if seen.class_token else "the mean patch is"
    maps = {
        words.format(whose=whose): explain(name, view.model, view.inputs, answers).numpy()
        for name, words in EXPLORED_MAPS.items()
    }
    positions = None
    if view.has_positions:
        vectors = position_vectors(view.model)
        positions = cosine_similarity(vectors, seen.grid).flatten(1).numpy()
    curves = []
    for measure, words in CURVES.items() if view.has_history else ():
        figure = curves_figure(view.curves(measure), words, words.capitalize())
        curves.append(as_svg(figure, measure))
    page = explore_page(
        Exploration(
            view.title,
            view.facts,
            view.image_names,
            view.pictures,
            Attention(seen.weights.numpy(), seen.grid, seen.class_token, seen.signed),
            maps,
            positions,
            curves,
        )
    )
    lacks = []
    if page.num_images < len(view.image_names):
        lacks.append(f"the first {page.num_images} of {len(view.image_names)} images")
    if page.heads_averaged:
        lacks.append("the mean over heads alone")
    note = f"it has room for {' and '.join(lacks)}" if lacks else None
    yield Page(page.text, PurePath("explore"), note)


def draw_curves(view: "View") -> "Iterator[Drawing]":
    """Training and validation loss over epochs."""
    from vitbench.figures.curves import curves_figure
    from vitbench.figures.style import Drawing

    for loss, words in CURVES.items():
        series = view.curves(loss)
        figure = curves_figure(series, words, f"{view.title}: {words}")
        data = {one.label: one.values for one in series}
        yield Drawing(figure, PurePath("plots") / f"{view.name}_{loss}", data)
