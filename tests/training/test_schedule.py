import math

import pytest

from vitbench.spec.training import TrainingSpec
from vitbench.training.schedule import lr_factor


def test_warmup_rises_evenly_and_never_starts_at_zero() -> None:
    recipe = TrainingSpec(epochs=10, warmup_fraction=0.1, schedule="linear")

    factors = [lr_factor(recipe, step, steps_per_epoch=10) for step in range(11)]

    assert factors[:10] == pytest.approx([(step + 1) / 11 for step in range(10)])
    assert factors[10] == 1


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


def test_final_rate_is_an_option_of_the_schedule() -> None:
    recipe = TrainingSpec(epochs=1, warmup_fraction=0, schedule={"name": "linear", "final": 0.25})

    assert lr_factor(recipe, 50, steps_per_epoch=100) == pytest.approx(0.625)
