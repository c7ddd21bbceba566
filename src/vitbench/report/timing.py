"""How the times of a study were measured: times of rows can be compared only where it is the same.

Threads of a run, runs at once on the machine, and the device change the time of the same training.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from vitbench.report.numbers import listed
from vitbench.runs.schema import StudyRun

PLAIN = re.compile(r"[^A-Za-z0-9 .@/()-]+")  # a device's name in a cell must be no markup


def timing_words(runs: Mapping[str, Sequence[StudyRun]]) -> dict[str, str]:
    """How each variant's time was measured, by its key; empty where that is the same for all.

    Args:
        runs: Runs of each variant whose times are averaged.
    """
    timed = {key: [run for run in of_key if run.train_time_s] for key, of_key in runs.items()}
    everything = [run for of_key in timed.values() for run in of_key]
    differing = [said for said in _FACTS if len({said(run) for run in everything}) > 1]
    return {
        key: ", ".join(listed(sorted({said(run) for run in of_key})) for said in differing)
        for key, of_key in timed.items()
        if differing and of_key
    }


def concurrent_words(runs: Sequence[StudyRun]) -> list[str]:
    """Numbers of runs at once, each value once, of those that recorded it."""
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


def _at_once(run: StudyRun) -> str:
    if run.concurrent_runs is None:
        return "unknown number at once"
    return "alone" if run.concurrent_runs == 1 else f"{run.concurrent_runs} at once"


_FACTS: Sequence[Callable[[StudyRun], str]] = (_device, _threads, _at_once)
