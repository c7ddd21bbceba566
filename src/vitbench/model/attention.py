"""Attention kinds, one registered class each: a fused fast path, and one that also gives its weights."""

from torch import Tensor, nn
from torch.nn import functional

from vitbench.model.position import PositionSum
from vitbench.registry import ATTENTIONS


@ATTENTIONS.register("softmax")
class Attention(nn.Module):
    """Softmax attention over all tokens (Vaswani et al., arXiv:1706.03762).

    Args:
        embed_dim: Channels D of a token.
        num_heads: Heads H; they divide D.
        layer: Number of the block, counted from 0; some kinds depend on it.
        qkv_bias: Whether queries, keys and values have a bias.
        attn_drop_rate: Dropout of the weights.
        drop_rate: Dropout of the output.
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        layer: int,  # noqa: ARG002
        qkv_bias: bool,
        attn_drop_rate: float,
        drop_rate: float,
    ) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.qkv = nn.Linear(embed_dim, 3 * embed_dim, bias=qkv_bias)
        self.proj = nn.Linear(embed_dim, embed_dim)
        self.attn_drop_rate = attn_drop_rate
        self.proj_drop = nn.Dropout(drop_rate)

    def forward(self, tokens: Tensor, position: PositionSum) -> Tensor:
        """Tokens (B, T, D) to what they attend to (B, T, D)."""
        q, k, v = self._heads(tokens, position)
        attended = functional.scaled_dot_product_attention(
            q, k, v, attn_mask=position.bias(), dropout_p=self.attn_drop_rate * self.training
        )  # (B, H, T, D/H)
        return self.proj_drop(self.proj(attended.transpose(1, 2).flatten(2)))

    def weights(self, tokens: Tensor, position: PositionSum) -> Tensor:
        """The weights (B, H, T, T) that `forward` gives the tokens; rows are queries and sum to 1."""
        q, k, _ = self._heads(tokens, position)
        scores = q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5
        bias = position.bias()
        return (scores if bias is None else scores + bias).softmax(dim=-1)

    def _heads(self, tokens: Tensor, position: PositionSum) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, each (B, H, T, D/H)."""
        qkv = self.qkv(tokens).unflatten(-1, (3, self.num_heads, -1))  # (B, T, 3, H, D/H)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        q, k = position.rotate(q, k)
        return q, k, v
