"""Rollout, heads and distance on attention whose answer is known."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vitbench.attention.heads import entropy, maps_over_patches, mean_distance
from vitbench.attention.rollout import FUSIONS, discard_smallest, fuse_heads, rollout


def layers(*matrices) -> torch.Tensor:
    """One image, one head: (L, 1, 1, T, T)."""
    return torch.tensor(matrices).float()[:, None, None]


def test_tokens_that_attend_to_themselves_stay_themselves() -> None:
    identity = torch.eye(5).tolist()

    assert torch.equal(rollout(layers(identity, identity, identity))[0], torch.eye(5))


def test_uniform_attention_mixes_a_half_of_all_into_each_layer() -> None:
    """(I + J/n) / 2 twice is I/4 + 3/4 J/n, with J/n the uniform matrix."""
    uniform = torch.full((4, 4), 0.25).tolist()

    expected = 0.25 * torch.eye(4) + 0.75 * 0.25
    torch.testing.assert_close(rollout(layers(uniform, uniform))[0], expected)


def test_two_layers_by_hand_and_in_their_order() -> None:
    """Token 0 looks at 1 in the first layer, at 2 in the second; the others at themselves.

    First (A + I) / 2 has row 0 (1/2, 1/2, 0), second (1/2, 0, 1/2). Second times first has row 0
    1/2 (1/2, 1/2, 0) + 1/2 (0, 0, 1) = (1/4, 1/4, 1/2). In the other order it is (1/4, 1/2, 1/4).
    """
    at_one = [[0, 1, 0], [0, 1, 0], [0, 0, 1]]
    at_two = [[0, 0, 1], [0, 1, 0], [0, 0, 1]]

    assert rollout(layers(at_one, at_two))[0, 0].tolist() == [0.25, 0.25, 0.5]
    assert rollout(layers(at_two, at_one))[0, 0].tolist() == [0.25, 0.5, 0.25]


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10_000), st.integers(1, 4), st.sampled_from(FUSIONS), st.floats(0, 0.99),
    st.booleans(),
)  # fmt: skip
def test_rows_sum_to_one_whatever_the_attention(seed, depth, fusion, discard, signed) -> None:
    generator = torch.Generator().manual_seed(seed)
    weights = torch.randn(depth, 2, 3, 6, 6, generator=generator)
    weights = weights if signed else weights.softmax(dim=-1)

    result = rollout(weights, fusion, discard)

    assert (result >= 0).all()
    torch.testing.assert_close(result.sum(-1), torch.ones(2, 6))


def test_heads_are_fused_by_mean_largest_or_smallest() -> None:
    heads = torch.tensor([[[[0.2, 0.8]], [[0.6, 0.4]]]])  # (1, 2, 1, 2)

    assert fuse_heads(heads, "mean")[0].tolist() == [pytest.approx([0.4, 0.6])]
    assert fuse_heads(heads, "max")[0].tolist() == [pytest.approx([0.6, 0.8])]
    assert fuse_heads(heads, "min")[0].tolist() == [pytest.approx([0.2, 0.4])]


def test_the_smallest_weights_of_each_row_are_discarded_not_of_the_whole() -> None:
    weights = torch.tensor([[[0.1, 0.2, 0.3, 0.4], [0.04, 0.03, 0.02, 0.01]]])

    assert discard_smallest(weights, 0.5)[0].tolist() == [
        pytest.approx([0, 0, 0.3, 0.4]), pytest.approx([0.04, 0.03, 0, 0]),
    ]  # fmt: skip
    assert discard_smallest(weights, 0.99)[0, 1].tolist() == pytest.approx([0.04, 0, 0, 0])
    assert torch.equal(discard_smallest(weights, 0.0), weights)


def test_the_class_tokens_row_becomes_the_image_row_by_row() -> None:
    weights = torch.zeros(7, 7)
    weights[0] = torch.arange(7.0)

    assert maps_over_patches(weights, (2, 3), True).tolist() == [[1, 2, 3], [4, 5, 6]]
    bare = torch.arange(36.0).view(6, 6)
    torch.testing.assert_close(maps_over_patches(bare, (2, 3), False).flatten(), bare.mean(dim=0))


def test_entropy_is_zero_for_one_token_and_log_t_for_all() -> None:
    assert entropy(torch.eye(8)).item() == 0
    assert entropy(torch.full((8, 8), 1 / 8)).item() == pytest.approx(math.log(8))
    half = torch.tensor([[0.5, 0.5], [1.0, 0.0]])
    assert entropy(half).item() == pytest.approx(math.log(2) / 2)


def test_signed_weights_count_by_their_size_in_entropy_and_distance() -> None:
    signed = torch.tensor([[0.2, -0.2], [-0.2, 0.2]])

    assert entropy(signed).item() == pytest.approx(math.log(2))
    assert mean_distance(signed, (1, 2), False, patch_size=4).item() == pytest.approx(2)


def test_uniform_attention_on_32_pixels_looks_16_55_pixels_far() -> None:
    """Mean distance of two of 8 x 8 places 4 px apart, a double loop over them."""
    places = [(4 * row, 4 * col) for row in range(8) for col in range(8)]
    expected = sum(math.dist(a, b) for a in places for b in places) / 64**2
    assert expected == pytest.approx(16.55, abs=0.005)

    for class_token in (True, False):
        tokens = 64 + class_token
        uniform = torch.full((2, tokens, tokens), 1 / tokens)
        distance = mean_distance(uniform, (8, 8), class_token, patch_size=4)
        assert distance.tolist() == pytest.approx([expected] * 2, rel=1e-5)


def test_a_patch_that_looks_at_its_neighbour_looks_one_patch_far() -> None:
    """The weight on the class token does not count: among patches the row is normalised anew."""
    weights = torch.zeros(5, 5)
    weights[:, 0] = 0.9
    for query, key in ((1, 2), (2, 1), (3, 4), (4, 3)):
        weights[query, key] = 0.1

    assert mean_distance(weights, (2, 2), True, patch_size=8).item() == pytest.approx(8)
