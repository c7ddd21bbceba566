"""Dropout from a generator of one's own: scaled, seeded, and drawn again where it is recomputed."""

import pytest
import torch

from vitbench.model.dropout import Dropout, current_generator, drawing_from, same_draws


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("rate", [0.1, 0.5])
@pytest.mark.parametrize("own", [True, False])
def test_the_share_of_the_rate_is_dropped_and_the_mean_stays(rate, own) -> None:
    """100,000 ones: five standard deviations of a binomial share are below 0.008."""
    ones = torch.ones(100_000)
    with drawing_from(generator() if own else None):
        dropped = Dropout(rate)(ones)

    assert dropped.unique().tolist() == pytest.approx([0.0, 1 / (1 - rate)])
    assert (dropped == 0).float().mean().item() == pytest.approx(rate, abs=0.008)
    assert dropped.mean().item() == pytest.approx(1, abs=0.016)


def test_nothing_is_dropped_in_evaluation_or_at_rate_zero() -> None:
    ones = torch.ones(1000)
    with drawing_from(generator()):
        assert torch.equal(Dropout(0.5).eval()(ones), ones)
        assert torch.equal(Dropout(0.0)(ones), ones)


def test_draws_are_those_of_the_generator_and_leave_the_default_one_alone() -> None:
    drop, ones, state = Dropout(0.5), torch.ones(1000), torch.get_rng_state()
    own = generator()
    with drawing_from(own):
        first, second = drop(ones), drop(ones)
    with drawing_from(generator()):
        again = drop(ones)

    assert torch.equal(first, again)
    assert not torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), state)
    assert current_generator() is None


def test_what_is_recomputed_draws_the_same_and_what_follows_goes_on() -> None:
    drop, ones = Dropout(0.5), torch.ones(1000)
    with drawing_from(generator()):
        expected = [drop(ones) for _ in range(3)]
    with drawing_from(generator()):
        once, again = same_draws()
        with once:
            first = drop(ones)
        second = drop(ones)
        with again:
            recomputed = drop(ones)
        third = drop(ones)

    assert torch.equal(recomputed, first)
    for got, want in zip((first, second, third), expected, strict=True):
        assert torch.equal(got, want)
