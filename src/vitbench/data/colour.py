"""Batched colour operations on uint8 images, with one parameter per image.

Each function takes images (B, C, H, W) and a parameter (B,) on the CPU, and returns new images.
The formulas are Pillow's as torchvision writes them (transforms.v2.functional): it rounds down
between steps.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from vitbench.data.transforms import to_device_of

GREY = (0.2989, 0.587, 0.114)  # weights of red, green and blue (ITU-R 601)


def brightness(images: Tensor, factor: Tensor) -> Tensor:
    """Blend with black: 0 is black, 1 the image."""
    return _blend(images.float(), torch.zeros((), device=images.device), factor)


def saturation(images: Tensor, factor: Tensor) -> Tensor:
    """Blend with the grey image: 0 is grey, 1 the image; one channel does not change."""
    return images if images.shape[1] == 1 else _blend(images.float(), _grey(images), factor)


def contrast(images: Tensor, factor: Tensor) -> Tensor:
    """Blend with the mean grey level: 0 is uniform grey, 1 the image."""
    return _blend(images.float(), _grey(images).mean(dim=(1, 2, 3), keepdim=True), factor)


def sharpness(images: Tensor, factor: Tensor) -> Tensor:
    """Blend with the smoothed image: 0 is smooth, 1 the image; the border does not change."""
    channels = images.shape[1]
    kernel = torch.full((channels, 1, 3, 3), 1 / 13, device=images.device)
    kernel[:, :, 1, 1] = 5 / 13
    pixels = images.float()
    inner = pixels[..., 1:-1, 1:-1]
    smooth = functional.conv2d(pixels, kernel, groups=channels).round()
    share = _column(images, 1 - factor.double())
    sharpened = torch.addcmul(inner, smooth - inner, share)
    pixels[..., 1:-1, 1:-1] = sharpened.clamp(0, 255)
    return pixels.to(torch.uint8)


def posterize(images: Tensor, bits: Tensor) -> Tensor:
    """Keep the highest bits of each pixel value, 0 to 8."""
    mask = 256 - 2 ** (8 - bits.long())
    return images & to_device_of(images, mask.to(torch.uint8)).view(-1, 1, 1, 1)


def solarize(images: Tensor, threshold: Tensor) -> Tensor:
    """Invert the pixels at or above a threshold, 0 to 255."""
    above = images >= _column(images, threshold)
    return torch.where(above, 255 - images, images)


def autocontrast(images: Tensor, _: Tensor) -> Tensor:
    """Stretch each channel to the whole range."""
    stretched: Tensor = _torchvision().autocontrast(images)  # per image already
    return stretched


def equalize(images: Tensor, _: Tensor) -> Tensor:
    """Even out each channel's histogram."""
    equalized: Tensor = _torchvision().equalize(images)  # per image already
    return equalized


def invert(images: Tensor, _: Tensor) -> Tensor:
    """Invert every pixel."""
    return 255 - images


def _column(images: Tensor, parameter: Tensor) -> Tensor:
    """A parameter (B,) as float32 (B, 1, 1, 1) on the images' device."""
    return to_device_of(images, parameter.float()).view(-1, 1, 1, 1)


def _grey(images: Tensor) -> Tensor:
    """Grey levels (B, 1, H, W), whole numbers."""
    if images.shape[1] == 1:
        return images.float()
    red, green, blue = images.float().unbind(dim=1)
    grey = (red * GREY[0]).add_(green, alpha=GREY[1]).add_(blue, alpha=GREY[2])
    return grey.floor_().unsqueeze(1)


def _blend(pixels: Tensor, other: Tensor, factor: Tensor) -> Tensor:
    """Blend: factor * pixels + (1 - factor) * other, truncated to integers from 0 to 255."""
    share, rest = _column(pixels, factor), _column(pixels, 1 - factor.double())
    blended = torch.addcmul(pixels * share, other, rest)
    return blended.clamp_(0, 255).to(torch.uint8)


def _torchvision() -> Any:
    """Functions of torchvision, imported late: the import takes as long as torch's."""
    from torchvision.transforms.v2 import functional as torchvision_functional

    return torchvision_functional
