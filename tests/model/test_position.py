"""Positions against their papers' formulas, and what a model can know with and without them."""

import math

import numpy as np
import pytest
import torch

from vitbench.errors import UsageError
from vitbench.model.position import Position, TokenLayout, build_positions
from vitbench.model.vit import build_model
from vitbench.registry import POSITIONS
from vitbench.spec.choice import parse_choice
from vitbench.spec.overrides import build_spec

LAYOUT = TokenLayout((3, 4), embed_dim=8, num_heads=2, class_token=True)
ADDING = [name for name in POSITIONS.names() if name != "none"]


def added(name: str, layout: TokenLayout = LAYOUT) -> torch.Tensor:
    """What a position adds to patch tokens (N, D)."""
    position = POSITIONS.get(name)(layout)
    with torch.no_grad():
        return position(torch.zeros(1, layout.num_patches, layout.embed_dim))[0]


def test_sinusoidal_is_vaswanis_formula_with_the_class_token_first() -> None:
    dim = LAYOUT.embed_dim
    table = [
        [
            (math.sin if channel % 2 == 0 else math.cos)(
                token / 10000 ** (2 * (channel // 2) / dim)
            )
            for channel in range(dim)
        ]
        for token in range(13)
    ]

    position = POSITIONS.get("sinusoidal")(LAYOUT)

    torch.testing.assert_close(added("sinusoidal"), torch.tensor(table[1:]))
    torch.testing.assert_close(position.class_token(), torch.tensor(table[0]))
    bare = LAYOUT._replace(class_token=False)
    torch.testing.assert_close(added("sinusoidal", bare), torch.tensor(table[:-1]))
    assert POSITIONS.get("sinusoidal")(bare).class_token() is None


def mae_sincos(embed_dim: int, size: int) -> np.ndarray:
    """`get_2d_sincos_pos_embed` of facebookresearch/mae, util/pos_embed.py, step by step."""

    def one_axis(dim: int, pos: np.ndarray) -> np.ndarray:
        omega = 1.0 / 10000 ** (np.arange(dim // 2, dtype=float) / (dim / 2.0))
        out = np.einsum("m,d->md", pos.reshape(-1), omega)
        return np.concatenate([np.sin(out), np.cos(out)], axis=1)

    grid = np.stack(np.meshgrid(np.arange(size, dtype=float), np.arange(size, dtype=float)))
    return np.concatenate(
        [one_axis(embed_dim // 2, grid[0]), one_axis(embed_dim // 2, grid[1])], axis=1
    )


def test_sincos_2d_is_maes() -> None:
    layout = TokenLayout((5, 5), embed_dim=16, num_heads=2, class_token=True)

    expected = torch.tensor(mae_sincos(16, 5), dtype=torch.float32)

    torch.testing.assert_close(added("sincos-2d", layout), expected)
    assert POSITIONS.get("sincos-2d")(layout).class_token() is None


def test_learned_1d_has_a_row_for_each_token_and_learned_2d_for_each_row_and_column() -> None:
    one, two = (POSITIONS.get(name)(LAYOUT) for name in ("learned-1d", "learned-2d"))

    assert sum(p.numel() for p in one.parameters()) == (12 + 1) * 8
    assert sum(p.numel() for p in two.parameters()) == (3 + 4) * 8 // 2
    assert torch.equal(one.class_token(), one.table[0, 0])
    places = added("learned-2d").view(3, 4, 8)
    assert torch.equal(places[1, :, :4], places[1, :1, :4].expand(4, 4))  # a row's half is shared
    assert torch.equal(places[:, 2, 4:], places[:1, 2, 4:].expand(3, 4))  # and a column's


@pytest.mark.parametrize("class_token", [True, False])
@pytest.mark.parametrize("name", POSITIONS.names())
def test_only_a_model_without_positions_cannot_tell_shuffled_patches(name, class_token) -> None:
    spec = build_spec(
        {"model.pos_embed": name, "model.class_token": class_token, "model.embed_dim": 16,
         "model.num_heads": 2, "model.depth": 2, "model.patch_size": 16}
    )  # fmt: skip
    model = build_model(spec).eval()
    image = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    shuffled = torch.cat([image[..., 16:], image[..., :16]], dim=-1).flip(0)

    with torch.no_grad():
        same = torch.allclose(model(image), model(shuffled), atol=1e-6)

    assert same == (name == "none")


def test_a_list_of_positions_is_their_sum() -> None:
    choices = [parse_choice(POSITIONS, name) for name in ("sinusoidal", "sincos-2d")]

    both = build_positions(choices, LAYOUT)

    tokens = torch.zeros(1, 12, 8)
    torch.testing.assert_close(both(tokens)[0], added("sinusoidal") + added("sincos-2d"))
    assert torch.equal(both.class_token(), POSITIONS.get("sinusoidal")(LAYOUT).class_token())


def test_the_spread_of_initial_values_is_an_option() -> None:
    choice = parse_choice(POSITIONS, {"name": "learned-1d", "std": 3})
    layout = TokenLayout((16, 16), 64, 2, class_token=True)

    (position,) = build_positions([choice], layout).positions

    assert position.table.std().item() == pytest.approx(3, rel=0.05)


@pytest.mark.parametrize(("name", "dim"), [("learned-2d", 3), ("sinusoidal", 5), ("sincos-2d", 6)])
def test_a_width_that_a_position_cannot_split_is_refused(name, dim) -> None:
    with pytest.raises(UsageError, match=f"{name} splits embed_dim.*{dim} is no multiple"):
        POSITIONS.get(name)(LAYOUT._replace(embed_dim=dim))


def test_a_position_of_ones_own_may_rotate_and_bias_through_a_whole_model() -> None:
    @POSITIONS.register("own")
    class Own(Position):
        """Queries turned by half a turn, and a bias towards the class token."""

        def __init__(self, layout: TokenLayout, *, strength: float = 0.0) -> None:
            super().__init__(layout)
            self.strength = strength

        def rotate(self, q, k):
            return (-q, k) if self.strength else (q, k)

        def bias(self):
            tokens = self.layout.num_patches + 1
            towards = torch.zeros(self.layout.num_heads, tokens, tokens)
            towards[..., 0] = self.strength
            return towards

    sizes = {"model.embed_dim": 16, "model.num_heads": 2, "model.depth": 1}
    image = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    idle, active, none = (
        build_model(build_spec(sizes, {"model.pos_embed": choice})).eval()
        for choice in ("own", {"name": "own", "strength": 100.0}, "none")
    )

    with torch.no_grad():
        torch.testing.assert_close(idle(image), none(image))
        assert not torch.allclose(active(image), none(image), atol=1e-3)
        block = active.blocks[0]
        tokens = block.norm1(active.embed(image))
        weights = block.attn.weights(tokens, active.pos_embed)
    assert weights[..., 0].min() > 0.99  # all attend to the class token
