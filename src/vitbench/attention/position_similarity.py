"""Similarity and spatial spectrum of a model's position vectors."""

import torch
from torch import Tensor
from torch.nn import functional

from vitbench.errors import UsageError
from vitbench.model.vit import VisionTransformer


@torch.no_grad()
def position_vectors(model: VisionTransformer) -> Tensor:
    """The vectors that a model's positions add to the patch tokens (N, D).

    Raises:
        UsageError: They add nothing.
    """
    rows, cols = model.patch_embed.grid
    device = next(model.parameters()).device
    nothing = torch.zeros(1, rows * cols, model.norm.normalized_shape[0], device=device)
    added: Tensor = model.pos_embed(nothing)[0].cpu()
    if not added.any():
        raise UsageError("this model's positions add nothing to its tokens: there are no vectors")
    return added


def cosine_similarity(vectors: Tensor, grid: tuple[int, int]) -> Tensor:
    """Cosine similarity of each patch's vector with all others (ViT, arXiv:2010.11929, figure 7).

    Args:
        vectors: (N, D), the patches row by row.
        grid: Rows and columns of patches.

    Returns:
        (N, rows, cols), -1 to 1; 1 for a patch with itself.
    """
    unit = functional.normalize(vectors, dim=-1)
    return (unit @ unit.T).reshape(-1, *grid)


def norms(vectors: Tensor, grid: tuple[int, int]) -> Tensor:
    """Length of each patch's vector (rows, cols)."""
    length: Tensor = vectors.norm(dim=-1)
    return length.reshape(grid)


def spectrum(vectors: Tensor, grid: tuple[int, int]) -> Tensor:
    """Power of position vectors by spatial frequency: low frequencies encode coarse position.

    Args:
        vectors: (N, D), the patches row by row.
        grid: Rows and columns of patches.

    Returns:
        (rows, cols) share of the variance at each frequency in cycles per image, over all channels.
        Frequency 0 is in the middle (`fftshift`) and has share 0, because the mean of each channel
        is removed. The shares sum to 1, or are all 0 for constant vectors.
    """
    channels = vectors.double().T.unflatten(1, grid)  # (D, rows, cols)
    channels = channels - channels.mean(dim=(1, 2), keepdim=True)
    power = torch.fft.fft2(channels).abs().square().sum(dim=0)
    total = power.sum()
    shares: Tensor = torch.fft.fftshift(power / total if total > 0 else power)
    return shares
