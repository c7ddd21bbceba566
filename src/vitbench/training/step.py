"""One training step: a batch in parts, whose gradients are accumulated."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer

from vitbench.config.training import TrainingSpec
from vitbench.model.dropout import drawing_from
from vitbench.training.device import autocast, precision_of
from vitbench.training.team import Team


@dataclass(frozen=True)
class Parts:
    """How a batch is divided in parts, whose gradients are accumulated in order.

    Attributes:
        sizes: Images of each part.
        team: The threads that compute them.
        dropout: A dropout generator per part; empty: the device's default generator.
    """

    sizes: Sequence[int]
    team: Team
    dropout: Sequence[torch.Generator] = ()


def take_step(
    model: nn.Module,
    optimizers: Sequence[Optimizer],
    inputs: Tensor,
    labels: Tensor,
    recipe: TrainingSpec,
    parts: Parts | None = None,
) -> tuple[Tensor, Tensor]:
    """One training step, at the present learning rates of the optimisers.

    Args:
        model: Images to logits.
        optimizers: Its optimisers.
        inputs: Images (B, C, H, W), float32 and normalised.
        labels: Their classes (B,).
        recipe: Precision, label smoothing and clipping.
        parts: How the batch is divided; default: not divided.

    Returns:
        The loss, and the logits (B, classes) before the step.
    """
    parts = parts or Parts([len(labels)], Team(inline=True))
    precision = precision_of(recipe, inputs.device)
    weights = [weight for weight in model.parameters() if weight.requires_grad]

    def take_part(part: tuple[Tensor, Tensor, torch.Generator | None]) -> _PartDone:
        images, classes, generator = part
        with drawing_from(generator):  # the backward pass too, which may recompute blocks
            with autocast(precision, images.device):
                logits = model(images)
            loss = functional.cross_entropy(
                logits.float(), classes, label_smoothing=recipe.label_smoothing
            )
            # The mean of a batch is the sum of these shares.
            loss = loss * (len(classes) / len(labels))
            gradients = torch.autograd.grad(loss, weights, allow_unused=True)
        return _PartDone(loss.detach(), logits.detach(), _own_gradients(weights, gradients))

    model.zero_grad()
    images_of, classes_of = inputs.split(list(parts.sizes)), labels.split(list(parts.sizes))
    generators: list[torch.Generator | None] = [*parts.dropout] or [None] * len(parts.sizes)
    losses, answers = [], []
    for done in parts.team.map(take_part, zip(images_of, classes_of, generators, strict=True)):
        losses.append(done.loss)
        answers.append(done.logits)
        # In the order of the parts, not of the threads: the bits must not vary.
        _add_gradients(weights, done.gradients)
        del done  # its gradients, before the next part or the optimisers need memory
    if recipe.grad_clip is not None:
        nn.utils.clip_grad_norm_(weights, recipe.grad_clip)
    for optimizer in optimizers:
        optimizer.step()
    return torch.stack(losses).sum(), torch.cat(answers)


class _PartDone(NamedTuple):
    """The result of the forward and backward pass of a part."""

    loss: Tensor
    logits: Tensor
    gradients: list[Tensor | None]


def _own_gradients(
    weights: Sequence[Tensor], gradients: Sequence[Tensor | None]
) -> list[Tensor | None]:
    """Gradients as a backward pass stores them: each in its own memory.

    For a + b both get the same tensor, which clipping would scale twice. Each gets the strides of
    its weight, which fused optimisers rely on.
    """
    seen: set[int] = set()
    own: list[Tensor | None] = []
    for weight, gradient in zip(weights, gradients, strict=True):
        if gradient is not None:
            place = gradient.untyped_storage().data_ptr()
            if place in seen or gradient.stride() != weight.stride():
                gradient = torch.empty_like(weight).copy_(gradient)
            seen.add(place)
        own.append(gradient)
    return own


def _add_gradients(weights: Sequence[Tensor], gradients: Sequence[Tensor | None]) -> None:
    """Add gradients to those of the weights."""
    for weight, gradient in zip(weights, gradients, strict=True):
        if gradient is None:
            continue
        if weight.grad is None:
            weight.grad = gradient
        else:
            weight.grad += gradient
