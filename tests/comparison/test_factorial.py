"""Main effects and interactions: by hand, by least squares, and in the report."""

import itertools

import numpy as np
import pytest

from vitbench.comparison.contrasts import contrast_estimate
from vitbench.comparison.factorial import effects
from vitbench.comparison.multiplicity import LEVEL, Family
from vitbench.comparison.variance import difference_estimate
from vitbench.config.study import Factor, Level, StudySpec, parse_study
from vitbench.errors import UsageError
from vitbench.registry import FORMATS
from vitbench.report.effects import effect_name
from vitbench.report.sections import build_report

NUM_TEST = 1500


def drawn(accuracy: float, num_seeds: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    hard = np.random.default_rng(0).normal(size=NUM_TEST)
    return hard + rng.normal(size=(num_seeds, NUM_TEST)) < 2.5 * (accuracy - 0.5)


def factor(name: str, levels: str) -> Factor:
    return Factor(name=name, levels=[Level(key=key, label=key.upper()) for key in levels])


@pytest.fixture
def study_of(run_of, results_of):
    """A factorial study from the answers of its cells, named by a letter of each factor."""

    def build(right: dict[str, np.ndarray], *factors: Factor):
        names = [factor.name for factor in factors]
        variants = [
            {"key": key, "label": key.upper(), "cell": dict(zip(names, key, strict=True))}
            for key in right
        ]
        study = StudySpec(name="grid", title="Grid", factors=list(factors), variants=variants)
        runs = [run_of(key, s, row) for key, rows in right.items() for s, row in enumerate(rows)]
        return results_of(study, runs, NUM_TEST)

    return build


TWO = factor("size", "abc"), factor("kind", "xy")
ACCURACIES = {"ax": 0.5, "ay": 0.6, "bx": 0.6, "by": 0.6, "cx": 0.55, "cy": 0.8}
CELLS = {key: drawn(acc, 4, number + 1) for number, (key, acc) in enumerate(ACCURACIES.items())}


def test_a_contrast_of_two_is_their_difference() -> None:
    first, second = CELLS["ax"], CELLS["by"][:3]

    found, pair = contrast_estimate([first, second], [1, -1]), difference_estimate(first, second)

    assert (found.value, found.centre, found.image) == pytest.approx(
        (pair.value, pair.centre, pair.image)
    )
    assert found.parts == pair.parts
    assert found.interval(LEVEL) == pytest.approx(pair.interval(LEVEL))


def test_effects_are_differences_and_differences_of_differences(study_of) -> None:
    means = {key: 100 * right.mean() for key, right in CELLS.items()}

    found = effects(study_of(CELLS, *TWO))

    expected = {
        "size: B above A": (means["bx"] + means["by"] - means["ax"] - means["ay"]) / 2,
        "size: C above A": (means["cx"] + means["cy"] - means["ax"] - means["ay"]) / 2,
        "kind: Y above X": sum(means[k + "y"] - means[k + "x"] for k in "abc") / 3,
        "size: B above A, kind: Y minus X": means["by"] - means["ay"] - means["bx"] + means["ax"],
        "size: C above A, kind: Y minus X": means["cy"] - means["ay"] - means["cx"] + means["ax"],
    }
    assert {effect_name(effect): effect.estimate.value for effect in found} == pytest.approx(
        expected
    )
    assert [effect.family.num_pairs for effect in found] == [3, 3, 3, 2, 2]


def test_effects_are_those_of_least_squares_over_all_cells(study_of) -> None:
    """Sum-to-zero regression on the cells' means has the same main effects."""
    found = effects(study_of(CELLS, *TWO))
    rows = [[1, k[0] == "b", k[0] == "c", k[1] == "y", k == "by", k == "cy"] for k in CELLS]
    means = [100 * right.mean() for right in CELLS.values()]
    coefficients = np.linalg.solve(np.array(rows, dtype=float), means)

    interactions = [effect.estimate.value for effect in found if effect.is_interaction]

    assert interactions == pytest.approx(coefficients[4:].tolist())


def test_three_factors_have_interactions_of_two_and_of_three(study_of) -> None:
    three = factor("one", "ab"), factor("two", "cd"), factor("six", "ef")
    keys = ["".join(levels) for levels in itertools.product("ab", "cd", "ef")]
    right = {key: drawn(0.5 + 0.2 * (key == "bdf"), 2, n) for n, key in enumerate(keys)}
    mean = {key: 100 * rows.mean() for key, rows in right.items()}

    found = effects(study_of(right, *three))

    assert [len(effect.levels) for effect in found] == [1, 1, 1, 2, 2, 2, 3]
    change = {
        f: (mean["bd" + f] - mean["ad" + f]) - (mean["bc" + f] - mean["ac" + f]) for f in "ef"
    }
    assert found[-1].estimate.value == pytest.approx(change["f"] - change["e"])
    assert found[3].estimate.value == pytest.approx((change["f"] + change["e"]) / 2)


def test_an_effect_without_all_its_cells_is_left_out(study_of) -> None:
    some = {key: right for key, right in CELLS.items() if key != "cy"}

    names = [effect_name(effect) for effect in effects(study_of(some, *TWO))]

    assert names == [
        "size: B above A", "size: C above A", "kind: Y above X", "size: B above A, kind: Y minus X",
    ]  # fmt: skip
    one_seed = {**CELLS, "by": CELLS["by"][:1]}
    assert len(effects(study_of(one_seed, *TWO))) == 4


def test_the_interval_of_no_interaction_covers_zero_and_of_a_large_one_does_not(study_of) -> None:
    found = {effect_name(effect): effect for effect in effects(study_of(CELLS, *TWO))}

    large = found["size: C above A, kind: Y minus X"]

    assert large.is_significant
    assert large.p_adjusted < LEVEL
    assert large.interval == large.estimate.interval(LEVEL, Family.separate(2))


@pytest.mark.parametrize("form", ["markdown", "html", "json"])
def test_a_report_has_the_effects_and_a_sentence_on_interactions(form, study_of) -> None:
    report = build_report([study_of(CELLS, *TWO)])

    text = FORMATS.get(form)(report)

    assert "size: C above A, kind: Y minus X" in text
    assert "Interaction: the difference of C from A is " in report.sections[0].finding
    assert "points larger with Y than with X (95% CI " in text


def test_factors_give_a_variant_for_each_cell() -> None:
    study = parse_study(
        {
            "name": "grid",
            "title": "Grid",
            "factors": [
                {"name": "depth", "levels": [
                    {"key": "d2", "label": "2 blocks", "set": {"model.depth": 2}},
                    {"key": "d4", "label": "4 blocks", "set": {"model.depth": 4}}]},
                {"name": "patch", "levels": [
                    {"key": 4, "label": "4x4", "set": {"model.patch_size": 4}},
                    {"key": 8, "label": "8x8"}]},
            ],
        },
        "grid.yaml",
    )  # fmt: skip

    assert [v.key for v in study.variants] == ["d2-4", "d2-8", "d4-4", "d4-8"]
    assert study.variants[0].label == "2 blocks, 4x4"
    assert study.variants[0].set == {"model.depth": 2, "model.patch_size": 4}
    assert study.variants[1].set == {"model.depth": 2}
    assert study.variants[3].cell == {"depth": "d4", "patch": "8"}
    assert StudySpec.model_validate_json(study.model_dump_json()) == study


LEVELS = [{"key": "x", "label": "X", "set": {"model.depth": 2}}, {"key": "y", "label": "Y"}]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"factors": [{"name": "a", "levels": LEVELS}]}, "give two or three"),
        ({"factors": [{"name": "a", "levels": LEVELS}] * 2}, "two factors set model.depth"),
        ({"factors": [{"name": "a", "levels": LEVELS[:1]}, {"name": "b", "levels": LEVELS}]},
         "at least 2"),
        ({"factors": [{"name": "a", "levels": LEVELS},
                      {"name": "b", "levels": [{"key": "u", "label": "U"}] * 2}]}, "rename one"),
        ({"factors": [{"name": n, "levels": LEVELS} for n in "ab"],
          "variants": [{"key": "v", "label": "V", "cell": {"a": "x"}}]}, "name a level of a, b"),
        ({"factors": [{"name": n, "levels": LEVELS} for n in "ab"],
          "variants": [{"key": "v", "label": "V", "cell": {"a": "x", "b": "z"}}]}, "level of b"),
        ({"factors": [{"name": n, "levels": LEVELS} for n in "ab"],
          "variants": [{"key": k, "label": k, "cell": {"a": "x", "b": "y"}} for k in "vw"]},
         "have the same cell"),
        ({"variants": [{"key": "v", "label": "V", "cell": {"a": "x"}}]}, "no factors"),
    ],
)  # fmt: skip
def test_factors_that_are_wrong_are_named(fields, words) -> None:
    with pytest.raises(UsageError, match=words):
        parse_study({"name": "grid", "title": "Grid", **fields}, "grid.yaml")
