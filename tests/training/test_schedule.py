import math

import pytest

from vitbench.config.training import TrainingSpec
from vitbench.training.schedule import lr_factor


def test_warmup_rises_evenly_and_never_starts_at_zero() -> None:
    recipe = TrainingSpec(epochs=10, warmup_fraction=0.1, schedule="linear")

    factors = [lr_factor(recipe, step, steps_per_epoch=10) for step in range(11)]

    assert factors[:10] == pytest.approx([(step + 1) / 11 for step in range(10)])
    assert factors[10] == 1
    # Of the 90 steps that are left each takes off a ninetieth; after the last one it would be 0.
    assert [lr_factor(recipe, step, 10) for step in (55, 99)] == pytest.approx([0.5, 1 / 90])


def test_cosine_is_half_way_down_at_half_time_and_nearly_zero_at_the_last_step() -> None:
    recipe = TrainingSpec(epochs=4, warmup_fraction=0, schedule="cosine")

    assert lr_factor(recipe, 200, steps_per_epoch=100) == pytest.approx(0.5)
    assert lr_factor(recipe, 399, steps_per_epoch=100) == pytest.approx(
        0.5 * (1 + math.cos(math.pi * 399 / 400))
    )


def test_cosine_by_epoch_is_one_rate_an_epoch_as_pytorchs_scheduler_stepped_by_epoch() -> None:
    import torch

    recipe = TrainingSpec(epochs=5, warmup_fraction=0, schedule="cosine-by-epoch")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=5)
    for epoch in range(5):
        expected = scheduler.get_last_lr()[0]
        for step in range(7):
            assert lr_factor(recipe, epoch * 7 + step, 7) == pytest.approx(expected)
        optimizer.step()
        scheduler.step()


@pytest.mark.parametrize(("name", "quarter"), [("linear", 0.8125), ("cosine", 0.890165)])
def test_final_rate_is_an_option_of_the_schedule(name, quarter) -> None:
    """From 1 to 1/4: a quarter of the line leaves 13/16, of the cosine (5 + 3 cos 45 deg) / 8."""
    recipe = TrainingSpec(epochs=1, warmup_fraction=0, schedule={"name": name, "final": 0.25})

    factors = [lr_factor(recipe, step, steps_per_epoch=100) for step in (0, 25, 50, 100)]

    assert factors == pytest.approx([1, quarter, 0.625, 0.25])


def test_constant_is_the_peak_rate_after_the_warmup() -> None:
    recipe = TrainingSpec(epochs=1, warmup_fraction=0.5, schedule="constant")

    assert [lr_factor(recipe, step, 100) for step in (0, 50, 99)] == pytest.approx([1 / 51, 1, 1])
