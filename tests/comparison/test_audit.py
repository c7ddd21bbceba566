"""The audit is quiet when all is well, and speaks up when a part of an interval is wrong."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from vitbench.comparison.audit import RESAMPLES, TOLERANCE, Audit, audit, resample_images
from vitbench.comparison.estimates import SeedsAndImages
from vitbench.comparison.multiplicity import LEVEL, critical_value
from vitbench.comparison.pairs import StudyComparisons, compare_study
from vitbench.config.study import StudySpec, Variant
from vitbench.runs.schema import StudyResults

NUM_TEST = 1_000


@pytest.fixture(scope="session")
def study_of(run_of, results_of) -> Callable[..., StudyResults]:
    """Builds a study whose variants are right on 65 % of the images, more or less with the seed."""

    def build(num_seeds: int, seed_sd: float, num_variants: int = 2, seed: int = 0) -> StudyResults:
        rng = np.random.default_rng(seed)
        hard = rng.normal(size=NUM_TEST)
        keys = "abcdefgh"[:num_variants]
        runs = []
        for key in keys:
            own = 0.5 * rng.normal(size=NUM_TEST)
            for study_seed in range(num_seeds):
                luck = seed_sd / 100 * 3 * rng.normal() + 0.5 * rng.normal(size=NUM_TEST)
                right = 0.5 + hard + own + luck > 0
                runs.append(run_of(key, study_seed, right))
        study = StudySpec(
            name="drawn", title="Drawn", variants=[Variant(key=key, label=key) for key in keys]
        )
        return results_of(study, runs, NUM_TEST)

    return build


def with_part(compared: StudyComparisons, seeds: float = 1.0, **parts: float) -> StudyComparisons:
    """The same comparisons with a part of their variance miscalculated."""
    pairs = []
    for pair in compared.pairs:
        assert isinstance(pair.estimate, SeedsAndImages)
        wrong = replace(pair.estimate.with_seed_variance(seeds), **parts)
        pairs.append(replace(pair, estimate=wrong))
    return replace(compared, pairs=tuple(pairs))


@pytest.mark.parametrize("num_seeds", [2, 3, 5, 10])
@pytest.mark.parametrize("seed_sd", [0.0, 1.0, 5.0])
def test_no_doubt_where_all_is_well(num_seeds: int, seed_sd: float, study_of) -> None:
    results = study_of(num_seeds, seed_sd, num_variants=4)

    found = audit(results, compare_study(results))

    assert len(found) == 6
    assert [one.doubts for one in found] == [()] * 6


def test_same_results_give_the_same_numbers(study_of) -> None:
    results = study_of(3, 1.0)

    assert audit(results, compare_study(results)) == audit(results, compare_study(results))


def test_intervals_are_at_the_level_of_the_family(study_of) -> None:
    results = study_of(3, 2.0, num_variants=3)
    compared = compare_study(results)
    accuracies = {
        key: [run.test_top1_pct for run in results.runs if run.variant == key] for key in "abc"
    }

    for one, pair in zip(audit(results, compared), compared.pairs, strict=True):
        theirs = stats.ttest_ind(accuracies[one.first], accuracies[one.second], equal_var=False)
        low, high = theirs.confidence_interval(0.95)
        factor = critical_value(LEVEL, pair.family, theirs.df) / stats.t.isf(0.025, theirs.df)
        half, middle = factor * (high - low) / 2, (low + high) / 2
        assert one.welch == pytest.approx((middle - half, middle + half))
        assert one.interval == pair.interval
        assert one.bootstrap[0] < pair.difference_pct < one.bootstrap[1]


def test_a_seedless_images_bootstrap_is_the_standard_error_of_a_share() -> None:
    """One run right on 650 of 1,000 images: sqrt(0.65 * 0.35 / 1000) = 1.508 points."""
    right = np.arange(NUM_TEST)[None] < 650

    accuracies = resample_images(right, np.random.default_rng(0))

    assert accuracies.shape == (RESAMPLES, 1)
    assert accuracies.mean() == pytest.approx(65, abs=0.15)
    assert accuracies.std() == pytest.approx(100 * math.sqrt(0.65 * 0.35 / 1000), rel=0.06)


def test_runs_of_a_resample_meet_the_same_images() -> None:
    """Two runs that are right on opposite images have 100 % between them, whatever is drawn."""
    half = np.arange(NUM_TEST) % 2 == 0

    accuracies = resample_images(np.stack([half, ~half]), np.random.default_rng(0))

    assert accuracies.sum(axis=1) == pytest.approx(np.full(RESAMPLES, 100.0))


def test_forgotten_images_are_found_out(study_of) -> None:
    results = study_of(5, 0.0)
    wrong = with_part(compare_study(results), image=0.0)

    (one,) = audit(results, wrong)

    assert any("bootstrap" in doubt for doubt in one.doubts)


def test_forgotten_seeds_are_found_out_twice(study_of) -> None:
    results = study_of(5, 5.0)
    wrong = with_part(compare_study(results), seeds=0.0)

    (one,) = audit(results, wrong)

    assert len(one.doubts) == 2
    assert one.doubts[0] == "the recorded accuracies do not match the predictions"


def test_a_quarter_too_much_of_the_seeds_is_found_out(study_of) -> None:
    """The bootstrap knows P to some percent, so that a wrong divisor of a variance shows."""
    results = study_of(4, 5.0)

    (one,) = audit(results, with_part(compare_study(results), seeds=4 / 3))

    assert any("bootstrap" in doubt for doubt in one.doubts)
    assert math.sqrt(4 / 3) > 1 + TOLERANCE


def test_accuracies_that_do_not_follow_from_the_answers_are_found_out(study_of) -> None:
    results = study_of(3, 1.0)
    first = results.runs[0]
    assert first.test_top1_pct is not None
    changed = first.model_copy(update={"test_top1_pct": first.test_top1_pct + 1})
    results = results.model_copy(update={"runs": [changed, *results.runs[1:]]})

    (one,) = audit(results, compare_study(results))

    assert one.doubts == ("the recorded accuracies do not match the predictions",)


def test_variants_that_never_change_nor_differ_raise_no_doubt(run_of, study_of) -> None:
    right = np.arange(NUM_TEST) < 650
    results = study_of(3, 0.0)
    same = [run_of(run.variant, run.seed, right) for run in results.runs]
    results = results.model_copy(update={"runs": same})

    (one,) = audit(results, compare_study(results))

    assert one == Audit("a", "b", one.interval, (0, 0), (0, 0), ())


def test_diverged_variants_and_those_without_answers_are_left_to_others(study_of) -> None:
    results = study_of(3, 1.0, num_variants=4)
    runs = [
        run.model_copy(update={"status": "diverged", "test_top1_pct": None, "predicted": None})
        if (run.variant, run.seed) == ("b", 1)
        else run.model_copy(update={"predicted": None} if run.variant == "c" else {})
        for run in results.runs
    ]
    results = results.model_copy(update={"runs": runs})

    found = audit(results, compare_study(results))

    assert [(one.first, one.second) for one in found] == [("a", "d")]


def test_one_seed_leaves_nothing_to_audit(study_results: Callable[..., StudyResults]) -> None:
    results = study_results({"none": [60.0], "learned-1d": [61.0]})

    assert audit(results, compare_study(results)) == ()


def test_a_line_names_the_pair_and_its_three_intervals() -> None:
    one = Audit("a", "b", (-1, 3), (0, 2), (-0.5, 2.5), ())

    assert str(one) == (
        "a - b: [-1.00, +3.00], Welch [+0.00, +2.00], bootstrap [-0.50, +2.50]: consistent"
    )
    assert str(replace(one, doubts=("too wide",))).endswith("too wide")
