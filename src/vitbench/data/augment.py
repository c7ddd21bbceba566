"""Augmentation recipes, one function each; their names are rows of `registry.AUGMENTATIONS`.

A recipe takes uint8 images (B, C, H, W) and a generator, and returns new uint8 images of the same
shape; each image has its own draws. The generator is always on the CPU, so a GPU gets the same
draws and nothing waits for it. Options are keyword-only parameters.
"""

import math
from functools import partial

import torch
from torch import Tensor

from vitbench.config.choice import Choice
from vitbench.data import colour
from vitbench.data.batches import Augmentation
from vitbench.data.policy import apply_policy
from vitbench.data.transforms import crop_and_flip, erase, rotate, to_device_of
from vitbench.registry import AUGMENTATIONS


def build_augmentation(choice: Choice) -> Augmentation:
    """The recipe of a choice, with its options."""
    return partial(AUGMENTATIONS.get(choice.name), **choice.options)


def none(images: Tensor, generator: torch.Generator) -> Tensor:  # noqa: ARG001
    """Unchanged images."""
    return images


def baseline(images: Tensor, generator: torch.Generator, *, padding: int = 4) -> Tensor:
    """Random crop from the zero-padded image, and random horizontal flip."""
    batch = len(images)
    top, left = torch.randint(2 * padding + 1, (2, batch), generator=generator).unbind()
    flip = torch.rand(batch, generator=generator) < 0.5
    return crop_and_flip(images, top, left, flip, padding)


def strong(
    images: Tensor,
    generator: torch.Generator,
    *,
    padding: int = 4,
    jitter: float = 0.2,
    degrees: float = 15.0,
) -> Tensor:
    """Baseline, colour jitter (brightness, contrast, saturation) and rotation."""
    images = baseline(images, generator, padding=padding)
    images = _jitter_colour(images, generator, jitter)
    angle = _uniform(len(images), -degrees, degrees, generator)
    return rotate(images, angle)


def cutout(
    images: Tensor,
    generator: torch.Generator,
    *,
    padding: int = 4,
    size: int = 16,
    fill: int = 122,
) -> Tensor:
    """Baseline and one square set to grey (DeVries and Taylor, arXiv:1708.04552).

    The square's centre is anywhere in the image, so the border may cut it off. The paper fills
    with zeros after normalising, which is the mean colour; 122 is the grey nearest to CIFAR-10's.
    """
    images = baseline(images, generator, padding=padding)
    batch = len(images)
    row, col = (
        torch.randint(side, (batch,), generator=generator) - size // 2 for side in images.shape[-2:]
    )
    side = torch.full((batch,), size)
    return erase(images, row, col, side, side, fill)


def random_erasing(
    images: Tensor,
    generator: torch.Generator,
    *,
    padding: int = 4,
    chance: float = 0.5,
    least: float = 0.02,
    most: float = 0.33,
    ratio: float = 3.3,
) -> Tensor:
    """Baseline and a black box in half of the images (Zhong et al., arXiv:1708.04896).

    The reference study's "cutout", torchvision's RandomErasing: a box with `least` to `most` of the
    image's area and a height of 0.3 to `ratio` times its width; the first of ten boxes that fits.
    """
    images = baseline(images, generator, padding=padding)
    batch, _, height, width = images.shape
    tries = 10
    area = _uniform(batch * tries, least, most, generator).view(batch, tries) * height * width
    log_ratio = _uniform(batch * tries, math.log(0.3), math.log(ratio), generator)
    aspect = log_ratio.view(batch, tries).exp()
    high, wide = (area * aspect).sqrt().round(), (area / aspect).sqrt().round()  # (B, tries)
    fits = (high < height) & (wide < width)
    first = fits.int().argmax(dim=1, keepdim=True)
    erased = fits.any(dim=1) & (torch.rand(batch, generator=generator) < chance)
    high, wide = (size.gather(1, first)[:, 0] * erased for size in (high, wide))
    top = (torch.rand(batch, generator=generator) * (height - high + 1)).floor()
    left = (torch.rand(batch, generator=generator) * (width - wide + 1)).floor()
    top, left, high, wide = (n.long() for n in (top, left, high, wide))
    return erase(images, top, left, high, wide, fill=0)


def autoaugment(images: Tensor, generator: torch.Generator, *, padding: int = 4) -> Tensor:
    """Baseline and AutoAugment's CIFAR-10 policy (Cubuk et al., arXiv:1805.09501)."""
    return apply_policy(baseline(images, generator, padding=padding), generator)


def _jitter_colour(images: Tensor, generator: torch.Generator, jitter: float) -> Tensor:
    """Change brightness, contrast and saturation, in a random order per image."""
    batch = len(images)
    changes = (colour.brightness, colour.contrast, colour.saturation)
    order = torch.rand(batch, len(changes), generator=generator).argsort(dim=1)  # (B, 3)
    factor = _uniform(batch * len(changes), 1 - jitter, 1 + jitter, generator).view(batch, -1)
    images = images.clone()
    for place in range(len(changes)):
        for number, change in enumerate(changes):
            members = (order[:, place] == number).nonzero().flatten()
            indices = to_device_of(images, members)
            images[indices] = change(images[indices], factor[members, number])
    return images


def _uniform(num: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    """Uniform numbers (num,) from low to high, on the CPU."""
    return low + (high - low) * torch.rand(num, generator=generator, dtype=torch.float64)
