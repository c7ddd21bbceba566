"""Perturbations of position: shuffled patches and shifted images."""

import torch
from torch import Tensor


def shuffle_patches(inputs: Tensor, grid: tuple[int, int], share: float, seed: int = 0) -> Tensor:
    """Permute a share of the patches of each image.

    After Naseer et al. (arXiv:2105.10497), who shuffle all cells of finer and finer grids.

    Args:
        inputs: Images (B, C, H, W).
        grid: Rows and columns of patches, which divide the image.
        share: Share of the patches that move, 0 to 1; see `num_moving`.
        seed: Seed of the permutations, which differ between images.

    Returns:
        (B, C, H, W).
    """
    rows, cols = grid
    patches = inputs.unflatten(3, (cols, -1)).unflatten(2, (rows, -1))  # (B, C, rows, P, cols, P)
    patches = patches.permute(0, 2, 4, 1, 3, 5).flatten(1, 2)  # (B, N, C, P, P)
    num = rows * cols
    generator = torch.Generator().manual_seed(seed)
    moving = num_moving(grid, share)
    order = torch.arange(num).repeat(len(inputs), 1)
    for places in order:
        chosen = torch.randperm(num, generator=generator)[:moving]
        places[chosen] = chosen.roll(1)  # a cycle: every chosen patch moves
    order = order.to(inputs.device)
    moved = patches[torch.arange(len(inputs), device=inputs.device)[:, None], order]
    moved = moved.unflatten(1, (rows, cols)).permute(0, 3, 1, 4, 2, 5)
    shuffled: Tensor = moved.flatten(4, 5).flatten(2, 3)  # (B, C, H, W)
    return shuffled


def num_moving(grid: tuple[int, int], share: float) -> int:
    """Number of patches that move: the share of them, or none if that is a single one."""
    moving = round(share * grid[0] * grid[1])
    return moving if moving > 1 else 0


def shift_right(inputs: Tensor, pixels: int) -> Tensor:
    """Images (B, C, H, W) shifted to the right; the left edge is repeated.

    Args:
        inputs: Images.
        pixels: Shift, from 0 to less than the width.
    """
    if pixels == 0:
        return inputs
    edge = inputs[..., :1].expand(*inputs.shape[:-1], pixels)
    return torch.cat([edge, inputs[..., :-pixels]], dim=-1)
