"""Attention in parts against PyTorch's own, values and gradients."""

import pytest
import torch
from torch.nn import functional

from vitbench.model import cpu_attention as module
from vitbench.model.cpu_attention import cpu_attention


def drawn(*shape: int, scale: float = 1.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(sum(shape))
    return (scale * torch.randn(shape, generator=generator, dtype=torch.float64)).requires_grad_()


@pytest.mark.parametrize("at_once", [1, 400, 2**19], ids=["head by head", "4 of 6, then 2", "all"])
@pytest.mark.parametrize(
    ("queries", "channels", "of_values"),
    [(9, 5, 5), (1, 4, 4), (9, 3, 6), (9, 32, 32), (9, 32, 64)],
)
def test_attention_and_its_gradients_are_pytorchs(
    monkeypatch, at_once, queries, channels, of_values
) -> None:
    monkeypatch.setattr(module, "SCORES_AT_ONCE", at_once)  # the parts of a small example
    q, k = drawn(2, 3, queries, channels), drawn(2, 3, 9, channels)
    v = drawn(2, 3, 9, of_values)
    ours, theirs = cpu_attention(q, k, v), functional.scaled_dot_product_attention(q, k, v)
    upstream = torch.randn_like(ours)

    torch.testing.assert_close(ours, theirs, atol=1e-12, rtol=0)
    for a, b in zip(
        torch.autograd.grad(ours, (q, k, v), upstream),
        torch.autograd.grad(theirs, (q, k, v), upstream),
        strict=True,
    ):
        torch.testing.assert_close(a, b, atol=1e-12, rtol=0)


def test_large_scores_do_not_overflow(monkeypatch) -> None:
    monkeypatch.setattr(module, "SCORES_AT_ONCE", 1)
    q, k, v = (drawn(1, 2, 7, 4, scale=scale).float() for scale in (1e3, 1e3, 1.0))
    expected = functional.scaled_dot_product_attention(q, k, v)
    torch.testing.assert_close(cpu_attention(q, k, v), expected)


def test_a_large_batch_is_done_in_parts_without_room_for_all_scores() -> None:
    q, k, v = (torch.randn(64, 4, 65, 8, requires_grad=True) for _ in range(3))
    assert module.SCORES_AT_ONCE < 64 * 4 * 65 * 65
    kept = 0

    def count(tensor: torch.Tensor) -> torch.Tensor:
        nonlocal kept
        kept += tensor.numel()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
        cpu_attention(q, k, v)
    assert kept < 64 * 4 * 65 * 65  # q, k, v and the result, and a number a query
