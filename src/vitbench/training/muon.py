"""Muon with all matrices of a shape orthogonalised at once: a ViT has one of each in every block.

The same steps as `torch.optim.Muon`, which takes the matrices one by one, in bfloat16 everywhere: a
sixth of its kernel launches on a GPU with six blocks.
"""

import math
from collections.abc import Iterable

import torch
from torch import Tensor
from torch.optim import Optimizer

# Of the quintic iteration, by Jordan: steep at 0, and not exact at 1.
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
STEPS = 5


class Muon(Optimizer):
    """Momentum whose step is orthogonal (Jordan et al. 2024, kellerjordan.github.io/posts/muon).

    Args:
        params: Matrices.
        lr: Learning rate; a matrix (rows, cols) takes it times sqrt(max(1, rows / cols)).
        weight_decay: Decoupled weight decay.
        momentum: Of Nesterov's momentum.
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
        """Nesterov's momentum of matrices of one shape, (M, rows, cols)."""
        gradients = [matrix.grad for matrix in matrices if matrix.grad is not None]
        buffers = []
        for matrix in matrices:
            if "momentum_buffer" not in self.state[matrix]:
                self.state[matrix]["momentum_buffer"] = torch.zeros_like(matrix)
            buffers.append(self.state[matrix]["momentum_buffer"])
        torch._foreach_lerp_(buffers, gradients, 1 - momentum)
        return torch.stack(torch._foreach_lerp(gradients, buffers, momentum))


def orthogonalised(matrices: Tensor) -> Tensor:
    """Matrices (M, rows, cols) with their singular values brought near 1.

    Five steps of a quintic Newton-Schulz iteration: values end between about 0.7 and 1.2. In
    bfloat16, which is enough for it, but in float32 on a CPU: many have no products of bfloat16,
    and make up for it in some seventeen times the time (docs/performance.md).
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
