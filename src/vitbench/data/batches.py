"""Seeded batches of a data set in memory, augmented on its device."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from vitbench.config.seeds import derive_seed
from vitbench.data.image_set import ImageSet

Augmentation = Callable[[Tensor, torch.Generator], Tensor]


def num_batches(num_images: int, batch_size: int) -> int:
    """Steps of a training epoch, with full batches only."""
    return num_images // batch_size


def training_batches(
    images: ImageSet, batch_size: int, augment: Augmentation, seed: int, epoch: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """One epoch of batches, in random order and augmented.

    Every batch is full, so all steps are alike; the rest, other images in each epoch, is dropped.

    Args:
        images: The training set.
        batch_size: Images per batch.
        augment: Takes uint8 images (B, C, H, W) and a generator on the CPU.
        seed: The run's seed.
        epoch: Epoch, counted from 1.

    Yields:
        Inputs, float32 (B, C, H, W) and normalised, and labels (B,).
    """
    device = images.labels.device
    order_generator = torch.Generator().manual_seed(derive_seed(seed, "order", epoch))
    draws = torch.Generator().manual_seed(derive_seed(seed, "augmentation", epoch))
    order = torch.randperm(len(images), generator=order_generator).to(device, non_blocking=True)
    for step in range(num_batches(len(images), batch_size)):
        chosen = order[step * batch_size : (step + 1) * batch_size]
        yield images.inputs(augment(images.images[chosen], draws)), images.labels[chosen]
