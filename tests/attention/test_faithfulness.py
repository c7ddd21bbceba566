"""Faithfulness where it is known: a model whose answer hangs on one patch, and planted objects."""

import numpy as np
import pytest
import torch

from vitbench.attention.faithfulness import (
    Areas,
    areas,
    centre_maps,
    random_maps,
    scores,
)
from vitbench.attention.intervals import mean_over_images, pearson, share_of_images, spearman
from vitbench.attention.sanity import cascade, similarity_to_randomised
from vitbench.config.build import build_spec
from vitbench.model.vit import build_model


class OnePatch(torch.nn.Module):
    """Says class 1 where the patch above on the left is bright; it sees nothing else."""

    def forward(self, images):
        bright = images[:, :, :8, :8].mean(dim=(1, 2, 3))
        return torch.stack([torch.zeros_like(bright), bright], dim=1)


def test_areas_of_an_answer_that_hangs_on_one_patch_by_hand() -> None:
    """With it p = sigmoid(2), without it 1/2; sixteen patches, so sixteen steps of 1/16.

    The right map takes it first: p falls in the first step, and the area is (p + 1/2) / 2 / 16 for
    that and 1/2 for the other fifteen. The worst map takes it last.
    """
    images = torch.full((1, 3, 32, 32), 2.0)
    best = torch.zeros(1, 4, 4)
    best[0, 0, 0] = 1
    p = torch.sigmoid(torch.tensor(2.0)).item()

    found = areas(OnePatch(), images, torch.tensor([1]), best, num_steps=16)
    assert found.deletion.item() == pytest.approx((p + 0.5) / 2 / 16 + 15 / 16 * 0.5)
    assert found.insertion.item() == pytest.approx((p + 0.5) / 2 / 16 + 15 / 16 * p)
    found = areas(OnePatch(), images, torch.tensor([1]), -best, num_steps=16)
    assert found.deletion.item() == pytest.approx((p + 0.5) / 2 / 16 + 15 / 16 * p)
    assert found.deletion_curve[0].tolist() == pytest.approx([p] * 16 + [0.5])


def test_few_steps_take_several_patches_at_once() -> None:
    images = torch.full((2, 3, 32, 32), 2.0)

    found = areas(OnePatch(), images, torch.tensor([1, 1]), random_maps(2, (4, 4)), num_steps=5)

    assert found.insertion_curve.shape == (2, 6)
    assert found.places.tolist() == pytest.approx([0, 3 / 16, 6 / 16, 10 / 16, 13 / 16, 1])
    first = random_maps(2, (4, 4)).flatten(1).argsort(dim=1, descending=True)[:, :6]
    seen = (first == 0).any(dim=1)  # whether the patch that counts is among the first six
    expected = torch.where(seen, torch.sigmoid(torch.tensor(2.0)), 0.5)
    assert found.insertion_curve[:, 2].tolist() == pytest.approx(expected.tolist())
    whole = torch.sigmoid(torch.tensor(2.0)).item()
    assert found.insertion_curve[:, -1].tolist() == pytest.approx([whole] * 2)
    assert found.deletion_curve[:, 0].tolist() == pytest.approx([whole] * 2)


def test_the_right_map_beats_chance_and_a_random_one_does_not() -> None:
    images = torch.rand(200, 3, 32, 32, generator=torch.Generator().manual_seed(0)) + 1
    classes = torch.ones(200, dtype=torch.long)
    right = torch.zeros(200, 4, 4)
    right[:, 0, 0] = 1

    def of(maps: torch.Tensor) -> Areas:
        return areas(OnePatch(), images, classes, maps)

    found = scores(
        {"right": of(right), "random": of(random_maps(200, (4, 4), seed=1))},
        of(random_maps(200, (4, 4))),
        of(centre_maps(200, (4, 4))),
    )

    assert found["right"].beats_baselines
    assert found["right"].above_random.low > 0.1
    assert not found["random"].beats_baselines
    assert found["random"].above_random.low < 0 < found["random"].above_random.high


def test_the_centre_comes_first_in_the_centres_map() -> None:
    order = centre_maps(1, (4, 4))[0].flatten().argsort(descending=True, stable=True)

    assert sorted(order[:4].tolist()) == [5, 6, 9, 10]
    assert sorted(order[-4:].tolist()) == [0, 3, 12, 15]


def test_the_mean_and_its_interval_are_students() -> None:
    """1, 2, 3, 4, 5: mean 3, s.d. sqrt(2.5), t(0.975, 4) = 2.776 from the table."""
    found = mean_over_images(torch.tensor([1.0, 2, 3, 4, 5]))

    half = 2.7764 * (2.5 / 5) ** 0.5
    assert (found.value, found.num_images) == (3, 5)
    assert (found.low, found.high) == pytest.approx((3 - half, 3 + half), abs=1e-3)
    wider = mean_over_images(torch.tensor([1.0, 2, 3, 4, 5]), num_tests=5)
    assert wider.high - 3 == pytest.approx(4.6041 * (2.5 / 5) ** 0.5, abs=1e-3)  # t(0.995, 4)


def test_a_share_has_wilsons_interval_also_where_all_hold() -> None:
    """All of 100: from 1 / (1 + z^2 / 100) to 1 with z = 1.96."""
    found = share_of_images(torch.ones(100, dtype=torch.bool))

    assert (found.value, found.high) == (1, pytest.approx(1))
    assert found.low == pytest.approx(1 / (1 + 1.96**2 / 100), abs=1e-4)


def test_correlations_by_hand() -> None:
    one = torch.tensor([[1.0, 2, 3, 4], [1, 1, 1, 1]])
    other = torch.tensor([[10.0, 20, 30, 1000], [1, 2, 3, 4]])

    assert spearman(one, other).tolist() == pytest.approx([1, 0])
    assert spearman(one, -other).tolist() == pytest.approx([-1, 0])
    expected = np.corrcoef(one[0], other[0])[0, 1]
    assert pearson(one, other).tolist() == pytest.approx([expected, 0])


def tiny(seed: int):
    sizes = {"embed_dim": 16, "num_heads": 2, "depth": 3, "patch_size": 8}
    return build_model(build_spec({f"model.{k}": v for k, v in sizes.items()}, {"seed": seed}))


def test_the_cascade_ends_in_a_model_that_has_learned_nothing() -> None:
    model, fresh = tiny(0), tiny(1)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}

    steps = []
    for step, broken in cascade(model, fresh):
        weights = broken.state_dict()
        parts = ["head", *(f"blocks.{i}.attn.qkv" for i in (2, 1, 0)), "patch_embed.proj"]
        kept = [torch.equal(weights[f"{p}.weight"], before[f"{p}.weight"]) for p in parts]
        steps.append((step, sum(kept), kept == sorted(kept)))

    assert steps == [  # from the top down, what is left of five parts
        ("head", 4, True),
        ("block 2", 3, True),
        ("block 1", 2, True),
        ("block 0", 1, True),
        ("embedding", 0, True),
    ]
    assert all(torch.equal(weights[n], w) for n, w in fresh.state_dict().items())
    assert all(torch.equal(model.state_dict()[n], w) for n, w in before.items())  # untouched


def test_a_map_that_ignores_the_class_survives_a_new_head_and_one_that_asks_does_not() -> None:
    model, fresh = tiny(0), tiny(1)
    images = torch.randn(20, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    classes = torch.zeros(20, dtype=torch.long)

    rollout = similarity_to_randomised("rollout", model, fresh, images, classes)
    occlusion = similarity_to_randomised("occlusion", model, fresh, images, classes)

    assert rollout["head"].tolist() == pytest.approx([1] * 20)
    assert abs(rollout["embedding"].mean()) < 0.5
    assert abs(occlusion["head"].mean()) < 0.5
