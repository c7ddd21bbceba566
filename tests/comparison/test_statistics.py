"""Numbers from scipy, statsmodels, loops and by hand; then what must hold for any answers."""

import functools
import importlib.util
import itertools
import math
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep

from vitbench.comparison.estimates import Estimate, OneRunEach, SeedsAndImages, TwoCounts
from vitbench.comparison.intervals import SMALLEST_P, half_width, welch_df, welch_interval
from vitbench.comparison.multiplicity import LEVEL, one_sided_level, sidak_alpha, sidak_p
from vitbench.comparison.proportions import mcnemar_exact, wilson
from vitbench.comparison.variance import (
    accuracy_estimate,
    difference_estimate,
    difference_estimates,
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
@pytest.mark.parametrize(("first", "second"), [(1, 0), (7, 1), (50, 50), (0, 12), (300, 41)])
def test_interval_of_one_run_each_is_clopper_and_pearsons_as_scipy_has_it(
    first: int, second: int, alpha: float
) -> None:
    share = stats.binomtest(first, first + second).proportion_ci(1 - alpha, method="exact")
    scale = 100 * (first + second) / 1000

    interval = OneRunEach(first, second, 1000).interval(alpha)

    assert interval == pytest.approx(((2 * share.low - 1) * scale, (2 * share.high - 1) * scale))


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize(("right", "num"), [(0, 10), (10, 10), (1, 1), (37, 100), (6947, 10_000)])
def test_wilson_equals_scipys(right: int, num: int, alpha: float) -> None:
    theirs = stats.binomtest(right, num).proportion_ci(1 - alpha, method="wilson")

    assert wilson(right, num, alpha) == pytest.approx((100 * theirs.low, 100 * theirs.high))


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize(("first", "second"), [(0, 0), (100, 100), (100, 0), (62, 69), (5, 3)])
def test_newcombe_equals_statsmodels(first: int, second: int, alpha: float) -> None:
    theirs = confint_proportions_2indep(first, 100, second, 100, method="newcomb", alpha=alpha)

    ours = TwoCounts(first, second, 100).interval(alpha)

    assert ours == pytest.approx(tuple(100 * end for end in theirs))


@pytest.mark.parametrize("num_seeds", [2, 3, 10])
@pytest.mark.parametrize("alpha", ALPHAS)
def test_welch_interval_equals_scipys(num_seeds: int, alpha: float) -> None:
    rng = np.random.default_rng(num_seeds)
    first, second = rng.normal(70, 1, num_seeds), rng.normal(69, 3, num_seeds)
    theirs = stats.ttest_ind(first, second, equal_var=False).confidence_interval(1 - alpha)

    assert welch_interval(first, second, alpha) == pytest.approx((theirs.low, theirs.high))


@pytest.mark.parametrize("num_tests", [1, 3, 6, 28])
def test_sidak_equals_statsmodels(num_tests: int) -> None:
    p = np.random.default_rng(0).random(num_tests) ** 3
    _, adjusted, level, _ = multipletests(p, alpha=LEVEL, method="sidak")

    assert [sidak_p(value, num_tests) for value in p] == pytest.approx(adjusted.tolist())
    assert sidak_alpha(LEVEL, num_tests) == pytest.approx(level)


def test_one_sided_level_of_a_single_pair_is_twice_alpha() -> None:
    assert one_sided_level(0.05, 1) == pytest.approx(0.10)


def parts_by_loops(first: np.ndarray, second: np.ndarray) -> tuple[float, ...]:
    """D, V, W, P and df, from the formulas with a loop for each sum; in points."""
    num_seeds, num_images = first.shape
    d = [[100.0 * (int(first[s, i]) - int(second[s, i])) for i in range(num_images)]
         for s in range(num_seeds)]  # fmt: skip
    image_mean = [sum(d[s][i] for s in range(num_seeds)) / num_seeds for i in range(num_images)]
    seed_mean = [sum(row) / num_images for row in d]
    mean = sum(seed_mean) / num_seeds
    v = sum((m - mean) ** 2 for m in image_mean) / (num_images - 1) / num_images
    squares = sum(
        (d[s][i] - image_mean[i] - seed_mean[s] + mean) ** 2
        for s, i in itertools.product(range(num_seeds), range(num_images))
    )
    w = squares / ((num_seeds - 1) * (num_images - 1)) / (num_images * num_seeds)
    parts = []
    for answers in (first, second):
        accuracy = [100 * sum(map(int, row)) / num_images for row in answers]
        middle = sum(accuracy) / num_seeds
        parts.append(sum((a - middle) ** 2 for a in accuracy) / (num_seeds - 1) / num_seeds)
    p = sum(parts)
    return mean, v, w, p, (num_seeds - 1) * p**2 / sum(part**2 for part in parts)


@pytest.mark.parametrize(("num_seeds", "num_images"), [(2, 30), (3, 200), (7, 50)])
def test_parts_equal_their_formulas_with_a_loop_for_each_sum(
    num_seeds: int, num_images: int
) -> None:
    tables = random_answers(num_seeds, num_images)

    found = difference_estimate(*tables)

    assert isinstance(found, SeedsAndImages)
    assert (found.value, found.image, found.noise, found.seed, found.df) == pytest.approx(
        parts_by_loops(*tables)
    )


def test_small_example_by_hand() -> None:
    """Two seeds, four images: d is 0 1 1 0 and 0 1 -1 0, accuracies 3/4 1/2 against 1/4 1/2.

    D = 2/8. Means by image 0 1 0 0: V = (1/4) / 4. Residuals are 1/4, and 3/4 on the third image:
    mean square (3/2) / 3, W = (1/2) / 8. Each v = (1/32) / 2, so P = 1/32 and df = 2. V - W = 0,
    and the half-width is t(2) * sqrt(1/32), for t = 4.302653 from any table.
    """
    first = np.array([[1, 1, 1, 0], [1, 1, 0, 0]], dtype=bool)
    second = np.array([[1, 0, 0, 0], [1, 0, 1, 0]], dtype=bool)

    found = difference_estimate(first, second)

    assert isinstance(found, SeedsAndImages)
    assert (found.value, found.image, found.noise, found.seed, found.df) == pytest.approx(
        (25, 625, 625, 312.5, 2)
    )
    assert found.half_width(0.05) == pytest.approx(100 * 4.302653 * math.sqrt(1 / 32))


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


def test_identical_answers_of_one_run_each_differ_by_nothing() -> None:
    answers = random_answers(1, 100)[0]

    found = difference_estimate(answers, answers)

    assert (found.value, found.interval(0.05), found.p_value()) == (0, (0, 0), 1)


def test_identical_answers_at_every_seed_differ_by_nothing() -> None:
    answers = np.repeat(random_answers(1, 100)[0], 4, axis=0)

    found = difference_estimate(answers, answers)

    assert (found.value, found.interval(0.05), found.p_value()) == (0, (0, 0), 1)


def test_identical_answers_that_change_with_the_seed_are_as_unsure_as_other_seeds() -> None:
    """Each variant's own spread counts: that both met the same luck is no promise for new seeds."""
    answers = random_answers(4, 100)[0]

    found = difference_estimate(answers, answers)

    by_seed = 100 * answers.mean(axis=1)
    assert (found.value, found.p_value()) == (0, 1)
    assert found.interval(0.05) == pytest.approx(welch_interval(by_seed, by_seed, 0.05))


@pytest.mark.parametrize(("first", "value"), [(True, 100), (False, -100)])
def test_all_right_against_all_wrong_is_sure(first: bool, value: float) -> None:
    tables = np.full((3, 50), first), np.full((3, 50), not first)

    found = difference_estimate(*tables)

    assert found.interval(0.05) == (value, value)
    assert found.p_value() == SMALLEST_P


@pytest.mark.parametrize("right", [True, False])
def test_accuracy_of_all_or_none_is_a_number_without_spread(right: bool) -> None:
    found = accuracy_estimate(np.full((3, 50), right))

    assert found.interval(0.05) == (100 * right, 100 * right)


def test_accuracy_spreads_as_students_t_where_the_seeds_are_all_there_is() -> None:
    """Runs right on all images or on none: no image is harder, and the t interval remains."""
    runs = np.repeat(np.array([[True], [False], [True], [True]]), 60, axis=1)
    theirs = stats.ttest_1samp([100, 0, 100, 100], 0).confidence_interval(0.95)

    assert accuracy_estimate(runs).interval(0.05) == pytest.approx((theirs.low, theirs.high))


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


def test_what_is_foreseen_of_more_seeds_is_what_they_give() -> None:
    """The mean over studies of variance parts after 3 seeds, as if 9, is that after 9."""
    foreseen, seen = [], []
    for seed in range(200):
        first, second = random_answers(9, 100, seed)
        few, many = difference_estimate(first[:3], second[:3]), difference_estimate(first, second)
        assert isinstance(few, SeedsAndImages)
        assert isinstance(many, SeedsAndImages)
        more = few.with_seeds(9)
        foreseen.append((more.image, more.noise, more.seed))
        seen.append((many.image, many.noise, many.seed))

    assert np.mean(foreseen, axis=0) == pytest.approx(np.mean(seen, axis=0), rel=0.05)


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


@given(pairs_of_tables())
def test_parts_of_the_variance_are_those_of_the_tables_themselves(tables) -> None:
    """By numpy from the table of differences, as the formulas stand in docs/statistics.md."""
    first, second = (100.0 * table for table in tables)
    points = first - second
    num_seeds, num_images = points.shape
    by_image, by_seed = points.mean(axis=0), points.mean(axis=1)
    residual = points - by_image - by_seed[:, None] + points.mean()
    mean_square = (residual**2).sum() / ((num_seeds - 1) * (num_images - 1))
    spread = [table.mean(axis=1).var(ddof=1) / num_seeds for table in (first, second)]

    found = difference_estimate(*tables)

    close = functools.partial(pytest.approx, rel=1e-9, abs=1e-9)
    assert found.value == close(points.mean())
    assert found.image == close(by_image.var(ddof=1) / num_images)
    assert found.noise == close(mean_square / (num_images * num_seeds))
    assert found.seed == close(sum(spread))


@pytest.mark.parametrize("num_seeds", [1, 3])
def test_many_pairs_at_once_are_each_as_by_itself(num_seeds) -> None:
    tables = [np.random.default_rng(i).random((num_seeds, 50)) < 0.1 * i for i in range(11)]
    pairs = [(a, b) for a in range(11) for b in range(11)]

    found = difference_estimates(tables, pairs)

    assert found == [difference_estimate(tables[a], tables[b]) for a, b in pairs]


@given(several_seeds, st.floats(1e-9, 0.9))
def test_the_width_of_one_estimate_is_that_of_the_formula_for_many(found, alpha) -> None:
    parts = found.image, found.noise, found.seed, found.df
    assert found.half_width(alpha) == pytest.approx(float(half_width(*parts, alpha)), rel=1e-12)


def test_a_single_image_says_nothing_of_others() -> None:
    found = difference_estimate(np.array([[True], [True]]), np.array([[False], [True]]))

    assert found.value == 50
    assert found.half_width(0.05) == math.inf
    assert found.p_value() == 1
