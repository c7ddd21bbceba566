import torch

from vitbench.data.datasets import load_images
from vitbench.data.split import train_val_split
from vitbench.spec.overrides import build_spec
from vitbench.training import fit as fit_module
from vitbench.training.fit import MOST_HALVINGS, Diverged, RateHalved, StepDone, begin, fit
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


def test_dropout_is_keyed_by_seed_and_epoch_alone(tiny_fields) -> None:
    spec = build_spec(tiny_fields, {"model.drop_rate": 0.2, "model.drop_path_rate": 0.2})
    torch.manual_seed(1)
    first, _ = trained(spec)
    torch.manual_seed(2)
    again, _ = trained(spec)

    assert torch.equal(first.model.head.weight, again.model.head.weight)


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


def test_gradients_are_clipped_to_their_norm(tiny_fields) -> None:
    """Adam divides by the gradient's size plus 1e-8: below that weights stay where they were."""
    spec = build_spec(
        tiny_fields,
        {
            "train.optimizer": "adamw",
            "train.weight_decay": 0,
            "train.grad_clip": 1e-12,
            "train.warmup_fraction": 0,
        },
    )
    start = begin(spec, CPU).model.head.weight

    state, _ = trained(spec)

    assert (state.model.head.weight - start).abs().max() < 1e-3
