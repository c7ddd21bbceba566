"""The device and precision of a training, and their names."""

import platform
from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import version
from pathlib import Path

import torch

import vitbench
from vitbench.config.allowed import DEVICES
from vitbench.config.training import TrainingSpec
from vitbench.errors import UsageError


def pick_device(name: str) -> torch.device:
    """The device with a name; `auto` is CUDA, else MPS, else the CPU.

    Raises:
        UsageError: This machine has no such device.
    """
    here = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(device for device, available in here.items() if available)
    if name not in here:
        raise UsageError(f"unknown device {name!r}: choose from {', '.join(DEVICES)}")
    if not here[name]:
        available = ", ".join(device for device, there in here.items() if there)
        raise UsageError(
            f"--device {name}: PyTorch finds no such device; available: {available}, auto"
        )
    return torch.device(name)


def device_name(device: torch.device) -> str:
    """Device model name, if known."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def precision_of(spec: TrainingSpec, device: torch.device) -> str:
    """`fp32` or `bf16`, also for `auto` on a device."""
    if spec.precision != "auto":
        return spec.precision
    return "bf16" if device.type == "cuda" and torch.cuda.is_bf16_supported() else "fp32"


def autocast(precision: str, device: torch.device) -> AbstractContextManager[object]:
    """The context in which a forward pass runs in a precision."""
    if precision == "fp32":
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


def versions() -> dict[str, str]:
    """Versions of the libraries that a result depends on."""
    return {
        "vitbench": vitbench.__version__,
        "torch": str(torch.__version__),
        "torchvision": version("torchvision"),  # importing it takes as long as torch
        "python": platform.python_version(),
    }
