"""How much memory a training takes at most."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from vitbench.errors import OutOfMemoryError

STATUS = Path("/proc/self/status")


def reset_peak_memory(device: torch.device) -> None:
    """Count from here on, where the system can: runs of one process are then told apart."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return
    try:
        Path("/proc/self/clear_refs").write_text("5")  # Linux: the peak is now what is in use
    except OSError:
        return


def peak_memory_bytes(device: torch.device) -> int | None:
    """The most that was in use since: of a GPU PyTorch's tensors, else the whole process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if STATUS.exists():
        for line in STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


@contextmanager
def told_when_out() -> Iterator[None]:
    """Make one error, which says what to try, of all that say that memory was not enough.

    Raises:
        OutOfMemoryError: The block ended in one of them.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        ours = isinstance(error, MemoryError | torch.OutOfMemoryError)
        if ours or ("alloc" in str(error) and "memory" in str(error)):
            raise OutOfMemoryError(
                "out of memory: lower train.batch_size, or take larger patches or a smaller model"
            ) from None
        raise
