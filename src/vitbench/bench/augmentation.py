"""Augmented batches: ours, and torchvision's transforms in a DataLoader."""

from dataclasses import dataclass

import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from vitbench.bench.rounds import Contestant, Median, in_turn, ratio
from vitbench.config.choice import Choice
from vitbench.data.augment import build_augmentation
from vitbench.data.batches import training_batches
from vitbench.data.image_set import ImageSet

SIDE, NUM_CLASSES = 32, 10
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
WORKERS = (0, 2)
OURS = "vitbench"

# What torchvision does for the augmentations of the same meaning, before the tensor is made.
THEIRS: dict[str, list[v2.Transform]] = {
    "baseline": [v2.RandomCrop(SIDE, padding=4), v2.RandomHorizontalFlip()],
    "autoaugment": [
        v2.RandomCrop(SIDE, padding=4),
        v2.RandomHorizontalFlip(),
        v2.AutoAugment(v2.AutoAugmentPolicy.CIFAR10),
    ],
}


@dataclass(frozen=True)
class AugmentationSpeed:
    """Speed of one augmentation.

    Attributes:
        name: Of the augmentation.
        img_per_s: By contestant: images a second from memory to a normalised batch.
        against: How many times as fast ours is as each.
    """

    name: str
    img_per_s: dict[str, float]
    against: dict[str, Median]


class _Pictures(Dataset[tuple[torch.Tensor, int]]):
    """The images as torchvision's data sets give them: Pillow images, transformed one by one."""

    def __init__(self, images: ImageSet, transform: v2.Transform) -> None:
        self._pixels = images.images.permute(0, 2, 3, 1).numpy()
        self._labels = images.labels.tolist()
        self._transform = transform

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, place: int) -> tuple[torch.Tensor, int]:
        return self._transform(Image.fromarray(self._pixels[place])), self._labels[place]


def bench_augmentation(
    num_images: int, batch_size: int, rounds: int, device: torch.device
) -> list[AugmentationSpeed]:
    """Time an epoch of batches of random 32x32 images, by augmentation.

    Args:
        num_images: Images of an epoch.
        batch_size: Images of a batch.
        rounds: How often each is timed.
        device: Where ours are augmented; a DataLoader's batches are sent there.
    """
    pixels = torch.randint(256, (num_images, 3, SIDE, SIDE), dtype=torch.uint8)
    labels = torch.randint(NUM_CLASSES, (num_images,))
    images = ImageSet(pixels, labels, tuple(map(str, range(NUM_CLASSES))), MEAN, STD)
    speeds = []
    for name, transforms in THEIRS.items():
        transform = v2.Compose(
            [
                *transforms,
                v2.ToImage(),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize(MEAN, STD),
            ]
        )
        contestants = {OURS: _ours(name, images.to(device), batch_size)}
        for workers in WORKERS:
            loader = DataLoader(
                _Pictures(images, transform), batch_size, shuffle=True, num_workers=workers,
                persistent_workers=workers > 0, drop_last=True,
            )  # fmt: skip
            contestants[f"DataLoader, {workers} workers"] = _theirs(loader, device)
        timed = in_turn(contestants, rounds, device)
        speeds.append(
            AugmentationSpeed(
                name,
                {whose: one.per_s for whose, one in timed.items()},
                {whose: ratio(timed[OURS], timed[whose]) for whose in list(contestants)[1:]},
            )
        )
    return speeds


def _ours(name: str, images: ImageSet, batch_size: int) -> Contestant:
    augment = build_augmentation(Choice(name=name))
    epochs = 0

    def work() -> int:
        nonlocal epochs
        epochs += 1
        batches = training_batches(images, batch_size, augment, seed=0, epoch=epochs)
        return sum(len(labels) for _, labels in batches)

    return work


def _theirs(loader: DataLoader[tuple[torch.Tensor, int]], device: torch.device) -> Contestant:
    def work() -> int:
        return sum(len(inputs.to(device, non_blocking=True)) for inputs, _ in loader)

    return work
