"""How much memory a training takes at most, and what makes it less."""

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from vitbench.errors import OutOfMemoryError

STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class MemorySaving:
    """Ways to train in less memory. What is trained stays the same, but for rounding.

    Dropout and stochastic depth draw other numbers for parts than for a whole batch.

    Attributes:
        micro_batch: Images in memory at once; the gradients of such parts are added up to those
            of a batch. None for whole batches.
        recompute: Whether a block's inner values are computed anew in the backward pass instead of
            kept (Chen et al., arXiv:1604.06174), for a third more work.
    """

    micro_batch: int | None = None
    recompute: bool = False

    def at_once(self, batch_size: int) -> int:
        """How many images of a batch are in memory at once."""
        return min(self.micro_batch or batch_size, batch_size)

    def sizes(self, batch_size: int, num_threads: int = 1) -> list[int]:
        """Images of each part of a batch, where so many parts are worked on at the same time."""
        at_once = self.at_once(batch_size)
        # Of a whole batch nothing is left over; of less, all threads together take no more.
        whole = at_once == batch_size
        most = math.ceil(at_once / num_threads) if whole else max(1, at_once // num_threads)
        rest = batch_size % most
        return [most] * (batch_size // most) + [rest] * (rest > 0)


WHOLE_BATCHES = MemorySaving()


def reset_peak_memory(device: torch.device) -> None:
    """Count from here on, where the system can: runs of one process are then told apart."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return
    try:
        # Linux: the peak is now what is in use.
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return


def peak_memory_bytes(device: torch.device) -> int | None:
    """The most that was in use since: of a GPU PyTorch's tensors, else the whole process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if STATUS.exists():
        for line in STATUS.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error says that memory was not enough."""
    ours = isinstance(error, MemoryError | torch.OutOfMemoryError)
    return ours or ("alloc" in str(error) and "memory" in str(error))


@contextmanager
def told_when_out() -> Iterator[None]:
    """Make one error, which says what to try, of all that say that memory was not enough.

    Raises:
        OutOfMemoryError: The block ended in one of them.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if is_out_of_memory(error):
            raise OutOfMemoryError(
                "out of memory: take --recompute, a smaller --micro-batch, larger patches or a "
                "smaller model"
            ) from None
        raise
