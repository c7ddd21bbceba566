"""Dropout that draws from a given generator.

PyTorch's dropout draws from the default generator of a device. Threads that work on parts of a
batch would share it, and their draws would depend on their timing.
"""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional

_current = threading.local()


@contextmanager
def drawing_from(generator: torch.Generator | None) -> Iterator[None]:
    """Draw from a CPU generator in this thread; None: from the device's default generator."""
    before = current_generator()
    _current.generator = generator
    try:
        yield
    finally:
        _current.generator = before


def current_generator() -> torch.Generator | None:
    """The generator of `drawing_from` in this thread, if there is one."""
    generator: torch.Generator | None = getattr(_current, "generator", None)
    return generator


class Dropout(nn.Module):
    """Set values to zero at random (Srivastava et al., JMLR 15, 2014).

    Args:
        rate: Probability for each value; others are scaled by 1 / (1 - rate).
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, values: Tensor) -> Tensor:
        """Values of any shape, some set to zero; unchanged outside of training."""
        if not self.training or self.rate == 0:
            return values
        if torch.compiler.is_compiling() or (generator := current_generator()) is None:
            return functional.dropout(values, self.rate)
        kept = torch.empty_like(values).bernoulli_(1 - self.rate, generator=generator)
        return values * kept / (1 - self.rate)


def same_draws() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """Contexts for torch.utils.checkpoint: the second repeats the draws of the first."""
    generator = current_generator()
    state = None if generator is None else generator.get_state()
    return _as_it_is(), _drawing_again(state)


@contextmanager
def _as_it_is() -> Iterator[None]:
    yield


@contextmanager
def _drawing_again(state: Tensor | None) -> Iterator[None]:
    generator = current_generator()
    if generator is None or state is None:
        yield
        return
    now = generator.get_state()
    generator.set_state(state)
    try:
        yield
    finally:
        generator.set_state(now)
