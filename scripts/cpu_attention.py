"""Attention on a CPU: ours, PyTorch's fused one, and three plain operations, in turn.

    python scripts/cpu_attention.py

Forward and backward from one qkv tensor, eight heads, batch 128, at one thread and at all.
"""

import sys
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from vitbench.bench.rounds import Contestant, in_turn, ratio
from vitbench.model.attention import softmax_weights
from vitbench.model.cpu_attention import cpu_attention

BATCH, HEADS, ROUNDS = 128, 8, 11
SIZES = [(64, 65), (96, 17), (96, 65), (192, 17), (192, 65), (256, 65)]  # dim, tokens

Attend = Callable[[Tensor, Tensor, Tensor], Tensor]
WAYS: dict[str, Attend] = {
    "ours": cpu_attention,
    "fused": functional.scaled_dot_product_attention,
    "plain": lambda q, k, v: softmax_weights(q, k, None) @ v,
}


def contestant(attend: Attend, dim: int, tokens: int) -> Contestant:
    """Forward and backward with a way to attend."""
    qkv = torch.randn(BATCH, tokens, 3 * dim, requires_grad=True)
    upstream = torch.randn(BATCH, tokens, dim)

    def work() -> int:
        q, k, v = qkv.unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4).unbind(0)
        attended = attend(q, k, v).transpose(1, 2).flatten(2)
        torch.autograd.grad(attended, qkv, upstream)
        return 1

    return work


def main() -> int:
    """Run the script."""
    print("| threads | dim | tokens | ours, ms | fused, ms | plain, ms | ours against fused |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for threads in sorted({1, torch.get_num_threads()}):
        torch.set_num_threads(threads)
        for dim, tokens in SIZES:
            contestants = {name: contestant(way, dim, tokens) for name, way in WAYS.items()}
            timed = in_turn(contestants, ROUNDS, torch.device("cpu"))
            times = " | ".join(f"{1000 / timed[name].per_s:.1f}" for name in WAYS)
            gain = ratio(timed["ours"], timed["fused"])
            print(
                f"| {threads} | {dim} | {tokens} | {times} | "
                f"{gain.median:.2f} ({gain.low:.2f} to {gain.high:.2f}) |",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
