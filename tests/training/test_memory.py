"""The peak of memory is that of what ran since it was reset."""

import subprocess
import sys

import pytest

# In a process of its own: one that freed memory before may use it again without asking for more.
MEASURE = """
import torch
from vitbench.training.memory import peak_memory_bytes, reset_peak_memory
cpu = torch.device("cpu")
reset_peak_memory(cpu)
before = peak_memory_bytes(cpu)
used = torch.ones(200_000_000, dtype=torch.uint8)
with_it = peak_memory_bytes(cpu)
del used
reset_peak_memory(cpu)
print(before, with_it, peak_memory_bytes(cpu))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process goes on elsewhere")
def test_the_peak_holds_what_was_in_use_and_not_what_an_earlier_run_took() -> None:
    done = subprocess.run(
        [sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True
    )

    before, with_it, without = map(int, done.stdout.split())

    assert with_it - before > 150_000_000
    assert with_it - without > 150_000_000
