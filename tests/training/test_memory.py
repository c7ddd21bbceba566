"""The peak of memory is that of what ran since it was reset."""

import sys

import pytest
import torch

from vitbench.training.memory import peak_memory_bytes, reset_peak_memory

CPU = torch.device("cpu")
MEGABYTE = 1_000_000


def test_the_peak_holds_what_was_in_use() -> None:
    reset_peak_memory(CPU)
    before = peak_memory_bytes(CPU)

    used = torch.ones(50 * MEGABYTE, dtype=torch.uint8)

    after = peak_memory_bytes(CPU)
    assert before is not None
    assert after is not None
    assert after - before > 0.9 * len(used)


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process goes on elsewhere")
def test_a_later_run_is_not_charged_for_an_earlier_one() -> None:
    used = torch.ones(200 * MEGABYTE, dtype=torch.uint8)
    with_it = peak_memory_bytes(CPU)
    del used

    reset_peak_memory(CPU)

    without = peak_memory_bytes(CPU)
    assert with_it is not None
    assert without is not None
    assert with_it - without > 150 * MEGABYTE
