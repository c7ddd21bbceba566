"""Ablation, tokens, probes, CKA, shuffles, the spectrum of positions: each with a known answer."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.special import logsumexp

from vitbench.attention.ablation import correct_predictions, head_ablation, layer_ablation
from vitbench.attention.capture import capture, over_images
from vitbench.attention.cka import cka_matrix, linear_cka
from vitbench.attention.heads import class_token_share, head_similarity, map_of_patch
from vitbench.attention.perturbations import num_moving, shift_right, shuffle_patches
from vitbench.attention.position_similarity import spectrum
from vitbench.attention.tokens import (
    fit_probe,
    logit_lens,
    outlier_share,
    patch_norms,
    position_readout,
    tokens_by_layer,
)
from vitbench.config.build import build_spec
from vitbench.model.vit import build_model

IMAGES = torch.randn(60, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def small(**fields):
    sizes = {"embed_dim": 16, "num_heads": 4, "depth": 2, "patch_size": 8, **fields}
    return build_model(build_spec({f"model.{name}": value for name, value in sizes.items()}))


def test_a_head_is_missed_as_much_as_a_forward_pass_without_it_says() -> None:
    """By hand: the same pass with the head's weighted values set to zero before the projection."""
    model = small().eval()
    with torch.no_grad():
        labels = model(IMAGES).argmax(dim=1)  # all right, so a loss is a changed answer
    before = {name: weight.clone() for name, weight in model.state_dict().items()}

    found = head_ablation(model, IMAGES, labels)

    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())
    channels = 4
    for layer in range(2):
        for head in range(4):

            def without(_module, inputs, head=head):
                joined = inputs[0].clone()
                joined[..., head * channels : (head + 1) * channels] = 0
                return (joined,)

            hook = model.blocks[layer].attn.proj.register_forward_pre_hook(without)
            right = correct_predictions(model, IMAGES, labels).double()
            hook.remove()
            assert found[layer][head].value == pytest.approx(100 * (1 - right.mean().item()))
    assert len({mean.value for row in found for mean in row}) > 1


def test_a_layer_without_both_parts_passes_its_tokens_on() -> None:
    model = small(depth=1).eval()
    with torch.no_grad():
        labels = model(IMAGES).argmax(dim=1)
        skipped = model.classify(model.embed(IMAGES)).argmax(dim=1)

    found = layer_ablation(model, IMAGES, labels)

    block = model.blocks[0]
    expected = {"both": skipped}
    for part, module in (("attention", block.attn), ("MLP", block.mlp)):
        hook = module.register_forward_hook(lambda _module, _inputs, output: 0 * output)
        with torch.no_grad():
            expected[part] = model(IMAGES).argmax(dim=1)
        hook.remove()
    lost = {part: 100 * (of != labels).double().mean().item() for part, of in expected.items()}
    assert {part: row[0].value for part, row in found.items()} == pytest.approx(lost)
    assert len(set(lost.values())) == 3


def test_tokens_streamed_are_tokens_at_once_and_the_lens_ends_in_the_logits() -> None:
    model = small()

    tokens = tokens_by_layer(model, IMAGES, at_once=7)

    assert tokens.shape == (3, 60, 17, 16)
    torch.testing.assert_close(tokens, tokens_by_layer(model, IMAGES), atol=1e-5, rtol=1e-4)
    with torch.no_grad():
        torch.testing.assert_close(
            logit_lens(model, tokens)[-1], model.eval()(IMAGES), atol=1e-5, rtol=1e-4
        )


def test_reductions_are_the_same_in_parts() -> None:
    model = small()

    def shares(seen):
        return class_token_share(seen.weights).transpose(0, 1)  # (B, L, H)

    parts = over_images(model, IMAGES, shares, at_once=11)

    torch.testing.assert_close(parts, shares(capture(model, IMAGES)), atol=1e-6, rtol=1e-4)
    assert parts.shape == (60, 2, 4)


def test_share_similarity_and_map_of_heads_by_hand() -> None:
    even = torch.full((3, 3), 1 / 3)
    at_class = torch.zeros(3, 3)
    at_class[:, 0] = 1
    weights = torch.stack([even, at_class])[None, None]  # (1, 1, 2, 3, 3)

    assert class_token_share(weights)[0, 0].tolist() == pytest.approx([1 / 3, 1])
    cosine = 1 / math.sqrt(3)  # a third of each against all of one
    found = head_similarity(weights)
    torch.testing.assert_close(found, torch.tensor([[1, cosine], [cosine, 1]]))
    numbers = torch.arange(25.0).view(5, 5)
    assert map_of_patch(numbers, 2, (2, 2), True).tolist() == [[16, 17], [18, 19]]
    assert map_of_patch(numbers[:4, :4], 2, (2, 2), False).tolist() == [[10, 11], [12, 13]]


def test_norms_and_outliers_by_hand() -> None:
    tokens = torch.ones(1, 2, 5, 4)
    tokens[0, :, 0] = 100  # the class token is none of them
    tokens[0, 0, 3] = 10

    norms = patch_norms(tokens, class_token=True)

    assert norms[0].tolist() == [[2, 2, 20, 2], [2, 2, 2, 2]]
    assert outlier_share(norms).tolist() == [1 / 8]


def test_a_probe_is_the_logistic_regression_that_scipy_finds() -> None:
    generator = np.random.default_rng(0)
    features = generator.normal(size=(200, 3)) * [1, 5, 0.2] + [0, 10, 3]
    labels = (features[:, 1] + generator.normal(size=200) * 3 > 10).astype(int)
    labels[features[:, 0] > 1] = 2
    inputs = (features - features.mean(0)) / features.std(0, ddof=1)

    def loss(flat):
        weight, bias = flat[:9].reshape(3, 3), flat[9:]
        logits = inputs @ weight.T + bias
        likelihood = (logsumexp(logits, axis=1) - logits[np.arange(200), labels]).mean()
        return likelihood + 1e-2 * (weight**2).sum()

    best = minimize(loss, np.zeros(12)).x
    probe = fit_probe(torch.tensor(features).float(), torch.tensor(labels), 3, penalty=1e-2)

    np.testing.assert_allclose(probe.head.weight.detach(), best[:9].reshape(3, 3), atol=0.01)
    answers = probe.logits(torch.tensor(features).float()).argmax(dim=1).numpy()
    np.testing.assert_array_equal(answers, (inputs @ best[:9].reshape(3, 3).T + best[9:]).argmax(1))


def test_positions_are_read_where_they_are_and_not_where_they_are_not() -> None:
    generator = torch.Generator().manual_seed(0)
    noise, other = torch.randn(2, 50, 16, 8, generator=generator)
    row = (torch.arange(16) // 4).float()[:, None] * torch.eye(8)[0]

    with_row = position_readout(noise * 0.01 + row, other * 0.01 + row, (4, 4))
    without = position_readout(noise, other, (4, 4))

    assert with_row[0] == pytest.approx(1, abs=0.01)
    assert with_row[1] == pytest.approx(0, abs=0.05)
    assert without == pytest.approx((0, 0), abs=0.05)
    assert position_readout(noise[:, :1], other[:, :1], (1, 1)) == (0, 0)


def test_cka_of_what_is_turned_scaled_moved_and_unrelated() -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(2000, 6, generator=generator)
    turn, _ = torch.linalg.qr(torch.randn(6, 6, generator=generator))
    unrelated = torch.randn(2000, 4, generator=generator)

    assert linear_cka(features, features @ turn * 3 + 7) == pytest.approx(1, abs=1e-6)
    assert abs(linear_cka(features, unrelated)) < 0.01
    assert linear_cka(features, torch.ones(2000, 2)) == 0
    # Of a single channel each it is the squared correlation, to the bias that is taken off.
    mixed = 0.6 * features[:, :1] + 0.8 * unrelated[:, :1]
    expected = np.corrcoef(features[:, 0], mixed[:, 0])[0, 1] ** 2
    assert linear_cka(features[:, :1], mixed) == pytest.approx(expected, abs=2e-3)
    matrix = cka_matrix(torch.stack([features, features @ turn]), features[None])
    assert matrix.shape == (2, 1)
    torch.testing.assert_close(matrix, torch.ones(2, 1), atol=1e-6, rtol=0)


def test_cka_is_that_of_the_kernels_and_wide_features_are_not_alike_by_chance() -> None:
    """The unbiased HSIC written out with its matrices of images by images."""
    generator = torch.Generator().manual_seed(0)
    first, second = torch.randn(2, 100, 256, generator=generator).double()
    second[:, :128] = first[:, :128]

    def hsic(one, other):
        kernels = [x @ x.T for x in (one - one.mean(0), other - other.mean(0))]
        for kernel in kernels:
            kernel.fill_diagonal_(0)
        n, ones = len(one), torch.ones(len(one)).double()
        left, right = kernels
        middle = (ones @ left @ ones) * (ones @ right @ ones) / ((n - 1) * (n - 2))
        both = left @ right
        return (torch.trace(both) + middle - 2 / (n - 2) * (ones @ both @ ones)) / (n * (n - 3))

    by_hand = hsic(first, second) / (hsic(first, first) * hsic(second, second)).sqrt()
    assert linear_cka(first, second) == pytest.approx(by_hand.item(), abs=1e-9)
    assert linear_cka(first, second) == pytest.approx(0.5, abs=0.1)
    apart = torch.randn(500, 512, generator=generator)
    assert abs(linear_cka(apart[:, :256], apart[:, 256:])) < 0.03


def test_a_single_patch_has_none_to_change_places_with() -> None:
    assert [num_moving((2, 2), share) for share in (0.125, 0.25, 0.5, 1.0)] == [0, 0, 2, 4]
    images = torch.rand(1, 3, 8, 8)
    assert torch.equal(shuffle_patches(images, (2, 2), 0.25), images)


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_a_share_of_the_patches_changes_places_and_none_is_lost(share) -> None:
    numbers = torch.arange(16.0).view(1, 1, 4, 4).repeat(3, 1, 1, 1)
    images = numbers.repeat_interleave(8, 2).repeat_interleave(8, 3)  # a number fills a patch

    shuffled = shuffle_patches(images, (4, 4), share)[:, 0, ::8, ::8].flatten(1)

    assert torch.equal(shuffled.sort(dim=1).values, torch.arange(16.0).repeat(3, 1))
    moved = (shuffled != torch.arange(16.0)).sum(dim=1)
    assert moved.tolist() == [round(16 * share)] * 3
    if share == 1:
        assert not torch.equal(shuffled[0], shuffled[1])


def test_a_patch_is_moved_whole() -> None:
    images = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))

    shuffled = shuffle_patches(images, (2, 2), 1.0)

    patches = {
        tuple(images[0, :, r : r + 4, c : c + 4].flatten().tolist()) for r in (0, 4) for c in (0, 4)
    }
    assert patches == {
        tuple(shuffled[0, :, r : r + 4, c : c + 4].flatten().tolist())
        for r in (0, 4) for c in (0, 4)
    }  # fmt: skip


def test_a_shift_repeats_the_edge() -> None:
    row = torch.tensor([1.0, 2, 3, 4]).view(1, 1, 1, 4)

    assert shift_right(row, 2).flatten().tolist() == [1, 1, 1, 2]
    assert torch.equal(shift_right(row, 0), row)


def test_a_wave_has_all_its_power_at_its_frequency() -> None:
    """One cycle along the columns: half at +1 and half at -1 cycles, in the row of 0."""
    cols = torch.arange(8).repeat(8, 1).flatten()
    vectors = torch.stack([torch.cos(2 * math.pi * cols / 8), torch.full((64,), 5.0)], dim=1)

    found = spectrum(vectors, (8, 8))

    assert found[4, 3].item() == pytest.approx(0.5)
    assert found[4, 5].item() == pytest.approx(0.5)
    assert found.sum().item() == pytest.approx(1)
    assert spectrum(torch.ones(16, 3), (4, 4)).sum() == 0
