"""Pictures of a model's internals, over a sample of test images.

Explanations and their faithfulness, heads, layers, tokens, ablation and sensitivity, with one
function per kind, as in attention.py.
"""

import math
from collections.abc import Iterator
from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vitbench.figures.style import Drawing
    from vitbench.pictures.view import View

INSIDE = PurePath("inside")
EXPLAINED = PurePath("explanations")
MOST_RANDOMISED = 100  # images whose maps are computed at each step


def draw_explanations(view: "View") -> "Iterator[Drawing]":
    """The maps of every method, and their faithfulness."""
    from vitbench.attention.explanations import explain
    from vitbench.figures.explanations import explanations_figure, faithfulness_figure
    from vitbench.figures.style import Drawing
    from vitbench.pictures.measures import measured_faithfulness, numbers_of_faithfulness, words_of
    from vitbench.registry import EXPLANATIONS

    found = measured_faithfulness(view.model, view.sample_inputs)
    num, mean = len(view.sample_inputs), view.sample_words
    title = (
        "Faithfulness of explanations: how confidence changes when the marked patches are "
        f"removed, {mean}"
    )
    yield Drawing(
        faithfulness_figure(list(found.values()), num, title),
        EXPLAINED / "faithfulness",
        numbers_of_faithfulness(found),
    )
    answers = view.capture.logits.argmax(dim=1).to(view.device)
    maps = {
        name: explain(name, view.model, view.inputs, answers).numpy()
        for name in EXPLANATIONS.names()
    }
    scores = {name: words_of(found[name]) for name in maps}
    title = (
        "Explanations by method; below the name: faithfulness in points above a random order, "
        f"{mean} (* significantly above random and centre-first)"
    )
    figure = explanations_figure(view.pictures, maps, scores, title)
    yield Drawing(figure, EXPLAINED / "explanations", maps)


def draw_sanity(view: "View") -> "Iterator[Drawing]":
    """Whether maps depend on what the model learned."""
    from vitbench.figures.internals import sanity_figure
    from vitbench.figures.style import Drawing
    from vitbench.pictures.measures import numbers_of, randomised_similarity

    inputs = view.sample_inputs[:MOST_RANDOMISED]
    steps, lines = randomised_similarity(view.model, view.untrained, inputs)
    title = (
        "Sanity check: similarity of maps after layers are reset, from the head down, first "
        f"{len(inputs)} test images; bands: 95% per point"
    )
    figure = sanity_figure(steps, lines, title)
    yield Drawing(figure, EXPLAINED / "sanity", numbers_of(lines))


def draw_heads(view: "View") -> "Iterator[Drawing]":
    """Distance, entropy and similarity of heads."""
    import torch

    from vitbench.attention.capture import Capture, over_images
    from vitbench.attention.heads import (
        class_token_share,
        entropy,
        even_distance,
        head_similarity,
        mean_distance,
    )
    from vitbench.figures.internals import HeadMeasure, heads_figure, matrix_figure
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
    distance = even_distance(grid, patch_size)
    panels = [
        HeadMeasure(values[0], "mean attention distance in pixels", distance),
        HeadMeasure(values[1], "entropy of attention in nats", math.log(num_tokens)),
    ]
    if has_class:
        panels.append(HeadMeasure(values[2], "attention to the class token", 1 / num_tokens))
    title = f"Heads by layer, {view.sample_words}"
    yield Drawing(
        heads_figure(panels, title), INSIDE / "heads", dict(zip(names, values, strict=False))
    )
    alike = mean[number:].unflatten(0, (layers * heads, layers * heads)).numpy()
    labels = [f"layer {i // heads}" if i % heads == 0 else "" for i in range(layers * heads)]
    title = f"Similarity of heads, {view.sample_words}"
    figure = matrix_figure(alike, labels, labels, "cosine similarity of the weights", title, heads)
    yield Drawing(figure, INSIDE / "head_similarity", {"cosine": alike})


def draw_ablation(view: "View") -> "Iterator[Drawing]":
    """Accuracy lost without heads and layers."""
    import numpy as np

    from vitbench.attention.ablation import head_ablation, layer_ablation
    from vitbench.figures.internals import ablation_figure
    from vitbench.figures.style import Drawing
    from vitbench.pictures.measures import line_of, numbers_of

    inputs, labels = view.sample_inputs, view.sample.labels.to(view.device)
    of_heads = head_ablation(view.model, inputs, labels)
    lost = np.array([[head.value for head in row] for row in of_heads])
    significant = np.array([[head.low > 0 or head.high < 0 for head in row] for row in of_heads])
    lines = [
        line_of(f"without {part}", np.arange(len(means)), means)
        for part, means in layer_ablation(view.model, inputs, labels).items()
    ]
    title = f"Ablation of heads and layers, {view.sample_words}; simultaneous 95% intervals"
    figure = ablation_figure(lost, significant, lines, len(inputs), title)
    ends = {end: np.array([[getattr(head, end) for head in row] for row in of_heads])
            for end in ("low", "high")}  # fmt: skip
    data = {"lost_pct": lost, **ends, **numbers_of(lines)}
    yield Drawing(figure, INSIDE / "ablation", data)


def draw_tokens(view: "View") -> "Iterator[Drawing]":
    """Token norms, what can be decoded from tokens, and layer similarity."""
    from vitbench.figures.internals import matrix_figure, tokens_figure
    from vitbench.figures.style import Drawing
    from vitbench.pictures.measures import numbers_of, read_tokens

    sample = view.fewer  # all their tokens are in memory
    read = read_tokens(view.model, sample, view.held_out)
    words = f"first {len(sample):,} test images"
    title = (
        f"Tokens by layer, {words}; probes are fitted on {len(view.held_out):,} validation "
        "images; bands: 95% per layer"
    )
    yield Drawing(
        tokens_figure(
            read.norms, read.class_norms, read.outliers, read.accuracies, read.readout, title
        ),
        INSIDE / "tokens",
        {"outlier_share": read.outliers, "length": read.norms,
         **numbers_of((*read.accuracies, *read.readout))},
    )  # fmt: skip
    names = ["embedding", *(f"block {layer}" for layer in range(len(read.alike) - 1))]
    title = f"Layer similarity (linear CKA of the mean patch token, unbiased), {words}"
    figure = matrix_figure(read.alike, names, names, "CKA", title)
    yield Drawing(figure, INSIDE / "layer_similarity", {"cka": read.alike})


def draw_sensitivity(view: "View") -> "Iterator[Drawing]":
    """Accuracy with shuffled patches and shifted images."""
    from vitbench.figures.internals import sensitivity_figure
    from vitbench.figures.style import Drawing
    from vitbench.pictures.measures import accuracy_when_disturbed, numbers_of

    panels = accuracy_when_disturbed(view.model, view.sample)
    title = f"Sensitivity to the position of patches, {view.sample_words}; bands: 95% per point"
    figure = sensitivity_figure(panels, 100 / view.spec.data.num_classes, title)
    yield Drawing(figure, INSIDE / "sensitivity", numbers_of([line for line, _, _ in panels]))
