"""Train and validation, class-balanced."""

import torch

from vitbench.data.image_set import ImageSet
from vitbench.errors import UsageError

# Not the run's seed: all runs must train on the same images and validate on the same ones.
SPLIT_SEED = 20_090_408


def train_val_split(full: ImageSet, val_size: int) -> tuple[ImageSet, ImageSet]:
    """Split a training set in two; of each class the same number validates.

    Args:
        full: The whole training set.
        val_size: Images to validate on, a multiple of the number of classes.

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
                f"val_size {val_size} takes {per_class} images of each class: "
                f"class {name!r} has {len(members)}, lower it"
            )
        chosen = torch.randperm(len(members), generator=generator)[:per_class]
        held_out[members[chosen]] = True
    return full.subset((~held_out).nonzero().flatten()), full.subset(held_out.nonzero().flatten())
