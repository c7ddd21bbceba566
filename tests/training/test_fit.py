import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from vitbench.config.build import build_spec
from vitbench.config.training import TrainingSpec
from vitbench.data.datasets import load_images
from vitbench.data.split import train_val_split
from vitbench.training import fit as fit_module
from vitbench.training.fit import (
    MOST_HALVINGS,
    Diverged,
    RateHalved,
    StepDone,
    begin,
    fit,
    take_step,
)
from vitbench.training.history import EpochRecord

CPU = torch.device("cpu")


def trained(spec, epochs=None, state=None):
    """Train on `shapes`; the state and its events, stopped after some epochs if asked."""
    train, val = train_val_split(load_images(spec.data, "train", None), spec.data.val_size)
    state = state or begin(spec, CPU)
    events = []
    for event in fit(state, spec, train, val):
        events.append(event)
        if isinstance(event, EpochRecord) and event.epoch == epochs:
            break
    return state, events


def small_step(**recipe):
    """A layer after one step without an optimiser: its gradients are left. Also the loss."""
    torch.manual_seed(0)
    layer, inputs, labels = nn.Linear(5, 4), torch.randn(6, 5), torch.arange(6) % 4
    loss, logits = take_step(layer, [], inputs, labels, TrainingSpec(**recipe))
    return layer, loss, logits, inputs, labels


def test_label_smoothing_spreads_its_share_over_all_classes() -> None:
    """Szegedy et al. (arXiv:1512.00567, section 7): the target is 1 - e on the label, e / K on all.

    The loss is the cross-entropy with that target, its gradient by a logit softmax - target.
    """
    layer, loss, logits, _, labels = small_step(label_smoothing=0.3, grad_clip=None)

    target = 0.7 * nn.functional.one_hot(labels, 4) + 0.3 / 4
    assert loss.item() == pytest.approx(-(target * logits.log_softmax(1)).sum(1).mean().item())
    torch.testing.assert_close(layer.bias.grad, (logits.softmax(1) - target).mean(0))


def test_a_requested_bf16_is_what_a_step_computes_in() -> None:
    exact, half = small_step(precision="fp32"), small_step(precision="bf16")

    assert (exact[2].dtype, half[2].dtype) == (torch.float32, torch.bfloat16)
    layer, loss, logits, inputs, _ = half
    assert (layer.weight.grad.dtype, loss.dtype) == (torch.float32, torch.float32)
    assert (logits.float() - layer(inputs)).abs().max() > 0  # rounded on the way
    assert loss.item() == pytest.approx(exact[1].item(), rel=0.02)


@pytest.mark.parametrize("limit", [0.05, 1e6])
def test_the_whole_gradient_has_the_limit_as_its_norm_at_most(limit) -> None:
    """Pascanu et al. (arXiv:1211.5063): its direction stays."""
    free, *_ = small_step(grad_clip=None)
    bound, *_ = small_step(grad_clip=limit)

    norm = math.hypot(free.weight.grad.norm(), free.bias.grad.norm())
    assert 0.05 < norm < 1e6
    scale = min(1.0, limit / norm)
    for one, other in zip(bound.parameters(), free.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad * scale, rtol=1e-4, atol=1e-8)


def test_a_step_forgets_the_gradients_of_the_one_before() -> None:
    layer, _, _, inputs, labels = small_step(grad_clip=None)
    once = [p.grad.clone() for p in layer.parameters()]

    take_step(layer, [], inputs, labels, TrainingSpec(grad_clip=None))

    for parameter, expected in zip(layer.parameters(), once, strict=True):
        assert torch.equal(parameter.grad, expected)


def test_every_optimiser_takes_its_step() -> None:
    layer, loss, _, inputs, labels = small_step()
    before = [p.detach().clone() for p in layer.parameters()]
    rates = (0.1, 10.0)
    optimizers = [torch.optim.SGD([p], lr) for p, lr in zip(layer.parameters(), rates, strict=True)]

    again, _ = take_step(layer, optimizers, inputs, labels, TrainingSpec())

    assert torch.equal(again, loss)
    for parameter, old, lr in zip(layer.parameters(), before, rates, strict=True):
        torch.testing.assert_close(parameter, old - lr * parameter.grad)
        assert not torch.equal(parameter, old)


def test_the_rate_of_each_step_is_that_of_its_place_in_the_whole_training(tiny_fields) -> None:
    """A line from the peak to 0 over two epochs of 12 steps: step s has 1 - s / 24 of the peak."""
    spec = build_spec(tiny_fields, {"data.val_size": 2800, "train.epochs": 2, "train.lr": 0.006,
                                    "train.optimizer": {"name": "muon", "lr": 0.024},
                                    "train.schedule": "linear",
                                    "train.warmup_fraction": 0})  # fmt: skip
    train, val = train_val_split(load_images(spec.data, "train", None), spec.data.val_size)
    state, rates = begin(spec, CPU), []
    for event in fit(state, spec, train, val):
        if isinstance(event, StepDone):
            rates += [[one.param_groups[0]["lr"] for one in state.optimizers]]

    muon, adamw = zip(*rates, strict=True)
    assert muon == pytest.approx([0.024 * (1 - step / 24) for step in range(24)])
    assert adamw == pytest.approx([0.006 * (1 - step / 24) for step in range(24)])
    assert [record.lr for record in state.history] == [adamw[11], adamw[23]]


def test_recorded_accuracies_are_of_the_images_trained_on_and_of_those_to_validate_on(
    tiny_fields,
) -> None:
    """A model that answers 0: right on all 40 training images, of which 32 make a step."""
    spec = build_spec(tiny_fields)
    images = load_images(spec.data, "train", None)
    some = images.subset(torch.arange(40))
    train, val = (replace(some, labels=torch.full((40,), label)) for label in (0, 1))
    state = begin(spec, CPU)
    state.model.head.bias.data[0] = 100.0

    *_, record = fit(state, spec, train, val)

    assert isinstance(record, EpochRecord)
    assert (record.train_top1_pct, record.val_top1_pct) == (100, 0)
    assert record.val_loss > 50 > record.train_loss


def test_a_step_event_for_each_step_and_a_record_for_each_epoch(tiny_fields) -> None:
    spec = build_spec(tiny_fields, {"train.epochs": 2})

    state, events = trained(spec)

    num_steps = spec.data.train_size // spec.train.batch_size
    steps = [(e.epoch, e.step) for e in events if isinstance(e, StepDone)]
    assert steps == [(epoch, step) for epoch in (1, 2) for step in range(1, num_steps + 1)]
    assert [r.epoch for r in events if isinstance(r, EpochRecord)] == [1, 2]
    assert state.history == [r for r in events if isinstance(r, EpochRecord)]


def test_training_lowers_the_loss_on_what_it_trains_on(tiny_fields) -> None:
    _, events = trained(build_spec(tiny_fields, {"train.epochs": 3, "train.lr": 5e-3}))

    losses = [event.train_loss for event in events if isinstance(event, EpochRecord)]
    assert losses[-1] < losses[0] - 0.2


def test_recorded_train_loss_is_the_mean_of_the_steps(tiny_fields) -> None:
    _, events = trained(build_spec(tiny_fields))

    losses = [event.loss for event in events if isinstance(event, StepDone)]
    record = next(event for event in events if isinstance(event, EpochRecord))
    assert abs(record.train_loss - sum(losses) / len(losses)) < 1e-5


def test_same_seed_same_bits_and_another_seed_others(tiny_fields) -> None:
    first, _ = trained(build_spec(tiny_fields))
    again, _ = trained(build_spec(tiny_fields))
    other, _ = trained(build_spec(tiny_fields, {"seed": 1}))

    assert torch.equal(first.model.head.weight, again.model.head.weight)
    assert not torch.equal(first.model.head.weight, other.model.head.weight)


def dropped(spec, state=None):
    """What dropout set to zero in the first step of each epoch."""
    state = state or begin(spec, CPU)
    seen = {}

    def look(module, _inputs, output):
        if module.training:
            seen.setdefault(len(state.history) + 1, output == 0)

    state.model.pos_drop.register_forward_hook(look)
    trained(spec, state=state)
    return seen


def test_dropout_is_keyed_by_seed_and_epoch_alone(tiny_fields) -> None:
    few_steps = {"model.drop_rate": 0.2, "data.val_size": 3000}
    spec = build_spec(tiny_fields, few_steps, {"train.epochs": 2})
    torch.manual_seed(1)
    first = dropped(spec)
    torch.manual_seed(2)
    again = dropped(spec)
    stopped, _ = trained(spec, epochs=1)
    resumed = dropped(spec, stopped)
    other = dropped(build_spec(tiny_fields, few_steps, {"seed": 1}))

    assert first[1].float().mean() == pytest.approx(0.2, abs=0.02)
    assert not torch.equal(first[1], first[2])
    assert not torch.equal(first[1], other[1])
    assert all(torch.equal(first[epoch], again[epoch]) for epoch in (1, 2))
    assert list(resumed) == [2]
    assert torch.equal(resumed[2], first[2])


WILD = {
    "train.optimizer": "adamw",
    "train.lr": 1000,
    "train.grad_clip": None,
    "train.warmup_fraction": 0,
    "train.epochs": 5,
}


def test_a_loss_that_is_not_finite_ends_the_training_and_says_where(tiny_fields) -> None:
    state, events = trained(build_spec(tiny_fields, WILD))

    assert isinstance(events[-1], Diverged)
    assert "epoch" in events[-1].reason
    assert len(state.history) < 5


class Poisoned:
    """Training images that make the loss NaN in one epoch, so many times that it is tried."""

    def __init__(self, monkeypatch, epoch: int, times: int) -> None:
        self.left = times
        real = fit_module.training_batches

        def batches(images, batch_size, augment, seed, number):
            for step, (inputs, labels) in enumerate(
                real(images, batch_size, augment, seed, number)
            ):
                if number == epoch and step == 3 and self.left:
                    self.left -= 1
                    inputs = inputs * float("nan")
                yield inputs, labels

        monkeypatch.setattr(fit_module, "training_batches", batches)


def test_an_epoch_that_diverges_is_done_again_at_half_the_rate(tiny_fields, monkeypatch) -> None:
    """After it all is as if the rate had been so from that epoch on."""
    spec = build_spec(tiny_fields, {"train.epochs": 3, "train.on_divergence": "halve-lr"})
    whole, _ = trained(spec, epochs=1)
    whole.lr_halvings = 2
    expected, _ = trained(spec, state=whole)
    Poisoned(monkeypatch, epoch=2, times=2)

    state, events = trained(spec)

    halved = [event for event in events if isinstance(event, RateHalved)]
    assert [(one.epoch, one.lr_halvings) for one in halved] == [(2, 1), (2, 2)]
    assert "the loss was nan in epoch 2, step 4" in halved[0].reason
    assert [record.lr_halvings for record in state.history] == [0, 2, 2]
    assert torch.equal(state.model.head.weight, expected.model.head.weight)
    assert torch.equal(
        state.model.blocks[0].mlp.fc1.weight, expected.model.blocks[0].mlp.fc1.weight
    )


def test_who_diverges_at_any_rate_is_let_go(tiny_fields, monkeypatch) -> None:
    Poisoned(monkeypatch, epoch=1, times=1000)

    state, events = trained(build_spec(tiny_fields, {"train.on_divergence": "halve-lr"}))

    assert isinstance(events[-1], Diverged)
    assert sum(isinstance(event, RateHalved) for event in events) == MOST_HALVINGS
    assert state.history == []


def test_halving_the_rate_tames_a_wild_training(tiny_fields) -> None:
    state, events = trained(build_spec(tiny_fields, WILD, {"train.on_divergence": "halve-lr"}))

    assert any(isinstance(event, RateHalved) for event in events)
    assert len(state.history) == 5
