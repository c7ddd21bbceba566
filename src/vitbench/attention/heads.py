"""Attention of single heads: maps over the image, entropy, distance, similarity.

Maps keep the sign of differential attention; entropy and distance use absolute weights.
"""

import torch
from torch import Tensor
from torch.nn import functional


def maps_over_patches(weights: Tensor, grid: tuple[int, int], class_token: bool) -> Tensor:
    """Attention of the class token over the image; without one, the mean over patches.

    Args:
        weights: (..., T, T), queries by keys.
        grid: Rows and columns of patches.
        class_token: Whether token 0 is a class token.

    Returns:
        (..., rows, cols). Attention of the class token to itself is omitted, so maps sum to less
        than 1.
    """
    rows = weights[..., 0, 1:] if class_token else weights.mean(dim=-2)
    return rows.reshape(*rows.shape[:-1], *grid)


def map_of_patch(weights: Tensor, patch: int, grid: tuple[int, int], class_token: bool) -> Tensor:
    """Attention of one patch over the image.

    Args:
        weights: (..., T, T), queries by keys.
        patch: Its number, row by row, counted from 0.
        grid: Rows and columns of patches.
        class_token: Whether token 0 is a class token; attention to it is omitted.

    Returns:
        (..., rows, cols).
    """
    row: Tensor = weights[..., class_token + patch, class_token:].unflatten(-1, grid)
    return row


def entropy(weights: Tensor) -> Tensor:
    """Mean entropy of rows (..., T, T) in nats, (...): 0 for one token, log T for uniform."""
    of_rows: Tensor = torch.special.entr(_shares(weights)).sum(dim=-1)
    return of_rows.mean(dim=-1)


def mean_distance(
    weights: Tensor, grid: tuple[int, int], class_token: bool, patch_size: int
) -> Tensor:
    """Mean attention distance of patches (ViT, arXiv:2010.11929, figure 7).

    Weights among patches, normalised to sum to 1, times the distance between the patch centres; the
    distance of a patch to itself is 0.

    Args:
        weights: (..., T, T), queries by keys.
        grid: Rows and columns of patches.
        class_token: Whether token 0 is a class token, which is omitted.
        patch_size: Side of a patch in pixels.

    Returns:
        Pixels (...), the mean over queries.
    """
    among = _shares(weights[..., class_token:, class_token:])
    return (among * _distances(grid, patch_size).to(among)).sum(dim=-1).mean(dim=-1)


def even_distance(grid: tuple[int, int], patch_size: int) -> float:
    """Mean attention distance in pixels for uniform attention."""
    return _distances(grid, patch_size).mean().item()


def _distances(grid: tuple[int, int], patch_size: int) -> Tensor:
    """Pixels between the centres of every two patches (N, N)."""
    rows, cols = torch.meshgrid(*(torch.arange(n) for n in grid), indexing="ij")
    places = torch.stack([rows.flatten(), cols.flatten()], dim=-1).double() * patch_size  # (N, 2)
    return torch.cdist(places, places)


def class_token_share(weights: Tensor) -> Tensor:
    """Share of the patches' attention that goes to the class token, averaged over patches.

    Args:
        weights: (..., T, T), queries by keys; token 0 is the class token.

    Returns:
        0 to 1 (...).
    """
    return _shares(weights[..., 1:, :])[..., 0].mean(dim=-1)


def head_similarity(weights: Tensor) -> Tensor:
    """Cosine similarity of the weights of every two heads, averaged over images.

    Args:
        weights: (L, B, H, T, T), queries by keys.

    Returns:
        (L H, L H), layer by layer; 1 on the diagonal. Softmax weights are positive, so two heads
        with uniform attention also have 1.
    """
    of_heads = weights.transpose(0, 1).flatten(1, 2).flatten(2)  # (B, L H, T T)
    unit = functional.normalize(of_heads, dim=-1)
    return (unit @ unit.transpose(1, 2)).mean(dim=0)


def _shares(weights: Tensor) -> Tensor:
    """Absolute weights (..., T, T), each row divided by its sum."""
    return functional.normalize(weights.abs(), p=1.0, dim=-1)
