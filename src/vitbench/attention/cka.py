"""How alike two representations of the same images are."""

import torch
from torch import Tensor


def linear_cka(first: Tensor, second: Tensor) -> float:
    """Linear centred kernel alignment (Kornblith et al., arXiv:1905.00414, equation 3).

    It does not change when either is turned or scaled as a whole. It is large for any two features
    where there are few images to so many channels: use many more images than channels.

    Args:
        first: Features (N, D1) of N images.
        second: Others (N, D2) of the same images in the same order.

    Returns:
        0 to 1; 0 where one of them does not vary.
    """
    first, second = (x.double() - x.double().mean(dim=0) for x in (first, second))
    between = (first.T @ second).square().sum()
    within = torch.linalg.matrix_norm(first.T @ first) * torch.linalg.matrix_norm(second.T @ second)
    return (between / within).item() if within > 0 else 0.0


def cka_matrix(first: Tensor, second: Tensor) -> Tensor:
    """CKA of every two layers, of one model or of two.

    Args:
        first: Features (L1, N, D1), layer by layer.
        second: Those of the same or another model (L2, N, D2) on the same images.

    Returns:
        (L1, L2).
    """
    return torch.tensor([[linear_cka(a, b) for b in second] for a in first])
