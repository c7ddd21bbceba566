"""Degrees of freedom by hand and by scipy."""

import math

import numpy as np
import pytest
from scipy import stats

from vitbench.comparison.intervals import SMALLEST_P, smallest_alpha, welch_df


@pytest.mark.parametrize("seeds", [(2, 2), (3, 3), (3, 5), (10, 2)])
def test_welch_df_equals_scipys(seeds: tuple[int, int]) -> None:
    rng = np.random.default_rng(sum(seeds))
    first, second = rng.normal(70, 1, seeds[0]), rng.normal(69, 3, seeds[1])
    theirs = stats.ttest_ind(first, second, equal_var=False)

    ours = welch_df([(float(v.var(ddof=1)) / len(v), len(v)) for v in (first, second)])

    assert ours == pytest.approx(theirs.df)


def test_welch_df_lies_between_one_variants_and_boths() -> None:
    assert welch_df([(1.0, 5), (0.0, 5)]) == pytest.approx(4)
    assert welch_df([(1.0, 5), (1.0, 5)]) == pytest.approx(8)
    assert welch_df([(0.0, 5), (0.0, 5)]) == math.inf


def test_the_smallest_alpha_is_found_by_its_test() -> None:
    assert smallest_alpha(lambda alpha: alpha > 0.03) == pytest.approx(0.03)
    assert smallest_alpha(lambda _alpha: True) == SMALLEST_P
    assert smallest_alpha(lambda _alpha: False) == 1
