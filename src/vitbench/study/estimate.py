"""How long trainings take on this machine, and when that deserves a warning."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vitbench.config.build import Tree, build_spec
from vitbench.config.presets import PRESETS, preset_fields
from vitbench.errors import OutOfMemoryError, UsageError

if TYPE_CHECKING:
    import torch

    from vitbench.config.experiment import ExperimentSpec

GPU_PRESETS = ("default", "document")
SMALLER = {"default": "cpu", "document": "cpu", "cpu-long": "cpu", "cpu": "smoke"}
DAY_S = 86_400
SLOW_CPU_FLOP_PER_S = 5e9  # below a day at this speed nothing is timed first
SLOW_GPU_FLOP_PER_S = 5e11


@dataclass(frozen=True)
class TimeEstimate:
    """The time of trainings on this machine.

    Attributes:
        seconds: Estimated seconds; 0 if nothing was timed or memory is too small.
        is_long: Whether a warning may be due.
    """

    seconds: float
    is_long: bool


def preset_matters(fields: Tree) -> bool:
    """Whether the preset changes anything beside the user's fields; beside a complete spec not."""
    with contextlib.suppress(UsageError):
        return build_spec(preset_fields("default"), fields) != build_spec(
            preset_fields("cpu"), fields
        )
    return True


def may_take_a_day(specs: "Sequence[ExperimentSpec]", device: "torch.device") -> bool:
    """Whether trainings are so large that a few steps should be timed first."""
    from vitbench.study.plan import run_flop

    slow = SLOW_CPU_FLOP_PER_S if device.type == "cpu" else SLOW_GPU_FLOP_PER_S
    return sum(map(run_flop, specs)) / slow >= DAY_S


def seconds_if_it_fits(specs: "Sequence[ExperimentSpec]", device: "torch.device") -> float:
    """The estimated time of trainings on this machine.

    Returns:
        Seconds; 0 if memory is too small for a step: the run itself reports that.
    """
    from vitbench.study.plan import seconds_for

    try:
        return seconds_for(specs, device)
    except OutOfMemoryError:
        return 0.0


def estimate_time(
    to_train: "Sequence[ExperimentSpec]",
    preset: str | None,
    device: "torch.device",
    data_dir: Path | None,
    always: bool,
) -> TimeEstimate:
    """Time a few steps if trainings may take long, or if the time is asked for.

    Args:
        to_train: The experiments.
        preset: Their preset; None if it changes nothing.
        device: Where they run.
        data_dir: Folder of the data set: missing data is reported before anything is timed.
        always: Whether the time is needed even if it is short, and no training follows.

    Raises:
        DataError: The data set is missing, and a training would follow.
    """
    is_long = bool(to_train) and (
        (preset is not None and is_slow_here(preset, device)) or may_take_a_day(to_train, device)
    )
    if is_long and not always:
        from vitbench.data.datasets import load_images

        load_images(to_train[0].data, "train", data_dir)
    return TimeEstimate(seconds_if_it_fits(to_train, device) if is_long or always else 0.0, is_long)


def is_slow_here(preset: str, device: "torch.device") -> bool:
    """Whether a preset is made for a GPU and the device is a CPU."""
    return preset in GPU_PRESETS and device.type == "cpu"


def smaller_presets(preset: str) -> list[str]:
    """Presets that take less time, the largest first."""
    smaller = []
    while preset in SMALLER:
        preset = SMALLER[preset]
        smaller.append(preset)
    return [name for name in smaller if name in PRESETS]
