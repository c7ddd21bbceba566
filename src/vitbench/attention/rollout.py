"""Attention rollout: how much each token's value at the end comes from each patch at the start.

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
    the layers' matrices multiplied in their order. Signed weights are taken by their size.

    Args:
        weights: (L, B, H, T, T), queries by keys.
        fusion: How heads become one: their mean (the paper's), largest or smallest weight.
        discard: Share of each row's weights, the smallest ones, set to 0 before; 0 to below 1. The
            largest weight of a row always stays.

    Returns:
        (B, T, T); row i says where token i's value comes from, and sums to 1.
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
