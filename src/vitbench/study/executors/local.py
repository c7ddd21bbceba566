"""One run after the other, in this process."""

from collections.abc import Iterator, Sequence

import torch

from vitbench.runs.experiment import RunRequest
from vitbench.runs.schema import RunResult
from vitbench.study.attempt import attempt
from vitbench.study.events import RunListener
from vitbench.study.executors.executor import WaitForOthers, first_free
from vitbench.study.listener import guarded


class Local:
    """One run after the other, in this process.

    Args:
        jobs: Runs at once: 1.
        threads: Threads of a run; torch's own number by default.
    """

    def __init__(self, jobs: int = 1, threads: int | None = None) -> None:
        assert jobs == 1, "build_executor refuses more"
        self._threads = threads

    def execute(
        self, requests: Sequence[RunRequest], listen: RunListener
    ) -> Iterator[tuple[int, RunResult]]:
        """Run requests in their order; an error fails one run and no other."""
        if self._threads is not None:
            torch.set_num_threads(self._threads)
        listen = guarded(listen)
        remaining = dict(enumerate(requests))
        wait = WaitForOthers(listen)
        while remaining:
            index = first_free(remaining)
            if index is None:
                wait()
            else:
                yield index, attempt(remaining.pop(index), listen)

    def close(self) -> None:
        """There is nothing to end."""
