"""Learning-rate schedules, one function each: pure functions of the step.

A schedule returns the factor of the peak learning rate after the warm-up, from the progress.
"""

import math

from vitbench.config.training import TrainingSpec
from vitbench.registry import SCHEDULES


def lr_factor(spec: TrainingSpec, step: int, steps_per_epoch: int) -> float:
    """Factor of the peak learning rate at a step.

    Args:
        spec: Epochs, warm-up and schedule.
        step: Steps before this one.
        steps_per_epoch: Steps per epoch.
    """
    total = spec.epochs * steps_per_epoch
    warmup = spec.warmup_fraction * total
    if step < warmup:
        return (step + 1) / (warmup + 1)
    schedule = SCHEDULES.get(spec.schedule.name)
    progress = (step - warmup) / max(total - warmup, 1)
    return float(schedule(progress, spec.epochs, **spec.schedule.options))


def cosine(progress: float, epochs: int, *, final: float = 0.0) -> float:  # noqa: ARG001
    """Half a cosine from 1 to `final` (SGDR without restarts, arXiv:1608.03983)."""
    return final + (1 - final) * 0.5 * (1 + math.cos(math.pi * progress))


def cosine_by_epoch(progress: float, epochs: int) -> float:
    """The cosine at the start of an epoch, for the whole epoch."""
    return cosine(math.floor(progress * epochs + 1e-9) / epochs, epochs)


def linear(progress: float, epochs: int, *, final: float = 0.0) -> float:  # noqa: ARG001
    """Linear decay from 1 to `final`."""
    return 1 - (1 - final) * progress


def constant(progress: float, epochs: int) -> float:  # noqa: ARG001
    """The peak learning rate throughout."""
    return 1.0
