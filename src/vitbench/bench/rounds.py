"""Contestants timed in turn, so that what else the machine does falls on all alike."""

import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from scipy import stats

from vitbench.errors import VitbenchError

# What is done is done when this returns; the number of units (images, steps) it did.
Contestant = Callable[[], int]


@dataclass(frozen=True)
class Timed:
    """What a contestant took.

    Attributes:
        seconds: Seconds of a unit, in each round.
    """

    seconds: tuple[float, ...]

    @property
    def per_s(self) -> float:
        """Units in a second, median over rounds."""
        return 1 / statistics.median(self.seconds)


@dataclass(frozen=True)
class Median:
    """A median over rounds.

    Attributes:
        median: The median.
        low: Lower end of the median's interval.
        high: Upper end.
        confidence_pct: What the interval has: order statistics give no more than so many rounds do.
    """

    median: float
    low: float
    high: float
    confidence_pct: float


def in_turn(
    contestants: Mapping[str, Contestant], rounds: int, device: torch.device
) -> dict[str, Timed]:
    """Time each contestant in each round; who begins changes from round to round.

    Args:
        contestants: By name. Each is called once beforehand, untimed.
        rounds: How often each is timed.
        device: What they run on: a GPU is waited for.
    """
    for work in contestants.values():
        work()
    names = list(contestants)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            wait_for(device)
            started = time.perf_counter()
            units = contestants[name]()
            wait_for(device)
            seconds[name].append((time.perf_counter() - started) / units)
    return {name: Timed(tuple(taken)) for name, taken in seconds.items()}


def ratio(ours: Timed, theirs: Timed) -> Median:
    """How many times as fast ours is: rounds compared one by one."""
    return median_of([b / a for a, b in zip(ours.seconds, theirs.seconds, strict=True)])


def median_of(rounds: Sequence[float]) -> Median:
    """The median of what rounds gave, with its interval.

    The interval is of order statistics (as in scipy.stats.quantile_test): it asks nothing of how
    they are distributed. Of five rounds the widest has 93.75 % confidence, of six 96.9 %.
    """
    ordered = sorted(rounds)
    num = len(ordered)
    # The narrowest symmetric interval of 95 %, or the whole range where none has so much.
    cut = max((k for k in range(num // 2) if _confidence(num, k) >= 0.95), default=0)
    return Median(
        statistics.median(ordered), ordered[cut], ordered[-1 - cut], 100 * _confidence(num, cut)
    )


def _confidence(num: int, cut: int) -> float:
    """That the median lies between the values left of `num` when `cut` are cut off each side."""
    return float(1 - 2 * stats.binom.cdf(cut, num, 0.5))


def output_of(command: Sequence[str], folder: Path | None = None) -> str:
    """What a command writes to stdout.

    Raises:
        VitbenchError: It fails.
    """
    done = subprocess.run(
        command, cwd=folder, capture_output=True, encoding="utf-8", errors="replace", check=False
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["nothing on stderr"])[-1]
        raise VitbenchError(f"a process that was measured failed ({done.returncode}): {last}")
    return done.stdout


def wait_for(device: torch.device) -> None:
    """Wait until a GPU has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def products_flop_per_s(device: torch.device, precision: str, size: int = 2048) -> float:
    """The machine's peak as one square matrix product reaches it, median of seven.

    Args:
        device: Where.
        precision: fp32 or bf16.
        size: Rows of the matrices.
    """
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    a, b = (torch.randn(size, size, dtype=dtype, device=device) for _ in range(2))
    repeats = 1 if device.type == "cpu" else 50

    def products() -> int:
        for _ in range(repeats):
            torch.mm(a, b)
        return repeats

    return 2 * size**3 * in_turn({"products": products}, 7, device)["products"].per_s
