"""Variance components by loops and by hand, and what must hold for any predictions."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from vitbench.comparison.estimates import SeedsAndImages
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
    """Mean, centre, V, W, P and df, from the formulas with a loop for each sum; in points."""
    num_seeds, num_images = first.shape
    d = [[100.0 * (int(first[s, i]) - int(second[s, i])) for i in range(num_images)]
         for s in range(num_seeds)]  # fmt: skip
    image_mean = [sum(d[s][i] for s in range(num_seeds)) / num_seeds for i in range(num_images)]
    seed_mean = [sum(row) / num_images for row in d]
    mean = sum(seed_mean) / num_seeds
    with_pseudo = [*image_mean, 100.0, -100.0]  # each variant is right on one of two more images
    num, centre = num_images + 2, sum(image_mean) / (num_images + 2)
    v = sum((m - centre) ** 2 for m in with_pseudo) / (num - 1) / num
    noises, parts = [], []
    for answers in (first, second):
        table = [[100.0 * int(answers[s, i]) for i in range(num_images)] for s in range(num_seeds)]
        accuracy = [sum(row) / num_images for row in table]
        of_image = [sum(table[s][i] for s in range(num_seeds)) / num_seeds
                    for i in range(num_images)]  # fmt: skip
        middle = sum(accuracy) / num_seeds
        squares = sum(
            (table[s][i] - of_image[i] - accuracy[s] + middle) ** 2
            for s, i in itertools.product(range(num_seeds), range(num_images))
        )
        noises.append(squares / ((num_seeds - 1) * (num_images - 1)) / (num_images * num_seeds))
        spread = sum((a - middle) ** 2 for a in accuracy) / (num_seeds - 1) / num_seeds
        parts.append(max(spread, noises[-1]))
    p = sum(parts)
    df = (num_seeds - 1) * p**2 / sum(part**2 for part in parts)
    return mean, centre, v, sum(noises), p, df


@pytest.mark.parametrize(("num_seeds", "num_images"), [(2, 30), (3, 200), (7, 50)])
def test_parts_equal_their_formulas_with_a_loop_for_each_sum(
    num_seeds: int, num_images: int
) -> None:
    tables = random_answers(num_seeds, num_images)

    found = difference_estimate(*tables)

    assert isinstance(found, SeedsAndImages)
    assert (
        found.value, found.centre, found.image, found.noise, found.seed, found.welch_df,
    ) == pytest.approx(parts_by_loops(*tables))  # fmt: skip


def test_small_example_by_hand() -> None:
    """Two seeds, four images: accuracies 3/4 and 1/2 against 1/4 and 1/2.

    Differences of images are 0 1 0 0 and with pseudo-images 1 -1: V = (3 - 1/6) / 5 / 6. Residuals
    of the first: 1/8 on all images and seeds but 3/8 on the third: W1 = (6/64 + 2 * 9/64) / 3 / 8,
    and so of the second. Each variance of seeds is (1/32) / 2 = 1/64, and the noise is as large.
    """
    first = np.array([[1, 1, 1, 0], [1, 1, 0, 0]], dtype=bool)
    second = np.array([[1, 0, 0, 0], [1, 0, 1, 0]], dtype=bool)

    found = difference_estimate(first, second)

    assert isinstance(found, SeedsAndImages)
    noise = 1e4 * (6 / 64 + 2 * 9 / 64) / 3 / 8
    assert (found.value, found.centre) == (25, pytest.approx(100 / 6))
    assert found.image == pytest.approx(1e4 * (3 - 1 / 6) / 5 / 6)
    assert [part.noise for part in found.parts] == pytest.approx([noise, noise])
    assert [part.measured for part in found.parts] == pytest.approx([1e4 / 64, 1e4 / 64])


def test_identical_predictions_of_one_run_each_differ_by_nothing_known() -> None:
    answers = random_answers(1, 100)[0]

    found = difference_estimate(answers, answers)

    low, high = found.interval(0.05)
    assert (found.value, found.p_value()) == (0, 1)
    assert low == pytest.approx(-high)
    assert 0.5 < high < 5


def test_identical_predictions_with_every_seed_differ_by_less_than_a_pseudo_image_shows() -> None:
    answers = np.repeat(random_answers(1, 100)[0], 4, axis=0)

    found = difference_estimate(answers, answers)

    low, high = found.interval(0.05)
    assert (found.value, found.p_value()) == (0, 1)
    assert high == -low == pytest.approx(1.959964 * 100 * math.sqrt(2 / 101 / 102))


@pytest.mark.parametrize(("first", "value"), [(True, 100), (False, -100)])
def test_all_right_against_all_wrong_is_significant_and_not_without_a_width(
    first: bool, value: float
) -> None:
    tables = np.full((3, 50), first), np.full((3, 50), not first)

    found = difference_estimate(*tables)

    low, high = found.interval(0.05)
    assert found.value == value
    assert low < high
    assert found.p_value() < 1e-6


@pytest.mark.parametrize("right", [True, False])
@pytest.mark.parametrize("num_images", [50, 10_000])
def test_the_interval_of_all_or_no_images_has_a_width(right: bool, num_images: int) -> None:
    """With two right and two wrong pseudo-images, as Agresti and Coull have it for one run."""
    found = accuracy_estimate(np.full((3, num_images), right))

    low, high = found.interval(0.05)
    theirs = (
        stats.norm.ppf(0.975)
        * 100
        * math.sqrt(2 * (num_images + 2) / (num_images + 4))
        / (num_images + 4)
    )
    assert (high - low) / 2 == pytest.approx(theirs, rel=0.02)
    assert low < 100 * right < high


def test_accuracy_spreads_as_students_t_where_the_seeds_are_all_there_is() -> None:
    """Runs right on all images or on none: no image is harder, and the t interval remains."""
    runs = np.repeat(np.array([[True], [False], [True], [True]]), 60_000, axis=1)
    theirs = stats.ttest_1samp([100, 0, 100, 100], 0).confidence_interval(0.95)

    assert accuracy_estimate(runs).interval(0.05) == pytest.approx(
        (theirs.low, theirs.high), abs=0.01
    )


def test_more_seeds_of_one_variant_are_all_used() -> None:
    first, second = random_answers(6, 200)

    found = difference_estimate(first, second[:3])

    assert isinstance(found, SeedsAndImages)
    assert found.value == pytest.approx(100 * (first.mean() - second[:3].mean()))
    by_image = first.mean(axis=0) - second[:3].mean(axis=0)
    with_pseudo = 100 * np.concatenate([by_image, [1, -1]])
    assert found.image == pytest.approx(with_pseudo.var(ddof=1) / 202)
    assert [part.num_seeds for part in found.parts] == [6, 3]
    assert found.parts[0] == accuracy_estimate(first).parts[0]
    assert found.half_width(0.05) < difference_estimate(first[:3], second[:3]).half_width(0.05)


def test_what_is_foreseen_of_more_seeds_is_what_they_give() -> None:
    """The mean over studies of variance parts after 3 seeds, as if 9, is that after 9."""
    foreseen, seen = [], []
    for seed in range(200):
        first, second = random_answers(9, 100, seed)
        few, many = difference_estimate(first[:3], second[:3]), difference_estimate(first, second)
        assert isinstance(few, SeedsAndImages)
        assert isinstance(many, SeedsAndImages)
        more = few.with_seeds(9)
        foreseen.append((more.image, more.noise, sum(part.measured for part in more.parts)))
        seen.append((many.image, many.noise, sum(part.measured for part in many.parts)))

    assert np.mean(foreseen, axis=0) == pytest.approx(np.mean(seen, axis=0), rel=0.05)


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
