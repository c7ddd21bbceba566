"""Peak memory of a training, and ways to reduce it."""

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
    """Ways to train with less memory, with the same result up to rounding.

    Dropout and stochastic depth draw other numbers for parts than for a whole batch.

    Attributes:
        micro_batch: Images in memory at once; gradients of parts are accumulated. None for whole
            batches.
        recompute: Whether activations are recomputed in the backward pass instead of stored (Chen
            et al., arXiv:1604.06174), for a third more work.
    """

    micro_batch: int | None = None
    recompute: bool = False

    def at_once(self, batch_size: int) -> int:
        """Number of images of a batch in memory at once."""
        return min(self.micro_batch or batch_size, batch_size)

    def sizes(self, batch_size: int, num_threads: int = 1) -> list[int]:
        """Images of each part of a batch when several threads work on parts at the same time."""
        at_once = self.at_once(batch_size)
        # A whole batch is divided evenly; a smaller micro-batch is the limit for all threads
        # together.
        whole = at_once == batch_size
        most = math.ceil(at_once / num_threads) if whole else max(1, at_once // num_threads)
        rest = batch_size % most
        return [most] * (batch_size // most) + [rest] * (rest > 0)


WHOLE_BATCHES = MemorySaving()


def reset_peak_memory(device: torch.device) -> None:
    """Reset the peak, if the system can, to measure the runs of one process separately."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return
    try:
        # Linux: the peak becomes the present use.
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return


def peak_memory_bytes(device: torch.device) -> int | None:
    """Peak memory since then: PyTorch's tensors on a GPU, otherwise the whole process."""
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
    """Whether an error is an out-of-memory error."""
    ours = isinstance(error, MemoryError | torch.OutOfMemoryError)
    return ours or ("alloc" in str(error) and "memory" in str(error))


@contextmanager
def told_when_out() -> Iterator[None]:
    """Turn every out-of-memory error into one that says what to try.

    Raises:
        OutOfMemoryError: The block ran out of memory.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if is_out_of_memory(error):
            raise OutOfMemoryError(
                "out of memory: try --recompute, a smaller --micro-batch, larger patches or a "
                "smaller model"
            ) from None
        raise
