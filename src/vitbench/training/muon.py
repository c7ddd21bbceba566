"""Muon, with all matrices of one shape orthogonalised at once: a ViT has one of each per block.

The same steps as `torch.optim.Muon`, which handles matrices one by one and always in bfloat16: with
six blocks a sixth of the kernel launches on a GPU.
"""

import math
from collections.abc import Iterable

import torch
from torch import Tensor
from torch.optim import Optimizer

# Coefficients of Jordan's quintic iteration: steep at 0, not exact at 1.
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
STEPS = 5


class Muon(Optimizer):
    """Momentum whose step is orthogonal (Jordan et al. 2024, kellerjordan.github.io/posts/muon).

    Args:
        params: Matrices.
        lr: Learning rate; scaled by sqrt(max(1, rows / cols)) for a matrix (rows, cols).
        weight_decay: Decoupled weight decay.
        momentum: Nesterov momentum.
    """

    def __init__(
        self, params: Iterable[Tensor], lr: float, weight_decay: float, momentum: float
    ) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """Take a step from the gradients."""
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[Tensor]] = {}
            for matrix in group["params"]:
                if matrix.grad is not None:
                    by_shape.setdefault(matrix.shape, []).append(matrix)
            for shape, matrices in by_shape.items():
                update = orthogonalised(self._momentum(matrices, group["momentum"]))
                torch._foreach_mul_(matrices, 1 - group["lr"] * group["weight_decay"])
                rate = group["lr"] * math.sqrt(max(1.0, shape[0] / shape[1]))
                torch._foreach_add_(matrices, list(update.to(matrices[0].dtype)), alpha=-rate)

    def _momentum(self, matrices: list[Tensor], momentum: float) -> Tensor:
        """Nesterov momentum of matrices of one shape, (M, rows, cols)."""
        gradients = [matrix.grad for matrix in matrices if matrix.grad is not None]
        buffers = []
        for matrix in matrices:
            if "momentum_buffer" not in self.state[matrix]:
                self.state[matrix]["momentum_buffer"] = torch.zeros_like(matrix)
            buffers.append(self.state[matrix]["momentum_buffer"])
        torch._foreach_lerp_(buffers, gradients, 1 - momentum)
        return torch.stack(torch._foreach_lerp(gradients, buffers, momentum))


def orthogonalised(matrices: Tensor) -> Tensor:
    """Matrices (M, rows, cols) with singular values moved near 1.

    Five steps of a quintic Newton-Schulz iteration, after which they are between about 0.7 and 1.2.
    It uses bfloat16, which is precise enough, but float32 on a CPU: many CPUs emulate bfloat16
    products, which takes up to seventeen times as long (docs/performance.md).
    """
    a, b, c = COEFFICIENTS
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.float() if matrices.device.type == "cpu" else matrices.bfloat16()
    x = x.mT if tall else x  # (M, short, long)
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    for _ in range(STEPS):
        gram = x @ x.mT  # (M, short, short)
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x
