"""Variance components by loops and by hand, and what must hold for any predictions."""

import functools
import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from vitbench.comparison.estimates import SeedsAndImages
from vitbench.comparison.intervals import SMALLEST_P, welch_interval
from vitbench.comparison.variance import (
    accuracy_estimate,
    difference_estimate,
    difference_estimates,
)


@st.composite
def pairs_of_tables(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Right and wrong answers of two variants, each (S, n)."""
    shape = draw(st.integers(2, 5)), draw(st.integers(2, 30))
    return draw(arrays(bool, shape)), draw(arrays(bool, shape))


def random_answers(num_seeds: int, num_images: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Answers of two variants (S, n), to which images are hard alike and each in its own way."""
    rng = np.random.default_rng(seed)
    hard = rng.normal(size=num_images) + rng.normal(size=(2, 1, num_images))
    first, second = rng.normal(size=(2, num_seeds, num_images)) > hard
    return first, second


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


def test_a_single_image_says_nothing_of_others() -> None:
    found = difference_estimate(np.array([[True], [True]]), np.array([[False], [True]]))

    assert found.value == 50
    assert found.half_width(0.05) == math.inf
    assert found.p_value() == 1
