"""How cost grows: with images, tokens, width, depth, batch and runs, as fitted exponents."""

import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vitbench.bench.rounds import Contestant, Median, Timed, in_turn, median_of
from vitbench.bench.step import stepper
from vitbench.config.build import build_spec
from vitbench.config.experiment import ExperimentSpec
from vitbench.errors import VitbenchError
from vitbench.model.cost import forward_flop
from vitbench.model.vit import build_model
from vitbench.runs.experiment import RunOptions, RunRequest
from vitbench.study.executors.local import Local
from vitbench.training.fit import StepDone, begin, fit
from vitbench.training.speed import random_images


@dataclass(frozen=True)
class Growth:
    """How the time of something grows with one size.

    Attributes:
        of: What is timed.
        size: What grows, as `tokens`.
        values: The sizes.
        seconds: Time of each, median over rounds.
        exponent: b of time = a size^b, fitted in each round.
        count_exponent: The same of the work that is counted: nominal FLOPs, images or runs.
    """

    of: str
    size: str
    values: tuple[int, ...]
    seconds: tuple[float, ...]
    exponent: Median
    count_exponent: float


def bench_scaling(
    spec: ExperimentSpec, device: torch.device, rounds: int, quick: bool
) -> list[Growth]:
    """Time what grows, size by size.

    Args:
        spec: The experiment around which sizes grow, one at a time.
        device: Where to train.
        rounds: How often each is timed.
        quick: Whether to take three small sizes each, not four.
    """
    most = 3 if quick else 4
    head = spec.model.embed_dim // spec.model.num_heads  # heads grow in number, as in the studies
    side, batch = spec.data.img_size, spec.train.batch_size
    patches = [p for p in (side // 2, side // 4, side // 8, side // 16) if side % p == 0][:most]
    steps: dict[str, tuple[list[int], Callable[[int], Mapping[str, Any]]]] = {
        "tokens": (
            [(side // patch) ** 2 + spec.model.class_token for patch in patches],
            lambda tokens: {"model.patch_size": side // math.isqrt(tokens)},
        ),
        "width": (
            [4 * head * 2**k for k in range(most)],
            lambda dim: {"model.embed_dim": dim, "model.num_heads": dim // head},
        ),
        "depth": ([1, 2, 4, 8][:most], lambda depth: {"model.depth": depth}),
        "batch": ([16, 32, 64, 128][:most], lambda size: {"train.batch_size": size}),
    }
    grown = []
    for size, (values, fields) in steps.items():
        specs = [build_spec(spec.to_json(), dict(fields(value))) for value in values]
        works = [stepper(build_model(one).to(device), one, device, steps=1) for one in specs]
        flops = [forward_flop(one) * one.train.batch_size for one in specs]
        grown.append(_growth("a step", size, values, works, rounds, device, flops))
    images = [(1 if quick else 4) * batch * 2**k for k in range(most)]
    epochs = [_epoch(spec, number, device) for number in images]
    grown.append(_growth("an epoch", "images", images, epochs, rounds, device, images))
    with tempfile.TemporaryDirectory() as folder:
        runs = [2**k for k in range(most)]
        sweeps = [_runs(number, Path(folder), device) for number in runs]
        grown.append(_growth("a sweep of tiny runs", "runs", runs, sweeps, rounds, device, runs))
    return grown


def exponent(values: Sequence[float], costs: Sequence[float]) -> float:
    """The exponent b of costs = a values^b, by least squares of logarithms."""
    return float(np.polyfit(np.log(values), np.log(costs), 1)[0])


def _growth(
    of: str,
    size: str,
    values: Sequence[int],
    works: Sequence[Contestant],
    rounds: int,
    device: torch.device,
    counts: Sequence[int],
) -> Growth:
    timed = in_turn(dict(zip(map(str, values), works, strict=True)), rounds, device)
    times: list[Timed] = list(timed.values())
    by_round = zip(*(one.seconds for one in times), strict=True)
    return Growth(
        of,
        size,
        tuple(values),
        tuple(1 / one.per_s for one in times),
        median_of([exponent(values, seconds) for seconds in by_round]),
        exponent(values, counts),
    )


def _epoch(spec: ExperimentSpec, num_images: int, device: torch.device) -> Contestant:
    """An epoch of so many images, from a new model on; validation is left out."""
    train = random_images(spec, num_images, device)

    def work() -> int:
        for event in fit(begin(spec, device), spec, train, train):
            if isinstance(event, StepDone) and event.step == event.num_steps:
                return 1
        raise VitbenchError("the training that was measured diverged: lower its learning rate")

    return work


def _runs(number: int, folder: Path, device: torch.device) -> Contestant:
    """So many tiny runs on `shapes`, one after another, from nothing to their results."""
    fields = {
        "data.dataset": "shapes", "data.val_size": 500, "data.augmentation": "none",
        "model.embed_dim": 16, "model.depth": 1, "model.num_heads": 2, "model.patch_size": 8,
        "train.epochs": 1, "train.batch_size": 100,
    }  # fmt: skip
    spec = build_spec(fields)
    calls = 0

    def work() -> int:
        nonlocal calls
        calls += 1
        requests = [
            RunRequest(
                spec.with_seed(seed),
                folder / f"{number}-{calls}-{seed}",
                RunOptions(device=device.type),
            )
            for seed in range(number)
        ]
        for _, result in Local().execute(requests, lambda _event: None):
            if result.status != "done":
                raise VitbenchError(f"a run that was measured ended otherwise: {result.reason}")
        return 1

    return work
