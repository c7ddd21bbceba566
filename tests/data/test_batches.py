"""Seeded batches: an order and draws for each (seed, epoch), and nothing else."""

import pytest
import torch
from torch import Tensor

from vitbench.config.seeds import derive_seed
from vitbench.data.batches import num_batches, training_batches
from vitbench.data.image_set import ImageSet


def numbered(num: int = 103) -> ImageSet:
    """Images whose every pixel, and input, is their number."""
    images = torch.arange(num, dtype=torch.uint8)[:, None, None, None].expand(num, 1, 4, 4)
    return ImageSet(images.contiguous(), torch.arange(num) % 10, ("c",) * 10, (0.0,), (1 / 255,))


def plain(images: Tensor, _generator: torch.Generator) -> Tensor:
    return images


def noisy(images: Tensor, generator: torch.Generator) -> Tensor:
    """Another image, and a generator that has moved on."""
    return images + torch.randint(9, images.shape, generator=generator, dtype=torch.uint8)


def order(seed: int, epoch: int) -> list[int]:
    """Numbers of the images of an epoch, as they come."""
    batches = training_batches(numbered(), 10, plain, seed, epoch)
    return [int(pixel) for inputs, _ in batches for pixel in inputs[:, 0, 0, 0]]


@pytest.mark.parametrize(("num", "batch_size", "steps"), [(103, 10, 10), (100, 10, 10), (7, 8, 0)])
def test_an_epoch_takes_each_image_once_at_most_in_full_batches(num, batch_size, steps) -> None:
    batches = list(training_batches(numbered(num), batch_size, plain, 0, 1))

    assert num_batches(num, batch_size) == len(batches) == steps
    assert all(len(labels) == batch_size for _, labels in batches)
    taken = [int(pixel) for inputs, _ in batches for pixel in inputs[:, 0, 0, 0]]
    assert len(set(taken)) == len(taken) == steps * batch_size


def test_order_is_a_function_of_seed_and_epoch() -> None:
    assert order(0, 1) == order(0, 1)
    assert order(0, 1) != order(0, 2)
    assert order(0, 1) != order(1, 1)


def test_the_images_left_out_are_others_in_each_epoch() -> None:
    left_out = [frozenset(range(103)) - set(order(0, epoch)) for epoch in range(1, 6)]

    assert all(len(images) == 3 for images in left_out)
    assert len(set(left_out)) == 5


def test_labels_stay_with_their_images() -> None:
    for inputs, labels in training_batches(numbered(), 7, plain, 3, 2):
        assert torch.equal(inputs[:, 0, 0, 0].long() % 10, labels)


def test_inputs_are_normalised_per_channel_by_hand() -> None:
    """Pixel 51 is 0.2 of 255: (0.2 - 0.5) / 0.25 = -1.2; with mean 0.1 and s.d. 0.5 it is 0.2."""
    images = torch.full((1, 2, 3, 3), 51, dtype=torch.uint8)
    one = ImageSet(images, torch.zeros(1, dtype=torch.long), ("c",), (0.5, 0.1), (0.25, 0.5))

    ((inputs, _),) = training_batches(one, 1, plain, 0, 1)

    assert inputs.dtype == torch.float32
    torch.testing.assert_close(inputs[0, 0], torch.full((3, 3), -1.2))
    torch.testing.assert_close(inputs[0, 1], torch.full((3, 3), 0.2))


def test_order_does_not_depend_on_the_augmentation() -> None:
    both = zip(
        training_batches(numbered(), 10, plain, 0, 1),
        training_batches(numbered(), 10, noisy, 0, 1),
        strict=True,
    )
    for (images, labels), (noise, others) in both:
        assert torch.equal(labels, others)
        assert not torch.equal(images, noise)
        assert torch.all(noise - images < 9)


def test_an_augmentation_draws_from_a_generator_of_its_own_for_each_epoch() -> None:
    def draws(seed: int, epoch: int) -> list[int]:
        """The first number that each batch draws."""
        seen = []

        def look(images: Tensor, generator: torch.Generator) -> Tensor:
            assert generator.device.type == "cpu"
            seen.append(int(torch.randint(2**40, (1,), generator=generator)))
            return images

        list(training_batches(numbered(), 50, look, seed, epoch))
        return seen

    assert draws(0, 1) == draws(0, 1)
    assert len({*draws(0, 1), *draws(0, 2), *draws(1, 1)}) == 6
    # Nor from the order's: what is done to an image would depend on when it comes.
    orders = torch.Generator().manual_seed(derive_seed(0, "order", 1))
    assert int(torch.randint(2**40, (1,), generator=orders)) not in draws(0, 1)


def test_batches_neither_read_nor_move_the_callers_generator() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one = [inputs for inputs, _ in training_batches(numbered(), 10, noisy, 0, 1)]
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(2)
    other = [inputs for inputs, _ in training_batches(numbered(), 10, noisy, 0, 1)]

    assert torch.equal(torch.stack(one), torch.stack(other))


def test_the_order_of_an_epoch_never_changes() -> None:
    """A run that was stopped under one version goes on in the same order under the next."""
    assert order(0, 1)[:8] == [1, 5, 98, 3, 58, 78, 36, 33]
