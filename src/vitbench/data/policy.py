"""AutoAugment's CIFAR-10 policy on a batch (Cubuk et al., arXiv:1805.09501, table 7)."""

from collections.abc import Callable

import torch
from torch import Tensor

from vitbench.data import colour, transforms

Operation = Callable[[Tensor, Tensor], Tensor]
BINS = 10

# Each of the two steps of a sub-policy: operation, probability, bin of the magnitude.
Step = tuple[str, float, int]
CIFAR10: tuple[tuple[Step, Step], ...] = (
    (("Invert", 0.1, 7), ("Contrast", 0.2, 6)),
    (("Rotate", 0.7, 2), ("TranslateX", 0.3, 9)),
    (("Sharpness", 0.8, 1), ("Sharpness", 0.9, 3)),
    (("ShearY", 0.5, 8), ("TranslateY", 0.7, 9)),
    (("AutoContrast", 0.5, 8), ("Equalize", 0.9, 2)),
    (("ShearY", 0.2, 7), ("Posterize", 0.3, 7)),
    (("Color", 0.4, 3), ("Brightness", 0.6, 7)),
    (("Sharpness", 0.3, 9), ("Brightness", 0.7, 9)),
    (("Equalize", 0.6, 5), ("Equalize", 0.5, 1)),
    (("Contrast", 0.6, 7), ("Sharpness", 0.6, 5)),
    (("Color", 0.7, 7), ("TranslateX", 0.5, 8)),
    (("Equalize", 0.3, 7), ("AutoContrast", 0.4, 8)),
    (("TranslateY", 0.4, 3), ("Sharpness", 0.2, 6)),
    (("Brightness", 0.9, 6), ("Color", 0.2, 8)),
    (("Solarize", 0.5, 2), ("Invert", 0.0, 3)),
    (("Equalize", 0.2, 0), ("AutoContrast", 0.6, 0)),
    (("Equalize", 0.2, 8), ("Equalize", 0.6, 4)),
    (("Color", 0.9, 9), ("Equalize", 0.6, 6)),
    (("AutoContrast", 0.8, 4), ("Solarize", 0.2, 8)),
    (("Brightness", 0.1, 3), ("Color", 0.7, 0)),
    (("Solarize", 0.4, 5), ("AutoContrast", 0.9, 3)),
    (("TranslateY", 0.9, 9), ("TranslateY", 0.7, 9)),
    (("AutoContrast", 0.9, 2), ("Solarize", 0.8, 3)),
    (("Equalize", 0.8, 8), ("Invert", 0.1, 3)),
    (("TranslateY", 0.7, 9), ("AutoContrast", 0.9, 1)),
)

# Each operation, and whether its magnitude is negated half of the time.
OPERATIONS: dict[str, tuple[Operation, bool]] = {
    "ShearY": (transforms.shear_y, True),
    "TranslateX": (transforms.translate_x, True),
    "TranslateY": (transforms.translate_y, True),
    "Rotate": (transforms.rotate, True),
    "Brightness": (lambda images, change: colour.brightness(images, 1 + change), True),
    "Color": (lambda images, change: colour.saturation(images, 1 + change), True),
    "Contrast": (lambda images, change: colour.contrast(images, 1 + change), True),
    "Sharpness": (lambda images, change: colour.sharpness(images, 1 + change), True),
    "Posterize": (colour.posterize, False),
    "Solarize": (colour.solarize, False),
    "AutoContrast": (colour.autocontrast, False),
    "Equalize": (colour.equalize, False),
    "Invert": (colour.invert, False),
}


def magnitudes(name: str, height: int, width: int) -> Tensor:
    """The ten magnitudes of an operation, float64 (10,): slopes, pixels, degrees, changes, levels.

    Args:
        name: The operation.
        height: Height of an image in pixels.
        width: Its width.
    """
    most = {
        "ShearY": 0.3,
        "TranslateX": 150 / 331 * width,
        "TranslateY": 150 / 331 * height,
        "Rotate": 30.0,
    }
    if name == "Posterize":
        return (8 - torch.arange(BINS) / ((BINS - 1) / 4)).round().double()
    if name == "Solarize":
        return torch.linspace(1, 0, BINS).double() * 255
    if name in ("AutoContrast", "Equalize", "Invert"):
        return torch.zeros(BINS, dtype=torch.float64)
    return torch.linspace(0, most.get(name, 0.9), BINS).double()


def apply_policy(images: Tensor, generator: torch.Generator) -> Tensor:
    """Apply a random sub-policy to each image; each of its two steps has a probability.

    Args:
        images: uint8 (B, C, H, W); not changed.
        generator: On the CPU, so that the draws are known without waiting for a GPU.
    """
    batch, _, height, width = images.shape
    images = images.clone()
    chosen = torch.randint(len(CIFAR10), (batch,), generator=generator)
    names = list(OPERATIONS)
    for step in (0, 1):
        steps = [policy[step] for policy in CIFAR10]
        operation = torch.tensor([names.index(name) for name, _, _ in steps])[chosen]  # (B,)
        chance = torch.tensor([chance for _, chance, _ in steps])[chosen]
        size = torch.stack([magnitudes(name, height, width)[at] for name, _, at in steps])[chosen]
        acts = torch.rand(batch, generator=generator) < chance
        negated = torch.rand(batch, generator=generator) < 0.5
        for number, (act, signed) in enumerate(OPERATIONS.values()):
            members = (acts & (operation == number)).nonzero().flatten()
            if len(members) == 0:
                continue
            amount = torch.where(negated & signed, -size, size)[members]
            indices = transforms.to_device_of(images, members)
            images[indices] = act(images[indices], amount)
    return images
