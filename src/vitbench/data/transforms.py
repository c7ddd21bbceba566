"""Batched geometry on uint8 images, with parameters per image.

Each function takes images (B, C, H, W) and parameters (B,), and returns new images. Parameters are
on the CPU even if the images are not: they are computed in float64, which not every device has,
and copied to the device without waiting.
"""

import torch
from torch import Tensor
from torch.nn import functional


def to_device_of(images: Tensor, parameters: Tensor) -> Tensor:
    """Parameters on the images' device; the copy to a GPU is asynchronous."""
    return parameters.to(images.device, non_blocking=True)


def crop_and_flip(images: Tensor, top: Tensor, left: Tensor, flip: Tensor, padding: int) -> Tensor:
    """Pad with zeros, crop to the original size and mirror, all in one gather.

    Args:
        images: uint8 (B, C, H, W).
        top: First row of the crop in the padded image, int64 from 0 to 2 * padding.
        left: First column of the crop, likewise.
        flip: Whether to mirror left and right, bool.
        padding: Pixels added on each side.
    """
    top, left, flip = (
        to_device_of(images, top),
        to_device_of(images, left),
        to_device_of(images, flip),
    )
    batch, channels, height, width = images.shape
    padded = functional.pad(images, [padding] * 4)
    rows = top[:, None] + torch.arange(height, device=images.device)  # (B, H)
    cols = torch.arange(width, device=images.device).expand(batch, width)
    cols = left[:, None] + torch.where(flip[:, None], width - 1 - cols, cols)  # (B, W)
    batch_index = torch.arange(batch, device=images.device)[:, None, None, None]
    channel_index = torch.arange(channels, device=images.device)[:, None, None]
    return padded[batch_index, channel_index, rows[:, None, :, None], cols[:, None, None, :]]


def erase(
    images: Tensor, top: Tensor, left: Tensor, height: Tensor, width: Tensor, fill: int
) -> Tensor:
    """Fill a box of each image; the part of a box outside the image is ignored.

    Args:
        images: uint8 (B, C, H, W).
        top: First row of the box, int64; it may be negative.
        left: First column of the box, likewise.
        height: Rows of the box, int64; 0 erases nothing.
        width: Columns of the box.
        fill: Value of the filled pixels.
    """
    top, left, height, width = (to_device_of(images, side) for side in (top, left, height, width))
    row = torch.arange(images.shape[-2], device=images.device)
    col = torch.arange(images.shape[-1], device=images.device)
    in_rows = (row >= top[:, None]) & (row < (top + height)[:, None])  # (B, H)
    in_cols = (col >= left[:, None]) & (col < (left + width)[:, None])  # (B, W)
    inside = in_rows[:, None, :, None] & in_cols[:, None, None, :]  # (B, 1, H, W)
    return images.masked_fill(inside, fill)


def rotate(images: Tensor, degrees: Tensor) -> Tensor:
    """Rotate counter-clockwise about the centre; corners become 0."""
    turn = torch.deg2rad(degrees.double())
    cos, sin, zero = turn.cos(), turn.sin(), torch.zeros_like(turn)
    return _sample(images, torch.stack([cos, -sin, zero, sin, cos, zero], dim=-1))


def translate_x(images: Tensor, pixels: Tensor) -> Tensor:
    """Move right by whole pixels; a fraction is truncated, as in torchvision's AutoAugment."""
    return _move(images, pixels, torch.zeros_like(pixels))


def translate_y(images: Tensor, pixels: Tensor) -> Tensor:
    """Move down by whole pixels."""
    return _move(images, torch.zeros_like(pixels), pixels)


def shear_y(images: Tensor, slope: Tensor) -> Tensor:
    """Move each column down by slope times its distance from the left, as in AutoAugment."""
    ones, zeros = torch.ones_like(slope), torch.zeros_like(slope)
    left = slope * (images.shape[-1] / 2)  # the upper left corner of the image does not move
    return _sample(images, torch.stack([ones, zeros, zeros, slope, ones, left], dim=-1))


def _move(images: Tensor, right: Tensor, down: Tensor) -> Tensor:
    """Move by whole pixels, (B,) each; uncovered pixels are 0."""
    ones, zeros = torch.ones_like(right), torch.zeros_like(right)
    matrix = torch.stack([ones, zeros, -right.trunc(), zeros, ones, -down.trunc()], dim=-1)
    return _sample(images, matrix)


def _sample(images: Tensor, matrix: Tensor) -> Tensor:
    """Affine transformation: each pixel is the nearest source pixel, or 0 outside the image.

    Args:
        images: uint8 (B, C, H, W).
        matrix: (B, 6), rows a b c and d e f: pixel (x, y), measured from the image's centre, is
            taken from (a x + b y + c, d x + e y + f).
    """
    batch, _, height, width = images.shape
    x = torch.arange(width, device=images.device) - (width - 1) / 2
    y = torch.arange(height, device=images.device) - (height - 1) / 2
    ys, xs = torch.meshgrid(y, x, indexing="ij")
    places = torch.stack([xs, ys, torch.ones_like(xs)], dim=-1).view(1, -1, 3).expand(batch, -1, 3)
    half = to_device_of(images, torch.tensor([width / 2, height / 2]))
    theta = to_device_of(images, matrix.float()).view(batch, 2, 3).transpose(1, 2) / half
    grid = places.bmm(theta).view(batch, height, width, 2)  # -1 to 1 over the image
    sampled = functional.grid_sample(
        images.float(), grid, mode="nearest", padding_mode="zeros", align_corners=False
    )
    return sampled.to(torch.uint8)
