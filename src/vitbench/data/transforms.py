"""Batched operations on uint8 images: every image of a batch gets its own draw.

Each takes images (B, C, H, W) and the parameters of each image (B,), or a generator to draw them.
"""

import torch
from torch import Tensor
from torch.nn import functional


def crop_and_flip(images: Tensor, top: Tensor, left: Tensor, flip: Tensor, padding: int) -> Tensor:
    """Pad with zeros, cut the old size out again and mirror, all in one gather.

    Args:
        images: uint8 (B, C, H, W).
        top: First row of the cut in the padded image, int64 (B,) from 0 to 2 * padding.
        left: First column of the cut, the same way.
        flip: Whether to mirror left and right, bool (B,).
        padding: Pixels added on each side.
    """
    batch, channels, height, width = images.shape
    padded = functional.pad(images, [padding] * 4)
    rows = top[:, None] + torch.arange(height, device=images.device)  # (B, H)
    cols = torch.arange(width, device=images.device).expand(batch, width)
    cols = left[:, None] + torch.where(flip[:, None], width - 1 - cols, cols)  # (B, W)
    of_batch = torch.arange(batch, device=images.device)[:, None, None, None]
    of_channel = torch.arange(channels, device=images.device)[:, None, None]
    return padded[of_batch, of_channel, rows[:, None, :, None], cols[:, None, None, :]]


def random_crop_and_flip(images: Tensor, generator: torch.Generator, padding: int) -> Tensor:
    """Crop at a random place of the padded image, and mirror every second one."""
    batch, device = len(images), images.device
    top, left = torch.randint(
        2 * padding + 1, (2, batch), generator=generator, device=device
    ).unbind()
    flip = torch.rand(batch, generator=generator, device=device) < 0.5
    return crop_and_flip(images, top, left, flip, padding)
