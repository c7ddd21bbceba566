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

from vitbench.comparison.estimates import (
    Estimate,
    OneRunEach,
    SeedPart,
    SeedsAndImages,
    TwoCounts,
)
from vitbench.comparison.multiplicity import (
    ALONE,
    LEVEL,
    Family,
    critical_value,
    normal_quantile,
)
from vitbench.comparison.proportions import mcnemar_exact, newcombe
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
    first, second, both = (draw(st.integers(0, 400)) for _ in range(3))
    return OneRunEach(both, first, second, both + first + second + draw(st.integers(1, 10_000)))


@st.composite
def families(draw: st.DrawFn) -> Family:
    number = draw(st.integers(2, 12))
    return draw(st.sampled_from([ALONE, Family.all_pairs(number), Family.with_reference(number)]))


several_seeds = pairs_of_tables().map(lambda tables: difference_estimate(*tables))


def random_answers(num_seeds: int, num_images: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Answers of two variants (S, n), to which images are hard alike and each in its own way."""
    rng = np.random.default_rng(seed)
    hard = rng.normal(size=num_images) + rng.normal(size=(2, 1, num_images))
    first, second = rng.normal(size=(2, num_seeds, num_images)) > hard
    return first, second


def test_one_run_each_has_newcombes_paired_interval_by_hand() -> None:
    """Two models differ in one direction on half of the images: both 487, 2, 510 and 1 of 1,000.

    Shares 0.489 and 0.997; phi = (487 * 1 - 2 * 510) / sqrt(489 * 511 * 997 * 3) = -0.0195.
    """
    found = OneRunEach(487, 2, 510, 1000)

    low, high = found.interval(LEVEL, Family.all_pairs(4))

    assert (round(low, 2), round(high, 2)) == (-54.95, -46.53)
    assert found.value == -50.8


def test_one_run_each_includes_zero_where_the_exact_test_does_not_reject() -> None:
    """Four images, all for the first: Newcombe's interval excludes 0, but p = 2 / 2**4 > 0.05."""
    four, six = OneRunEach(400, 4, 0, 1000), OneRunEach(900, 6, 0, 1000)

    assert newcombe(404, 400, 400, 1000, LEVEL)[0] > 0
    assert four.interval(LEVEL)[0] == 0
    assert four.p_value() == pytest.approx(2 / 2**4)
    assert six.p_value() >= mcnemar_exact(6, 0)
    assert (six.p_value() < LEVEL) == (six.interval(LEVEL)[0] > 0)


@pytest.mark.parametrize("both", [0, 1, 500, 1000])
def test_one_run_each_is_never_without_a_width(both: int) -> None:
    same = OneRunEach(both, 0, 0, 1000)

    low, high = same.interval(LEVEL)

    assert low < -0.1
    assert high > 0.1
    assert high < 0.6  # three in a thousand, more or less
    assert same.p_value() == 1


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize(("first", "second"), [(0, 0), (100, 100), (100, 0), (62, 69), (5, 3)])
def test_newcombe_equals_statsmodels(first: int, second: int, alpha: float) -> None:
    theirs = confint_proportions_2indep(first, 100, second, 100, method="newcomb", alpha=alpha)

    ours = TwoCounts(first, second, 100).interval(alpha)

    assert ours == pytest.approx(tuple(100 * end for end in theirs))


@settings(deadline=None)
@given(
    estimate=st.one_of(several_seeds, one_run_each(), two_counts()),
    alpha=alphas,
    family=families(),
)
def test_p_is_below_alpha_exactly_when_the_interval_leaves_zero_out(
    estimate: Estimate, alpha: float, family: Family
) -> None:
    low, high = estimate.interval(alpha, family)

    centre = estimate.centre if isinstance(estimate, SeedsAndImages) else estimate.value
    assert low <= centre + 1e-9
    assert centre <= high + 1e-9
    p = estimate.p_value(family)
    if abs(p - alpha) > 1e-9 * alpha:
        assert (p < alpha) == (not low <= 0 <= high)


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

    assert isinstance(one, SeedsAndImages)
    assert one.swapped().interval(alpha) == pytest.approx(other.interval(alpha))
    low, high = other.interval(alpha)
    assert one.interval(alpha) == pytest.approx((-high, -low))
    assert one.p_value() == pytest.approx(other.p_value())


@settings(deadline=None)
@given(counts=st.one_of(one_run_each(), two_counts()), alpha=alphas)
def test_swapping_two_counts_negates_the_difference(
    counts: OneRunEach | TwoCounts, alpha: float
) -> None:
    low, high = counts.interval(alpha)
    assert counts.swapped().swapped() == counts
    assert counts.swapped().value == -counts.value
    assert counts.swapped().interval(alpha) == pytest.approx((-high, -low), abs=1e-9)


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
    """Where seeds alone vary, Student's t is left: three seeds have df = 2, six have 5."""
    three = SeedsAndImages(0.0, 0.0, 0.0, (SeedPart(3.0, 0.0, 3),))

    six = three.with_seeds(6)

    assert (three.welch_df, six.welch_df) == (pytest.approx(2), pytest.approx(5))
    assert six.half_width(0.05) == pytest.approx(stats.t(5).ppf(0.975) * math.sqrt(3 / 2))


@settings(deadline=None)
@given(several_seeds, st.floats(1e-6, 0.5), families())
def test_the_width_is_that_of_the_formula_in_the_docs(found, alpha, family) -> None:
    z = normal_quantile(alpha, family)
    least, welch = found.num_seeds - 1, found.welch_df
    df = least ** (1 / found.num_seeds) * welch ** (1 - 1 / found.num_seeds)
    q = critical_value(alpha, family, df)
    seed = sum(max(part.measured, part.noise) for part in found.parts)
    noise = sum(part.noise for part in found.parts)
    expected = max(z**2 * found.image, z**2 * max(found.image - noise, 0) + q**2 * seed)

    assert found.half_width(alpha, family) == pytest.approx(math.sqrt(expected), rel=1e-9)


def test_the_variance_of_seeds_is_never_below_the_noise_of_predictions() -> None:
    lucky = SeedPart(measured=0.01, noise=0.2, num_seeds=3)

    assert lucky.variance == 0.2
    assert lucky.with_seeds(6).variance == pytest.approx(0.1)
    assert lucky.scaled(100).variance == pytest.approx(1.0)


def test_numbers_of_seeds_may_differ_and_the_smaller_matters_more() -> None:
    parts = SeedPart(1.0, 0.0, 3), SeedPart(1.0, 0.0, 3)
    equal = SeedsAndImages(0.0, 0.0, 0.0, parts)

    more_of_one = equal.with_seeds(3, 12)

    assert more_of_one.seed == pytest.approx(1 + 1 / 4)
    assert more_of_one.num_seeds == 3
    assert equal.with_seeds(12).half_width(0.05) < more_of_one.half_width(0.05)
    assert more_of_one.half_width(0.05) < equal.half_width(0.05)
