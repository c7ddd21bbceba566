"""Sanity check by randomisation: whether a map depends on what the model learned.

Adebayo et al., "Sanity Checks for Saliency Maps", arXiv:1810.03292, cascading randomisation: from
the head down, one layer after another gets initial weights. A map that does not change reflects the
image or the architecture, not what was learned.
"""

from collections.abc import Iterator
from copy import deepcopy

import torch
from torch import Tensor, nn

from vitbench.attention.explanations import explain
from vitbench.attention.intervals import spearman
from vitbench.model.vit import VisionTransformer


def cascade(
    model: VisionTransformer, fresh: VisionTransformer
) -> Iterator[tuple[str, VisionTransformer]]:
    """The model with more and more layers reset to initial weights, from the head down.

    Args:
        model: The trained model; it is not changed.
        fresh: The same architecture with initial weights of another seed.

    Yields:
        The name of the last reset part ("head", then the blocks from the last to "block 0", then
        "embedding", when nothing trained is left), and the model.
    """
    broken = deepcopy(model)
    _replace(broken.head, fresh.head)
    _replace(broken.norm, fresh.norm)
    yield "head", broken
    pairs = zip(broken.blocks, fresh.blocks, strict=True)
    for layer, (block, new) in reversed(list(enumerate(pairs))):
        _replace(block, new)
        yield f"block {layer}", broken
    broken.load_state_dict(fresh.state_dict())
    yield "embedding", broken


def similarity_to_randomised(
    name: str, model: VisionTransformer, fresh: VisionTransformer, inputs: Tensor, classes: Tensor
) -> dict[str, Tensor]:
    """Rank correlation of a method's maps before and after each step of the cascade.

    Args:
        name: Name of the method.
        model: The trained model.
        fresh: The same architecture with initial weights.
        inputs: Normalised images (N, C, H, W) on the model's device.
        classes: The class of each map (N,), predicted by the trained model.

    Returns:
        For each step, Spearman's rho (N,) between the maps of the same image.
    """
    before = explain(name, model, inputs, classes).flatten(1)
    return {
        step: spearman(before, explain(name, broken, inputs, classes).flatten(1))
        for step, broken in cascade(model, fresh)
    }


@torch.no_grad()
def _replace(module: nn.Module, fresh: nn.Module) -> None:
    module.load_state_dict(fresh.state_dict())
