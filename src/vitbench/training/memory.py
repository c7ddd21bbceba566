"""How much memory a training takes at most."""

import sys
from pathlib import Path

import torch

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
