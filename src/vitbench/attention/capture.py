"""Attention weights of a model on images, beside the logits of the same pass.

No hooks: each block is asked for the weights that it gives its tokens, and the tokens then take the
model's own fast path. What is not called costs nothing.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from vitbench.model.vit import VisionTransformer


@dataclass(frozen=True)
class Capture:
    """What a model attended to.

    Attributes:
        weights: (L, B, H, T, T), queries by keys; the class token, if there is one, is token 0.
        logits: (B, classes), those of the model's forward pass.
        grid: Rows and columns of patches.
        class_token: Whether there is a class token.
        signed: Whether weights may be negative, as those of differential attention.
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
        model: In evaluation mode during the call, whatever it is in.
        inputs: Normalised images (B, C, H, W) on its device.
    """
    was_training = model.training
    model.eval()
    tokens = model.embed(inputs)
    weights = []
    for block in model.layers():
        weights.append(block.attn.weights(block.norm1(tokens), model.pos_embed))
        tokens = block(tokens, model.pos_embed)
    logits = model.classify(tokens)
    model.train(was_training)
    return Capture(
        torch.stack(weights).cpu(),
        logits.cpu(),
        model.patch_embed.grid,
        model.cls_token is not None,
        any(block.attn.signed for block in model.layers()),
    )
