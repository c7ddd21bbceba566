"""Ablation: accuracy lost without a head, or without a layer's attention or MLP.

A head is removed by zeroing the projection of its output (Michel et al., arXiv:1905.10650, who mask
the output of the head). The model's own fast path runs, and its weights are restored.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from vitbench.attention.intervals import Mean, mean_over_images
from vitbench.attention.trace import evaluating
from vitbench.model.vit import VisionTransformer

AT_ONCE = 500


def correct_predictions(model: VisionTransformer, inputs: Tensor, labels: Tensor) -> Tensor:
    """Whether each image (N,) is classified correctly, on the CPU."""
    with evaluating(model), torch.no_grad():
        answers = torch.cat([model(part).argmax(dim=1) for part in inputs.split(AT_ONCE)])
    return (answers == labels).cpu()


def head_ablation(model: VisionTransformer, inputs: Tensor, labels: Tensor) -> list[list[Mean]]:
    """Accuracy lost without each head, in points.

    Args:
        model: The model; its weights are restored afterwards.
        inputs: Normalised images (N, C, H, W) on its device.
        labels: Their classes (N,).

    Returns:
        L rows of H means in points, positive if accuracy falls; with simultaneous intervals.
    """
    whole = correct_predictions(model, inputs, labels).double()
    num_heads = sum(block.attn.num_heads for block in model.layers())
    losses = []
    for block in model.layers():
        channels = block.attn.proj.in_features // block.attn.num_heads
        row = []
        for head in range(block.attn.num_heads):
            columns = slice(head * channels, (head + 1) * channels)
            with _zeroed(block.attn.proj.weight[:, columns]):
                without = correct_predictions(model, inputs, labels).double()
            row.append(mean_over_images(100 * (whole - without), num_tests=num_heads))
        losses.append(row)
    return losses


def layer_ablation(
    model: VisionTransformer, inputs: Tensor, labels: Tensor
) -> dict[str, list[Mean]]:
    """Accuracy lost without parts of each layer, in points.

    Args:
        model: The model; its weights are restored afterwards.
        inputs: Normalised images (N, C, H, W) on its device.
        labels: Their classes (N,).

    Returns:
        L means in points each: without the "attention" of the layer, without its "MLP", and without
        "both", when tokens pass unchanged; with simultaneous intervals.
    """
    whole = correct_predictions(model, inputs, labels).double()
    num_tests = 3 * len(model.blocks)
    losses: dict[str, list[Mean]] = {"attention": [], "MLP": [], "both": []}
    for block in model.layers():
        ends = {"attention": [block.attn.proj], "MLP": [block.mlp.fc2]}
        ends["both"] = ends["attention"] + ends["MLP"]
        for part, layers in ends.items():
            with _silent(layers):
                without = correct_predictions(model, inputs, labels).double()
            losses[part].append(mean_over_images(100 * (whole - without), num_tests=num_tests))
    return losses


@contextmanager
def _silent(layers: list[nn.Linear]) -> Iterator[None]:
    """Make linear layers return zeros inside the `with`."""
    if not layers:
        yield
        return
    with _zeroed(layers[0].weight), _zeroed(layers[0].bias), _silent(layers[1:]):
        yield


@contextmanager
def _zeroed(weights: Tensor) -> Iterator[None]:
    """Set weights, or a slice of them, to zero inside the `with`."""
    kept = weights.detach().clone()
    with torch.no_grad():
        weights.zero_()
    try:
        yield
    finally:
        with torch.no_grad():
            weights.copy_(kept)
