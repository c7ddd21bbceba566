"""Sidak's adjustment as statsmodels has it."""

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from vitbench.comparison.multiplicity import LEVEL, one_sided_level, sidak_alpha, sidak_p


@pytest.mark.parametrize("num_tests", [1, 3, 6, 28])
def test_sidak_equals_statsmodels(num_tests: int) -> None:
    p = np.random.default_rng(0).random(num_tests) ** 3
    _, adjusted, level, _ = multipletests(p, alpha=LEVEL, method="sidak")

    assert [sidak_p(value, num_tests) for value in p] == pytest.approx(adjusted.tolist())
    assert sidak_alpha(LEVEL, num_tests) == pytest.approx(level)


def test_one_sided_level_of_a_single_pair_is_twice_alpha() -> None:
    assert one_sided_level(0.05, 1) == pytest.approx(0.10)
