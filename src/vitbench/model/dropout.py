"""Dropout whose draws come from a generator of the caller's choice.

PyTorch's own draws from the one default generator of a device. Several threads that work on parts
of a batch would share it, and what each draws would depend on which is first.
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
    """In this thread, draw from a generator on the CPU; None: from the device's default one."""
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
        rate: Chance of each value; what stays is scaled by 1 / (1 - rate).
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, values: Tensor) -> Tensor:
        """Values of any shape, some of them zero; all unchanged outside of training."""
        if not self.training or self.rate == 0:
            return values
        if torch.compiler.is_compiling() or (generator := current_generator()) is None:
            return functional.dropout(values, self.rate)
        kept = torch.empty_like(values).bernoulli_(1 - self.rate, generator=generator)
        return values * kept / (1 - self.rate)


def same_draws() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """Contexts for torch.utils.checkpoint: what the first draws, the second draws again."""
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
