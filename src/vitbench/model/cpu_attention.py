"""Softmax attention on a CPU, in matrix products whose scores fit in the cache.

PyTorch's fused attention gains little from a second thread when heads are as narrow as in small
models; docs/performance.md has the measurements.
"""

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

WIDE = 24  # channels per head, above which PyTorch's fused attention is as fast
SCORES_AT_ONCE = 2**19  # 2 MiB of scores; as many heads are computed together
LOG2_E = math.log2(math.e)


def cpu_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Values weighted by softmax(q k / sqrt(C)), as functional.scaled_dot_product_attention.

    Beyond SCORES_AT_ONCE weights are recomputed for the gradient (Dao et al., arXiv:2205.14135), so
    that no more are ever in memory.

    Args:
        q: Queries (B, H, Q, C).
        k: Keys (B, H, T, C).
        v: Values (B, H, T, V).

    Returns:
        (B, H, Q, V).
    """
    if q.shape[:3].numel() * k.shape[2] <= SCORES_AT_ONCE:
        return (q @ k.mT * q.shape[3] ** -0.5).softmax(dim=-1) @ v
    if v.shape[3] == q.shape[3] > WIDE:  # if they differ, PyTorch does not fuse
        return functional.scaled_dot_product_attention(q, k, v)
    heads = (x.reshape(-1, *x.shape[2:]) for x in (q, k, v))
    attended: Tensor = _Attention.apply(*heads)
    return attended.unflatten(0, q.shape[:2])


class _Attention(torch.autograd.Function):
    """The same for (B H, Q, C), (B H, T, C) and (B H, T, V).

    Scores are transposed, keys by queries, so that sums over keys run over rows, in whole vectors.
    Powers of 2 are used, which are faster, and the scale contains log2(e). The other factors are
    transposed too: a product (C, T) (T, Q) takes a quarter of the time of (Q, T) (T, C) when C is
    as small as 8.
    """

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        attended = q.new_empty(len(q), v.shape[2], q.shape[1])  # (B H, V, Q)
        log_sums = q.new_empty(len(q), 1, q.shape[1])
        scores, scale = _room_for_scores(q, k), q.shape[2] ** -0.5
        for part in _parts(q, scores):
            weights = scores[: len(q[part])]
            _scaled_product(k[part], q[part].mT, scale * LOG2_E, weights)
            most = weights.amax(dim=1, keepdim=True)
            weights.sub_(most).exp2_()
            sums = weights.sum(dim=1, keepdim=True)
            torch.bmm(v[part].mT, weights, out=attended[part]).div_(sums)
            torch.add(most, sums.log2_(), out=log_sums[part])
        ctx.save_for_backward(q, k, v, attended, log_sums)
        return attended.mT

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v, attended, log_sums = ctx.saved_tensors
        grad = grad.mT.contiguous()  # (B H, V, Q)
        # The weighted mean of a query's score gradients.
        mean = (grad * attended).sum(dim=1, keepdim=True)
        grad_q, grad_k, grad_v = (
            torch.empty_like(x.mT, memory_format=torch.contiguous_format) for x in (q, k, v)
        )
        scores, scale = _room_for_scores(q, k), q.shape[2] ** -0.5
        grad_scores = torch.empty_like(scores)
        for part in _parts(q, scores):
            weights, slopes = scores[: len(q[part])], grad_scores[: len(q[part])]
            _scaled_product(k[part], q[part].mT, scale * LOG2_E, weights)
            weights.sub_(log_sums[part]).exp2_()
            torch.bmm(grad[part], weights.mT, out=grad_v[part])
            torch.bmm(v[part], grad[part], out=slopes)
            slopes.sub_(mean[part]).mul_(weights)
            _scaled_product(k[part].mT, slopes, scale, grad_q[part])
            _scaled_product(q[part].mT, slopes.mT, scale, grad_k[part])
        return grad_q.mT, grad_k.mT, grad_v.mT


def _room_for_scores(q: Tensor, k: Tensor) -> Tensor:
    """Memory for the scores (heads, T, Q) of the heads that are computed together."""
    num_scores = k.shape[1] * q.shape[1]
    return q.new_empty(min(len(q), max(1, SCORES_AT_ONCE // num_scores)), k.shape[1], q.shape[1])


def _parts(q: Tensor, scores: Tensor) -> list[slice]:
    return [slice(start, start + len(scores)) for start in range(0, len(q), len(scores))]


def _scaled_product(a: Tensor, b: Tensor, scale: float, out: Tensor) -> None:
    torch.baddbmm(out, a, b, beta=0, alpha=scale, out=out)
