"""Attention rollout: the contribution of each input token to each output token.

Abnar and Zuidema, "Quantifying Attention Flow in Transformers", arXiv:2005.00928, section 3.
"""

from typing import Literal

import torch
from torch import Tensor

Fusion = Literal["mean", "max", "min"]
FUSIONS: tuple[Fusion, ...] = ("mean", "max", "min")


def rollout(weights: Tensor, fusion: Fusion = "mean", discard: float = 0.0) -> Tensor:
    """Multiply the layers' attention, each with its residual connection.

    Heads are fused, the identity is added for the residual, rows are normalised to sum to 1, and
    the matrices of the layers are multiplied in order. Signed weights are replaced by absolute
    values.

    Args:
        weights: (L, B, H, T, T), queries by keys.
        fusion: How heads are combined: mean (as in the paper), largest or smallest weight.
        discard: Share of the smallest weights of each row that is set to 0 first; from 0 to below
            1. The largest weight of a row is always kept.

    Returns:
        (B, T, T); row i has the contributions to output token i, and sums to 1.
    """
    identity = torch.eye(weights.shape[-1]).to(weights)
    joint = identity.expand(weights.shape[1], -1, -1)
    for layer in weights.abs():
        fused = discard_smallest(fuse_heads(layer, fusion), discard) + identity
        joint = (fused / fused.sum(dim=-1, keepdim=True)) @ joint
    return joint


def fuse_heads(weights: Tensor, fusion: Fusion) -> Tensor:
    """Heads (B, H, T, T) to one (B, T, T)."""
    if fusion == "mean":
        return weights.mean(dim=1)
    return weights.amax(dim=1) if fusion == "max" else weights.amin(dim=1)


def discard_smallest(weights: Tensor, share: float) -> Tensor:
    """Set the smallest share of each row (..., T) to 0; floor(share * T) of them, never all."""
    num = min(int(share * weights.shape[-1]), weights.shape[-1] - 1)
    if num == 0:
        return weights
    smallest = weights.topk(num, dim=-1, largest=False).indices
    return weights.scatter(-1, smallest, 0.0)
