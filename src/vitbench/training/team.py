"""A batch in parts, each on a thread of its own.

PyTorch's own threads (OpenMP) meet after every operation, and spin while they wait. Beside any
other busy process one of them waits for a core while the rest spin, and a step becomes up to 25
times slower. Here each thread takes its part of a batch through the whole network, and the threads
meet once per step. docs/performance.md has what this gains.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from types import TracebackType
from typing import Self, TypeVar

import torch

LEAST_IMAGES = 8  # of a part: with fewer, the operations are too small to gain from a thread

Given = TypeVar("Given")
Made = TypeVar("Made")


class Team:
    """Threads that work on parts of a batch; within the block PyTorch has one thread in each.

    A team of one has as many threads of PyTorch's as the caller. It is a thread of its own all the
    same: a backward pass that ends in an error leaves its graph with its thread, and the memory is
    free again when that thread has ended.

    Args:
        num_threads: Threads.
        inline: Whether the caller does the work instead, as it must on a GPU.
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
            # After an error, what the threads hold must be free before a second try; Ctrl-C waits
            # for nothing.
            self.close(wait=issubclass(kind, Exception))

    def map(self, work: Callable[[Given], Made], parts: Iterable[Given]) -> Iterator[Made]:
        """What `work` makes of each part, in the order of the parts.

        Raises:
            Exception: What `work` raised; parts that no thread has begun are dropped.
        """
        if self._inline:
            yield from map(work, parts)
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(
                self.num_threads, "vitbench", _set_threads, (torch.get_num_threads(),)
            )
        left = iter(parts)
        # One more than there are threads: what is made early waits, and takes memory.
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
        """Let the threads end.

        Args:
            wait: Whether to wait for parts that are being worked on.
        """
        if self._pool is not None:
            self._pool.shutdown(wait=wait, cancel_futures=True)
            self._pool = None


def _set_threads(number: int) -> None:
    """Each thread has a number of OpenMP threads of its own; it is settled by being asked for."""
    torch.set_num_threads(number)
    torch.get_num_threads()


def team_for(device: torch.device, num_images: int) -> Team:
    """The team for work on so many images at a time; of one where more gain nothing.

    Args:
        device: Where the work is done; only a CPU gains.
        num_images: Images that are in memory at once.
    """
    if device.type != "cpu":
        return Team(inline=True)
    return Team(max(1, min(torch.get_num_threads(), num_images // LEAST_IMAGES)))
