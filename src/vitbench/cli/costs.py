"""The cost of a command on this machine, printed on stderr before it starts."""

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from vitbench.cli import console, options
from vitbench.config.build import Tree, build_spec
from vitbench.config.presets import AUTO, PRESETS, preset_fields
from vitbench.errors import OutOfMemoryError, UsageError

if TYPE_CHECKING:
    import torch

    from vitbench.config.experiment import ExperimentSpec

GPU_PRESETS = ("default", "document")
SMALLER = {"default": "cpu", "document": "cpu", "cpu-long": "cpu", "cpu": "smoke"}
DAY_S = 86_400
# Preset `cpu` takes about ten minutes on two cores (docs/recipes.md): quoted, not measured here.
TWO_CORES_FLOP_PER_S = 65e9
SLOW_CPU_FLOP_PER_S = 5e9  # below a day at this speed nothing is timed first
SLOW_GPU_FLOP_PER_S = 5e11


def say_auto_preset(
    asked: str, preset: str, device: str, specs: "Sequence[ExperimentSpec]"
) -> None:
    """Print which preset `auto` is here, what a run costs, and how to choose another.

    Args:
        asked: The preset on the command line; nothing is printed unless it is `auto`.
        preset: The preset that `auto` is here.
        device: The value of --device: auto, cpu, cuda or mps.
        specs: The experiments to train.
    """
    if asked != AUTO:
        return
    if preset == "cpu":
        why = "--device cpu" if device == "cpu" else "no GPU here"
        other = "--preset default for the full recipe"
    else:
        why = "GPU found"
        other = "--preset cpu for a small model"
    cost = f": {_cost_words(specs, preset)}" if specs else ""
    console.note(f"preset {preset} ({why}){cost}; {other}")


def preset_matters(asked: Tree) -> bool:
    """Whether the preset changes anything; beside a complete spec it does not."""
    with contextlib.suppress(UsageError):
        return build_spec(preset_fields("default"), asked) != build_spec(
            preset_fields("cpu"), asked
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


def is_slow_here(preset: str, device: "torch.device") -> bool:
    """Whether a preset is made for a GPU and the device is a CPU."""
    return preset in GPU_PRESETS and device.type == "cpu"


def warn_of_time(
    preset: str | None, seconds: float, device: "torch.device", less: Sequence[str] = ()
) -> None:
    """Warn of a day or more, or of a GPU's preset on a CPU, and suggest what takes less time.

    Args:
        preset: The preset; None if it changes nothing, as beside a complete spec.
        seconds: Estimated time of all runs.
        device: Where they run.
        less: Options that take less time, beside a smaller preset.
    """
    words = options.about(seconds)
    smaller = [] if preset is None else _smaller(preset)
    ways = [*(f"--preset {name}" for name in smaller), *less]
    if preset is not None and is_slow_here(preset, device):
        line = (
            f"preset {preset} is made for a GPU: {words} on this CPU; "
            "--preset cpu is made for this machine"
        )
        ways = ways[1:]
    elif seconds >= DAY_S:
        line = f"this takes {words} here"
    else:
        return
    if seconds >= DAY_S and ways:
        line += f"; to take less time: {', '.join(ways)}"
    console.note(line)


def _smaller(preset: str) -> list[str]:
    """Presets that take less time, the largest first."""
    smaller = []
    while preset in SMALLER:
        preset = SMALLER[preset]
        smaller.append(preset)
    return [name for name in smaller if name in PRESETS]


def _cost_words(specs: "Sequence[ExperimentSpec]", preset: str) -> str:
    """FLOPs of a run, and for the preset cpu the time on two cores."""
    from vitbench.model.cost import cost_of
    from vitbench.report.numbers import number_words

    flops = [cost_of(spec).train_flop for spec in specs]
    low, high = min(flops), max(flops)
    small, large = (number_words(flop / 1e12, 2) for flop in (low, high))
    each = " per run" if len(specs) > 1 else ""
    words = f"about {large} TFLOP{each}" if small == large else f"{small} to {large} TFLOP{each}"
    if preset != "cpu":
        return words
    times = [options.about(flop / TWO_CORES_FLOP_PER_S) for flop in (low, high)]
    time = times[0] if small == large else f"{times[0]} to {times[1].removeprefix('about ')}"
    return f"{words}, {time} on two cores"
