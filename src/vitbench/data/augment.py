"""Augmentation recipes, one registered function each.

A recipe takes uint8 images (B, C, H, W) and a generator on their device, and gives uint8 images of
the same shape. Its options are its keyword-only parameters.
"""

from functools import partial

import torch
from torch import Tensor

from vitbench.data.batches import Augmentation
from vitbench.data.transforms import random_crop_and_flip
from vitbench.registry import AUGMENTATIONS
from vitbench.spec.choice import Choice


def build_augmentation(choice: Choice) -> Augmentation:
    """The recipe of a choice, its options filled in."""
    return partial(AUGMENTATIONS.get(choice.name), **choice.options)


@AUGMENTATIONS.register("none")
def none(images: Tensor, generator: torch.Generator) -> Tensor:  # noqa: ARG001
    """Images as they are."""
    return images


@AUGMENTATIONS.register("baseline")
def baseline(images: Tensor, generator: torch.Generator, *, padding: int = 4) -> Tensor:
    """Random crop from the image padded with zeros, and random horizontal flip."""
    return random_crop_and_flip(images, generator, padding)
