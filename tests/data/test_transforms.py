"""Geometry and colour: torchvision v2 functional's pixels on the same parameters."""

import math

import pytest
import torch
from torchvision.transforms.v2 import functional as torchvision_functional

from vitbench.data import colour, transforms

SIZES = [(3, 32, 32), (1, 28, 28), (3, 20, 33)]


def some_images(channels: int, height: int, width: int, num: int = 24) -> torch.Tensor:
    """Noise, smooth ramps, flat images and nearly flat ones: what pictures are made of."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randint(256, (num, channels, height, width), generator=generator)
    ramp = torch.linspace(0, 255, height * width).view(height, width).expand(channels, -1, -1)
    noise[0], noise[1], noise[2] = 255, 0, ramp
    noise[3] = torch.randint(100, 103, noise[3].shape, generator=generator)
    noise[4] = noise[4] // 8 + 200
    return noise.to(torch.uint8)


def agreement(ours: torch.Tensor, expected: torch.Tensor) -> float:
    """Share of pixels within one level."""
    assert ours.dtype == expected.dtype == torch.uint8
    return ((ours.int() - expected.int()).abs() <= 1).float().mean().item()


COLOURS = {
    "brightness": (colour.brightness, torchvision_functional.adjust_brightness, (0.0, 2.0)),
    "contrast": (colour.contrast, torchvision_functional.adjust_contrast, (0.0, 2.0)),
    "saturation": (colour.saturation, torchvision_functional.adjust_saturation, (0.0, 2.0)),
    "sharpness": (colour.sharpness, torchvision_functional.adjust_sharpness, (0.0, 2.0)),
    "posterize": (
        colour.posterize,
        lambda image, bits: torchvision_functional.posterize(image, int(bits)),
        (0, 8),
    ),
    "solarize": (colour.solarize, torchvision_functional.solarize, (0.0, 255.0)),
    "autocontrast": (
        colour.autocontrast,
        lambda image, _: torchvision_functional.autocontrast(image),
        (0, 1),
    ),
    "equalize": (colour.equalize, lambda image, _: torchvision_functional.equalize(image), (0, 1)),
    "invert": (colour.invert, lambda image, _: torchvision_functional.invert(image), (0, 1)),
}


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", COLOURS)
def test_colour_is_torchvisions_to_the_bit(name, size) -> None:
    ours, expected, (low, high) = COLOURS[name]
    images = some_images(*size)
    for shift in range(4):  # every image at other parameters, the ends of the range among them
        values = torch.linspace(low, high, len(images), dtype=torch.float64).roll(shift * 7)
        values = values.round() if name == "posterize" else values

        changed = ours(images.clone(), values)

        for image, value, result in zip(images, values.tolist(), changed, strict=True):
            assert torch.equal(result, expected(image, value)), value


AFFINE = {"angle": 0.0, "translate": [0, 0], "scale": 1.0, "shear": [0.0, 0.0]}


def sheared(image: torch.Tensor, y: float) -> torch.Tensor:
    """As torchvision's AutoAugment shears: by the angle whose tangent is the magnitude."""
    angles = [0.0, math.degrees(math.atan(y))]
    return torchvision_functional.affine(image, **{**AFFINE, "shear": angles, "center": [0, 0]})


def moved(image: torch.Tensor, x: float = 0, y: float = 0) -> torch.Tensor:
    return torchvision_functional.affine(image, **{**AFFINE, "translate": [int(x), int(y)]})


GEOMETRY = {
    "rotate": (
        transforms.rotate,
        lambda image, angle: torchvision_functional.rotate(image, angle),
        30.0,
    ),
    "shear-y": (transforms.shear_y, lambda image, slope: sheared(image, y=slope), 0.3),
    "translate-x": (transforms.translate_x, lambda image, by: moved(image, x=by), 14.6),
    "translate-y": (transforms.translate_y, lambda image, by: moved(image, y=by), 14.6),
}


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", GEOMETRY)
def test_geometry_is_torchvisions(name, size) -> None:
    ours, expected, most = GEOMETRY[name]
    images = some_images(*size)[5:]  # noise: a pixel from the wrong place has the wrong value
    values = torch.linspace(-most, most, len(images), dtype=torch.float64)

    changed = ours(images, values)

    results = [expected(image, value) for image, value in zip(images, values.tolist(), strict=True)]
    assert agreement(changed, torch.stack(results)) >= 0.999
    assert agreement(changed[1:], changed[:-1]) < 0.9  # and images of a batch differ


def test_crop_and_flip_is_pad_crop_and_flip() -> None:
    images = some_images(3, 32, 32)
    generator = torch.Generator().manual_seed(1)
    top, left = torch.randint(9, (2, len(images)), generator=generator)
    flip = torch.arange(len(images)) % 3 == 0

    changed = transforms.crop_and_flip(images, top, left, flip, padding=4)

    for i, result in enumerate(changed):
        cropped = torchvision_functional.crop(
            torchvision_functional.pad(images[i], [4]), int(top[i]), int(left[i]), 32, 32
        )
        assert torch.equal(
            result, torchvision_functional.horizontal_flip(cropped) if flip[i] else cropped
        )


def test_erase_fills_the_part_of_a_box_that_lies_in_the_image() -> None:
    images = some_images(3, 32, 20, num=6)
    top = torch.tensor([0, -4, 30, 5, 5, 40])
    left = torch.tensor([0, -4, 18, 7, 7, 40])
    height = torch.tensor([32, 8, 16, 3, 0, 5])
    width = torch.tensor([20, 8, 16, 4, 9, 5])

    erased = transforms.erase(images, top, left, height, width, fill=77)

    boxes = [(0, 0, 32, 20), (0, 0, 4, 4), (30, 18, 2, 2), (5, 7, 3, 4), (0, 0, 0, 0), (0, 0, 0, 0)]
    for image, (y, x, h, w), result in zip(images, boxes, erased, strict=True):
        value = torch.full((3, h, w), 77, dtype=torch.uint8)
        assert torch.equal(result, torchvision_functional.erase(image, y, x, h, w, value))
