"""Seeds by the width that is wanted."""

import pytest

from vitbench.runs.schema import Look
from vitbench.study.comparison import compare_study
from vitbench.study.precision import (
    foreseen_half_width,
    is_out_of_reach,
    is_reached,
    look_at,
    widest_half_width,
)

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

    look = look_at(study_results(FOUR_SEEDS), 3)

    compared = compare_study(study_results(three))
    halves = [(pair.interval[1] - pair.interval[0]) / 2 for pair in compared.pairs]
    assert (look.num_seeds, look.widest_pct) == (3, pytest.approx(max(halves)))


def test_a_study_with_nothing_to_compare_has_no_width(study_results) -> None:
    assert widest_half_width(compare_study(study_results({"none": [50.0, 51.0]}))) is None


def test_what_is_foreseen_of_the_same_seeds_is_what_there_is(study_results) -> None:
    results = study_results(FOUR_SEEDS)

    width, why = foreseen_half_width(results, 4, 3)
    more, _ = foreseen_half_width(results, 16, 3)

    assert width == pytest.approx(widest_half_width(compare_study(results)))
    assert why == "from the 4 seeds that are there"
    assert more is not None
    assert more < width / 1.9  # four times the seeds, half the width, and better known


def test_without_runs_a_prior_is_stated(study_results) -> None:
    results = study_results({})

    three, why = foreseen_half_width(results, 3, 4)
    ten, _ = foreseen_half_width(results, 10, 4)

    assert why == "assuming that seeds spread by 0.5 points"
    assert ten is not None
    assert three is not None
    assert 0.5 < ten < three < 5


@pytest.mark.parametrize(("num_seeds", "num_variants"), [(1, 4), (3, 1)])
def test_one_seed_or_one_variant_foresees_nothing(num_seeds, num_variants, study_results) -> None:
    width, why = foreseen_half_width(study_results({}), num_seeds, num_variants)

    assert width is None
    assert "no interval about choices" in why


def test_what_images_alone_forbid_is_out_of_reach(study_results) -> None:
    """Of 10,000 images, answered by chance and independently, seeds bring any width in the end."""
    results = study_results(FOUR_SEEDS)

    assert not is_out_of_reach(results, 0.5)
    assert is_out_of_reach(results, 0.001)
