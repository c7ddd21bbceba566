"""Mlp, DropPath and Block: one pre-norm layer of the Transformer."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from vitbench.model.attention import SoftmaxAttention
from vitbench.model.dropout import Dropout, current_generator
from vitbench.model.position import PositionSum

NORM_EPS = 1e-6  # as in ViT and timm; PyTorch's default is 1e-5


class Mlp(nn.Module):
    """Two linear layers with a GELU between them.

    Args:
        embed_dim: Channels D of a token.
        mlp_dim: Channels inside.
        drop_rate: Dropout after each layer.
    """

    def __init__(self, embed_dim: int, mlp_dim: int, drop_rate: float) -> None:
        super().__init__()
        self.fc1 = nn.Linear(embed_dim, mlp_dim)
        self.fc2 = nn.Linear(mlp_dim, embed_dim)
        self.drop = Dropout(drop_rate)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens (B, T, D) to tokens, independently."""
        return self.drop(self.fc2(self.drop(functional.gelu(self.fc1(tokens)))))


class DropPath(nn.Module):
    """Drop a residual branch for some images of a batch (stochastic depth, arXiv:1603.09382).

    Args:
        rate: Probability to drop it; other branches are scaled by 1 / (1 - rate).
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, branch: Tensor) -> Tensor:
        """A branch (B, T, D), zero for some of the images."""
        if not self.training or self.rate == 0:
            return branch
        generator = None if torch.compiler.is_compiling() else current_generator()
        draws = torch.rand(len(branch), 1, 1, generator=generator, device=branch.device)
        keep = draws >= self.rate
        return branch * keep / (1 - self.rate)


class Block(nn.Module):
    """Attention, then an MLP, each on normalised tokens and added to them.

    Args:
        embed_dim: Channels D of a token.
        attn: The attention of this block.
        mlp_dim: Channels inside the MLP.
        drop_rate: Dropout of the MLP.
        drop_path_rate: Probability that an image skips a branch.
    """

    def __init__(
        self,
        embed_dim: int,
        attn: SoftmaxAttention,
        mlp_dim: int,
        drop_rate: float,
        drop_path_rate: float,
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(embed_dim, eps=NORM_EPS)
        self.attn = attn
        self.norm2 = nn.LayerNorm(embed_dim, eps=NORM_EPS)
        self.mlp = Mlp(embed_dim, mlp_dim, drop_rate)
        self.drop_path = DropPath(drop_path_rate)

    def forward(
        self, tokens: Tensor, position: PositionSum, num_tokens: int | None = None
    ) -> Tensor:
        """Tokens (B, T, D) to tokens, or only to the first `num_tokens`, which attend to all."""
        attended = self.attn(self.norm1(tokens), position, num_tokens)
        tokens = tokens[:, :num_tokens] + self.drop_path(attended)
        return tokens + self.drop_path(self.mlp(self.norm2(tokens)))

    def with_weights(self, tokens: Tensor, position: PositionSum) -> tuple[Tensor, Tensor]:
        """Tokens (B, T, D) to tokens, and the attention weights (B, H, T, T)."""
        attended, weights = self.attn.with_weights(self.norm1(tokens), position)
        tokens = tokens + self.drop_path(attended)
        return tokens + self.drop_path(self.mlp(self.norm2(tokens))), weights
