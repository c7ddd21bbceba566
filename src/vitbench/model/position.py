"""Positional embeddings, one class each.

A position can act in three ways. `forward` adds to the patch tokens, and `class_token` is added to
the class token; `rotate` changes queries and keys; `bias` is added to the attention scores. A class
overrides what it needs. A model may have several positions, which are added up.

To add one, write a class here and add its row in registry.py. It is then in specs, help, sweeps and
reports.
"""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from vitbench.config.choice import Choice
from vitbench.errors import UsageError
from vitbench.registry import POSITIONS


class TokenLayout(NamedTuple):
    """What a position must know about the tokens.

    Attributes:
        grid: Rows and columns of patches.
        embed_dim: Channels D of a token.
        num_heads: Attention heads H.
        class_token: Whether there is a class token before the patches.
    """

    grid: tuple[int, int]
    embed_dim: int
    num_heads: int
    class_token: bool

    @property
    def num_patches(self) -> int:
        """Patches N of an image."""
        return self.grid[0] * self.grid[1]


class Position(nn.Module):
    """No position: an image is a set of patches.

    Args:
        layout: Sizes of the tokens.
    """

    def __init__(self, layout: TokenLayout) -> None:
        super().__init__()
        self.layout = layout

    def forward(self, tokens: Tensor) -> Tensor:
        """Add positions to patch tokens (B, N, D), row by row."""
        return tokens

    def class_token(self) -> Tensor | None:
        """The vector that is added to the class token (D,), if any."""
        return None

    def rotate(self, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        """Change queries and keys (B, H, T, D / H), with the class token first."""
        return q, k

    def bias(self) -> Tensor | None:
        """The bias of the attention scores (H, T, T) before the softmax, if any."""
        return None


class Learned1d(Position):
    """A learned vector per token, including the class token (ViT, arXiv:2010.11929, equation 1).

    Args:
        layout: Sizes of the tokens.
        std: Standard deviation of the initial values.
    """

    def __init__(self, layout: TokenLayout, *, std: float = 0.02) -> None:
        super().__init__(layout)
        num_tokens = layout.num_patches + layout.class_token
        self.table = nn.Parameter(torch.randn(1, num_tokens, layout.embed_dim) * std)

    def forward(self, tokens: Tensor) -> Tensor:
        """Add a row of the table to each patch token (B, N, D)."""
        return tokens + self.table[:, -self.layout.num_patches :]

    def class_token(self) -> Tensor | None:
        """The first row of the table (D,), if there is a class token."""
        return self.table[0, 0] if self.layout.class_token else None


class Learned2d(Position):
    """A learned vector per row and per column, concatenated (ViT, arXiv:2010.11929, appendix D.4).

    Half of the channels encode the row, half the column: (rows + cols) * D / 2 parameters. The
    class token gets nothing.

    Args:
        layout: Sizes of the tokens.
        std: Standard deviation of the initial values.

    Raises:
        UsageError: embed_dim is odd.
    """

    def __init__(self, layout: TokenLayout, *, std: float = 0.02) -> None:
        super().__init__(layout)
        _check_divisible(layout.embed_dim, 2, "learned-2d", "two halves")
        rows, cols = layout.grid
        self.row = nn.Parameter(torch.randn(rows, 1, layout.embed_dim // 2) * std)
        self.col = nn.Parameter(torch.randn(1, cols, layout.embed_dim // 2) * std)

    def forward(self, tokens: Tensor) -> Tensor:
        """Add its row's and its column's vector to each patch token (B, N, D)."""
        rows, cols = self.layout.grid
        row = self.row.expand(rows, cols, -1)
        col = self.col.expand(rows, cols, -1)
        return tokens + torch.cat([row, col], dim=-1).flatten(0, 1)  # (N, D) to each image


class Sinusoidal(Position):
    """Fixed sines and cosines of the token number (Vaswani et al., arXiv:1706.03762).

    Channel 2i is sin(t / 10000^(2i / D)) and channel 2i + 1 the cosine. The class token is t = 0
    and the patches, row by row, are 1 to N; without a class token they are 0 to N - 1.

    Args:
        layout: Sizes of the tokens.

    Raises:
        UsageError: embed_dim is odd.
    """

    table: Tensor

    def __init__(self, layout: TokenLayout) -> None:
        super().__init__(layout)
        _check_divisible(layout.embed_dim, 2, "sinusoidal", "sines and cosines")
        number = torch.arange(layout.num_patches + layout.class_token)
        angles = _angles(number, layout.embed_dim)  # (T, D/2)
        table = torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)  # (T, D), alternating
        self.register_buffer("table", table, persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Add the sines and cosines of its number to each patch token (B, N, D)."""
        return tokens + self.table[-self.layout.num_patches :]

    def class_token(self) -> Tensor | None:
        """The sines and cosines of token 0 (D,), if that is the class token."""
        return self.table[0] if self.layout.class_token else None


class SinCos2d(Position):
    """Fixed sines and cosines of column and row, as in MAE (He et al., arXiv:2111.06377).

    MAE's `get_2d_sincos_pos_embed`: the first half of the channels encodes the column, the second
    the row, each with sines first, then cosines. The class token gets nothing (MAE: zeros).

    Args:
        layout: Sizes of the tokens.

    Raises:
        UsageError: embed_dim is not a multiple of 4.
    """

    table: Tensor

    def __init__(self, layout: TokenLayout) -> None:
        super().__init__(layout)
        _check_divisible(layout.embed_dim, 4, "sincos-2d", "sines and cosines of two axes")
        rows, cols = layout.grid
        row, col = torch.meshgrid(torch.arange(rows), torch.arange(cols), indexing="ij")
        halves = []
        for place in (col, row):
            angles = _angles(place.flatten(), layout.embed_dim // 2)  # (N, D/4)
            halves += [angles.sin(), angles.cos()]
        self.register_buffer("table", torch.cat(halves, dim=-1), persistent=False)  # (N, D)

    def forward(self, tokens: Tensor) -> Tensor:
        """Add the sines and cosines of its row and column to each patch token (B, N, D)."""
        return tokens + self.table


class PositionSum(nn.ModuleList):
    """Several positions at once: what they add, they add up; rotations follow one another.

    Args:
        positions: The positions.
    """

    def __init__(self, positions: Sequence[Position]) -> None:
        super().__init__(positions)

    def __iter__(self) -> Iterator[Position]:
        return cast(Iterator[Position], super().__iter__())

    def forward(self, tokens: Tensor) -> Tensor:
        """Add all positions to patch tokens (B, N, D)."""
        for position in self:
            tokens = position(tokens)
        return tokens

    def class_token(self) -> Tensor | None:
        """What all of them add to the class token (D,), if anything."""
        return _sum([position.class_token() for position in self])

    def rotate(self, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        """Turn queries and keys (B, H, T, D / H) by each in turn."""
        for position in self:
            q, k = position.rotate(q, k)
        return q, k

    def bias(self) -> Tensor | None:
        """What all of them add to the attention's scores (H, T, T), if anything."""
        return _sum([position.bias() for position in self])


def build_positions(choices: Sequence[Choice], layout: TokenLayout) -> PositionSum:
    """The positions of a spec."""
    return PositionSum([POSITIONS.get(choice.name)(layout, **choice.options) for choice in choices])


def _angles(place: Tensor, channels: int) -> Tensor:
    """Angles place / 10000^(2i / channels), i < channels / 2: (n,) to (n, channels / 2)."""
    exponent = torch.arange(0, channels, 2, dtype=torch.float64) / channels
    frequency = torch.exp(exponent * -math.log(10000.0))
    return (place.double()[:, None] * frequency).float()


def _sum(terms: Sequence[Tensor | None]) -> Tensor | None:
    given = [term for term in terms if term is not None]
    return torch.stack(given).sum(0) if given else None


def _check_divisible(embed_dim: int, parts: int, name: str, what: str) -> None:
    if embed_dim % parts:
        raise UsageError(
            f"position {name} splits embed_dim into {what}: {embed_dim} is not a multiple of "
            f"{parts}"
        )
