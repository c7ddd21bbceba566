"""A batch in parts, each on a thread of its own.

PyTorch's own threads (OpenMP) meet after every operation, and spin while they wait. Beside any
other busy process one of them waits for a core while the rest spin, and a step becomes up to 25
times slower. Here each thread takes its part of a batch through the whole network, and the threads
meet once per step. docs/performance.md has what this gains.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar

import torch

LEAST_IMAGES = 8  # of a part: with fewer, the operations are too small to gain from a thread

Given = TypeVar("Given")
Made = TypeVar("Made")


class Team:
    """Threads that work on parts of a batch; within the block PyTorch has one thread in each.

    A team of one does nothing of the kind: the work is done by the caller, with as many threads as
    PyTorch has.

    Args:
        num_threads: Threads.
    """

    def __init__(self, num_threads: int) -> None:
        self.num_threads = num_threads
        self._pool: ThreadPoolExecutor | None = None
        self._threads_before = num_threads

    def __enter__(self) -> Self:
        if self.num_threads > 1:
            self._threads_before = torch.get_num_threads()
            torch.set_num_threads(1)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if self.num_threads > 1:
            torch.set_num_threads(self._threads_before)
            if kind is not None:
                self.close()

    def map(self, work: Callable[[Given], Made], parts: Iterable[Given]) -> Iterator[Made]:
        """What `work` makes of each part, in the order of the parts.

        Raises:
            Exception: What `work` raised; parts that no thread has begun are dropped.
        """
        if self.num_threads == 1:
            return map(work, parts)
        if self._pool is None:
            # Each thread has its own number of OpenMP threads, so each must set it.
            self._pool = ThreadPoolExecutor(
                self.num_threads, "vitbench", initializer=torch.set_num_threads, initargs=(1,)
            )
        return self._pool.map(work, parts)

    def close(self) -> None:
        """Let the threads end; a part that is being worked on is not waited for."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None


def team_for(device: torch.device, num_images: int) -> Team:
    """The team for work on so many images at a time; of one where a team gains nothing.

    Args:
        device: Where the work is done; only a CPU gains.
        num_images: Images that are in memory at once.
    """
    if device.type != "cpu":
        return Team(1)
    return Team(max(1, min(torch.get_num_threads(), num_images // LEAST_IMAGES)))
