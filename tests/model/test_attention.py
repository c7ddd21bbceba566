"""Attention kinds: the weights are those of the fast path, and the formulas the papers'."""

import math

import pytest
import timm.models.vision_transformer
import torch

from vitbench.config.build import build_spec
from vitbench.errors import UsageError
from vitbench.model.attention import AttentionSettings
from vitbench.model.position import Position, PositionSum, TokenLayout, build_positions
from vitbench.model.vit import build_model
from vitbench.registry import ATTENTIONS

TOKENS = torch.randn(2, 5, 16, generator=torch.Generator().manual_seed(0))
LAYOUT = TokenLayout((2, 2), embed_dim=16, num_heads=4, class_token=True)
NOWHERE = build_positions([], LAYOUT)


class Biased(Position):
    """A bias, other for each head, query and key."""

    def bias(self):
        return torch.randn(4, 5, 5, generator=torch.Generator().manual_seed(1))


class Turned(Position):
    """A turn of channel pairs by the token's number, as rotary positions do."""

    def rotate(self, q, k):
        angle = torch.arange(5.0)[:, None]

        def turn(x):
            even, odd = x[..., 0::2], x[..., 1::2]
            turned = even * angle.cos() - odd * angle.sin(), even * angle.sin() + odd * angle.cos()
            return torch.stack(turned, dim=-1).flatten(-2)

        return turn(q), turn(k)


POSITIONS = {
    "bare": NOWHERE,
    "bias": PositionSum([Biased(LAYOUT)]),
    "rotate": PositionSum([Turned(LAYOUT)]),
}


def attention(kind: str, layer: int = 2):
    torch.manual_seed(3)
    return ATTENTIONS.get(kind)(AttentionSettings(16, 4, layer, True, 0.0, 0.0))


@pytest.mark.parametrize("position", POSITIONS.values(), ids=POSITIONS)
@pytest.mark.parametrize("kind", ATTENTIONS.names())
def test_the_weights_are_those_of_the_fast_path(kind, position) -> None:
    layer = attention(kind)

    with torch.no_grad():
        expected = layer(TOKENS, position)
        made, weights = layer.with_weights(TOKENS, position)
        torch.testing.assert_close(made, expected, atol=1e-5, rtol=1e-5)
        _, _, v = layer.heads(TOKENS, position)
        torch.testing.assert_close(layer.join(weights @ v), expected, atol=1e-5, rtol=1e-5)


def test_softmax_attention_is_timms_with_the_same_weights() -> None:
    ours = attention("softmax")
    theirs = timm.models.vision_transformer.Attention(16, num_heads=4, qkv_bias=True)
    theirs.load_state_dict(ours.state_dict())

    torch.testing.assert_close(ours(TOKENS, NOWHERE), theirs(TOKENS), atol=1e-6, rtol=0)


def differential_heads(layer, lam, root):
    """Each head's output (2, 5, 4), its channels' halves scored apart and divided by a root."""
    q, k, v = layer.qkv(TOKENS).split(16, dim=-1)
    for head in range(4):
        halves = slice(4 * head, 4 * head + 2), slice(4 * head + 2, 4 * head + 4)
        scores = [q[..., s] @ k[..., s].transpose(1, 2) / root for s in halves]
        weights = scores[0].softmax(-1) - lam * scores[1].softmax(-1)
        yield weights @ v[..., 4 * head : 4 * head + 4]


@torch.no_grad()
def test_differential_attention_is_the_papers_formula_head_by_head() -> None:
    layer = attention("differential")
    lambda_init = 0.8 - 0.6 * math.exp(-0.3 * 2)
    first = math.exp((layer.lambda_q1 * layer.lambda_k1).sum())
    lam = first - math.exp((layer.lambda_q2 * layer.lambda_k2).sum()) + lambda_init

    heads = [
        out / (out.square().mean(-1, keepdim=True) + 1e-5).sqrt() * (1 - lambda_init)
        for out in differential_heads(layer, lam, math.sqrt(2))
    ]
    expected = layer.proj(torch.cat(heads, dim=-1))
    torch.testing.assert_close(layer(TOKENS, NOWHERE), expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_the_published_form_is_the_documents_formula_head_by_head() -> None:
    """lambda is a mean over channels, not a product; scores are divided by sqrt(4), not sqrt(2)."""
    layer = attention("differential-published")
    pairs = [(layer.lambda_q1, layer.lambda_k1), (layer.lambda_q2, layer.lambda_k2)]
    first, second = (
        sum(math.exp(a * b) for a, b in zip(*pair, strict=True)) / 4 for pair in pairs
    )  # fmt: skip
    lam = first - second + 0.8

    heads = list(differential_heads(layer, lam, math.sqrt(4)))
    expected = layer.proj(torch.cat(heads, dim=-1))
    torch.testing.assert_close(layer(TOKENS, NOWHERE), expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_half_of_all_published_lambdas_start_between_0_2_and_1_4() -> None:
    """Heads of 32 channels, those of the document's base model."""
    torch.manual_seed(0)
    kind = ATTENTIONS.get("differential-published")
    lambdas = torch.stack(
        [kind(AttentionSettings(32, 1, 0, False, 0.0, 0.0)).lambda_() for _ in range(2000)]
    )

    quartiles = lambdas.quantile(torch.tensor([0.25, 0.5, 0.75]))
    assert quartiles.tolist() == pytest.approx([0.2, 0.8, 1.4], abs=0.1)


@pytest.mark.parametrize(("layer", "expected"), [(0, 0.2), (1, 0.3555), (5, 0.6661)])
def test_lambda_starts_as_the_paper_has_it(layer, expected) -> None:
    assert attention("differential", layer).lambda_init == pytest.approx(expected, abs=1e-4)
    assert attention("differential-published", layer).lambda_init == 0.8


@pytest.mark.parametrize("kind", ["differential", "differential-published"])
def test_rows_of_signed_weights_sum_to_one_minus_lambda(kind) -> None:
    layer = attention(kind)

    with torch.no_grad():
        rows = layer.with_weights(TOKENS, NOWHERE)[1].sum(dim=-1)
        torch.testing.assert_close(rows, (1 - layer.lambda_()).expand_as(rows))


def test_the_published_form_normalises_nothing() -> None:
    layer = attention("differential-published")

    names = {name for name, _ in layer.named_parameters()}
    assert names == {"qkv.weight", "qkv.bias", "proj.weight", "proj.bias",
                     "lambda_q1", "lambda_k1", "lambda_q2", "lambda_k2"}  # fmt: skip


def test_a_head_that_cannot_be_halved_is_refused() -> None:
    with pytest.raises(UsageError, match="3 channels are odd"):
        build_model(
            build_spec({"model.embed_dim": 24, "model.num_heads": 8,
                        "model.attention": "differential"})
        )  # fmt: skip


@pytest.mark.parametrize("kind", ATTENTIONS.names())
def test_every_kind_trains_in_a_whole_model(kind) -> None:
    spec = build_spec({"model.embed_dim": 16, "model.num_heads": 4, "model.depth": 2,
                       "model.patch_size": 16, "model.attention": kind})  # fmt: skip
    model = build_model(spec)

    model(torch.randn(2, 3, 32, 32)).square().sum().backward()

    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
