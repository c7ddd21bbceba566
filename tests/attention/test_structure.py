"""Structure of attention and whether it goes with accuracy: known answers, scipy and regression."""

import numpy as np
import pytest
import torch
from scipy import stats

from vitbench.attention.structure import association, mean_and_interval, structure
from vitbench.config.build import build_spec
from vitbench.model.vit import build_model

RNG = np.random.default_rng(0)


def seeds_of(runs) -> dict[str, range]:
    """Seeds 0, 1, 2 and so on of each variant."""
    return {name: range(len(x)) for name, (x, _) in runs.items()}


@pytest.fixture
def model_of(tiny_fields):
    def build(**fields):
        named = {f"model.{name}": value for name, value in fields.items()}
        return build_model(build_spec(tiny_fields, named)).eval()

    return build


@pytest.mark.parametrize("class_token", [True, False])
def test_attention_that_goes_everywhere_alike_has_its_known_measures(model_of, class_token) -> None:
    model = model_of(class_token=class_token, patch_size=4)
    with torch.no_grad():
        for block in model.layers():
            block.attn.qkv.weight.zero_()  # all logits are 0

    found = structure(model, torch.randn(3, 3, 32, 32))

    # 16.55 px: the mean distance of two places of an 8x8 grid of 4 px, by enumeration.
    places = [(4 * i, 4 * j) for i in range(8) for j in range(8)]
    even = np.mean([[np.hypot(a - c, b - d) for a, b in places] for c, d in places])
    assert found["distance_px"].shape == (3, 2)
    assert found["distance_px"].numpy() == pytest.approx(np.full((3, 2), even), rel=1e-5)
    assert found["entropy_share"].numpy() == pytest.approx(np.ones((3, 2)), rel=1e-5)
    if class_token:
        assert found["class_token_share"].numpy() == pytest.approx(np.full((3, 2), 1 / 65))
    else:
        assert "class_token_share" not in found


def test_a_token_by_itself_has_no_distance_and_no_entropy(model_of) -> None:
    found = structure(model_of(class_token=False, patch_size=32), torch.randn(2, 3, 32, 32))
    assert found["distance_px"].tolist() == found["entropy_share"].tolist() == [[0, 0], [0, 0]]


def test_images_are_measured_each_by_itself_whatever_their_number(model_of, monkeypatch) -> None:
    model = model_of()
    inputs = torch.randn(5, 3, 32, 32)

    together = structure(model, inputs)
    monkeypatch.setattr("vitbench.attention.capture.images_at_once", lambda _: 2)
    apart = structure(model, inputs)

    for name, of_all in together.items():
        assert torch.allclose(of_all, apart[name], atol=1e-5)
        assert torch.allclose(of_all[3:4], structure(model, inputs[3:4])[name], atol=1e-5)


def test_between_variants_is_scipys_correlation_of_their_means() -> None:
    runs = {str(i): (list(RNG.normal(i, 1, 3)), list(RNG.normal(i, 2, 3))) for i in range(6)}

    found = association(runs, seeds_of(runs)).between

    expected = stats.pearsonr(*(np.array([np.mean(of[k]) for of in runs.values()]) for k in (0, 1)))
    interval = expected.confidence_interval(0.95)
    assert (found.value, found.num) == (pytest.approx(expected.statistic), 6)
    assert found.interval == pytest.approx((interval.low, interval.high))


def test_within_variants_is_the_partial_correlation_given_the_variant() -> None:
    runs = {}
    for i in (0, 9):
        x = RNG.normal(i, 1, 4)
        runs[str(i)] = (list(x), list(-i + 2 * (x - i) + RNG.normal(0, 1, 4)))

    found = association(runs, seeds_of(runs)).within

    x, y = (np.concatenate([of[k] for of in runs.values()]) for k in (0, 1))
    dummies = np.hstack([np.repeat(np.eye(2), 4, axis=0), np.tile(np.eye(4), (2, 1))])
    rest = [v - dummies @ np.linalg.lstsq(dummies, v, rcond=None)[0] for v in (x, y)]
    assert found.value == pytest.approx(np.corrcoef(*rest)[0, 1])
    assert found.value > 0 > np.corrcoef(x, y)[0, 1]  # the variants turn it round
    half = stats.norm.ppf(0.975) / np.sqrt(
        8 - 2 - 3 - 1 - 1
    )  # variants and seeds are partialled out
    assert found.interval == pytest.approx(
        (np.tanh(np.arctanh(found.value) - half), np.tanh(np.arctanh(found.value) + half))
    )


def test_the_interval_within_variants_covers_as_often_as_it_says() -> None:
    """Four variants, three seeds, and two measures that know nothing of each other."""
    held = 0
    for _ in range(600):
        runs = {str(i): (list(RNG.normal(i, 1, 3)), list(RNG.normal(-i, 1, 3))) for i in range(4)}
        low, high = association(runs, seeds_of(runs)).within.interval
        held += low <= 0 <= high
    assert 0.92 <= held / 600 <= 0.98


def test_too_few_runs_get_no_interval_and_none_no_correlation() -> None:
    runs = {"a": ([1.0], [2.0]), "b": ([2.0], [3.0]), "c": ([4.0], [3.5])}
    three = association(runs, seeds_of(runs))
    assert three.within is None
    assert three.between.interval is None
    assert three.between.num == 3

    runs = {"a": ([1.0, 2.0], [2.0, 1.0]), "b": ([2.0, 3.0], [3.0, 2.0])}
    two = association(runs, seeds_of(runs))
    assert (two.between, two.within) == (None, None)  # two seeds of two variants: one remains

    for value in (1.0, float("nan")):
        runs = {name: ([value, value], [2.0, 3.0]) for name in "abcd"}
        flat = association(runs, seeds_of(runs))
        assert (flat.between, flat.within) == (None, None)


def test_a_mean_over_seeds_has_students_interval() -> None:
    values = [60.0, 62.0, 61.5]
    mean, interval = mean_and_interval(values)
    low, high = stats.t.interval(0.95, 2, np.mean(values), stats.sem(values))
    assert mean == pytest.approx(np.mean(values))
    assert interval == pytest.approx((low, high))
    assert mean_and_interval(values, low + 0.1, high - 0.1)[1] == (low + 0.1, high - 0.1)
    assert mean_and_interval([60.0]) == (60.0, None)
