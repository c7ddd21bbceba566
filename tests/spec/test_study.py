"""The built-in studies are the document's, and a study's own rules."""

import pytest

from vitbench.errors import UsageError
from vitbench.model.cost import cost_of
from vitbench.spec.overrides import build_spec
from vitbench.spec.presets import PRESETS
from vitbench.spec.study import base_spec, load_study, parse_study, study_names, variant_spec
from vitbench.study.plan import check_buildable

# Test accuracy in % and results file of each study of the document.
PUBLISHED = {
    "patch-size": ("patch_size_results.json", [77.62, 69.47, 73.79]),
    "pos-embed": ("positional_embedding_results.json", [69.21, 69.47, 69.79, 68.81]),
    "hyperparams": ("hyperparameter_results.json", [None, 68.92, 62.24, 70.34]),
    "augmentation": ("augmentation_results.json", [69.47, 68.19, 69.79, 71.08]),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_built_in_study_carries_the_documents_numbers_and_file(name) -> None:
    study = load_study(name)

    assert (study.results_file, [v.published_pct for v in study.variants]) == PUBLISHED[name]


def test_the_configurations_are_the_documents_at_its_base_and_scale_with_others() -> None:
    study = load_study("hyperparams")
    sizes = {}
    for preset in ("default", "cpu"):
        base = base_spec(study, PRESETS[preset].fields)
        models = [variant_spec(base, study, variant).model for variant in study.variants]
        sizes[preset] = [(m.embed_dim, m.depth, m.num_heads, m.mlp_ratio) for m in models]

    assert sizes["default"] == [(256, 6, 8, 4), (384, 8, 12, 4), (512, 10, 16, 4), (256, 12, 8, 3)]
    assert sizes["cpu"] == [(96, 6, 8, 2), (144, 8, 12, 2), (192, 10, 16, 2), (96, 12, 8, 1.5)]


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("name", study_names())
def test_every_built_in_study_builds_on_every_preset(name, preset) -> None:
    study = load_study(name)
    base = base_spec(study, PRESETS[preset].fields)

    identities = set()
    for variant in study.variants:
        spec = variant_spec(base, study, variant)
        check_buildable(spec)
        assert cost_of(spec).num_params > 0
        identities.add(spec.identity)
    assert len(identities) == len(study.variants)  # no two variants are the same experiment


def own(**changes):
    """A study of one's own with some fields changed."""
    variants = [{"key": "a", "label": "A"}, {"key": "b", "label": "B", "set": {"seed": 1}}]
    return {"name": "own", "title": "Own", "variants": variants, **changes}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (own(reference="c"), "unknown variant of study own 'c'"),
        (own(claims=[{"text": "x", "better": "a", "worse": ["b", "z"]}]), "'z'"),
        (own(variants=[{"key": "a", "label": "A"}] * 2), "two variants have the key 'a'"),
        (own(variants=[]), "variants"),
        (own(variants=[{"key": "a/b", "label": "A"}]), "variants.0.key"),
        (own(variants=[{"key": "a", "label": "A", "set": {"model.dept": 1}}]), "'model.depth'"),
        (own(titel="x"), "did you mean 'title'"),
        (own(base={"nothing": 1}), "unknown field 'nothing'"),
        (own(margin_pct=0), "margin_pct"),
        ({"name": "own"}, "title"),
    ],
)
def test_a_study_that_will_not_do_is_one_line_with_its_file(fields, message) -> None:
    with pytest.raises(UsageError) as raised:
        parse_study(fields, "own.yaml")

    assert str(raised.value).startswith("own.yaml: ")
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("factor", "message"),
    [("4/5", "model.depth 6 times 4/5 is 4.8, not a whole number"), ("half", "neither"),
     ("1/0", "neither")],
)  # fmt: skip
def test_a_factor_must_leave_a_whole_number_whole(factor, message) -> None:
    study = parse_study(
        own(variants=[{"key": "a", "label": "A", "set": {"model.depth": {"times": factor}}}]), "own"
    )

    with pytest.raises(UsageError, match=message):
        variant_spec(build_spec(), study, study.variants[0])


def test_what_has_no_number_cannot_be_multiplied() -> None:
    study = parse_study(
        own(variants=[{"key": "a", "label": "A", "set": {"model.qkv_bias": {"times": 2}}}]), "own"
    )

    with pytest.raises(UsageError, match=r"variant a: model\.qkv_bias is True"):
        variant_spec(build_spec(), study, study.variants[0])


def test_what_the_user_sets_lies_over_the_study_and_the_study_over_the_preset() -> None:
    study = parse_study(own(base={"train.epochs": 7, "train.lr": 0.5}), "own")

    base = base_spec(study, {"train.epochs": 3, "model.depth": 2}, {"train.lr": 0.1})

    assert (base.train.epochs, base.train.lr, base.model.depth) == (7, 0.1, 2)
