"""Seeds by the width that is wanted."""

import math
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from vitbench.comparison.estimates import SeedPart, SeedsAndImages
from vitbench.comparison.multiplicity import LEVEL, Family
from vitbench.comparison.pairs import compare_study
from vitbench.report.rows import study_rows
from vitbench.runs.results import find_results, read_results
from vitbench.runs.schema import Look, PrecisionRule
from vitbench.study.precision import (
    PRIOR_SEED_SDS,
    foreseen_half_width,
    half_width_range,
    is_out_of_reach,
    is_reached,
    is_unaffordable,
    look_at,
    next_seeds,
    widest_half_width,
)

EXAMPLES = Path(__file__).parents[2] / "examples"

FOUR_SEEDS = {"none": [50.0, 51.0, 49.0, 50.5], "learned-1d": [60.0, 61.0, 60.5, 59.5],
              "sinusoidal": [60.0, 62.0, 61.0, 63.0]}  # fmt: skip


def looks(*widths: float | None) -> list[Look]:
    return [Look(num_seeds=3 + place, widest_pct=width) for place, width in enumerate(widths)]


@pytest.mark.parametrize(
    ("widths", "reached"),
    [
        ([], False),
        ([0.4], False),  # one narrow look may be luck
        ([0.4, 0.5], True),
        ([0.4, 0.6], False),
        ([0.4, 0.6, 0.4], False),
        ([0.6, 0.4, 0.4], True),
        ([None, None], False),
    ],
)
def test_the_width_must_hold_at_two_looks_in_a_row(widths, reached) -> None:
    assert is_reached(looks(*widths), 0.5) == reached


def test_a_look_sees_the_widest_of_the_first_seeds(study_results) -> None:
    three = {key: values[:3] for key, values in FOUR_SEEDS.items()}

    rule = PrecisionRule(half_width_pct=1.0, max_seeds=10)
    look = look_at(study_results(FOUR_SEEDS), dict.fromkeys(FOUR_SEEDS, 3), rule)[0]

    compared = compare_study(study_results(three))
    halves = [
        pair.estimate.half_width(LEVEL, pair.family.stopped_by_width()) for pair in compared.pairs
    ]
    assert (look.num_seeds, look.widest_pct) == (3, pytest.approx(max(halves)))


def test_a_study_with_nothing_to_compare_has_no_width(study_results) -> None:
    assert widest_half_width(compare_study(study_results({"none": [50.0, 51.0]}))) is None


def test_what_is_foreseen_of_the_same_seeds_is_what_there_is(study_results) -> None:
    results = study_results(FOUR_SEEDS)

    ends, why = foreseen_half_width(results, 4, 3)
    fewer, _ = foreseen_half_width(results, 2, 3)
    more, of_more = foreseen_half_width(results, 16, 3)

    width = pytest.approx(widest_half_width(compare_study(results)))
    assert ends == (width, width)
    assert fewer == ends  # a report has all the seeds that are recorded
    assert why == "from the 4 recorded seeds"
    assert more is not None
    assert ends is not None
    assert more[0] < ends[0] / 1.9 < more[1]  # of four times the seeds half the width, roughly
    assert of_more == "80% range, from the 4 recorded seeds"


@pytest.mark.parametrize(
    ("num_variants", "now", "later"), [(2, 2, 5), (2, 3, 5), (4, 3, 10), (4, 5, 6)]
)
def test_the_foreseen_range_holds_the_width_that_is_reached(num_variants, now, later) -> None:
    """Seeds spread by 0.5 points; of the 300 studies at least 80 % less the noise of 300."""
    rng, noise, image = np.random.default_rng(0), 0.29**2, 0.06
    family = Family.all_pairs(num_variants)

    def estimates(accuracies: np.ndarray) -> list[SeedsAndImages]:
        """Of all pairs, from accuracies by variant and seed."""
        num_seeds = accuracies.shape[1]
        parts = [
            SeedPart(float(of_seeds.var(ddof=1)) / num_seeds, noise / num_seeds, num_seeds)
            for of_seeds in accuracies
        ]
        return [
            SeedsAndImages(0, 0, image + 2 * noise / num_seeds, pair)
            for pair in combinations(parts, 2)
        ]

    held = 0
    for _ in range(300):
        accuracies = rng.normal(0, math.sqrt(0.25 + noise), (num_variants, later))
        ends = [half_width_range(e, later, family) for e in estimates(accuracies[:, :now])]
        reached = max(e.half_width(LEVEL, family) for e in estimates(accuracies))
        held += max(low for low, _ in ends) <= reached <= max(high for _, high in ends)

    assert 0.75 < held / 300 < 0.99


def test_without_runs_the_range_is_of_what_small_models_showed(study_results) -> None:
    results = study_results({})

    three, why = foreseen_half_width(results, 3, 4)
    ten, _ = foreseen_half_width(results, 10, 4)

    assert why == "assuming a standard deviation over seeds of 0.2 to 1.1 points"
    assert ten is not None
    assert three is not None
    assert 0.5 < ten[0] < three[0] < 2
    assert 1.5 < ten[1] < three[1] < 6


def test_the_assumed_spread_over_seeds_is_that_of_the_examples() -> None:
    spreads = []
    for path in find_results(EXAMPLES):
        results = read_results(path)
        if results.dataset == "cifar10" and not results.study.factors:  # these share runs
            rows = study_rows(results, compare_study(results))
            spreads += [row.sd_pct for row in rows if row.sd_pct is not None]

    assert len(spreads) == 30
    assert np.quantile(spreads, [0.1, 0.9]) == pytest.approx(PRIOR_SEED_SDS, abs=0.03)


@pytest.mark.parametrize(("num_seeds", "num_variants"), [(1, 4), (3, 1)])
def test_one_seed_or_one_variant_foresees_nothing(num_seeds, num_variants, study_results) -> None:
    width, why = foreseen_half_width(study_results({}), num_seeds, num_variants)

    assert width is None
    assert "no interval for a choice" in why


def test_what_images_alone_forbid_is_out_of_reach(study_results) -> None:
    """Of 10,000 images, answered by chance and independently, seeds bring any width in the end."""
    results = study_results(FOUR_SEEDS)

    assert not is_out_of_reach(compare_study(results), 0.5)
    assert is_out_of_reach(compare_study(results), 0.001)


def test_the_next_seed_goes_where_it_narrows_the_widest_interval_most_for_its_cost(
    study_results,
) -> None:
    compared = compare_study(
        study_results({"none": [50.0, 53.0, 56.0], "learned-1d": [58.0, 60.0, 62.0]})
    )
    seeds = {"none": 3, "learned-1d": 3}

    same = next_seeds(compared, seeds, {"none": 1.0, "learned-1d": 1.0}, 20, 1)
    dear = next_seeds(compared, seeds, {"none": 1000.0, "learned-1d": 1.0}, 20, 1)
    many = next_seeds(compared, seeds, {"none": 1.0, "learned-1d": 1.0}, 5, 9)

    assert same == {"none": 4, "learned-1d": 3}  # it varies more
    assert dear == {"none": 3, "learned-1d": 4}
    assert many == {"none": 5, "learned-1d": 5}  # at most five of each
    assert next_seeds(compared, many, {"none": 1.0, "learned-1d": 1.0}, 5, 1) == many


def test_seeds_of_two_variants_go_as_deviation_over_root_of_cost(study_results) -> None:
    """With deviations 3 and 1 and costs 1 and 4: six times as many of the first, more or less."""
    compared = compare_study(
        study_results({"none": [50.0, 53.0, 56.0], "learned-1d": [60.0, 61.0, 59.0]})
    )

    after = next_seeds(
        compared, {"none": 3, "learned-1d": 3}, {"none": 1.0, "learned-1d": 4.0}, 1000, 120
    )

    assert 4 < after["none"] / after["learned-1d"] < 8


def test_what_needs_more_seeds_than_allowed_is_unaffordable(study_results) -> None:
    compared = compare_study(study_results(FOUR_SEEDS))
    wide = widest_half_width(compared)

    assert is_unaffordable(compared, wide / 20, 20)
    assert not is_unaffordable(compared, wide / 1.5, 20)
