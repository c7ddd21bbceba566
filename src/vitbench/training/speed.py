"""The training speed of this machine: a few timed steps."""

import time

import torch

from vitbench.config.experiment import ExperimentSpec
from vitbench.data.image_set import ImageSet
from vitbench.model.cost import forward_flop
from vitbench.training.fit import StepDone, begin, fit
from vitbench.training.memory import told_when_out
from vitbench.training.team import LEAST_IMAGES

TIMED_STEPS = 3
MOST_IMAGES = 64  # per timed step: enough to fill a CPU, few enough to be quick


def measured_flop_per_s(spec: ExperimentSpec, device: torch.device) -> float:
    """FLOPs per second of training steps on random images, without the first step.

    Args:
        spec: The experiment; its batch is limited to 64 images, or what all threads need.
        device: The device.

    Raises:
        OutOfMemoryError: There is not enough memory for a step.
    """
    with told_when_out():
        return _flop_per_s(spec, device)


def _flop_per_s(spec: ExperimentSpec, device: torch.device) -> float:
    most = max(MOST_IMAGES, LEAST_IMAGES * torch.get_num_threads())  # work for every thread
    batch = min(spec.train.batch_size, most)
    short = spec.train.model_copy(update={"batch_size": batch, "epochs": 1})
    noise = random_images(spec, batch * (TIMED_STEPS + 1), device)
    started = time.perf_counter()
    steps = fit(begin(spec, device), spec.model_copy(update={"train": short}), noise, noise)
    for event in steps:
        if not isinstance(event, StepDone):
            break
        if event.step == 1:
            _finish(device)
            started = time.perf_counter()
        if event.step == event.num_steps:
            break
    _finish(device)
    seconds = time.perf_counter() - started
    return 3 * forward_flop(spec) * batch * TIMED_STEPS / seconds


def random_images(spec: ExperimentSpec, num_images: int, device: torch.device) -> ImageSet:
    """Random images with the size of a spec's data set."""
    data = spec.data
    shape = (num_images, data.in_chans, data.img_size, data.img_size)
    return ImageSet(
        torch.randint(256, shape, dtype=torch.uint8),
        torch.randint(data.num_classes, (num_images,)),
        tuple(map(str, range(data.num_classes))),
        mean=(0.5,) * data.in_chans,
        std=(0.25,) * data.in_chans,
    ).to(device)


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
