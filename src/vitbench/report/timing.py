"""How the times of a study were measured: only times measured in the same way are comparable.

Threads, parallel runs and the device change the time of the same training.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from vitbench.report.numbers import listed
from vitbench.runs.schema import StudyRun

PLAIN = re.compile(r"[^A-Za-z0-9 .@/()-]+")  # the name of a device must not contain markup


def timing_words(runs: Mapping[str, Sequence[StudyRun]]) -> dict[str, str]:
    """How each variant's time was measured, by key; empty if it is the same for all.

    Args:
        runs: The averaged runs of each variant.
    """
    timed = {key: [run for run in runs[key] if run.train_time_s] for key in runs}
    all_timed = [run for key in timed for run in timed[key]]
    differing = [fact for fact in _FACTS if len({fact(run) for run in all_timed}) > 1]
    return {
        key: ", ".join(listed(sorted({fact(run) for run in timed[key]})) for fact in differing)
        for key in timed
        if differing and timed[key]
    }


def concurrent_words(runs: Sequence[StudyRun]) -> list[str]:
    """The numbers of parallel runs that are recorded, each value once."""
    numbers = {run.concurrent_runs for run in runs if run.concurrent_runs is not None}
    return [str(number) for number in sorted(numbers)]


def _device(run: StudyRun) -> str:
    name = PLAIN.sub(" ", run.device_name or run.device or "")
    return " ".join(name.split()) or "unknown device"


def _threads(run: StudyRun) -> str:
    if run.device != "cpu":
        return "on a GPU" if run.device else "unknown threads"
    if run.threads is None:
        return "unknown threads"
    return "1 thread" if run.threads == 1 else f"{run.threads} threads"


def _parallel(run: StudyRun) -> str:
    if run.concurrent_runs is None:
        return "unknown number in parallel"
    return "alone" if run.concurrent_runs == 1 else f"{run.concurrent_runs} in parallel"


_FACTS: Sequence[Callable[[StudyRun], str]] = (_device, _threads, _parallel)
