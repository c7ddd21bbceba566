"""The same images validate in every run."""

import hashlib

import pytest
import torch

from vitbench.config.data import DataSpec
from vitbench.data.datasets import load_images
from vitbench.data.image_set import ImageSet
from vitbench.data.split import train_val_split
from vitbench.errors import UsageError


def numbered(num: int) -> ImageSet:
    """Images of ten classes whose every pixel is their number."""
    images = torch.arange(num, dtype=torch.uint8)[:, None, None, None].expand(num, 1, 4, 4)
    names = tuple(f"class {label}" for label in range(10))
    return ImageSet(images.contiguous(), torch.arange(num) % 10, names, (0.0,), (1.0,))


def numbers(images: ImageSet) -> list[int]:
    """Which of the numbered images they are."""
    return images.images[:, 0, 0, 0].tolist()


def digest(images: ImageSet) -> str:
    """A digest of all pixels, in their order."""
    return hashlib.sha256(images.images.contiguous().numpy().tobytes()).hexdigest()[:16]


def test_the_split_is_disjoint_whole_and_in_order() -> None:
    train, val = train_val_split(numbered(200), 50)

    assert sorted(numbers(train) + numbers(val)) == list(range(200))
    assert numbers(train) == sorted(numbers(train))
    assert (len(train), len(val)) == (150, 50)


def test_of_each_class_the_same_number_validates_and_labels_stay_with_their_images() -> None:
    train, val = train_val_split(numbered(200), 50)

    assert val.labels.bincount().tolist() == [5] * 10
    for part in (train, val):
        assert [number % 10 for number in numbers(part)] == part.labels.tolist()


def test_the_split_is_a_draw_and_not_the_first_of_each_class() -> None:
    _, val = train_val_split(numbered(200), 50)

    assert max(numbers(val)) >= 150
    assert len({number // 10 for number in numbers(val)}) > 5


def test_the_split_depends_on_no_seed_of_the_caller_and_moves_none() -> None:
    digests = set()
    for seed in range(3):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        digests.add(digest(train_val_split(numbered(200), 50)[1]))
        assert torch.equal(before, torch.get_rng_state())

    assert len(digests) == 1


def test_the_split_never_changes() -> None:
    """Models trained at different times must have validated on the same images."""
    assert digest(train_val_split(numbered(200), 50)[1]) == "1b8373def0c33590"


@pytest.mark.cifar10
def test_the_split_of_cifar10_never_changes() -> None:
    train, val = train_val_split(load_images(DataSpec(), "train", None), 5000)

    assert val.labels.bincount().tolist() == [500] * 10
    assert (len(train), digest(val)) == (45_000, "f79990725e3fdbb0")


def test_a_class_with_too_few_images_is_named() -> None:
    with pytest.raises(
        UsageError, match=r"needs 11 images of each class, but class 'class 0' has 11"
    ):
        train_val_split(numbered(103), 110)
