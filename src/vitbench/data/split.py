"""The class-balanced split into training and validation images."""

import torch

from vitbench.data.image_set import ImageSet
from vitbench.errors import UsageError

# Not the run's seed: all runs must train and validate on the same images.
SPLIT_SEED = 20_090_408


def train_val_split(full: ImageSet, val_size: int) -> tuple[ImageSet, ImageSet]:
    """Split a training set; each class has the same number of validation images.

    Args:
        full: The complete training set.
        val_size: Number of validation images, a multiple of the number of classes.

    Raises:
        UsageError: A class has too few images.
    """
    per_class = val_size // len(full.classes)
    generator = torch.Generator().manual_seed(SPLIT_SEED)
    held_out = torch.zeros(len(full), dtype=torch.bool)
    labels = full.labels.cpu()
    for label, name in enumerate(full.classes):
        members = (labels == label).nonzero().flatten()
        if len(members) <= per_class:
            raise UsageError(
                f"val_size {val_size} needs {per_class} images of each class, but class {name!r} "
                f"has {len(members)}: reduce it"
            )
        chosen = torch.randperm(len(members), generator=generator)[:per_class]
        held_out[members[chosen]] = True
    return full.subset((~held_out).nonzero().flatten()), full.subset(held_out.nonzero().flatten())
