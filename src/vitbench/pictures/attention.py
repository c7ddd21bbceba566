"""Pictures of attention over images: rollout, heads, layers, positions, and the explore page.

There is one function per kind. It takes a view (a checkpoint and a selection), calls an analysis in
attention/ and a figure in figures/, and yields drawings that are not saved yet.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING

from vitbench.errors import UsageError

if TYPE_CHECKING:
    from vitbench.figures.style import Drawing, Page
    from vitbench.pictures.view import View

ATTENTION = PurePath("attention_visualization")
EXPLORED_MAPS = {
    "rollout": "rollout: share of each patch in {whose}, for any class",
    "relevance": "relevance: patches that support the predicted class",
}
CURVES = {"train_loss": "training loss", "val_loss": "validation loss"}
PANELS = {
    "loss": {"training": "train_loss", "validation": "val_loss"},
    "accuracy in %": {"training": "train_top1_pct", "validation": "val_top1_pct"},
}


def draw_rollout(view: "View") -> "Iterator[Drawing]":
    """One picture per image."""
    from vitbench.attention.heads import maps_over_patches
    from vitbench.attention.rollout import rollout
    from vitbench.figures.attention import rollout_figure
    from vitbench.figures.style import Drawing

    seen, selection = view.capture, view.selection
    joint = rollout(seen.weights, selection.fusion, selection.discard)
    maps = maps_over_patches(joint, seen.grid, seen.class_token).numpy()
    whose = "class token" if seen.class_token else "no class token: mean over patches"
    title = f"Attention rollout ({selection.fusion} over heads), {whose}"
    title += ", absolute values of signed weights" if seen.signed else ""
    for name, picture, heat in zip(view.image_names, view.pictures, maps, strict=True):
        path = ATTENTION / "attention_rollout" / f"rollout_image_{name}"
        yield Drawing(rollout_figure(picture, heat, title), path, {"rollout": heat})


def draw_last_layer(view: "View") -> "Iterator[Drawing]":
    """The heads of one layer, their mean, and all heads in a grid."""
    from vitbench.figures.attention import map_grid_figure, maps_figure
    from vitbench.figures.style import Drawing, shared_limits

    seen = view.capture
    layer = view.layer_number
    maps = view.maps(seen.weights[layer]).numpy()
    limits = shared_limits(maps, seen.signed)
    folder = ATTENTION / "last_layer_attention"
    where = "last layer" if layer == len(seen.weights) - 1 else f"layer {layer}"
    if view.selection.head is None:
        mean = maps.mean(axis=1)
        title = f"Mean of {maps.shape[1]} heads, {where}: {view.whose_attention}"
        # On its own scale: heads are sharper than their mean, which would be dark on theirs.
        own_limits = shared_limits(mean, seen.signed)
        figure = maps_figure(view.pictures, mean, title, own_limits)
        yield Drawing(figure, folder / "head_avg", {"attention": mean})
    for head in view.heads:
        title = f"Head {head}, {where}: {view.whose_attention}"
        figure = maps_figure(view.pictures, maps[:, head], title, limits)
        yield Drawing(figure, folder / f"head_{head}", {"attention": maps[:, head]})
    if view.selection.head is None:
        names = [f"head {head}" for head in view.heads]
        title = f"All heads, {where}: {view.whose_attention}"
        by_head = maps.transpose(1, 0, 2, 3)
        figure = map_grid_figure(view.pictures, by_head, names, title, limits)
        yield Drawing(figure, folder / "all_heads", {"attention": by_head})


def draw_layers(view: "View") -> "Iterator[Drawing]":
    """One picture per layer, the mean of its heads, and all layers in a grid."""
    from vitbench.figures.attention import map_grid_figure, maps_figure
    from vitbench.figures.style import Drawing, shared_limits

    seen = view.capture
    maps = view.maps(seen.weights.mean(dim=2)).numpy()
    limits = shared_limits(maps, seen.signed)
    for layer, of_layer in enumerate(maps):
        title = f"Layer {layer} (of 0 to {len(maps) - 1}), mean of heads: {view.whose_attention}"
        figure = maps_figure(view.pictures, of_layer, title, limits)
        path = ATTENTION / "all_layers_attention" / f"layer_{layer}"
        yield Drawing(figure, path, {"attention": of_layer})
    names = [f"layer {layer}" for layer in range(len(maps))]
    title = f"All layers, mean of heads: {view.whose_attention}"
    figure = map_grid_figure(view.pictures, maps, names, title, limits)
    yield Drawing(figure, ATTENTION / "all_layers_attention" / "all_layers", {"attention": maps})


def draw_pos_embed(view: "View") -> "Iterator[Drawing]":
    """The similarity of the positions, and their spectrum."""
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
    title = f"Spatial spectrum of the positions: {names}"
    yield Drawing(spectrum_figure(power, title), folder / "pos_embed_spectrum", {"share": power})


def draw_explore(view: "View") -> "Iterator[Page]":
    """The page of `visualize explore`."""
    from vitbench.attention.explanations import explain
    from vitbench.attention.position_similarity import cosine_similarity, position_vectors
    from vitbench.figures.curves import curves_figure
    from vitbench.figures.explore import Attention, Exploration, explore_page
    from vitbench.figures.style import Page, as_svg

    seen = view.capture
    if not (seen.logits.isfinite().all() and seen.weights.isfinite().all()):
        raise UsageError(f"{view.path}: its logits are not finite: there is nothing to explore")
    answers = seen.logits.argmax(dim=1).to(view.device)
    whose = "the class token" if seen.class_token else "the mean patch token"
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
        figure = curves_figure(view.curves(measure), words, words.capitalize(), narrow=True)
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
        lacks.append("only the mean over heads")
    note = f"limited by size to {' and '.join(lacks)}" if lacks else None
    yield Page(page.text, PurePath("explore"), note)


def draw_curves(view: "View") -> "Iterator[Drawing]":
    """Training and validation loss over epochs, and for a run loss and accuracy together."""
    from vitbench.figures.curves import curves_figure, training_figure
    from vitbench.figures.style import Drawing

    for loss, words in CURVES.items():
        series = view.curves(loss)
        figure = curves_figure(series, words, f"{view.title}: {words}")
        data = {one.label: one.values for one in series}
        yield Drawing(figure, PurePath("plots") / f"{view.name}_{loss}", data)
    if view.results is None:
        panels = [
            (words, [replace(view.curves(name)[0], label=label) for label, name in lines.items()])
            for words, lines in PANELS.items()
        ]
        figure = training_figure(panels, view.title)
        data = {f"{words} {one.label}": one.values for words, lines in panels for one in lines}
        yield Drawing(figure, PurePath("plots") / f"{view.name}_curves", data)
