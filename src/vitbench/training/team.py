"""A batch in parts, each in its own thread.

PyTorch's OpenMP threads synchronise after every operation, and spin while they wait. Beside another
busy process one of them waits for a core while the others spin, and a step becomes up to 25 times
slower. Here each thread takes its part of a batch through the whole network, and the threads
synchronise once per step. docs/performance.md has the measurements.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from types import TracebackType
from typing import Self, TypeVar

import torch

LEAST_IMAGES = 8  # per part: with fewer, operations are too small to profit from a thread

Given = TypeVar("Given")
Made = TypeVar("Made")


class Team:
    """Threads that work on parts of a batch; inside the `with` each has one PyTorch thread.

    A team of one has the caller's number of PyTorch threads, but is still a thread of its own: a
    backward pass that fails keeps its graph in its thread, and that memory is free when the thread
    ends.

    Args:
        num_threads: Threads.
        inline: Whether the caller does the work itself, as on a GPU.
    """

    def __init__(self, num_threads: int = 1, inline: bool = False) -> None:
        self.num_threads = num_threads
        self._inline = inline
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
            # After an error the threads' memory must be free before a second attempt; Ctrl-C does
            # not wait.
            self.close(wait=issubclass(kind, Exception))

    def map(self, work: Callable[[Given], Made], parts: Iterable[Given]) -> Iterator[Made]:
        """The results of `work` for each part, in the order of the parts.

        Raises:
            Exception: An exception of `work`; parts that were not started are dropped.
        """
        if self._inline:
            yield from map(work, parts)
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(
                self.num_threads, "vitbench", _set_threads, (torch.get_num_threads(),)
            )
        left = iter(parts)
        # One more than there are threads: results that wait take memory.
        begun = deque(self._pool.submit(work, part) for part in islice(left, self.num_threads + 1))
        try:
            while begun:
                made = begun.popleft().result()
                begun.extend(self._pool.submit(work, part) for part in islice(left, 1))
                yield made
        finally:
            for future in begun:
                future.cancel()

    def close(self, wait: bool = False) -> None:
        """Stop the threads.

        Args:
            wait: Whether to wait for parts in progress.
        """
        if self._pool is not None:
            self._pool.shutdown(wait=wait, cancel_futures=True)
            self._pool = None


def _set_threads(number: int) -> None:
    """Set the number of OpenMP threads of this thread; reading it makes it effective."""
    torch.set_num_threads(number)
    torch.get_num_threads()


def team_for(device: torch.device, num_images: int) -> Team:
    """The team for a number of images at a time; a team of one if more would not help.

    Args:
        device: The device; only a CPU profits.
        num_images: Images in memory at once.
    """
    if device.type != "cpu":
        return Team(inline=True)
    return Team(max(1, min(torch.get_num_threads(), num_images // LEAST_IMAGES)))
