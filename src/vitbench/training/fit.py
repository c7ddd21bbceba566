"""The training loop. It yields events and prints nothing; progress bars listen to it.

It sees training and validation images, never the test set.
"""

import copy
import math
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from vitbench.config.experiment import ExperimentSpec
from vitbench.config.seeds import derive_seed
from vitbench.data.augment import build_augmentation
from vitbench.data.batches import num_batches, training_batches
from vitbench.data.image_set import ImageSet
from vitbench.model.vit import VisionTransformer, build_model
from vitbench.training.evaluate import evaluate
from vitbench.training.history import EpochRecord
from vitbench.training.memory import WHOLE_BATCHES, MemorySaving
from vitbench.training.optimizer import build_optimizers, set_lr_factor
from vitbench.training.schedule import lr_factor
from vitbench.training.step import Parts, take_step
from vitbench.training.team import Team, team_for

MOST_HALVINGS = 10  # to 1/1024: if it still diverges, the learning rate is not the cause


@dataclass
class TrainingState:
    """Everything that changes during training; together with the spec it allows to resume.

    Attributes:
        model: The model, on its device.
        optimizers: Its optimisers.
        history: A record for each finished epoch.
        lr_halvings: Times the learning rate was halved after a divergence.
        compiled: The compiled model, only for steps; None if it is not compiled.
    """

    model: VisionTransformer
    optimizers: list[Optimizer]
    history: list[EpochRecord] = field(default_factory=list)
    lr_halvings: int = 0
    compiled: nn.Module | None = None


@dataclass(frozen=True)
class StepDone:
    """A training step is done.

    Attributes:
        epoch: Epoch, counted from 1.
        step: Step of the epoch, counted from 1.
        num_steps: Steps per epoch.
        loss: Its loss; None on a GPU, where reading it would block the queue.
        img_per_s: Training images per second in this epoch so far.
    """

    epoch: int
    step: int
    num_steps: int
    loss: float | None
    img_per_s: float


@dataclass(frozen=True)
class Diverged:
    """The loss became NaN or infinite; the training ends, and this is its result."""

    epoch: int
    reason: str


@dataclass(frozen=True)
class RateHalved:
    """The loss became NaN or infinite; the epoch is repeated at half the learning rate.

    Attributes:
        epoch: Epoch, counted from 1.
        reason: The loss and the step.
        lr_halvings: Times the learning rate was halved so far.
    """

    epoch: int
    reason: str
    lr_halvings: int


Event = StepDone | EpochRecord | Diverged | RateHalved


def begin(spec: ExperimentSpec, device: torch.device) -> TrainingState:
    """The state before the first epoch.

    Raises:
        UsageError: The model or the optimiser cannot be built.
    """
    model = build_model(spec).to(device)
    return TrainingState(model, build_optimizers(model, spec.train))


def fit(
    state: TrainingState,
    spec: ExperimentSpec,
    train: ImageSet,
    val: ImageSet,
    saving: MemorySaving = WHOLE_BATCHES,
) -> Iterator[Event]:
    """Train from the present state to the last epoch.

    Every epoch draws order, augmentation and dropout from generators keyed by (seed, purpose,
    epoch), so a training that resumes between epochs gives the same result as an uninterrupted one.

    Args:
        state: Changed in place; consistent at each EpochRecord.
        spec: The experiment.
        train: Images to train on, on the model's device.
        val: Images to validate on after each epoch.
        saving: How to use less memory.

    Yields:
        A StepDone after each step and an EpochRecord after each epoch. Diverged is the last event;
        after RateHalved the same epoch follows again.
    """
    state.model.recompute = saving.recompute
    halves = spec.train.on_divergence == "halve-lr"
    compiled = state.compiled is not None
    at_once = saving.at_once(spec.train.batch_size)
    with closing(Team(inline=True) if compiled else team_for(train.labels.device, at_once)) as team:
        while len(state.history) < spec.train.epochs:
            kept = _kept(state) if halves else None
            diverged = None
            for event in _epoch(state, spec, train, val, saving, team):
                if isinstance(event, Diverged):
                    diverged = event
                else:
                    yield event
            if diverged is None:
                continue
            if kept is None or state.lr_halvings == MOST_HALVINGS:
                yield diverged
                return
            _restore(state, kept)
            state.lr_halvings += 1
            yield RateHalved(diverged.epoch, diverged.reason, state.lr_halvings)


def _epoch(
    state: TrainingState,
    spec: ExperimentSpec,
    train: ImageSet,
    val: ImageSet,
    saving: MemorySaving,
    team: Team,
) -> Iterator[StepDone | EpochRecord | Diverged]:
    """Train the next epoch; its record or a Diverged is the last event."""
    epoch = len(state.history) + 1
    started = time.perf_counter()
    num_steps = num_batches(len(train), spec.train.batch_size)
    num_images = num_steps * spec.train.batch_size
    total_loss = torch.zeros((), device=train.labels.device)
    num_right = torch.zeros((), dtype=torch.long, device=train.labels.device)
    for step, (loss, right) in enumerate(_steps(state, spec, train, epoch, saving, team), 1):
        total_loss += loss
        num_right += right
        seconds = time.perf_counter() - started
        known_loss = loss.item() if loss.device.type == "cpu" else None
        if known_loss is not None and not math.isfinite(known_loss):
            yield Diverged(epoch, f"the loss was {known_loss} in epoch {epoch}, step {step}")
            return
        img_per_s = step * spec.train.batch_size / seconds
        yield StepDone(epoch, step, num_steps, known_loss, img_per_s)
    train_loss = total_loss.item() / num_steps  # waits for the GPU, so the time is right
    seconds = time.perf_counter() - started
    validation = evaluate(state.model, val, saving.micro_batch)
    for what, value in (("training", train_loss), ("validation", validation.loss)):
        if not math.isfinite(value):
            yield Diverged(epoch, f"the {what} loss was {value} in epoch {epoch}")
            return
    record = EpochRecord(
        epoch=epoch,
        train_loss=train_loss,
        train_top1_pct=100 * num_right.item() / num_images,
        val_loss=validation.loss,
        val_top1_pct=validation.top1_pct,
        lr=state.optimizers[-1].param_groups[0]["lr"],
        train_time_s=seconds,
        img_per_s=num_images / seconds,
        lr_halvings=state.lr_halvings,
    )
    state.history.append(record)
    yield record


def _steps(
    state: TrainingState,
    spec: ExperimentSpec,
    train: ImageSet,
    epoch: int,
    saving: MemorySaving,
    team: Team,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Take the steps of an epoch; yield the loss and the number of correct predictions of each."""
    recipe = spec.train
    model = state.model if state.compiled is None else state.compiled
    augment = build_augmentation(spec.data.augmentation)
    num_steps = num_batches(len(train), recipe.batch_size)
    sizes = saving.sizes(recipe.batch_size, team.num_threads)
    torch.manual_seed(derive_seed(spec.seed, "dropout", epoch))  # for GPUs and compiled models
    in_parts = train.labels.device.type == "cpu" and state.compiled is None
    dropout = [
        torch.Generator().manual_seed(derive_seed(spec.seed, f"dropout-{part}", epoch))
        for part in range(len(sizes) * in_parts)
    ]
    parts = Parts(sizes, team, dropout)
    model.train()
    batches = training_batches(train, recipe.batch_size, augment, spec.seed, epoch)
    for step in range(num_steps):
        with team:
            inputs, labels = next(batches)
            factor = lr_factor(recipe, (epoch - 1) * num_steps + step, num_steps)
            set_lr_factor(state.optimizers, factor / 2**state.lr_halvings)
            loss, logits = take_step(model, state.optimizers, inputs, labels, recipe, parts)
        yield loss, (logits.argmax(dim=1) == labels).sum()


def _kept(state: TrainingState) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A copy of the weights and the state of the optimisers."""
    optimizers = [optimizer.state_dict() for optimizer in state.optimizers]
    return copy.deepcopy((state.model.state_dict(), optimizers))


def _restore(state: TrainingState, kept: tuple[dict[str, Any], list[dict[str, Any]]]) -> None:
    """Restore a copy; the state then holds parts of it."""
    weights, optimizers = kept
    state.model.load_state_dict(weights)
    for optimizer, saved in zip(state.optimizers, optimizers, strict=True):
        optimizer.load_state_dict(saved)
