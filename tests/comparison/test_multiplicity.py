"""Adjustment as statsmodels has it, as published tables have it, and by brute simulation."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from vitbench.comparison.multiplicity import (
    ALONE,
    LEVEL,
    Blocks,
    Family,
    adjusted_p,
    critical_value,
    equivalence_level,
    maximum_modulus_p,
    normal_quantile,
    sidak_alpha,
    sidak_p,
)

FAMILIES = [
    ALONE, Family.all_pairs(3), Family.all_pairs(8), Family.separate(7), Family.with_reference(5),
]  # fmt: skip


def one_block(num_pairs: int) -> Family:
    """The family of Dunnett's T3."""
    return Family(num_pairs, (Blocks(1.0, num_pairs),))


@pytest.mark.parametrize("num_tests", [1, 3, 6, 28])
def test_sidak_equals_statsmodels(num_tests: int) -> None:
    p = np.random.default_rng(0).random(num_tests) ** 3
    _, adjusted, level, _ = multipletests(p, alpha=LEVEL, method="sidak")

    assert [sidak_p(value, num_tests) for value in p] == pytest.approx(adjusted.tolist())
    assert sidak_alpha(LEVEL, num_tests) == pytest.approx(level)


def test_the_level_of_equivalence_of_one_pair_is_twice_alpha() -> None:
    assert equivalence_level(ALONE) == pytest.approx(2 * 0.045)
    assert 0.087 < equivalence_level(Family.all_pairs(8)) < 0.09


# Stoline and Ury, Technometrics 21, 1979; Bechhofer and Dunnett, 1982: upper 5 % points.
@pytest.mark.parametrize(
    ("num_tests", "df", "published"),
    [(3, 5, 3.399), (3, 10, 2.829), (6, 10, 3.199), (10, 20, 3.114), (2, 5, 3.091), (6, 5, 3.928)],
)
def test_the_maximum_modulus_equals_published_tables(num_tests, df, published) -> None:
    assert critical_value(0.05, one_block(num_tests), df) == pytest.approx(published, abs=0.006)


@pytest.mark.parametrize(("num_tests", "df"), [(3, 2), (6, 3.5), (28, 9), (15, 1.2)])
def test_the_maximum_modulus_equals_brute_simulation(num_tests: int, df: float) -> None:
    rng = np.random.default_rng(num_tests)
    largest = abs(rng.normal(size=(200_000, num_tests))).max(axis=1)
    drawn = largest / np.sqrt(rng.chisquare(df, 200_000) / df)

    for alpha in (0.2, 0.05, 0.01):
        limit = critical_value(alpha, one_block(num_tests), df)
        error = 3 * math.sqrt(alpha * (1 - alpha) / 200_000)
        assert (drawn > limit).mean() == pytest.approx(alpha, abs=error)


@pytest.mark.parametrize("df", [1.0, 2.7, 30.0, 400.0])
def test_one_statistic_is_students_t(df: float) -> None:
    for alpha in (0.2, 0.05, 1e-6):
        assert critical_value(alpha, ALONE, df) == pytest.approx(stats.t.isf(alpha / 2, df))
    # The integral, which one statistic does not need, is exact too.
    almost_one = maximum_modulus_p(4.0, 1 + 1e-12, df)
    assert almost_one == pytest.approx(2 * stats.t.sf(4.0, df), rel=1e-8)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("df", [1.0, 2.5, 8.0, 1000.0, math.inf])
def test_critical_values_and_p_are_inverse_and_ordered(family: Family, df: float) -> None:
    values = []
    for alpha in (0.3, 0.05, 1e-3, 1e-8):
        value = critical_value(alpha, family, df)
        assert adjusted_p(value, family, df) == pytest.approx(alpha, rel=1e-6)
        assert value >= normal_quantile(alpha, family) - 1e-6
        values.append(value)
    assert values == sorted(values)


@pytest.mark.parametrize("df", [1.5, 4.0, 50.0])
def test_fewer_blocks_are_narrower_and_a_block_for_each_pair_is_sidaks(df: float) -> None:
    families = [Family(6, (Blocks(number, 6 / number),)) for number in (1.0, 2.0, 6.0)]
    values = [critical_value(0.05, family, df) for family in families]

    assert all(one < next_one for one, next_one in itertools.pairwise(values))
    assert values[2] == pytest.approx(stats.t.isf(sidak_alpha(0.05, 6) / 2, df))


def test_comparisons_with_a_reference_are_never_wider_than_all_pairs() -> None:
    for num_variants in (3, 4, 8):
        widths = {
            df: [
                critical_value(0.05, family, df)
                for family in (Family.with_reference(num_variants), Family.all_pairs(num_variants))
            ]
            for df in (1.5, 4.0, 20.0)
        }
        assert all(reference <= of_all + 1e-9 for reference, of_all in widths.values())
        assert widths[20.0][0] < 0.97 * widths[20.0][1]


def test_a_family_stopped_by_width_is_a_quarter_more_of_itself() -> None:
    for family in FAMILIES:
        stopped = family.stopped_by_width()
        p = adjusted_p(4.0, family, 5.0)
        assert adjusted_p(4.0, stopped, 5.0) == pytest.approx(sidak_p(p, 1.25))
