"""The cost of a command on this machine, printed on stderr before it starts."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vitbench.cli import console, options
from vitbench.config.presets import AUTO
from vitbench.study.estimate import DAY_S, is_slow_here, smaller_presets

if TYPE_CHECKING:
    import torch

    from vitbench.config.experiment import ExperimentSpec

# Preset `cpu` takes about ten minutes on two cores (docs/recipes.md): quoted, not measured here.
TWO_CORES_FLOP_PER_S = 65e9


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


def warn_of_time(
    preset: str | None, seconds: float, device: "torch.device", less: Sequence[str] = ()
) -> None:
    """Warn of a day or more, or of a GPU's preset on a CPU, and suggest what takes less time.

    Args:
        preset: The preset; None if it changes nothing, as beside a complete spec.
        seconds: Estimated time of all runs; 0 if unknown.
        device: Where they run.
        less: Options that take less time, beside a smaller preset.
    """
    if not seconds:
        return
    words = options.about(seconds)
    smaller = [] if preset is None else smaller_presets(preset)
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
