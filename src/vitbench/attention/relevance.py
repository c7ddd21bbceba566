"""Class-specific relevance: attention weighted by its gradient, over all layers.

Rollout is independent of the class. These methods use the weights that increase the logit of one
class.
"""

import torch
from torch import Tensor


def gradient_rollout(weights: Tensor, gradients: Tensor) -> Tensor:
    """Rollout with heads fused by the positive part of weight times gradient.

    Rollout is Abnar and Zuidema's (arXiv:2005.00928); fusing by gradients is Chefer, Gur and Wolf's
    (arXiv:2012.09838, equation 13, with the attention itself in place of its relevance).

    Args:
        weights: (L, B, H, T, T), queries by keys, the first layer first.
        gradients: Gradient of one logit with respect to the weights, of the same shape.

    Returns:
        (B, T, T); rows sum to 1.
    """
    joint = _identity(weights)
    for fused in _positive(weights, gradients):
        with_residual = fused + torch.eye(weights.shape[-1]).to(weights)
        joint = (with_residual / with_residual.sum(dim=-1, keepdim=True)) @ joint
    return joint


def relevance(weights: Tensor, gradients: Tensor) -> Tensor:
    """Generic relevance of self-attention: R = R + mean over heads of (gradient A)+ times R.

    Chefer, Gur and Wolf, "Generic Attention-model Explainability", arXiv:2103.15679, equations 5
    and 6. Nothing is normalised, so layers with large gradients count more.

    Args:
        weights: (L, B, H, T, T), queries by keys, the first layer first.
        gradients: Gradient of one logit with respect to the weights, of the same shape.

    Returns:
        (B, T, T); row 0 minus the identity is the contribution of each token to the class token.
    """
    joint = _identity(weights)
    for fused in _positive(weights, gradients):
        joint = joint + fused @ joint
    return joint


def _positive(weights: Tensor, gradients: Tensor) -> Tensor:
    """The positive part of weight times gradient, the mean over heads: (L, B, T, T)."""
    return (weights * gradients).clamp(min=0).mean(dim=2)


def _identity(weights: Tensor) -> Tensor:
    """One identity per image (B, T, T)."""
    return torch.eye(weights.shape[-1]).to(weights).expand(weights.shape[1], -1, -1)
