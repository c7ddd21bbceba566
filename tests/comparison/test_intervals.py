"""Widths and degrees of freedom as scipy has them, and by hand."""

import math

import numpy as np
import pytest
from scipy import stats

from vitbench.comparison.intervals import half_width, welch_df, welch_interval

ALPHAS = (0.2, 0.05, 0.0085, 0.0001)


@pytest.mark.parametrize("num_seeds", [2, 3, 10])
@pytest.mark.parametrize("alpha", ALPHAS)
def test_welch_interval_equals_scipys(num_seeds: int, alpha: float) -> None:
    rng = np.random.default_rng(num_seeds)
    first, second = rng.normal(70, 1, num_seeds), rng.normal(69, 3, num_seeds)
    theirs = stats.ttest_ind(first, second, equal_var=False).confidence_interval(1 - alpha)

    assert welch_interval(first, second, alpha) == pytest.approx((theirs.low, theirs.high))


def test_only_the_noise_of_single_answers_is_counted_once() -> None:
    """V = 5 of which W = 1, P = 2 with endless df: z^2 (5 - 1 + 2), not z^2 (5 + 2)."""
    assert half_width(5.0, 1.0, 2.0, math.inf, 0.05) == pytest.approx(1.959964 * math.sqrt(6))


def test_interval_is_never_narrower_than_the_images_alone_allow() -> None:
    """P = 0 by luck, where W = 3 must be in it."""
    assert half_width(5.0, 3.0, 0.0, math.inf, 0.05) == pytest.approx(1.959964 * math.sqrt(5))


def test_welch_df_lies_between_one_variants_and_boths() -> None:
    assert welch_df([1.0, 0.0], 5) == pytest.approx(4)
    assert welch_df([1.0, 1.0], 5) == pytest.approx(8)
    assert welch_df([0.0, 0.0], 5) == math.inf
