"""Intervals of simulated studies cover the true values."""

import importlib.util
import math
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from vitbench.comparison.estimates import OneRunEach
from vitbench.comparison.multiplicity import ALONE, LEVEL
from vitbench.comparison.variance import accuracy_estimate, difference_estimate
from vitbench.study.request import FIRST_LOOK


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
COVERAGE_ERROR = 3 * math.sqrt(0.94 * 0.06 / REPETITIONS)  # three standard errors
FAMILY_ERROR = 3 * math.sqrt(0.05 * 0.95 / REPETITIONS)


@pytest.mark.parametrize("num_seeds", [2, 3, 5, 10])
@pytest.mark.parametrize(("seed_sd", "ratio"), [(0.0, 1.0), (0.3, 3.0), (1.5, 1.0)])
def test_intervals_of_drawn_studies_cover_what_is_true(
    simulation: ModuleType, num_seeds: int, seed_sd: float, ratio: float
) -> None:
    cell = simulation.Cell.alike(num_seeds, seed_sd, ratio, 0.0, 2)

    found = simulation.examine(cell, REPETITIONS, np.random.default_rng(1))

    assert found.coverage >= simulation.LEAST_COVERAGE - COVERAGE_ERROR


@pytest.mark.parametrize("num_variants", [2, 4, 8])
def test_families_of_drawn_studies_rarely_have_a_false_winner(
    simulation: ModuleType, num_variants: int
) -> None:
    low = simulation.Cell((3,) * num_variants, (0.5,) + (2.5,) * (num_variants - 1))

    found = simulation.examine(low, REPETITIONS, np.random.default_rng(2))

    most = simulation.MOST_FAMILY_ERROR + FAMILY_ERROR
    assert found.family_error <= most
    assert found.reference_error <= most
    if num_variants == 8:
        assert (
            found.plain_t3_error > simulation.MOST_FAMILY_ERROR
        )  # Dunnett's T3 alone is not enough


def test_the_same_simulation_finds_out_intervals_that_know_of_one_noise_alone(
    simulation: ModuleType,
) -> None:
    """Images alone miss where seeds matter, and seeds alone where images do."""
    rng = np.random.default_rng(3)
    least = simulation.LEAST_COVERAGE - COVERAGE_ERROR
    noisy = simulation.draw(simulation.Cell.alike(5, 0.7, 1.0, 0.0, 2), REPETITIONS, rng)
    calm = simulation.draw(simulation.Cell.alike(10, 0.0, 1.0, 0.0, 2), REPETITIONS, rng)

    of_images = 1.96 * np.sqrt(noisy.image + 2 * noisy.noise / 5)
    of_seeds = 2.1 * np.sqrt(sum(a.var(axis=1, ddof=1) / 10 for a in calm.accuracies))

    assert (abs(noisy.difference((0, 1))) <= of_images).mean() < least
    assert (abs(calm.difference((0, 1))) <= of_seeds).mean() < least


def test_family_of_unadjusted_intervals_would_be_found_out(simulation: ModuleType) -> None:
    """Eight variants at 5 % a pair have a false winner far too often."""
    cell = simulation.Cell.alike(5, 1.5, 1.0, 0.0, 8)
    studies = simulation.draw(cell, REPETITIONS, np.random.default_rng(4))
    wrong = np.zeros(REPETITIONS, dtype=bool)
    for pair in studies.pairs():
        half = simulation.half_width(studies, pair, LEVEL, ALONE)
        wrong |= abs(studies.difference(pair)) > half

    assert wrong.mean() > simulation.MOST_FAMILY_ERROR + FAMILY_ERROR


@pytest.mark.parametrize("num_seeds", [2, 3, 5, 10])
def test_differences_as_large_as_the_margin_are_rarely_found_within_it(
    simulation: ModuleType, num_seeds: int
) -> None:
    cell = simulation.Cell.alike(num_seeds, 0.7, 1.0, 0.0, 2)

    error = simulation.false_equivalence(cell, REPETITIONS, np.random.default_rng(5))

    assert 0.001 < error <= simulation.MOST_FALSE_EQUIVALENCE + FAMILY_ERROR


def test_stopping_at_the_second_narrow_look_covers_what_is_true(simulation: ModuleType) -> None:
    cell = simulation.Cell.alike(20, 0.7, 1.0, 0.0, 2)
    studies = simulation.draw(cell, REPETITIONS, np.random.default_rng(6))

    ours = simulation.stop_on_width(studies, 1.4, (6.0, 1.0))
    alike = simulation.stop_on_width(studies, 1.4, (6.0, 1.0), all_alike=True)

    assert ours.covered >= simulation.LEAST_COVERAGE - COVERAGE_ERROR
    assert 7 * FIRST_LOOK < ours.cost < 0.95 * alike.cost
    assert ours.reached > 0.9


@pytest.mark.parametrize(("first", "second", "phi"), [(0.5, 0.99, 0.0), (0.9, 0.9, 0.8)])
def test_intervals_of_one_run_each_cover_the_difference_of_two_models(
    simulation: ModuleType, first: float, second: float, phi: float
) -> None:
    table = simulation.joint(first, second, phi)
    drawn = np.random.default_rng(7).multinomial(1000, table, size=REPETITIONS)

    low, high = simulation.one_run_interval(drawn.astype(float))

    true = 100 * (first - second)
    least = simulation.LEAST_COVERAGE - COVERAGE_ERROR
    assert ((low <= true) & (true <= high)).mean() >= least
    for number in range(5):  # the same as that of the package
        estimate = OneRunEach(*drawn[number, :3].tolist(), 1000)
        assert (low[number], high[number]) == pytest.approx(estimate.interval(LEVEL))
    if first < second:  # the earlier interval conditions on half of the noise
        old = simulation.coverage_of_runs(drawn, true, simulation.conditional_interval)
        assert old < 0.5


def test_intervals_at_the_ceiling_cover_and_have_a_width(simulation: ModuleType) -> None:
    hard, rng = simulation.HARD[0], np.random.default_rng(8)

    covered, of_one, _, zero, before = simulation.at_the_ceiling((0.999, 0.999), 3, hard, 2000, rng)
    equivalent = simulation.at_the_ceiling((1.0, 0.995), 3, hard, 2000, rng)[2]

    assert min(covered, of_one) >= simulation.LEAST_COVERAGE - COVERAGE_ERROR
    assert zero == 0 < before
    assert equivalent <= simulation.MOST_FALSE_EQUIVALENCE + FAMILY_ERROR


def test_widths_of_the_simulation_are_those_of_the_package(simulation: ModuleType) -> None:
    """On whole predictions, computed in both ways."""
    rng = np.random.default_rng(9)
    first, second = simulation.predictions(3, 0.7, rng)

    centre, half, _, _ = simulation._ceiling_half_widths(first[None], second[None])
    middle, of_one = simulation._accuracy_half_widths(first[None])

    difference, accuracy = difference_estimate(first, second), accuracy_estimate(first)
    assert centre[0] == pytest.approx(difference.centre)
    assert half[0] == pytest.approx(difference.half_width(LEVEL), rel=2e-3)
    assert middle[0] == pytest.approx(accuracy.centre)
    assert of_one[0] == pytest.approx(accuracy.half_width(LEVEL), rel=2e-3)


def test_bars_that_are_missed_are_listed(simulation: ModuleType) -> None:
    bars = simulation.Bars()

    bars.at_least(0.94, 0.93, "coverage")
    bars.at_least(0.92, 0.93, "coverage")
    bars.at_most(0.07, 0.06, "family")

    assert bars.kept == 1
    assert bars.missed == ["coverage: 92.0 %, below 93.0 %", "family: 7.0 %, above 6.0 %"]
