"""The number of parallel runs, and the threads of each."""

import contextlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from vitbench.errors import UsageError
from vitbench.runs.results import read_results
from vitbench.study.plan import StudyPlan

MOST_JOBS = 256
MEMORY_OF_A_JOB = 2 * 2**30  # bytes; a small model with batch size 128 needs about half
MEMINFO = Path("/proc/meminfo")


@dataclass(frozen=True)
class Jobs:
    """How a sweep divides a machine among its runs.

    Attributes:
        jobs: Parallel runs.
        threads: PyTorch threads of each.
    """

    jobs: int
    threads: int


def choose_jobs(
    asked: str, plans: Sequence[StudyPlan], num_runs: int, device: torch.device
) -> Jobs:
    """The jobs and threads for a value of `--jobs`.

    `auto` is one run at a time on a GPU. On a CPU it is one run per thread, as far as memory and
    the number of runs allow. If runs of these studies are recorded, their number of threads is
    used, because it changes the bits of a result.

    Args:
        asked: A number, or `auto`.
        plans: The studies.
        num_runs: Runs to train.
        device: Their device.

    Raises:
        UsageError: The value is neither a number nor auto.
    """
    all_threads = torch.get_num_threads()
    if asked != "auto":
        if not (asked.isascii() and asked.isdigit() and 1 <= int(asked[:9]) <= MOST_JOBS):
            raise UsageError(f"--jobs {asked!r}: give auto, or a number from 1 to {MOST_JOBS}")
        jobs = int(asked)
        return Jobs(jobs, max(1, all_threads // jobs))
    if device.type != "cpu":
        return Jobs(1, all_threads)
    recorded = _recorded_threads(plans)
    at_once = all_threads // (recorded or 1)
    jobs = max(1, min(at_once, num_runs, _free_memory() // MEMORY_OF_A_JOB))
    return Jobs(jobs, recorded or max(1, all_threads // jobs))


def _recorded_threads(plans: Sequence[StudyPlan]) -> int | None:
    """The number of threads of most recorded CPU runs."""
    counts: Counter[int] = Counter()
    for plan in plans:
        if plan.results_file.exists():
            runs = read_results(plan.results_file).runs
            counts.update(run.threads for run in runs if run.device == "cpu" and run.threads)
    return counts.most_common(1)[0][0] if counts else None


def _free_memory() -> int:
    """Bytes available to new processes; if unknown, more than they need."""
    with contextlib.suppress(OSError, ValueError):  # absent, or hidden in a sandbox
        for line in MEMINFO.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return MOST_JOBS * MEMORY_OF_A_JOB
