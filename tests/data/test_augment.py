"""Recipes: what each draws, and that images, batches and seeds have draws of their own."""

import math

import pytest
import torch
from torchvision.transforms import RandomErasing
from torchvision.transforms.v2 import AutoAugment, AutoAugmentPolicy
from torchvision.transforms.v2 import functional as torchvision

from vitbench.config.choice import parse_choice
from vitbench.data import augment
from vitbench.data.augment import build_augmentation
from vitbench.data.policy import CIFAR10, OPERATIONS, apply_policy, magnitudes
from vitbench.registry import AUGMENTATIONS

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
    # Brightness from 80 to 120, evenly: its standard deviation is 40 / sqrt(12).
    assert centre.mean(dim=(1, 2, 3)).std().item() == pytest.approx(11.55, abs=0.6)
    assert len({image.numpy().tobytes() for image in still}) == 2  # the picture and its mirror


def test_strong_turns_both_ways_by_all_angles_up_to_its_limit() -> None:
    """A square above the centre, which a mirror leaves there: its middle tells the angle."""
    picture = torch.zeros(1, 32, 32, dtype=torch.uint8)
    picture[:, 2:6, 14:18] = 255

    turned = augmented("strong", picture.expand(2000, -1, -1, -1), padding=0, jitter=0.0) > 0

    place = torch.arange(32) - 15.5
    mass = turned.double().sum(dim=(1, 2, 3))
    x = (turned[:, 0].double().sum(dim=1) * place).sum(dim=1) / mass
    y = (turned[:, 0].double().sum(dim=2) * place).sum(dim=1) / mass
    angles = torch.atan2(x, -y).rad2deg()
    assert angles.min().item() == pytest.approx(-15, abs=1.5)
    assert angles.max().item() == pytest.approx(15, abs=1.5)
    assert angles.mean().item() == pytest.approx(0, abs=0.8)  # four standard errors
    assert angles.std().item() == pytest.approx(30 / math.sqrt(12), abs=0.6)


def test_colour_jitter_is_torchvisions_in_an_order_of_each_images_own() -> None:
    """Brightness before contrast and after it give other pixels at the same factors."""
    images, changes = one_picture(60), ("brightness", "contrast", "saturation")

    changed = augment._jitter_colour(images, torch.Generator().manual_seed(0), 0.2)

    generator = torch.Generator().manual_seed(0)
    orders = torch.rand(60, 3, generator=generator).argsort(dim=1).tolist()
    factors = 0.8 + 0.4 * torch.rand(180, generator=generator, dtype=torch.float64).view(60, 3)
    assert len({tuple(order) for order in orders}) == 6
    for image, order, factor, result in zip(images, orders, factors, changed, strict=True):
        for number in order:
            image = getattr(torchvision, f"adjust_{changes[number]}")(image, factor[number].item())
        assert torch.equal(result, image)


def test_the_policy_is_torchvisions_entry_by_entry() -> None:
    reference = AutoAugment(AutoAugmentPolicy.CIFAR10)

    assert len(CIFAR10) == len(reference._policies) == 25
    for ours, expected in zip(CIFAR10, reference._policies, strict=True):
        for (name, chance, at), (their_name, their_chance, their_at) in zip(
            ours, expected, strict=True
        ):
            assert (name, chance) == (their_name, their_chance)
            assert their_at in (None, at)


@pytest.mark.parametrize("name", OPERATIONS)
def test_magnitudes_and_signs_are_torchvisions(name) -> None:
    of_bins, signed = AutoAugment._AUGMENTATION_SPACE[name]
    expected = of_bins(10, 28, 36)

    if expected is None:
        expected = torch.zeros(10)
    scale = 255 if name == "Solarize" else 1
    assert torch.allclose(magnitudes(name, 28, 36), expected.double() * scale, atol=1e-5)
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
            expected = reference._apply_image_or_video_transform(
                image[0], name, magnitude, interpolation="nearest", fill={torch.Tensor: None}
            )
            off = (ours[0].int() - expected.int()).abs()
            assert (off <= 1).float().mean() >= 0.999, (at, sign)


def test_policies_and_steps_are_drawn_as_often_as_they_should_be() -> None:
    """What blackens a white image: Invert, 0.1 in two of the 25 sub-policies, and Solarize.

    Solarize inverts white at any threshold: 0.5, 0.2, 0.4 and 0.8 in four. Together 2.1 / 25.
    """
    white = torch.full((20_000, 1, 8, 8), 255, dtype=torch.uint8)

    changed = apply_policy(white, torch.Generator().manual_seed(0))

    black = (changed == 0).flatten(1).all(dim=1).float().mean().item()
    assert black == pytest.approx(2.1 / 25, abs=0.01)


def test_thresholds_are_never_turned_to_the_other_side() -> None:
    """Of a grey of 100 only Solarize's eighth threshold, 28, makes 155: 0.2 in one sub-policy.

    And Invert, 0.1 in two. The other thresholds lie above it: 0.4 / 25 in all.
    """
    grey = torch.full((20_000, 1, 8, 8), 100, dtype=torch.uint8)

    changed = apply_policy(grey, torch.Generator().manual_seed(0))

    inverted = (changed == 155).flatten(1).all(dim=1).float().mean().item()
    assert inverted == pytest.approx(0.4 / 25, abs=0.004)


def test_half_of_the_moves_go_the_other_way() -> None:
    """A line in the middle, and the sub-policies that move it by 14 pixels up or down, once.

    TranslateY's ninth magnitude is in three: 0.7, 0.7, and 0.9 and 0.7 one after the other, of
    which 0.34 is just one. In all (0.7 + 0.7 + 0.34) / 25; what else befalls the line is rare.
    """
    lines = torch.zeros(6000, 1, 32, 32, dtype=torch.uint8)
    lines[:, :, 15:17, 8:24] = 200

    changed = apply_policy(lines, torch.Generator().manual_seed(0)).float().mean(dim=(1, 3))

    expected = (0.7 + 0.7 + 0.34) / 25 / 2
    for rows in (slice(1, 3), slice(29, 31)):
        moved = (changed[:, rows] > changed.mean(dim=1, keepdim=True)).all(dim=1)
        assert moved.float().mean().item() == pytest.approx(expected, rel=0.35)
