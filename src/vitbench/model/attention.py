"""Kinds of attention, one class each: a fast path, and one that also returns the weights.

To add one, write a class with `forward`, `weigh` and `signed`, and add its row in registry.py.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from vitbench.errors import UsageError
from vitbench.model.cpu_attention import cpu_attention
from vitbench.model.dropout import Dropout, current_generator
from vitbench.model.position import PositionSum


@dataclass(frozen=True)
class AttentionSettings:
    """What an attention kind needs to know of its block.

    Attributes:
        embed_dim: Channels D of a token.
        num_heads: Heads H; they divide D.
        layer: Number of the block, counted from 0; some kinds depend on it.
        qkv_bias: Whether queries, keys and values have a bias.
        attn_drop_rate: Dropout of the weights.
        drop_rate: Dropout of the output.
    """

    embed_dim: int
    num_heads: int
    layer: int
    qkv_bias: bool
    attn_drop_rate: float
    drop_rate: float


class SoftmaxAttention(nn.Module):
    """Softmax attention over all tokens (Vaswani et al., arXiv:1706.03762).

    Args:
        settings: Sizes, layer and dropout of the block.
    """

    signed = False  # whether weights may be negative
    value_products = 1  # products with values, to count FLOPs

    def __init__(self, settings: AttentionSettings) -> None:
        super().__init__()
        dim = settings.embed_dim
        self.num_heads = settings.num_heads
        self.qkv = nn.Linear(dim, 3 * dim, bias=settings.qkv_bias)
        self.proj = nn.Linear(dim, dim)
        self.attn_drop = Dropout(settings.attn_drop_rate)
        self.proj_drop = Dropout(settings.drop_rate)

    def forward(
        self, tokens: Tensor, position: PositionSum, num_queries: int | None = None
    ) -> Tensor:
        """Attention output (B, T, D) for tokens (B, T, D), or only for the first `num_queries`."""
        q, k, v = self.heads(tokens, position)
        bias = first_queries(position.bias(), num_queries)
        return self.join(self.attend(q[:, :, :num_queries], k, v, bias))

    def with_weights(self, tokens: Tensor, position: PositionSum) -> tuple[Tensor, Tensor]:
        """The output of `forward` (B, T, D), and the weights (B, H, T, T), queries by keys.

        Both are in the graph, so gradients with respect to the weights can be computed. There is no
        dropout of the weights.
        """
        q, k, v = self.heads(tokens, position)
        weights = self.weigh(q, k, position.bias())
        return self.join(weights @ v), weights

    def weigh(self, q: Tensor, k: Tensor, bias: Tensor | None) -> Tensor:
        """Weights (B, H, T, T) from queries and keys (B, H, T, D/H); rows sum to 1."""
        return softmax_weights(q, k, bias)

    def heads(self, tokens: Tensor, position: PositionSum) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, each (B, H, T, D/H)."""
        qkv = self.qkv(tokens).unflatten(-1, (3, self.num_heads, -1))  # (B, T, 3, H, D/H)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        q, k = position.rotate(q, k)
        return q, k, v

    def attend(self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None) -> Tensor:
        """Values (B, H, T, D/H) weighted by softmax(q k / sqrt(channels) + bias)."""
        drop_rate = self.attn_drop.rate * self.training
        if drop_rate and not torch.compiler.is_compiling() and current_generator() is not None:
            return self.attn_drop(softmax_weights(q, k, bias)) @ v
        if q.device.type == "cpu" and q.dtype == torch.float32 and bias is None and not drop_rate:
            return cpu_attention(q, k, v)
        return functional.scaled_dot_product_attention(q, k, v, attn_mask=bias, dropout_p=drop_rate)

    def join(self, attended: Tensor) -> Tensor:
        """Tokens (B, T, D) from the outputs of heads (B, H, T, D/H)."""
        return self.proj_drop(self.proj(attended.transpose(1, 2).flatten(2)))


class Differential(SoftmaxAttention):
    """Differential attention: one softmax minus lambda times another (Ye et al., arXiv:2410.05258).

    Queries and keys of a head are split in two halves, softmax(q1 k1) - lambda softmax(q2 k2)
    weighs its values, and its output is normalised and scaled by 1 - lambda_init. lambda is
    learned, exp(lambda_q1 . lambda_k1) - exp(lambda_q2 . lambda_k2) + lambda_init, one for all
    heads of a layer; lambda_init = 0.8 - 0.6 exp(-0.3 layer), layers counted from 0. The paper uses
    half as many heads of twice the width; here the number of heads is as given. Positions rotate a
    whole head, before it is split.

    Raises:
        UsageError: A head has an odd number of channels.
    """

    signed = True
    value_products = 2
    normalised = True

    def __init__(self, settings: AttentionSettings) -> None:
        super().__init__(settings)
        embed_dim, num_heads = settings.embed_dim, settings.num_heads
        channels = embed_dim // num_heads
        if channels % 2:
            raise UsageError(
                f"differential attention splits a head in two halves: embed_dim {embed_dim} / "
                f"num_heads {num_heads} = {channels} channels are odd"
            )
        self.lambda_init = self.initial_lambda(settings.layer)
        vectors = (nn.Parameter(self.initial_vector(channels)) for _ in range(4))
        self.lambda_q1, self.lambda_k1, self.lambda_q2, self.lambda_k2 = vectors
        self.norm = nn.RMSNorm(channels, eps=1e-5) if self.normalised else nn.Identity()
        self.scale = 1 - self.lambda_init if self.normalised else 1.0

    def forward(
        self, tokens: Tensor, position: PositionSum, num_queries: int | None = None
    ) -> Tensor:
        """Attention output (B, T, D) for tokens (B, T, D), or only for the first `num_queries`."""
        q, k, v = self.heads(tokens, position)
        q1, q2 = q[:, :, :num_queries].chunk(2, dim=-1)  # each (B, H, T, D/2H)
        k1, k2 = k.chunk(2, dim=-1)
        bias = first_queries(position.bias(), num_queries)
        return self.join(
            self.attend(q1, k1, v, bias) - self.lambda_() * self.attend(q2, k2, v, bias)
        )

    def weigh(self, q: Tensor, k: Tensor, bias: Tensor | None) -> Tensor:
        """Weights (B, H, T, T) from queries and keys (B, H, T, D/H); rows sum to 1 - lambda."""
        (q1, q2), (k1, k2) = q.chunk(2, dim=-1), k.chunk(2, dim=-1)
        return softmax_weights(q1, k1, bias) - self.lambda_() * softmax_weights(q2, k2, bias)

    def join(self, attended: Tensor) -> Tensor:
        """Tokens (B, T, D) from normalised and scaled outputs of heads (B, H, T, D/H)."""
        return super().join(self.norm(attended) * self.scale)

    @staticmethod
    def initial_lambda(layer: int) -> float:
        """lambda_init of a layer: from 0.2 in the first towards 0.8."""
        return 0.8 - 0.6 * math.exp(-0.3 * layer)

    @staticmethod
    def initial_vector(channels: int) -> Tensor:
        """One of the four vectors of lambda, with half the channels of a head."""
        return torch.randn(channels // 2) * 0.1

    @staticmethod
    def lambda_part(q: Tensor, k: Tensor) -> Tensor:
        """The term of a pair of vectors of lambda, a scalar."""
        return (q * k).sum().exp()  # not a matrix product, which autocast would round to bfloat16

    def lambda_(self) -> Tensor:
        """The factor of the second softmax, a scalar."""
        first = self.lambda_part(self.lambda_q1, self.lambda_k1)
        return first - self.lambda_part(self.lambda_q2, self.lambda_k2) + self.lambda_init


class DifferentialPublished(Differential):
    """The reference study's form of differential attention, which differs from the paper's.

    lambda is the mean over the channels of a head of exp(lambda_q1 lambda_k1) - exp(lambda_q2
    lambda_k2) + 0.8, in every layer; its vectors have all channels of a head and come from N(0, 1),
    so in half of all draws it starts outside 0.2 to 1.4. Scores are divided by the root of all
    channels of a head, and the output of a head is neither normalised nor scaled.
    """

    normalised = False

    def heads(self, tokens: Tensor, position: PositionSum) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values (B, H, T, D/H), scaled as for a whole head."""
        q, k, v = super().heads(tokens, position)
        return q / math.sqrt(2), k, v

    @staticmethod
    def initial_lambda(layer: int) -> float:  # noqa: ARG004
        """lambda_init, the same in every layer."""
        return 0.8

    @staticmethod
    def initial_vector(channels: int) -> Tensor:
        """One of the four vectors of lambda, with all channels of a head."""
        return torch.randn(channels)

    @staticmethod
    def lambda_part(q: Tensor, k: Tensor) -> Tensor:
        """The term of a pair of vectors of lambda, a scalar."""
        return (q * k).exp().mean()


def first_queries(bias: Tensor | None, num_queries: int | None) -> Tensor | None:
    """The rows of a bias (H, T, T) for the first queries."""
    return None if bias is None else bias[:, :num_queries]


def softmax_weights(q: Tensor, k: Tensor, bias: Tensor | None) -> Tensor:
    """Weights (B, H, T, T) from queries and keys (B, H, T, C); rows sum to 1."""
    scores = q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5
    return (scores if bias is None else scores + bias).softmax(dim=-1)
