"""What an epoch costs beyond its bare steps: order, augmentation, rates, counting, events."""

import torch

from vitbench.bench.rounds import Contestant, Median, in_turn, ratio
from vitbench.bench.step import stepper
from vitbench.config.experiment import ExperimentSpec
from vitbench.errors import VitbenchError
from vitbench.model.vit import build_model
from vitbench.training.fit import begin, fit
from vitbench.training.history import EpochRecord
from vitbench.training.speed import random_images

MANY = 1_000_000  # epochs: more than will be taken


def bench_epoch(spec: ExperimentSpec, device: torch.device, rounds: int, steps: int) -> Median:
    """How many times as long as bare steps the steps of an epoch take, validation left out.

    Args:
        spec: The experiment, its own augmentation and optimiser.
        device: Where to train.
        rounds: How often each is timed.
        steps: Steps of an epoch.
    """
    bare = stepper(build_model(spec).to(device), spec, device, steps)
    timed = in_turn({"bare": bare, "epoch": _epochs(spec, device, steps)}, rounds, device)
    return ratio(timed["bare"], timed["epoch"])


def _epochs(spec: ExperimentSpec, device: torch.device, steps: int) -> Contestant:
    """What trains an epoch, as `vitbench train` does, each time it is called."""
    train = random_images(spec, steps * spec.train.batch_size, device)
    one = train.subset(torch.zeros(1, dtype=torch.long))  # to validate on: as good as nothing
    many = spec.train.model_copy(update={"epochs": MANY})
    endless = spec.model_copy(update={"train": many})
    events = fit(begin(endless, device), endless, train, one)

    def work() -> int:
        for event in events:
            if isinstance(event, EpochRecord):
                return steps
        raise VitbenchError("the training that was measured diverged: lower its learning rate")

    return work
