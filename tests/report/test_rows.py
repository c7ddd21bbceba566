"""What is averaged, and what is counted beside it."""

import pytest

from vitbench.comparison.pairs import compare_study
from vitbench.report import rows

THREE_SEEDS = {"none": [50.0, 53.0, 56.0], "learned-1d": [60.0, 59.0, 64.0]}


def study_rows(results) -> tuple[rows.Row, ...]:
    return rows.study_rows(results, compare_study(results))


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

    found = study_rows(results)

    assert [row.key for row in found] == [variant.key for variant in results.study.variants]


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


def test_a_row_is_compared_with_the_reference_and_the_reference_with_nothing(study_results) -> None:
    results = study_results(THREE_SEEDS)
    none, learned, other, _ = study_rows(results)

    assert learned.against is None
    assert other.against is None
    assert none.against is not None
    assert (none.against.first, none.against.second) == ("none", "learned-1d")
    assert none.against.difference_pct == pytest.approx(-8)
    low, high = none.interval
    assert low < none.mean_pct < high


def test_the_best_are_those_that_are_not_shown_to_be_below_it(study_results) -> None:
    found = study_rows(
        study_results(
            {"none": [50.0, 50.1, 49.9], "learned-1d": [60.0, 60.1, 59.9],
             "learned-2d": [60.2, 60.1, 60.3], "sinusoidal": [None, None, None]}
        )
    )  # fmt: skip

    assert [row.among_best for row in found] == [False, True, True, False]


@pytest.mark.parametrize(
    ("points", "front"),
    [
        ({"a": (1, 50.0), "b": (2, 60.0), "c": (3, 55.0)}, {"a", "b"}),
        ({"a": (1, 50.0), "b": (1, 60.0)}, {"b"}),
        ({"a": (1, 50.0), "b": (2, 50.0)}, {"a", "b"}),
        ({"a": (1, 50.5), "b": (2, 50.0)}, {"a", "b"}),  # less than a point is not separable
        ({}, set()),
    ],
)
def test_the_front_is_what_nothing_as_cheap_exceeds(points, front) -> None:
    costs = {key: cost for key, (cost, _) in points.items()}

    def is_above(first: str, second: str) -> bool:
        return points[first][1] - points[second][1] > 1

    assert rows.pareto_front(costs, is_above) == front


def test_two_that_are_not_separable_are_both_cost_efficient(study_results) -> None:
    same = [60.0, 60.2, 59.8]
    found = study_rows(study_results({"none": same, "learned-1d": same, "sinusoidal": [50.0] * 3}))

    assert [row.on_front for row in found] == [True, True, False, False]


def test_seeds_of_an_offset_are_not_missing(study_results) -> None:
    study = {
        "name": "own",
        "title": "Own",
        "variants": [
            {"key": "a", "label": "A"},
            {"key": "b", "label": "B", "seed_offset": 1},
        ],
    }
    results = study_results({"a": [50.0], "b": [None, 51.0]}, study=study)
    results = results.model_copy(
        update={"runs": [run for run in results.runs if run.status == "done"]}
    )

    a, b = study_rows(results)

    assert (a.not_averaged, b.not_averaged) == ({}, {})
    assert b.against is not None
    assert b.against.seeds == (0,)
