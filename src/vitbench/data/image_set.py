"""ImageSet: labelled images in memory, as one uint8 tensor."""

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from vitbench.config.data import Channels


@dataclass(frozen=True)
class ImageSet:
    """Images and their labels, on one device.

    Attributes:
        images: uint8 (N, C, H, W).
        labels: int64 (N,).
        classes: Name of each class.
        mean: Mean per channel, on the scale 0 to 1.
        std: Standard deviation per channel, on the same scale.
    """

    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    mean: Channels | tuple[float, ...]
    std: Channels | tuple[float, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device) -> "ImageSet":
        """The same set on a device."""
        return replace(self, images=self.images.to(device), labels=self.labels.to(device))

    def subset(self, indices: Tensor) -> "ImageSet":
        """The images with some indices (n,), in that order."""
        indices = indices.to(self.labels.device)
        return replace(self, images=self.images[indices], labels=self.labels[indices])

    def normalised_with(self, mean: Channels | None, std: Channels | None) -> "ImageSet":
        """The same set with other constants for normalisation, if given."""
        return replace(self, mean=mean or self.mean, std=std or self.std)

    def inputs(self, images: Tensor) -> Tensor:
        """uint8 images (B, C, H, W) as a model's input: float32, normalised per channel."""
        mean, std = self._constants
        return (images.float() - mean.to(images.device)) / std.to(images.device)

    @cached_property
    def _constants(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation (C, 1, 1) for pixels from 0 to 255; cached."""
        device = self.labels.device
        mean, std = (torch.tensor(c, device=device).view(-1, 1, 1) for c in (self.mean, self.std))
        return mean * 255, std * 255
