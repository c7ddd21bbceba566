"""A precision that is asked for is the one that is computed in."""

import pytest
import torch

from vitbench.config.training import TrainingSpec
from vitbench.training.device import autocast, precision_of

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize("device", [CPU, CUDA], ids=str)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_named_precision_is_that_on_every_device(precision, device) -> None:
    assert precision_of(TrainingSpec(precision=precision), device) == precision


def test_auto_is_fp32_on_a_cpu() -> None:
    assert precision_of(TrainingSpec(), CPU) == "fp32"


@pytest.mark.parametrize(
    ("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)]
)
def test_products_are_in_the_precision(precision, dtype) -> None:
    with autocast(precision, CPU):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype
