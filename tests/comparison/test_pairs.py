"""Studies with answers drawn for the purpose: what is compared, with what verdict, and what not."""

import math
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vitbench.comparison.audit import audit
from vitbench.comparison.estimates import OneRunEach, SeedsAndImages, TwoCounts
from vitbench.comparison.forecast import seeds_for
from vitbench.comparison.multiplicity import ALONE, LEVEL, Family, equivalence_level
from vitbench.comparison.pairs import StudyComparisons, compare_study
from vitbench.comparison.proportions import wilson
from vitbench.comparison.variance import difference_estimate
from vitbench.comparison.verdict import Comparison
from vitbench.config.study import StudySpec, Variant
from vitbench.errors import FileError
from vitbench.runs.schema import StudyResults, StudyRun, pack_classes

NUM_TEST = 2_000
LABELS = np.random.default_rng(0).integers(0, 10, NUM_TEST, dtype=np.uint8)


def drawn(accuracy: float, num_seeds: int, seed: int, seed_sd: float = 0.0) -> np.ndarray:
    """Whether runs of about this accuracy in % were right (S, n), on images hard for all alike."""
    rng = np.random.default_rng(seed)
    hard = np.random.default_rng(99).random(NUM_TEST)
    shift = seed_sd / 100 * rng.normal(size=(num_seeds, 1))
    noise = 0.1 * rng.normal(size=(num_seeds, NUM_TEST))
    right: np.ndarray = hard + noise < accuracy / 100 + shift
    return right


@pytest.fixture(scope="session")
def study_of(run_of, results_of) -> Callable[..., StudyResults]:
    """Builds results of a study whose variants' runs were right so, each (S, n)."""

    def build(
        right: Mapping[str, np.ndarray],
        *,
        margin_pct: float = 0.5,
        comparisons: str = "all",
        offsets: Mapping[str, int] | None = None,
        more: list[StudyRun] | None = None,
        **changes: Any,
    ) -> StudyResults:
        offsets = offsets or {}
        keys = dict.fromkeys([*right, *(run.variant for run in more or [])])
        study = StudySpec(
            name="drawn",
            title="Drawn",
            margin_pct=margin_pct,
            comparisons=comparisons,
            variants=[Variant(key=k, label=k, seed_offset=offsets.get(k, 0)) for k in keys],
        )
        runs = [
            run_of(key, seed + offsets.get(key, 0), row)
            for key, rows in right.items()
            for seed, row in enumerate(rows)
        ]
        return results_of(study, [*runs, *(more or [])], **{"num_test": NUM_TEST, **changes})

    return build


def only_pair(results: StudyResults) -> Comparison:
    (pair,) = compare_study(results).pairs
    return pair


def test_far_better_variant_is_better_and_the_other_worse(study_of) -> None:
    pair = only_pair(study_of({"a": drawn(70, 5, 1), "b": drawn(60, 5, 2)}))

    assert pair.verdict == "better"
    assert pair.swapped().verdict == "worse"
    assert pair.difference_pct == pytest.approx(10, abs=1.5)
    assert pair.p_adjusted < 0.001


def test_same_choice_twice_is_inconclusive(study_of) -> None:
    pair = only_pair(study_of({"a": drawn(70, 5, 1, 1.0), "b": drawn(70, 5, 2, 1.0)}))

    assert pair.verdict == "inconclusive"
    assert pair.p_adjusted > 0.05


def test_large_difference_over_few_unsteady_seeds_is_inconclusive(study_of) -> None:
    """Ten times what the images alone would call sure: the seeds say nothing of the kind."""
    pair = only_pair(study_of({"a": drawn(66, 2, 1, 4.0), "b": drawn(60, 2, 2, 4.0)}))

    assert abs(pair.difference_pct) > 4
    assert pair.verdict == "inconclusive"


def test_estimate_is_that_of_the_answers_themselves(study_of) -> None:
    a, b = drawn(70, 3, 1), drawn(68, 3, 2)

    pair = only_pair(study_of({"a": a, "b": b}))

    assert pair.estimate == difference_estimate(a, b)
    assert pair.seeds == (0, 1, 2)


def test_one_seed_says_that_checkpoints_differ_and_never_which_choice_is_better(study_of) -> None:
    a, b = drawn(70, 1, 1), drawn(60, 1, 2)

    pair = only_pair(study_of({"a": a, "b": b}, margin_pct=50))

    assert isinstance(pair.estimate, OneRunEach)
    assert pair.estimate == difference_estimate(a, b)
    assert pair.verdict == "checkpoints differ"
    assert not pair.within_margin
    assert only_pair(study_of({"a": a, "b": a})).verdict == "inconclusive"
    with pytest.raises(ValueError, match="one seed"):
        pair.seeds_needed()


def test_flat_accuracies_of_one_seed_are_two_counts_and_never_better(
    study_results: Callable[..., StudyResults],
) -> None:
    results = study_results({"none": [75.0], "learned-1d": [60.0]}, test_labels=None)

    pair = only_pair(results)

    assert pair.estimate == TwoCounts(7500, 6000, 10_000)
    assert pair.verdict == "checkpoints differ"
    assert not pair.within_margin
    assert compare_study(results).accuracies["none"] == wilson(7500, 10_000)


def test_runs_that_kept_no_answers_over_several_seeds_are_not_compared(
    study_results: Callable[..., StudyResults],
) -> None:
    results = study_results({"none": [75.0, 75.5], "learned-1d": [60.0, 61.0]}, test_labels=None)

    compared = compare_study(results)

    assert compared.pairs == ()
    assert compared.best({"none": 75.25, "learned-1d": 60.5}) == ()
    assert compared.accuracies["none"] == wilson(7525, 10_000)


def test_within_margin_is_two_one_sided_tests_at_the_familys_level(study_of) -> None:
    right = {"a": drawn(70, 8, 1), "b": drawn(70, 8, 2)}
    estimate = difference_estimate(right["a"], right["b"])
    edge = abs(estimate.value) + estimate.half_width(equivalence_level(ALONE))

    wider, narrower = (only_pair(study_of(right, margin_pct=edge + by)) for by in (0.001, -0.001))

    assert wider.within_margin
    assert wider.swapped().within_margin
    assert not narrower.within_margin
    assert not narrower.swapped().within_margin  # the other end, of the other sign
    # Where the interval of 90 % just fits, that of 95 % does not.
    assert not estimate.interval(LEVEL)[1] < edge or not -edge < estimate.interval(LEVEL)[0]


def test_within_margin_is_adjusted_for_every_pair_of_a_family(study_of) -> None:
    """Three pairs: both tests of all are at the level of the family."""
    right = {key: drawn(70, 8, seed) for seed, key in enumerate("abc")}
    family = Family.all_pairs(3)
    estimate = difference_estimate(right["a"], right["b"])
    edge = abs(estimate.value) + estimate.half_width(equivalence_level(family), family)

    for by, within in ((0.001, True), (-0.001, False)):
        pair = compare_study(study_of(right, margin_pct=edge + by)).between("a", "b")
        assert pair is not None
        assert pair.within_margin == within


def test_difference_can_be_sure_and_too_small_to_matter(study_of) -> None:
    pair = only_pair(study_of({"a": drawn(70, 8, 1), "b": drawn(67, 8, 2)}, margin_pct=8))

    assert pair.verdict == "better"
    assert pair.within_margin


def test_every_pair_of_a_family_is_adjusted_for_all_of_them(study_of) -> None:
    right = {key: drawn(65, 3, seed) for seed, key in enumerate("abcd")}

    pairs = compare_study(study_of(right)).pairs

    assert [pair.first + pair.second for pair in pairs] == ["ab", "ac", "ad", "bc", "bd", "cd"]
    for pair in pairs:
        assert pair.num_pairs == 6
        assert pair.interval == pair.estimate.interval(LEVEL, Family.all_pairs(4))
        assert pair.p_adjusted == pair.estimate.p_value(Family.all_pairs(4))
        assert pair.p_adjusted > pair.estimate.p_value()


@settings(max_examples=50, deadline=None)
@given(
    gap=st.floats(-6, 6),
    sd=st.floats(0, 3),
    num_seeds=st.integers(1, 5),
    num_variants=st.integers(2, 5),
    seed=st.integers(0, 10**6),
)
def test_simultaneous_interval_adjusted_p_and_verdict_never_contradict(
    gap: float, sd: float, num_seeds: int, num_variants: int, seed: int, study_of
) -> None:
    right = {f"v{i}": drawn(65 + gap * i / 2, num_seeds, seed + i, sd) for i in range(num_variants)}

    for pair in compare_study(study_of(right)).pairs:
        low, high = pair.interval
        assert (pair.p_adjusted < LEVEL) == (pair.verdict != "inconclusive")
        assert (pair.verdict == "inconclusive") == (low <= 0 <= high)
        assert low <= pair.difference_pct <= high


def test_diverged_variant_is_left_out_with_its_count(run_of, study_of) -> None:
    """What is left of it are its lucky seeds; the others are a family without it."""
    broken = run_of("c", 1, LABELS > 9, status="diverged", test_top1_pct=None, predicted=None)
    right = {"a": drawn(70, 3, 1), "b": drawn(60, 3, 2), "c": drawn(90, 1, 3)}

    compared = compare_study(study_of(right, more=[broken]))

    assert compared.excluded == {"c": "diverged in 1 of 2 seeds"}
    assert [(pair.first, pair.second, pair.num_pairs) for pair in compared.pairs] == [("a", "b", 1)]
    assert compared.between("a", "c") is None
    assert compared.best({"a": 70, "b": 60, "c": 90}) == ("a",)


def test_variant_whose_runs_failed_is_left_out(run_of, study_of) -> None:
    failed = run_of("c", 0, LABELS > 9, status="failed", test_top1_pct=None, predicted=None)

    compared = compare_study(study_of({"a": drawn(70, 2, 1)}, more=[failed]))

    assert compared.excluded == {"c": "no successful run"}
    assert compared.pairs == ()
    assert set(compared.accuracies) == {"a"}


def test_every_seed_of_a_variant_is_used(study_of) -> None:
    a, b = drawn(70, 5, 1), drawn(68, 3, 2)

    pair = only_pair(study_of({"a": a, "b": b}))

    assert (pair.first_seeds, pair.second_seeds) == ((0, 1, 2, 3, 4), (0, 1, 2))
    assert pair.seeds == (0, 1, 2)
    assert pair.estimate == difference_estimate(a, b)


def test_variants_without_a_shared_seed_are_compared_too(run_of, study_of) -> None:
    late = [run_of("b", seed, drawn(60, 1, seed)[0]) for seed in (7, 8)]

    (pair,) = compare_study(study_of({"a": drawn(70, 2, 1)}, more=late)).pairs

    assert (pair.first_seeds, pair.second_seeds, pair.seeds) == ((0, 1), (7, 8), ())


def test_a_variant_with_one_seed_is_compared_with_one_seed_of_the_other(study_of) -> None:
    a, b = drawn(70, 3, 1), drawn(68, 1, 2)

    pair = only_pair(study_of({"a": a, "b": b}))

    assert (pair.first_seeds, pair.second_seeds) == ((0,), (0,))
    assert pair.estimate == difference_estimate(a[:1], b)


def test_one_seed_is_compared_with_the_same_seed_of_the_other(run_of, study_of) -> None:
    a, b = drawn(70, 3, 1), drawn(60, 1, 2)
    late = run_of("b", 2, b[0])

    (pair,) = compare_study(study_of({"a": a}, more=[late])).pairs

    assert (pair.first_seeds, pair.second_seeds) == ((2,), (2,))
    assert pair.estimate == difference_estimate(a[2:], b)


def test_a_study_may_compare_with_its_reference_alone(study_of) -> None:
    right = {key: drawn(70, 4, seed) for seed, key in enumerate("abcd")}
    every = compare_study(study_of(right))

    some = compare_study(study_of(right, comparisons="reference"))

    assert [(pair.first, pair.second) for pair in some.pairs] == [
        ("a", "b"),
        ("a", "c"),
        ("a", "d"),
    ]
    for pair in some.pairs:
        wide = every.between(pair.first, pair.second)
        assert pair.estimate == wide.estimate
        assert pair.interval[1] - pair.interval[0] < wide.interval[1] - wide.interval[0]


def test_runs_at_an_offset_pair_by_the_seed_of_the_study(study_of) -> None:
    a, b = drawn(70, 3, 1), drawn(70, 3, 2)

    pair = only_pair(study_of({"a": a, "b": b}, offsets={"b": 1000}))

    assert pair.seeds == (0, 1, 2)
    assert pair.estimate == difference_estimate(a, b)


def test_runs_pair_by_seed_in_whatever_order_the_file_has_them(study_of) -> None:
    """The first has two seeds more, which come first in the reversed file."""
    results = study_of({"a": drawn(70, 5, 1), "b": drawn(68, 3, 2)})
    shuffled = results.model_copy(update={"runs": results.runs[::-1]})

    assert compare_study(shuffled) == compare_study(results)


def test_between_turns_a_pair_round(study_of) -> None:
    compared = compare_study(study_of({"a": drawn(70, 3, 1), "b": drawn(60, 3, 2)}))

    forth, back = compared.between("a", "b"), compared.between("b", "a")

    assert forth is not None
    assert back is not None
    assert (back.first, back.second) == ("b", "a")
    assert back.difference_pct == -forth.difference_pct
    assert back.interval == pytest.approx((-forth.interval[1], -forth.interval[0]))
    assert back.p_adjusted == pytest.approx(forth.p_adjusted)
    assert compared.between("a", "z") is None


@pytest.mark.parametrize("num_seeds", [1, 3])
def test_turned_twice_is_the_same(num_seeds: int, study_of) -> None:
    pair = only_pair(study_of({"a": drawn(70, num_seeds, 1), "b": drawn(60, num_seeds, 2)}))

    assert pair.swapped().swapped() == pair


def test_best_group_is_the_first_and_all_that_are_not_separable_from_it(study_of) -> None:
    right = {"a": drawn(60, 4, 1), "b": drawn(70, 4, 2), "c": drawn(70.2, 4, 3, 0.5)}
    means = {key: 100 * rows.mean() for key, rows in right.items()}

    best = compare_study(study_of(right)).best(means)

    assert set(best) == {"b", "c"}
    assert best[0] == max(means, key=lambda key: means[key])


def test_best_group_of_one_seed_is_everyone(study_of) -> None:
    right = {"a": drawn(60, 1, 1), "b": drawn(75, 1, 2)}

    assert compare_study(study_of(right)).best({"a": 60, "b": 75}) == ("b", "a")


def test_seeds_needed_is_the_first_number_whose_half_width_is_within_the_margin(study_of) -> None:
    pair = only_pair(
        study_of({"a": drawn(70, 4, 1, 1.5), "b": drawn(69, 4, 2, 1.5)}, margin_pct=1.2)
    )

    needed = pair.seeds_needed()

    assert isinstance(pair.estimate, SeedsAndImages)
    expected = seeds_for(pair.estimate, 1.2, pair.family)
    assert needed is not None
    assert expected is not None
    assert 4 < needed[0] < expected < (needed[1] or 1000)
    assert pair.estimate.with_seeds(expected).half_width(LEVEL, pair.family) <= 1.2
    assert pair.estimate.with_seeds(expected - 1).half_width(LEVEL, pair.family) > 1.2


def test_no_number_of_seeds_is_enough_where_the_test_set_is_too_small(study_of) -> None:
    """Variants that are right on other halves: 2,000 images alone leave +-4.4 points."""
    half = np.arange(NUM_TEST) % 2 == 0
    right = {"a": np.stack([half] * 3), "b": np.stack([~half] * 3)}

    pair = only_pair(study_of(right, margin_pct=4.0))

    assert pair.seeds_needed() is None
    assert isinstance(pair.estimate, SeedsAndImages)
    assert pair.estimate.half_width(LEVEL) == pytest.approx(1.96 * 100 / math.sqrt(2000), rel=1e-3)
    assert seeds_for(pair.estimate, 4.5, ALONE) == 2


def test_accuracies_of_several_seeds_know_of_seeds_and_images(study_of) -> None:
    steady, unsteady = drawn(70, 4, 1), drawn(70, 4, 2, 3.0)

    compared = compare_study(study_of({"a": steady, "b": unsteady}))

    for key, right in (("a", steady), ("b", unsteady)):
        low, high = compared.accuracies[key]
        assert low < 100 * right.mean() < high
    widths = {key: high - low for key, (low, high) in compared.accuracies.items()}
    of_images = wilson(int(0.7 * NUM_TEST), NUM_TEST)
    assert widths["b"] > 2 * widths["a"]
    assert widths["a"] == pytest.approx(of_images[1] - of_images[0], rel=0.2)


def test_test_set_of_one_image_gives_no_comparison_of_seeds(run_of, study_of) -> None:
    labels = LABELS[:1].tobytes()
    runs = [
        run_of(key, seed, np.full(NUM_TEST, True)).model_copy(
            update={
                "predicted": pack_classes(labels),
                "test_labels_sha256": sha256(labels).hexdigest(),
            }
        )
        for key in "ab"
        for seed in range(2)
    ]

    assert compare_study(study_of({}, more=runs, num_test=1, test_labels=pack_classes(labels))) == (
        StudyComparisons((), {"a": wilson(1, 1), "b": wilson(1, 1)}, {})
    )


def test_damaged_answers_name_their_run(run_of, study_of) -> None:
    damaged = run_of("b", 0, LABELS > 4, predicted="bm8gYW5zd2Vycw==")

    with pytest.raises(FileError, match="predictions of b, seed 0 are damaged"):
        compare_study(study_of({"a": drawn(70, 1, 1)}, more=[damaged]))


def test_too_few_answers_name_their_run(run_of, study_of) -> None:
    short = run_of("b", 0, LABELS > 4, predicted=pack_classes(bytes(NUM_TEST - 1)))

    with pytest.raises(FileError, match="predictions of b, seed 0 are damaged"):
        compare_study(study_of({"a": drawn(70, 1, 1)}, more=[short]))


def test_damaged_labels_are_told(study_of) -> None:
    with pytest.raises(FileError, match="test labels are damaged"):
        compare_study(study_of({"a": drawn(70, 1, 1)}, test_labels="!"))


def test_answers_to_another_test_set_name_their_run(run_of, study_of) -> None:
    other = run_of("b", 3, LABELS > 4, test_labels_sha256=sha256(b"other").hexdigest())

    with pytest.raises(FileError, match="b, seed 3 has another test set"):
        compare_study(study_of({"a": drawn(70, 1, 1)}, more=[other]))


def test_an_accuracy_lies_between_0_and_100_and_is_never_quite_known(study_results) -> None:
    """All right with three seeds: the interval still has a width."""
    compared = compare_study(
        study_results({"none": [100.0, 100.0, 100.0], "learned-1d": [99.9, 89.0, 99.9]})
    )

    low, high = compared.accuracies["none"]
    assert 99.9 < low < 100
    assert high == 100
    low, high = compared.accuracies["learned-1d"]
    assert 60 < low < 90
    assert high == 100


def test_no_interval_reaches_beyond_what_a_difference_can_be(study_of) -> None:
    """Two seeds that lie 20 points apart: Student's t alone would give hundreds of points."""
    low, high = drawn(40.0, 1, seed=1), drawn(60.0, 1, seed=2)
    results = study_of({"a": np.concatenate([low, high]), "b": np.concatenate([high, high])})

    (pair,) = compare_study(results).pairs

    assert isinstance(pair.estimate, SeedsAndImages)
    assert pair.estimate.half_width(LEVEL) > 100
    assert pair.interval == pair.swapped().interval == (-100.0, 100.0)
    assert pair.verdict == "inconclusive"
    assert pair.p_adjusted > 0.05
    assert "the seeds alone leave more open" not in audit(results, compare_study(results))[0].doubts
