"""A traced forward pass: attention weights and tokens of every layer, in the graph.

There are no hooks: each block returns its weights and computes its tokens from them. The fast path
of the model is separate, so models that are not traced lose no speed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from vitbench.model.vit import VisionTransformer


@dataclass(frozen=True)
class Trace:
    """The intermediate values of a forward pass.

    Attributes:
        weights: L tensors (B, H, T, T), queries by keys; the class token, if any, is token 0.
        tokens: L + 1 tensors (B, T, D): the embedded tokens, then those after each block.
        logits: (B, classes), those of the model's forward pass.
    """

    weights: tuple[Tensor, ...]
    tokens: tuple[Tensor, ...]
    logits: Tensor

    def of_classes(self, classes: Tensor) -> Tensor:
        """The logit of one class (B,) for each image, (B,)."""
        return self.logits.gather(1, classes[:, None]).squeeze(1)


def trace(model: VisionTransformer, inputs: Tensor) -> Trace:
    """Run a model in evaluation mode and keep its intermediate values.

    Args:
        model: The model; its mode is restored.
        inputs: Normalised images (B, C, H, W) on its device.
    """
    with evaluating(model):
        tokens = [model.embed(inputs)]
        weights = []
        for block in model.layers():
            after, of_block = block.with_weights(tokens[-1], model.pos_embed)
            tokens.append(after)
            weights.append(of_block)
        return Trace(tuple(weights), tuple(tokens), model.classify(tokens[-1]))


def images_at_once(model: VisionTransformer) -> int:
    """Number of images whose attention weights take 0.25 GiB, from 1 to 100."""
    rows, cols = model.patch_embed.grid
    num_tokens = rows * cols + (model.cls_token is not None)
    num_heads = sum(block.attn.num_heads for block in model.layers())
    return max(1, min(100, 2**28 // (4 * num_heads * num_tokens**2)))


@contextmanager
def evaluating(model: torch.nn.Module) -> Iterator[None]:
    """Set a model to evaluation mode inside the `with`."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)
