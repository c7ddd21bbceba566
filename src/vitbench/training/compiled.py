"""torch.compile, which is optional."""

import torch
from torch import nn

from vitbench.config.experiment import ExperimentSpec
from vitbench.errors import first_line, shortened
from vitbench.training.device import autocast, precision_of
from vitbench.training.memory import is_out_of_memory


class CannotCompileError(Exception):
    """A model cannot be compiled here; the message says why."""


def compile_for_training(model: nn.Module, spec: ExperimentSpec, num_images: int) -> nn.Module:
    """Compile a model for training steps; it shares the weights of the model.

    It is compiled at once, on zeros, so that a missing compiler is found before the first step.
    PyTorch caches compiled code on disk for later runs.

    Args:
        model: The model, on its device.
        spec: The experiment.
        num_images: Images per forward and backward pass.

    Raises:
        CannotCompileError: It cannot be compiled here.
        RuntimeError: There is not enough memory.
    """
    data, device = spec.data, next(model.parameters()).device
    zeros = torch.zeros(num_images, data.in_chans, data.img_size, data.img_size, device=device)
    torch.compiler.reset()  # after 8 input shapes torch.compile silently falls back to eager
    compiled: nn.Module = torch.compile(model)  # type: ignore[assignment]
    try:
        with autocast(precision_of(spec.train, device), device):
            logits = compiled(zeros)
        logits.float().sum().backward()
    except Exception as error:  # PyTorch's compilers and their tools raise many kinds
        if is_out_of_memory(error):
            raise
        raise CannotCompileError(shortened(first_line(error), 200)) from None
    finally:
        model.zero_grad()
    return compiled
