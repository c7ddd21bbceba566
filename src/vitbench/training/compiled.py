"""torch.compile: an option, never a need."""

import torch
from torch import nn

from vitbench.config.experiment import ExperimentSpec
from vitbench.errors import first_line, shortened
from vitbench.training.device import autocast, precision_of
from vitbench.training.memory import is_out_of_memory


class CannotCompileError(Exception):
    """Why a model cannot be compiled here, in a line."""


def compile_for_training(model: nn.Module, spec: ExperimentSpec, num_images: int) -> nn.Module:
    """The model compiled for steps of an experiment; its weights are the model's own.

    It is compiled here and now, on zeros, so that a step is never the first to find out that this
    machine has no compiler. PyTorch keeps what it compiled on the disk, for the runs that follow.

    Args:
        model: The model, on its device.
        spec: The experiment.
        num_images: Images of one forward and backward pass.

    Raises:
        CannotCompileError: It cannot be compiled here.
        RuntimeError: There is not enough memory.
    """
    data, device = spec.data, next(model.parameters()).device
    zeros = torch.zeros(num_images, data.in_chans, data.img_size, data.img_size, device=device)
    torch.compiler.reset()  # of several shapes in a process PyTorch gives up the ninth in silence
    compiled: nn.Module = torch.compile(model)  # type: ignore[assignment]
    try:
        with autocast(precision_of(spec.train, device), device):
            logits = compiled(zeros)
        logits.float().sum().backward()
    except Exception as error:  # of PyTorch's compilers and of what they call, each has its own
        if is_out_of_memory(error):
            raise
        raise CannotCompileError(shortened(first_line(error), 200)) from None
    finally:
        model.zero_grad()
    return compiled
