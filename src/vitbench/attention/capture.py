"""Attention weights and logits of a model on images, from one forward pass."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from vitbench.attention.trace import images_at_once, trace
from vitbench.model.vit import VisionTransformer


@dataclass(frozen=True)
class Capture:
    """Attention weights of a forward pass.

    Attributes:
        weights: (L, B, H, T, T), queries by keys; the class token, if there is one, is token 0.
        logits: (B, classes), those of the model's forward pass.
        grid: Rows and columns of patches.
        class_token: Whether there is a class token.
        signed: Whether weights may be negative, as in differential attention.
    """

    weights: Tensor
    logits: Tensor
    grid: tuple[int, int]
    class_token: bool
    signed: bool


@torch.no_grad()
def capture(model: VisionTransformer, inputs: Tensor) -> Capture:
    """Run a model and keep the attention weights of every layer and head.

    Args:
        model: The model; it is in evaluation mode during the call.
        inputs: Normalised images (B, C, H, W) on its device.
    """
    seen = trace(model, inputs)
    return Capture(
        torch.stack(seen.weights).cpu(),
        seen.logits.cpu(),
        model.patch_embed.grid,
        model.cls_token is not None,
        any(block.attn.signed for block in model.layers()),
    )


def over_images(
    model: VisionTransformer,
    inputs: Tensor,
    reduce: Callable[[Capture], Tensor],
    at_once: int | None = None,
) -> Tensor:
    """Apply a reduction to the captures of any number of images, in bounded memory.

    Args:
        model: The model.
        inputs: Normalised images (N, C, H, W).
        reduce: A capture of B images to (B, ...).
        at_once: Images whose weights are in memory at a time; default: as many as fit.

    Returns:
        (N, ...).
    """
    parts = inputs.split(at_once or images_at_once(model))
    return torch.cat([reduce(capture(model, part)) for part in parts])
