"""ImageSet: a labelled set of images in memory, as one uint8 tensor."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from vitbench.spec.data import Channels


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
        """The images of some indices (n,), in their order."""
        indices = indices.to(self.labels.device)
        return replace(self, images=self.images[indices], labels=self.labels[indices])

    def normalised_with(self, mean: Channels | None, std: Channels | None) -> "ImageSet":
        """The same set with other constants for its inputs, where they are given."""
        return replace(self, mean=mean or self.mean, std=std or self.std)

    def inputs(self, images: Tensor) -> Tensor:
        """uint8 images (B, C, H, W) as a model's input: float32, normalised per channel."""
        mean = torch.tensor(self.mean, device=images.device).view(-1, 1, 1) * 255
        std = torch.tensor(self.std, device=images.device).view(-1, 1, 1) * 255
        return (images.float() - mean) / std
