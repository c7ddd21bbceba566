"""The protocol of executors, and the choice of one."""

import time
from collections.abc import Iterator, Sequence
from typing import Protocol

import torch

from vitbench.errors import UsageError
from vitbench.registry import EXECUTORS
from vitbench.runs.experiment import Note, RunRequest
from vitbench.runs.folder import RunFolder
from vitbench.runs.schema import RunResult
from vitbench.study.events import RunListener

POLL_S = 1.0  # between two checks of a run that another process trains


class Executor(Protocol):
    """A way to run a plan."""

    def execute(
        self, requests: Sequence[RunRequest], listen: RunListener
    ) -> Iterator[tuple[int, RunResult]]:
        """Run requests; yield the index of each in the sequence, and its result, as runs finish.

        An error of the listener stops no run. A run that another process trains is not trained
        again: its result is read when it is complete, so two sweeps share the work.
        """

    def close(self) -> None:
        """End all processes of this executor."""


def build_executor(jobs: int, threads: int, name: str = "auto") -> Executor:
    """The executor of a sweep.

    Args:
        jobs: Runs at once.
        threads: Threads of each run.
        name: A name of EXECUTORS; `auto` is `local` for one run at a time with the threads of this
            process, and `processes` otherwise.

    Raises:
        UnknownNameError: There is no such executor.
        UsageError: The executor cannot train that many runs at once.
    """
    if name == "auto":
        name = "local" if jobs == 1 and threads == torch.get_num_threads() else "processes"
    if name == "local" and jobs > 1:
        raise UsageError(
            f"executor local trains one run at a time, not {jobs}: "
            "use --executor processes, or --jobs 1"
        )
    executor: Executor = EXECUTORS.get(name)(jobs=jobs, threads=threads)
    return executor


def first_free(remaining: dict[int, RunRequest]) -> int | None:
    """The first index of a run that no process trains."""
    return next((i for i in remaining if not RunFolder(remaining[i].folder).is_busy()), None)


class WaitForOthers:
    """Waits while other processes train the remaining runs, and says so once.

    Args:
        listen: Gets the note.
    """

    def __init__(self, listen: RunListener) -> None:
        self._listen = listen
        self._has_said_so = False

    def __call__(self) -> None:
        """Wait for a moment."""
        if not self._has_said_so:
            self._listen(Note("the remaining runs are trained by another process: waiting"))
            self._has_said_so = True
        time.sleep(POLL_S)
