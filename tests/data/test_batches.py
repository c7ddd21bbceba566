"""The split, and seeded batches."""

import hashlib

import pytest
import torch

from vitbench.data.batches import num_batches, training_batches
from vitbench.data.datasets import shapes
from vitbench.data.image_set import ImageSet
from vitbench.data.split import train_val_split
from vitbench.errors import UsageError


def numbered(num: int = 103) -> ImageSet:
    """Images whose every pixel is their number."""
    images = torch.arange(num, dtype=torch.uint8)[:, None, None, None].expand(num, 1, 4, 4)
    return ImageSet(images.contiguous(), torch.arange(num) % 10, ("c",) * 10, (0.0,), (1 / 255,))


def plain(images, _generator):
    return images


def order(seed: int, epoch: int, batch_size: int = 10) -> list[int]:
    batches = training_batches(numbered(), batch_size, plain, seed, epoch)
    return [int(pixel) for inputs, _ in batches for pixel in inputs[:, 0, 0, 0]]


def test_an_epoch_takes_each_image_once_at_most_in_full_batches() -> None:
    sizes = [len(labels) for _, labels in training_batches(numbered(), 10, plain, 0, 1)]

    assert sizes == [10] * num_batches(103, 10) == [10] * 10
    assert len(set(order(0, 1))) == 100


def test_order_is_a_function_of_seed_and_epoch() -> None:
    assert order(0, 1) == order(0, 1)
    assert order(0, 1) != order(0, 2)
    assert order(0, 1) != order(1, 1)
    assert set(order(0, 1)) != set(order(0, 2))  # the images left out are others each time


def test_labels_stay_with_their_images() -> None:
    for inputs, labels in training_batches(numbered(), 7, plain, 3, 2):
        assert torch.equal(inputs[:, 0, 0, 0].long() % 10, labels)


def test_an_augmentation_draws_from_a_generator_of_its_own_for_each_epoch() -> None:
    def draws(seed: int, epoch: int) -> list[int]:
        seen = []

        def look(images, generator):
            seen.append(int(torch.randint(2**40, (1,), generator=generator)))
            return images

        list(training_batches(numbered(), 50, look, seed, epoch))
        return seen

    assert draws(0, 1) == draws(0, 1)
    assert len({*draws(0, 1), *draws(0, 2), *draws(1, 1)}) == 6


def test_the_split_is_class_balanced_disjoint_and_whole() -> None:
    full = shapes("train", None)

    train, val = train_val_split(full, 500)

    assert val.labels.bincount().tolist() == [50] * 10
    both = torch.cat([train.images, val.images])
    as_bytes = sorted(image.numpy().tobytes() for image in both)
    assert as_bytes == sorted(image.numpy().tobytes() for image in full.images)


def test_the_split_never_changes() -> None:
    """Models trained at different times must have validated on the same images."""
    _, val = train_val_split(numbered(200), 50)

    chosen = val.images[:, 0, 0, 0].numpy().tobytes()
    assert hashlib.sha256(chosen).hexdigest()[:16] == "0aee089cb8cdb2cf"


def test_a_class_with_too_few_images_is_named() -> None:
    with pytest.raises(UsageError, match="takes 11 images of each class"):
        train_val_split(numbered(103), 110)
