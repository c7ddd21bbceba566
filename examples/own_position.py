"""A positional embedding of one's own, without a change of the installed package.

    python own_position.py train --preset smoke --set model.pos_embed=ramp

The class is registered, then vitbench runs with the arguments that follow. Workers of
`sweep --jobs 2` import this file too, so they know it as well.
"""

import torch
from torch import Tensor, nn

from vitbench.cli.main import run
from vitbench.model.position import Position, TokenLayout
from vitbench.registry import POSITIONS


@POSITIONS.register("ramp", ranges={"std": (0, 100)})
class Ramp(Position):
    """A learned direction, longer from row to row."""

    def __init__(self, layout: TokenLayout, *, std: float = 0.02) -> None:
        super().__init__(layout)
        self.direction = nn.Parameter(torch.randn(layout.embed_dim) * std)

    def forward(self, tokens: Tensor) -> Tensor:
        """Add it to patch tokens (B, N, D), row by row."""
        rows, cols = self.layout.grid
        row = torch.arange(rows, device=tokens.device).repeat_interleave(cols)  # (N,)
        return tokens + row[:, None] * self.direction


if __name__ == "__main__":
    run()
