"""Estimates as scipy and statsmodels have them, and what must hold for any of them."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep

from vitbench.comparison.estimates import Estimate, OneRunEach, SeedsAndImages, TwoCounts
from vitbench.comparison.intervals import half_width
from vitbench.comparison.multiplicity import LEVEL, sidak_alpha, sidak_p
from vitbench.comparison.variance import (
    difference_estimate,
)

ALPHAS = (0.2, 0.05, 0.0085, 0.0001)
alphas = st.floats(1e-6, 0.5)


@st.composite
def pairs_of_tables(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Right and wrong answers of two variants, each (S, n)."""
    shape = draw(st.integers(2, 5)), draw(st.integers(2, 30))
    return draw(arrays(bool, shape)), draw(arrays(bool, shape))


@st.composite
def two_counts(draw: st.DrawFn) -> TwoCounts:
    num_images = draw(st.integers(1, 10_000))
    right = st.integers(0, num_images)
    return TwoCounts(draw(right), draw(right), num_images)


@st.composite
def one_run_each(draw: st.DrawFn) -> OneRunEach:
    first, second = draw(st.integers(0, 400)), draw(st.integers(0, 400))
    return OneRunEach(first, second, first + second + draw(st.integers(1, 10_000)))


several_seeds = pairs_of_tables().map(lambda tables: difference_estimate(*tables))


def random_answers(num_seeds: int, num_images: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Answers of two variants (S, n), to which images are hard alike and each in its own way."""
    rng = np.random.default_rng(seed)
    hard = rng.normal(size=num_images) + rng.normal(size=(2, 1, num_images))
    first, second = rng.normal(size=(2, num_seeds, num_images)) > hard
    return first, second


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize(("first", "second"), [(1, 0), (7, 1), (50, 50), (0, 12), (300, 41)])
def test_interval_of_one_run_each_is_clopper_and_pearsons_as_scipy_has_it(
    first: int, second: int, alpha: float
) -> None:
    share = stats.binomtest(first, first + second).proportion_ci(1 - alpha, method="exact")
    scale = 100 * (first + second) / 1000

    interval = OneRunEach(first, second, 1000).interval(alpha)

    assert interval == pytest.approx(((2 * share.low - 1) * scale, (2 * share.high - 1) * scale))


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize(("first", "second"), [(0, 0), (100, 100), (100, 0), (62, 69), (5, 3)])
def test_newcombe_equals_statsmodels(first: int, second: int, alpha: float) -> None:
    theirs = confint_proportions_2indep(first, 100, second, 100, method="newcomb", alpha=alpha)

    ours = TwoCounts(first, second, 100).interval(alpha)

    assert ours == pytest.approx(tuple(100 * end for end in theirs))


@settings(deadline=None)
@given(estimate=st.one_of(several_seeds, one_run_each(), two_counts()), alpha=alphas)
def test_p_is_below_alpha_exactly_when_the_interval_leaves_zero_out(
    estimate: Estimate, alpha: float
) -> None:
    low, high = estimate.interval(alpha)

    assert low <= estimate.value <= high
    assert (estimate.p_value() < alpha) == (not low <= 0 <= high)


@settings(deadline=None)
@given(
    estimate=st.one_of(several_seeds, one_run_each(), two_counts()), num_tests=st.integers(1, 45)
)
def test_adjusted_p_and_simultaneous_interval_never_contradict(
    estimate: Estimate, num_tests: int
) -> None:
    low, high = estimate.interval(sidak_alpha(LEVEL, num_tests))

    assert (sidak_p(estimate.p_value(), num_tests) < LEVEL) == (not low <= 0 <= high)


@settings(deadline=None)
@given(estimate=st.one_of(several_seeds, one_run_each(), two_counts()))
def test_intervals_nest(estimate: Estimate) -> None:
    ends = [estimate.interval(alpha) for alpha in sorted(ALPHAS)]

    for wide, narrow in itertools.pairwise(ends):
        assert wide[0] <= narrow[0] + 1e-9
        assert narrow[1] <= wide[1] + 1e-9


@settings(deadline=None)
@given(tables=pairs_of_tables(), alpha=alphas)
def test_swapping_a_pair_negates_the_difference(
    tables: tuple[np.ndarray, np.ndarray], alpha: float
) -> None:
    first, second = tables
    one, other = difference_estimate(first, second), difference_estimate(second, first)

    low, high = other.interval(alpha)
    assert one.interval(alpha) == pytest.approx((-high, -low))
    assert one.p_value() == pytest.approx(other.p_value())


@settings(deadline=None)
@given(counts=st.one_of(one_run_each(), two_counts()), alpha=alphas)
def test_swapping_two_counts_negates_the_difference(
    counts: OneRunEach | TwoCounts, alpha: float
) -> None:
    low, high = counts.interval(alpha)
    if isinstance(counts, OneRunEach):
        turned: Estimate = OneRunEach(counts.second_only, counts.first_only, counts.num_images)
    else:
        turned = TwoCounts(counts.second, counts.first, counts.num_images)

    assert turned.interval(alpha) == pytest.approx((-high, -low), abs=1e-9)


@settings(deadline=None)
@given(tables=pairs_of_tables())
def test_with_its_own_number_of_seeds_an_estimate_is_as_it_was(
    tables: tuple[np.ndarray, np.ndarray],
) -> None:
    found = difference_estimate(*tables)
    assert isinstance(found, SeedsAndImages)

    same = found.with_seeds(found.num_seeds)

    assert same.half_width(0.05) == pytest.approx(found.half_width(0.05), abs=1e-9)


def test_with_endless_seeds_the_images_remain() -> None:
    found = difference_estimate(*random_answers(3, 400))
    assert isinstance(found, SeedsAndImages)

    limit = 1.959964 * math.sqrt(found.image - found.noise)

    assert found.with_seeds(10**7).half_width(0.05) == pytest.approx(limit, rel=1e-3)
    assert found.with_seeds(6).half_width(0.05) < found.half_width(0.05)


def test_more_seeds_have_more_degrees_of_freedom() -> None:
    """Three seeds with df = 2 are six with df = 5; where seeds alone vary Student's t is left."""
    six = SeedsAndImages(0.0, 0.0, 0.0, 3.0, 2.0, 3).with_seeds(6)

    assert six.df == pytest.approx(5)
    assert six.half_width(0.05) == pytest.approx(stats.t(5).ppf(0.975) * math.sqrt(3 / 2))


@given(several_seeds, st.floats(1e-9, 0.9))
def test_the_width_of_one_estimate_is_that_of_the_formula_for_many(found, alpha) -> None:
    parts = found.image, found.noise, found.seed, found.df
    assert found.half_width(alpha) == pytest.approx(float(half_width(*parts, alpha)), rel=1e-12)
