"""Wilson and McNemar as scipy and statsmodels have them."""

import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar

from vitbench.comparison.proportions import mcnemar_exact, undetected_failure_rate, wilson

ALPHAS = (0.2, 0.05, 0.0085, 0.0001)


@pytest.mark.parametrize(
    ("first", "second"), [(0, 0), (1, 0), (7, 1), (50, 50), (0, 12), (300, 41)]
)
def test_mcnemar_equals_scipys_binomial_test_and_statsmodels(first: int, second: int) -> None:
    p = mcnemar_exact(first, second)

    if first + second:
        assert p == pytest.approx(stats.binomtest(first, first + second).pvalue)
    table = [[500, first], [second, 100]]
    assert p == pytest.approx(mcnemar(table, exact=True).pvalue)


def test_mcnemar_equals_the_binomial_by_hand() -> None:
    """Two models differ on 8 images, 7 of them for A: p = 2 * (1 + 8) / 2**8."""
    assert mcnemar_exact(7, 1) == pytest.approx(18 / 256)


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize(("right", "num"), [(0, 10), (10, 10), (1, 1), (37, 100), (6947, 10_000)])
def test_wilson_equals_scipys(right: int, num: int, alpha: float) -> None:
    theirs = stats.binomtest(right, num).proportion_ci(1 - alpha, method="wilson")

    assert wilson(right, num, alpha) == pytest.approx((100 * theirs.low, 100 * theirs.high))


@pytest.mark.parametrize(("num_seeds", "rate"), [(1, 0.95), (3, 0.632), (5, 0.451), (10, 0.259)])
def test_seeds_without_a_failure_exclude_only_larger_rates(num_seeds: int, rate: float) -> None:
    found = undetected_failure_rate(num_seeds)

    assert found == pytest.approx(rate, abs=0.001)
    assert (1 - found) ** num_seeds == pytest.approx(0.05)
