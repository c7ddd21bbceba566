"""Intervals of simulated studies cover the true values."""

import importlib.util
import math
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from vitbench.comparison.multiplicity import LEVEL


@pytest.fixture(scope="module")
def simulation() -> ModuleType:
    path = Path(__file__).parents[2] / "scripts" / "interval_coverage.py"
    spec = importlib.util.spec_from_file_location("interval_coverage", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


REPETITIONS = 2_000
COVERAGE_ERROR = 3 * math.sqrt(0.93 * 0.07 / REPETITIONS)  # three standard errors
FAMILY_ERROR = 3 * math.sqrt(0.06 * 0.94 / REPETITIONS)


@pytest.mark.parametrize("num_seeds", [2, 3, 5, 10])
@pytest.mark.parametrize(("seed_sd", "ratio"), [(0.0, 1.0), (0.3, 3.0), (1.5, 1.0)])
def test_intervals_of_drawn_studies_cover_what_is_true(
    simulation: ModuleType, num_seeds: int, seed_sd: float, ratio: float
) -> None:
    cell = simulation.Cell(num_seeds, seed_sd, ratio, correlation=0.0, num_variants=2)

    found = simulation.examine(cell, REPETITIONS, np.random.default_rng(1))

    assert found.coverage >= 0.93 - COVERAGE_ERROR


@pytest.mark.parametrize("num_variants", [2, 4, 8])
def test_families_of_drawn_studies_rarely_have_a_false_winner(
    simulation: ModuleType, num_variants: int
) -> None:
    cell = simulation.Cell(5, 1.5, 3.0, correlation=0.0, num_variants=num_variants)

    found = simulation.examine(cell, REPETITIONS, np.random.default_rng(2))

    assert found.family_error <= 0.06 + FAMILY_ERROR


def test_the_same_simulation_finds_out_intervals_that_know_of_one_noise_alone(
    simulation: ModuleType,
) -> None:
    """Its twin: images alone miss where seeds matter, and a paired t where images do."""
    rng = np.random.default_rng(3)
    noisy_seeds = simulation.examine(simulation.Cell(5, 0.7, 1.0, 0.0, 2), REPETITIONS, rng)
    calm_seeds = simulation.examine(simulation.Cell(10, 0.0, 1.0, 0.0, 2), REPETITIONS, rng)

    assert noisy_seeds.images_only_coverage < 0.93 - COVERAGE_ERROR
    assert calm_seeds.paired_t_coverage < 0.93 - COVERAGE_ERROR


def test_family_of_unadjusted_intervals_would_be_found_out(simulation: ModuleType) -> None:
    """Its twin: eight variants at 5 % a pair have a false winner far too often."""
    studies = simulation.draw(
        simulation.Cell(5, 1.5, 1.0, 0.0, 8), REPETITIONS, np.random.default_rng(4)
    )
    wrong = np.zeros(REPETITIONS, dtype=bool)
    for first, second in studies.pairs():
        wrong |= abs((first - second).mean(axis=1)) > simulation.our_half_width(
            studies, first, second, LEVEL
        )

    assert wrong.mean() > 0.06 + FAMILY_ERROR


@pytest.mark.parametrize("num_seeds", [2, 3, 5, 10])
def test_differences_as_large_as_the_margin_are_rarely_found_within_it(
    simulation: ModuleType, num_seeds: int
) -> None:
    cell = simulation.Cell(num_seeds, 0.7, 1.0, correlation=0.0, num_variants=2)

    error = simulation.false_within(cell, REPETITIONS, np.random.default_rng(5))

    assert 0.01 < error <= 0.06 + FAMILY_ERROR


def test_stopping_at_the_second_narrow_look_covers_what_is_true(simulation: ModuleType) -> None:
    cell = simulation.Cell(20, 0.7, 1.0, correlation=0.0, num_variants=2)
    studies = simulation.draw(cell, REPETITIONS, np.random.default_rng(6))

    twice, once = (simulation.stop_on_width(studies, 1.2, 3, looks) for looks in (2, 1))

    assert twice.covered >= 0.93 - COVERAGE_ERROR
    assert twice.covered > once.covered


def test_bars_that_are_missed_are_listed(simulation: ModuleType) -> None:
    bars = simulation.Bars()

    bars.at_least(0.94, 0.93, "coverage")
    bars.at_least(0.92, 0.93, "coverage")
    bars.at_most(0.07, 0.06, "family")

    assert bars.kept == 1
    assert bars.missed == ["coverage: 92.0 %, below 93.0 %", "family: 7.0 %, above 6.0 %"]
