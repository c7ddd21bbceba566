"""What is averaged, and what is counted beside it."""

import pytest

from vitbench.report.rows import study_rows

THREE_SEEDS = {"none": [50.0, 53.0, 56.0], "learned-1d": [60.0, 59.0, 64.0]}


def test_a_row_has_mean_and_standard_deviation_over_seeds(study_results) -> None:
    """50, 53, 56: mean 53; squared deviations 9 + 0 + 9 over n - 1 = 2 give 9, s.d. 3."""
    row = study_rows(study_results(THREE_SEEDS))[0]

    assert (row.key, row.label) == ("none", "No position")
    assert row.accuracy_by_seed == {0: 50.0, 1: 53.0, 2: 56.0}
    assert (row.mean_pct, row.sd_pct) == (53, pytest.approx(3))


def test_one_seed_has_no_standard_deviation_and_none_no_mean(study_results) -> None:
    one, none, *_ = study_rows(study_results({"none": [61.5]}))

    assert (one.mean_pct, one.sd_pct) == (61.5, None)
    assert (none.mean_pct, none.sd_pct, none.train_time_s, none.num_params) == (None,) * 4


def test_every_variant_of_the_study_has_a_row_in_its_order(study_results) -> None:
    results = study_results({"sinusoidal": [62.0], "none": [60.0]})

    rows = study_rows(results)

    assert [row.key for row in rows] == [variant.key for variant in results.study.variants]


def test_time_is_a_mean_over_the_runs_that_ended_well(study_results, changed) -> None:
    results = study_results({"none": [50.0, 51.0, None]})
    results = changed(results, seed=1, train_time_s=100.0)
    results = changed(results, seed=2, train_time_s=10_000.0)

    assert study_rows(results)[0].train_time_s == 80.0  # of 60 and 100


def test_what_is_not_averaged_is_counted_by_what_became_of_it(study_results, changed) -> None:
    results = study_results(
        {"none": [50.0, None, 52.0, 90.0], "learned-1d": [60.0, 61.0, 62.0, 63.0]}
    )
    results = changed(results, seed=3, status="diverged")

    none, learned, other, _ = study_rows(results)

    assert none.accuracy_by_seed == {0: 50.0, 2: 52.0}
    assert none.mean_pct == 51.0
    assert none.not_averaged == {"diverged": (3,), "failed": (1,)}
    assert learned.not_averaged == {}
    assert other.not_averaged == {"missing": (0, 1, 2, 3)}


def test_the_documents_numbers_are_for_its_own_data_set_alone(study_results) -> None:
    ours, others = study_rows(study_results(THREE_SEEDS)), study_rows(
        study_results(THREE_SEEDS, dataset="shapes")
    )  # fmt: skip

    assert [row.published_pct for row in ours] == [69.21, 69.47, 69.79, 68.81]
    assert [row.published_pct for row in others] == [None] * 4
