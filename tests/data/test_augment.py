"""Recipes: what each draws, and that images, batches and seeds have draws of their own."""

import math

import pytest
import torch
from torchvision.transforms import RandomErasing
from torchvision.transforms.v2 import AutoAugment, AutoAugmentPolicy

from vitbench.data.augment import build_augmentation
from vitbench.data.policy import CIFAR10, OPERATIONS, apply_policy, magnitudes
from vitbench.registry import AUGMENTATIONS
from vitbench.spec.choice import parse_choice

RECIPES = [name for name in AUGMENTATIONS.names() if name != "none"]


def augmented(name: str, images: torch.Tensor, seed: int = 0, **options) -> torch.Tensor:
    recipe = build_augmentation(parse_choice(AUGMENTATIONS, {"name": name, **options}))
    return recipe(images, torch.Generator().manual_seed(seed))


def one_picture(num: int = 64, channels: int = 3, side: int = 32) -> torch.Tensor:
    """The same picture in every place of a batch."""
    generator = torch.Generator().manual_seed(5)
    picture = torch.randint(1, 256, (channels, side, side), generator=generator)
    return picture.to(torch.uint8).expand(num, -1, -1, -1)


@pytest.mark.parametrize(("channels", "side"), [(3, 32), (1, 28)])
@pytest.mark.parametrize("name", RECIPES)
def test_images_of_a_batch_have_draws_of_their_own_and_the_input_stays(
    name, channels, side
) -> None:
    images = one_picture(channels=channels, side=side)
    before = images.clone()

    changed = augmented(name, images)

    assert changed.shape == images.shape
    assert changed.dtype == torch.uint8
    assert torch.equal(images, before)
    assert len({image.numpy().tobytes() for image in changed}) > 50


@pytest.mark.parametrize("name", RECIPES)
def test_the_draws_are_a_function_of_the_generator(name) -> None:
    images = one_picture()

    assert torch.equal(augmented(name, images, seed=1), augmented(name, images, seed=1))
    assert not torch.equal(augmented(name, images, seed=1), augmented(name, images, seed=2))


def test_none_changes_nothing() -> None:
    assert torch.equal(augmented("none", one_picture()), one_picture())


def test_baseline_crops_at_all_81_places_and_flips_half() -> None:
    """The picture's pixels tell their place, so each result tells where it was cut."""
    place = torch.arange(32 * 32).view(32, 32)
    picture = torch.stack([place // 32 + 1, place % 32 + 1, torch.full_like(place, 255)])
    changed = augmented("baseline", picture.to(torch.uint8).expand(4000, -1, -1, -1))

    rows, cols = changed[:, 0, 16, 16].int(), changed[:, 1, 16, 15:17].int()
    flipped = cols[:, 0] > cols[:, 1]
    assert 0.46 < flipped.float().mean() < 0.54
    assert set(rows.tolist()) == set(range(13, 22))
    assert len(set(zip(rows.tolist(), cols[:, 0].tolist(), flipped.tolist(), strict=True))) == 162


def test_cutout_takes_a_square_about_a_centre_anywhere_in_the_image() -> None:
    white = torch.full((2000, 3, 32, 32), 255, dtype=torch.uint8)

    changed = augmented("cutout", white, padding=0)

    holes = (changed != 255).all(dim=1)  # (B, 32, 32)
    assert set(changed.unique().tolist()) == {122, 255}
    sizes = holes.sum(dim=(1, 2))
    assert (sizes.min(), sizes.max()) == (8 * 8, 16 * 16)  # a corner's quarter to the whole
    rows, cols = holes.any(dim=2).sum(dim=1), holes.any(dim=1).sum(dim=1)
    assert torch.equal(sizes, rows * cols)
    # Rows of the hole: centre c from 0 to 31 keeps min(c + 8, 32) - max(c - 8, 0) of 16.
    expected = sum(min(c + 8, 32) - max(c - 8, 0) for c in range(32)) / 32
    assert rows.float().mean().item() == pytest.approx(expected, abs=0.2)


def test_random_erasing_has_torchvisions_boxes() -> None:
    white = torch.full((6000, 3, 32, 32), 255, dtype=torch.uint8)
    ours = (augmented("random-erasing", white, padding=0) == 0).all(dim=1)
    torch.manual_seed(0)
    eraser = RandomErasing(p=0.5, scale=(0.02, 0.33), ratio=(0.3, 3.3), value=0)
    expected = torch.stack([(eraser(image) == 0).all(dim=0) for image in white[:6000]])

    for boxes in (ours, expected):
        assert boxes.any(dim=(1, 2)).float().mean().item() == pytest.approx(0.5, abs=0.025)
    for measure in (lambda b: b.sum(dim=(1, 2)).float(),
                    lambda b: b.any(dim=2).sum(dim=1) / b.any(dim=1).sum(dim=1),
                    lambda b: b.any(dim=2).int().argmax(dim=1).float()):  # fmt: skip
        one, two = (measure(b[b.any(dim=(1, 2))]) for b in (ours, expected))
        error = math.sqrt(one.var() / len(one) + two.var() / len(two))
        assert abs(one.mean() - two.mean()) < 4 * error
        assert one.std().item() == pytest.approx(two.std().item(), rel=0.08)


def test_strong_changes_colours_by_a_fifth_and_turns_by_fifteen_degrees() -> None:
    grey = torch.full((3000, 3, 32, 32), 100, dtype=torch.uint8)

    centre = augmented("strong", grey, padding=0)[:, :, 12:20, 12:20].float()
    still = augmented("strong", one_picture(500), padding=0, jitter=0.0, degrees=0.0)

    assert centre.amin() >= 77  # contrast and saturation leave a grey image, rounding down apart
    assert centre.amax() <= 120
    assert centre.mean().item() == pytest.approx(99.4, abs=0.6)
    assert len({image.numpy().tobytes() for image in still}) == 2  # the picture and its mirror


def test_colour_jitter_takes_every_order() -> None:
    """Brightness before contrast and after it give other pixels at the same factors."""
    from vitbench.data import augment

    images = one_picture(600)
    generator = torch.Generator().manual_seed(0)
    order = torch.rand(600, 3, generator=generator).argsort(dim=1)

    assert {tuple(row) for row in order.tolist()} == {
        (a, b, 3 - a - b) for a in range(3) for b in range(3) if a != b
    }
    changed = augment._jitter_colour(images, torch.Generator().manual_seed(0), 0.2)
    assert len({image.numpy().tobytes() for image in changed}) == 600


def test_the_policy_is_torchvisions_entry_by_entry() -> None:
    reference = AutoAugment(AutoAugmentPolicy.CIFAR10)

    assert len(CIFAR10) == len(reference._policies) == 25
    for ours, theirs in zip(CIFAR10, reference._policies, strict=True):
        for (name, chance, at), (their_name, their_chance, their_at) in zip(
            ours, theirs, strict=True
        ):
            assert (name, chance) == (their_name, their_chance)
            assert their_at in (None, at)


@pytest.mark.parametrize("name", OPERATIONS)
def test_magnitudes_and_signs_are_torchvisions(name) -> None:
    of_bins, signed = AutoAugment._AUGMENTATION_SPACE[name]
    theirs = of_bins(10, 28, 36)

    if theirs is None:
        theirs = torch.zeros(10)
    scale = 255 if name == "Solarize" else 1
    assert torch.allclose(magnitudes(name, 28, 36), theirs.double() * scale, atol=1e-5)
    assert OPERATIONS[name][1] == signed


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_operation_is_what_autoaugment_does_under_that_name(name) -> None:
    reference = AutoAugment(AutoAugmentPolicy.CIFAR10)
    image = one_picture(1)
    operation, signed = OPERATIONS[name]
    for at, amount in enumerate(magnitudes(name, 32, 32).tolist()):
        for sign in (1, -1) if signed else (1,):
            ours = operation(image.clone(), torch.tensor([sign * amount], dtype=torch.float64))
            magnitude = sign * (amount / 255 if name == "Solarize" else amount)
            theirs = reference._apply_image_or_video_transform(
                image[0], name, magnitude, interpolation="nearest", fill={torch.Tensor: None}
            )
            off = (ours[0].int() - theirs.int()).abs()
            assert (off <= 1).float().mean() >= 0.999, (at, sign)


def test_policies_and_steps_are_drawn_as_often_as_they_should_be() -> None:
    """What blackens a white image: Invert, 0.1 in two of the 25 sub-policies, and Solarize.

    Solarize inverts white at any threshold: 0.5, 0.2, 0.4 and 0.8 in four. Together 2.1 / 25.
    """
    white = torch.full((20_000, 1, 8, 8), 255, dtype=torch.uint8)

    changed = apply_policy(white, torch.Generator().manual_seed(0))

    black = (changed == 0).flatten(1).all(dim=1).float().mean().item()
    assert black == pytest.approx(2.1 / 25, abs=0.01)
