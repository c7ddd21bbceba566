"""Positions against their papers' formulas, and what a model can know with and without them."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from vitbench.config.build import build_spec
from vitbench.config.choice import parse_choice
from vitbench.errors import UsageError
from vitbench.model.position import Position, TokenLayout, build_positions
from vitbench.model.vit import VisionTransformer, build_model
from vitbench.registry import POSITIONS

LAYOUT = TokenLayout((3, 4), embed_dim=8, num_heads=2, class_token=True)
TINY = {"model.embed_dim": 16, "model.num_heads": 2, "model.depth": 2, "model.patch_size": 8}
IMAGES = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def added(name: str, layout: TokenLayout = LAYOUT) -> Tensor:
    """What a position adds to patch tokens (N, D)."""
    position = POSITIONS.get(name)(layout)
    with torch.no_grad():
        return position(torch.zeros(1, layout.num_patches, layout.embed_dim))[0]


def model_with(position: object, **fields: object) -> VisionTransformer:
    """A tiny model with a position, or with several."""
    return build_model(build_spec(TINY, {"model.pos_embed": position}, fields)).eval()


def vaswani(num_tokens: int, dim: int) -> Tensor:
    """PE(t, 2i) = sin(t / 10000^(2i / d)), PE(t, 2i + 1) the cosine (section 3.5), one by one."""
    table = [[0.0] * dim for _ in range(num_tokens)]
    for t in range(num_tokens):
        for i in range(dim // 2):
            table[t][2 * i] = math.sin(t / 10000 ** (2 * i / dim))
            table[t][2 * i + 1] = math.cos(t / 10000 ** (2 * i / dim))
    return torch.tensor(table)


def test_sinusoidal_is_vaswanis_formula_with_the_class_token_first() -> None:
    table = vaswani(13, LAYOUT.embed_dim)

    torch.testing.assert_close(added("sinusoidal"), table[1:])
    torch.testing.assert_close(POSITIONS.get("sinusoidal")(LAYOUT).class_token(), table[0])
    bare = LAYOUT._replace(class_token=False)
    torch.testing.assert_close(added("sinusoidal", bare), table[:-1])
    assert POSITIONS.get("sinusoidal")(bare).class_token() is None


def mae_sincos(embed_dim: int, grid_size: int) -> np.ndarray:
    """`get_2d_sincos_pos_embed` of facebookresearch/mae, util/pos_embed.py, step by step."""

    def one_axis(dim: int, pos: np.ndarray) -> np.ndarray:
        omega = 1.0 / 10000 ** (np.arange(dim // 2, dtype=float) / (dim / 2.0))
        out = np.einsum("m,d->md", pos.reshape(-1), omega)
        return np.concatenate([np.sin(out), np.cos(out)], axis=1)

    along = np.arange(grid_size, dtype=float)
    grid = np.meshgrid(along, along)  # columns go first
    return np.concatenate([one_axis(embed_dim // 2, axis) for axis in grid], axis=1)


def test_sincos_2d_is_maes() -> None:
    layout = TokenLayout((5, 5), embed_dim=16, num_heads=2, class_token=True)

    expected = torch.tensor(mae_sincos(16, 5), dtype=torch.float32)

    torch.testing.assert_close(added("sincos-2d", layout), expected)
    assert POSITIONS.get("sincos-2d")(layout).class_token() is None


def test_learned_1d_has_a_row_for_each_token_and_the_first_is_the_class_tokens() -> None:
    position = POSITIONS.get("learned-1d")(LAYOUT)

    assert position.table.shape == (1, 1 + 12, 8)
    assert torch.equal(position.class_token(), position.table[0, 0])
    assert torch.equal(position(torch.zeros(1, 12, 8)), position.table[:, 1:])
    bare = POSITIONS.get("learned-1d")(LAYOUT._replace(class_token=False))
    assert bare.table.shape == (1, 12, 8)
    assert bare.class_token() is None


def test_learned_2d_has_half_a_vector_for_each_row_and_each_column() -> None:
    position = POSITIONS.get("learned-2d")(LAYOUT)

    assert sum(p.numel() for p in position.parameters()) == (3 + 4) * 8 // 2
    places = position(torch.zeros(1, 12, 8)).view(3, 4, 8)  # rows, cols, D
    for row in range(3):
        for col in range(4):
            assert torch.equal(places[row, col, :4], position.row[row, 0])
            assert torch.equal(places[row, col, 4:], position.col[0, col])


@pytest.mark.parametrize("name", ["learned-1d", "learned-2d"])
def test_the_spread_of_initial_values_is_an_option(name) -> None:
    layout = TokenLayout((16, 16), 256, 2, class_token=True)

    for std in (0.02, 3.0):
        choice = parse_choice(POSITIONS, {"name": name, "std": std})
        (position,) = build_positions([choice], layout)
        for parameter in position.parameters():
            assert parameter.std().item() == pytest.approx(std, rel=0.05)


def shuffled_patches(images: Tensor, patch_size: int) -> Tensor:
    """Images (B, C, H, W) with their patches at other places, each patch as it was."""
    patches = torch.nn.functional.unfold(images, patch_size, stride=patch_size)  # (B, C P P, N)
    order = torch.randperm(patches.shape[-1], generator=torch.Generator().manual_seed(1))
    return torch.nn.functional.fold(
        patches[..., order], images.shape[-2:], patch_size, stride=patch_size
    )


@pytest.mark.parametrize("class_token", [True, False])
@pytest.mark.parametrize("name", POSITIONS.names())
def test_only_a_model_without_positions_cannot_tell_shuffled_patches(name, class_token) -> None:
    model = model_with(name, **{"model.class_token": class_token})

    with torch.no_grad():
        differences = model(shuffled_patches(IMAGES, 8)) - model(IMAGES)

    if name == "none":
        assert differences.abs().max() < 1e-5
    else:
        assert differences.abs().max() > 1e-3


def test_a_list_of_positions_is_their_sum() -> None:
    choices = [parse_choice(POSITIONS, name) for name in ("sinusoidal", "none", "sincos-2d")]

    both = build_positions(choices, LAYOUT)

    tokens = torch.zeros(1, 12, 8)
    torch.testing.assert_close(both(tokens)[0], added("sinusoidal") + added("sincos-2d"))
    assert torch.equal(both.class_token(), POSITIONS.get("sinusoidal")(LAYOUT).class_token())
    assert both.bias() is None


@pytest.mark.parametrize(
    ("name", "dim", "parts"),
    [("learned-2d", 3, 2), ("sinusoidal", 5, 2), ("sincos-2d", 6, 4), ("sincos-2d", 9, 4)],
)
def test_a_width_that_a_position_cannot_split_is_refused(name, dim, parts) -> None:
    with pytest.raises(UsageError, match=f"{name} .*: {dim} is not a multiple of {parts}"):
        POSITIONS.get(name)(LAYOUT._replace(embed_dim=dim))


class Turned(Position):
    """Queries and keys turned by an angle that grows with the token's number, as RoPE does.

    Args:
        layout: Sizes of the tokens.
        angle: Turn from one token to the next.
        same: Whether all tokens are turned by that one angle.
    """

    def __init__(self, layout: TokenLayout, *, angle: float = 0.5, same: bool = False) -> None:
        super().__init__(layout)
        number = torch.arange(layout.num_patches + layout.class_token)
        self.angle = angle * (torch.ones_like(number) if same else number)

    def rotate(self, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        cos, sin = self.angle.cos()[:, None], self.angle.sin()[:, None]  # (T, 1)
        return tuple(
            torch.cat([one * cos - two * sin, one * sin + two * cos], dim=-1)
            for one, two in (q.chunk(2, dim=-1), k.chunk(2, dim=-1))
        )


class Biased(Position):
    """A bias of all queries towards one token.

    Args:
        layout: Sizes of the tokens.
        token: Number of the token.
        strength: What is added to its scores.
    """

    def __init__(self, layout: TokenLayout, *, token: int = 0, strength: float = 0.0) -> None:
        super().__init__(layout)
        tokens = layout.num_patches + layout.class_token
        self.towards = torch.zeros(layout.num_heads, tokens, tokens)
        self.towards[..., token] = strength

    def bias(self) -> Tensor:
        return self.towards


def test_a_position_of_ones_own_may_rotate_through_a_whole_model() -> None:
    POSITIONS.register("turned")(Turned)

    with torch.no_grad():
        unplaced = model_with("none")(IMAGES)
        all_alike = model_with({"name": "turned", "same": True})(IMAGES)
        by_place = model_with("turned")(IMAGES)
        back_again = model_with(["turned", {"name": "turned", "angle": -0.5}])(IMAGES)

    # Only the difference of two angles is in a score: one angle for all tokens changes nothing.
    torch.testing.assert_close(all_alike, unplaced)
    torch.testing.assert_close(back_again, unplaced)
    assert not torch.allclose(by_place, unplaced, atol=1e-3)


def test_a_position_of_ones_own_may_bias_scores_through_a_whole_model() -> None:
    POSITIONS.register("biased")(Biased)
    model = model_with(["learned-1d", {"name": "biased", "token": 3, "strength": 100}])
    plain, idle = model_with("learned-1d"), model_with(["learned-1d", "biased"])

    with torch.no_grad():
        torch.testing.assert_close(idle(IMAGES), plain(IMAGES))
        block, tokens = model.blocks[0], model.embed(IMAGES)
        _, weights = block.attn.with_weights(block.norm1(tokens), model.pos_embed)  # (B, H, T, T)
        attended = block.attn(block.norm1(tokens), model.pos_embed)

    assert weights[..., 3].min() > 0.99
    torch.testing.assert_close(attended, attended[:, :1].expand_as(attended))  # all see one token


def test_biases_of_several_positions_add_up() -> None:
    POSITIONS.register("biased")(Biased)
    choices = [
        parse_choice(POSITIONS, {"name": "biased", "token": token, "strength": 2})
        for token in (1, 1, 4)
    ]

    bias = build_positions(choices, LAYOUT).bias()

    assert bias.shape == (2, 13, 13)
    assert bias[0, 5, [0, 1, 4]].tolist() == [0, 4, 2]
