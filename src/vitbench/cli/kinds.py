"""The kinds of picture that `vitbench visualize` makes: one function each, and a line in KINDS.

What a kind analyses is in attention/, how it is drawn in figures/; here the two meet. A function
takes a view (a checkpoint, and what of it was asked for) and gives drawings that are not saved yet.
"""

from collections.abc import Callable, Iterator
from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple

from vitbench.errors import UsageError

if TYPE_CHECKING:
    from vitbench.cli.view import View
    from vitbench.figures.style import Drawing, Page

ATTENTION = PurePath("attention_visualization")
INSIDE = PurePath("inside")
EXPLORED_MAPS = {
    "rollout": "rollout: what {whose} made of, whatever it answers",
    "relevance": "relevance: what spoke for the answer",
}
CURVES = {"train_loss": "training loss", "val_loss": "validation loss"}
MOST_RANDOMISED = 100  # images whose maps are made anew at each step
# Kinds that show single images; the others take a sample, or none.
SHOW_IMAGES = ("rollout", "last-layer", "layers", "explanations", "explore")
PAGES = ("explore",)  # pages for a browser, which `all` leaves out: it draws pictures


class Kind(NamedTuple):
    """A kind of picture: its function, and what it shows, in a line."""

    draw: "Callable[[View], Iterator[Drawing | Page]]"
    shows: str


def _rollout(view: "View") -> "Iterator[Drawing]":
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


def _last_layer(view: "View") -> "Iterator[Drawing]":
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


def _layers(view: "View") -> "Iterator[Drawing]":
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


def _pos_embed(view: "View") -> "Iterator[Drawing]":
    from vitbench.attention.similarity import cosine_similarity, norms, position_vectors, spectrum
    from vitbench.figures.inside import spectrum_figure
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


def _explanations(view: "View") -> "Iterator[Drawing]":
    from vitbench.attention.explanations import explain
    from vitbench.cli.scoring import measured_faithfulness, numbers_of_faithfulness, words_of
    from vitbench.figures.explanations import explanations_figure, faithfulness_figure
    from vitbench.figures.style import Drawing
    from vitbench.registry import EXPLANATIONS

    found = measured_faithfulness(view.model, view.sample_inputs)
    num, mean = len(view.sample_inputs), view.sample_words
    title = f"What the answer loses with the patches that a map points at, {mean}"
    yield Drawing(
        faithfulness_figure(list(found.values()), num, title),
        PurePath("explanations") / "faithfulness",
        numbers_of_faithfulness(found),
    )
    answers = view.capture.logits.argmax(dim=1).to(view.device)
    maps = {
        name: explain(name, view.model, view.inputs, answers).numpy()
        for name in EXPLANATIONS.names()
    }
    scores = {name: words_of(found[name]) for name in maps}
    title = (
        "Where the answer lies, by method; below its name, points by which insertion less deletion "
        f"exceeds a random order, {mean} (* better than that and than the centre first)"
    )
    figure = explanations_figure(view.pictures, maps, scores, title)
    yield Drawing(figure, PurePath("explanations") / "explanations", maps)


def _sanity(view: "View") -> "Iterator[Drawing]":
    from vitbench.cli.scoring import numbers_of, randomised_similarity
    from vitbench.figures.inside import sanity_figure
    from vitbench.figures.style import Drawing

    inputs = view.sample_inputs[:MOST_RANDOMISED]
    steps, lines = randomised_similarity(view.model, view.untrained, inputs)
    title = (
        "Does a map change when the model forgets? Randomised from the head down, "
        f"first {len(inputs)} test images; bands: 95 % for each point by itself"
    )
    figure = sanity_figure(steps, lines, title)
    yield Drawing(figure, PurePath("explanations") / "sanity", numbers_of(lines))


def _heads(view: "View") -> "Iterator[Drawing]":
    import torch

    from vitbench.attention.capture import Capture, over_images
    from vitbench.attention.heads import (
        class_token_share,
        entropy,
        even_distance,
        head_similarity,
        mean_distance,
    )
    from vitbench.figures.inside import Panel, heads_figure, matrix_figure
    from vitbench.figures.style import Drawing

    model, inputs = view.model, view.sample_inputs
    grid, patch_size = model.patch_embed.grid, view.spec.model.patch_size
    has_class = model.cls_token is not None
    num_tokens = grid[0] * grid[1] + has_class

    def statistics(seen: Capture) -> torch.Tensor:
        distance = mean_distance(seen.weights, seen.grid, seen.class_token, patch_size)
        of_all = [distance, entropy(seen.weights)]
        of_all += [class_token_share(seen.weights)] if has_class else []
        alike = head_similarity(seen.weights).expand(seen.weights.shape[1], -1, -1)  # (B, L H, L H)
        return torch.cat([torch.stack(of_all).permute(2, 0, 1, 3).flatten(1), alike.flatten(1)], 1)

    layers, heads = view.spec.model.depth, view.spec.model.num_heads
    mean = over_images(model, inputs, statistics).mean(dim=0)
    number = layers * heads * (2 + has_class)
    values = mean[:number].unflatten(0, (-1, layers, heads)).numpy()
    names = ("distance_px", "entropy_nats", "class_token_share")
    panels = [
        Panel(values[0], "mean attention distance in pixels", even_distance(grid, patch_size)),
        Panel(values[1], "entropy of attention in nats", float(torch.tensor(num_tokens).log())),
    ]
    if has_class:
        panels.append(Panel(values[2], "share that goes to the class token", 1 / num_tokens))
    title = f"Heads by layer, {view.sample_words}"
    yield Drawing(
        heads_figure(panels, title), INSIDE / "heads", dict(zip(names, values, strict=False))
    )
    alike = mean[number:].unflatten(0, (layers * heads, layers * heads)).numpy()
    labels = [f"layer {i // heads}" if i % heads == 0 else "" for i in range(layers * heads)]
    title = f"How alike the heads attend, {view.sample_words}"
    figure = matrix_figure(alike, labels, labels, "cosine of the weights", title)
    yield Drawing(figure, INSIDE / "head_similarity", {"cosine": alike})


def _ablation(view: "View") -> "Iterator[Drawing]":
    import numpy as np

    from vitbench.attention.ablation import head_ablation, layer_ablation
    from vitbench.cli.scoring import line_of, numbers_of
    from vitbench.figures.inside import ablation_figure
    from vitbench.figures.style import Drawing

    inputs, labels = view.sample_inputs, view.sample.labels.to(view.device)
    of_heads = head_ablation(view.model, inputs, labels)
    lost = np.array([[head.value for head in row] for row in of_heads])
    told = np.array([[head.low > 0 or head.high < 0 for head in row] for row in of_heads])
    lines = [
        line_of(f"without {part}", np.arange(len(means)), means)
        for part, means in layer_ablation(view.model, inputs, labels).items()
    ]
    title = f"What the model cannot do without, {view.sample_words}, intervals of a panel at once"
    figure = ablation_figure(lost, told, lines, len(inputs), title)
    ends = {end: np.array([[getattr(head, end) for head in row] for row in of_heads])
            for end in ("low", "high")}  # fmt: skip
    data = {"lost_pct": lost, **ends, **numbers_of(lines)}
    yield Drawing(figure, INSIDE / "ablation", data)


def _tokens(view: "View") -> "Iterator[Drawing]":
    from vitbench.cli.scoring import numbers_of, read_tokens
    from vitbench.figures.inside import matrix_figure, tokens_figure
    from vitbench.figures.style import Drawing

    sample = view.fewer  # all their tokens are held
    read = read_tokens(view.model, sample, view.held_out)
    words = f"first {len(sample):,} test images"
    title = (
        f"Tokens by layer, {words}; probes are fitted on {len(view.held_out):,} validation images; "
        "bands: 95 % for each layer by itself"
    )
    yield Drawing(
        tokens_figure(
            read.norms, read.class_norms, read.outliers, read.accuracies, read.readout, title
        ),
        INSIDE / "tokens",
        {"outlier_share": read.outliers, "length": read.norms,
         **numbers_of((*read.accuracies, *read.readout))},
    )  # fmt: skip
    names = ["placed", *(f"block {layer}" for layer in range(len(read.alike) - 1))]
    title = f"How alike the layers are (linear CKA of the mean patch, without bias), {words}"
    figure = matrix_figure(read.alike, names, names, "CKA", title)
    yield Drawing(figure, INSIDE / "layer_similarity", {"cka": read.alike})


def _sensitivity(view: "View") -> "Iterator[Drawing]":
    from vitbench.cli.scoring import accuracy_when_disturbed, numbers_of
    from vitbench.figures.inside import sensitivity_figure
    from vitbench.figures.style import Drawing

    panels = accuracy_when_disturbed(view.model, view.sample)
    title = (
        f"How much the model needs patches to be where they are, {view.sample_words}; bands: 95 % "
        "for each point by itself"
    )
    figure = sensitivity_figure(panels, 100 / view.spec.data.num_classes, title)
    yield Drawing(figure, INSIDE / "sensitivity", numbers_of([line for line, _, _ in panels]))


def _curves(view: "View") -> "Iterator[Drawing]":
    from vitbench.figures.curves import curves_figure
    from vitbench.figures.style import Drawing

    for loss, words in CURVES.items():
        series = view.curves(loss)
        figure = curves_figure(series, words, f"{view.title}: {words}")
        data = {one.label: one.values for one in series}
        yield Drawing(figure, PurePath("plots") / f"{view.name}_{loss}", data)


def _explore(view: "View") -> "Iterator[Page]":
    from vitbench.attention.explanations import explain
    from vitbench.attention.similarity import cosine_similarity, position_vectors
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


KINDS = {
    "rollout": Kind(
        _rollout,
        "what the class token is made of, whatever it answers (Abnar and Zuidema, "
        "arXiv:2005.00928)",
    ),
    "pos-embed": Kind(
        _pos_embed,
        "how alike the positions are (Dosovitskiy et al., arXiv:2010.11929, figure 7), and in what "
        "waves they vary",
    ),
    "last-layer": Kind(
        _last_layer, "the class token's attention, head by head, in the last layer or --layer"
    ),
    "layers": Kind(_layers, "the class token's attention, layer by layer"),
    "curves": Kind(_curves, "training and validation loss; of a results file, all its variants"),
    "explanations": Kind(
        _explanations,
        "relevance (Chefer et al., arXiv:2103.15679) beside seven other methods, and how faithful "
        "each is (Petsiuk et al., arXiv:1806.07421)",
    ),
    "sanity": Kind(
        _sanity, "whether maps change when the model forgets (Adebayo et al., arXiv:1810.03292)"
    ),
    "heads": Kind(
        _heads,
        "distance, entropy and class-token share of every head (arXiv:2010.11929, figure 7), and "
        "how alike heads are",
    ),
    "ablation": Kind(
        _ablation, "accuracy lost without each head and layer (Michel et al., arXiv:1905.10650)"
    ),
    "tokens": Kind(
        _tokens,
        "length of tokens (Darcet et al., arXiv:2309.16588), logit lens, linear probes, and "
        "likeness of layers (Kornblith et al., arXiv:1905.00414)",
    ),
    "sensitivity": Kind(
        _sensitivity,
        "accuracy with shuffled patches (after Naseer et al., arXiv:2105.10497) and shifts",
    ),
    "explore": Kind(
        _explore,
        "a page for a browser, offline: point at a patch and see where it attends, in every layer "
        "and head",
    ),
}
