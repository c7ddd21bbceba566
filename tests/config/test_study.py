"""The built-in studies are the document's, and a study's own rules."""

import json
from pathlib import Path

import pytest

from vitbench.config.build import build_spec
from vitbench.config.presets import PRESETS
from vitbench.config.study import (
    WORDS,
    Claim,
    StudySpec,
    Variant,
    base_spec,
    folder_for,
    load_study,
    parse_study,
    study_file,
    study_names,
    variant_spec,
)
from vitbench.errors import FileError, UnknownNameError, UsageError
from vitbench.model.cost import cost_of
from vitbench.runs.experiment import check_buildable

# Results file of each study of the document; test accuracy in % of each variant, by the name that
# the document's own results file has for it. The base of `hyperparams` is ours.
PUBLISHED = {
    "patch-size": (
        "patch_size_results.json",
        {
            "2x2": ("patch_size_2", 77.62),
            "4x4": ("patch_size_4", 69.47),
            "8x8": ("patch_size_8", 73.79),
        },
    ),
    "pos-embed": (
        "positional_embedding_results.json",
        {
            "none": ("no_pos_embed", 69.21),
            "learned-1d": ("1d_learned", 69.47),
            "learned-2d": ("2d_learned", 69.79),
            "sinusoidal": ("sinusoidal", 68.81),
        },
    ),
    "hyperparams": (
        "hyperparameter_results.json",
        {
            "base": (None, None),
            "config-1": ("config1", 68.92),
            "config-2": ("config2", 62.24),
            "config-3": ("config3", 70.34),
        },
    ),
    "augmentation": (
        "augmentation_results.json",
        {
            "baseline": ("baseline", 69.47),
            "strong": ("strong_aug", 68.19),
            "cutout": ("cutout", 69.79),
            "autoaugment": ("autoaugment", 71.08),
        },
    ),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_built_in_study_has_the_documents_variants_numbers_and_file(name) -> None:
    study = load_study(name)

    variants = {v.key: (v.published_key, v.published_pct) for v in study.variants}
    assert (study.results_file, variants) == PUBLISHED[name]
    assert list(variants) == list(PUBLISHED[name][1])  # in its order


def test_the_documents_four_studies_come_first() -> None:
    assert study_names()[:4] == list(PUBLISHED)


def specs_of(name: str, preset: str = "default") -> dict:
    """The experiment of each variant of a built-in study."""
    study = load_study(name)
    base = base_spec(study, PRESETS[preset].fields)
    return {variant.key: variant_spec(base, study, variant) for variant in study.variants}


def test_a_variant_varies_what_its_study_is_about_and_nothing_else() -> None:
    patch_sizes = {key: spec.model.patch_size for key, spec in specs_of("patch-size").items()}
    positions = {key: str(spec.model.pos_embed[0]) for key, spec in specs_of("pos-embed").items()}
    recipes = {key: str(spec.data.augmentation) for key, spec in specs_of("augmentation").items()}

    assert patch_sizes == {"2x2": 2, "4x4": 4, "8x8": 8}
    assert positions == {key: key for key in PUBLISHED["pos-embed"][1]}
    assert recipes == {key: key for key in PUBLISHED["augmentation"][1]}
    for name, field in (
        ("patch-size", "model.patch_size"),
        ("pos-embed", "model.pos_embed"),
        ("augmentation", "data.augmentation"),
    ):
        assert {key for v in load_study(name).variants for key in v.set} == {field}


def test_the_configurations_are_the_documents_at_its_base_and_scale_with_others() -> None:
    sizes = {
        preset: [
            (m.embed_dim, m.depth, m.num_heads, m.mlp_ratio)
            for m in (spec.model for spec in specs_of("hyperparams", preset).values())
        ]
        for preset in ("default", "document", "cpu")
    }

    assert sizes["default"] == [(256, 6, 8, 4), (384, 8, 12, 4), (512, 10, 16, 4), (256, 12, 8, 3)]
    assert sizes["document"] == sizes["default"]
    assert sizes["cpu"] == [(64, 6, 8, 2), (96, 8, 12, 2), (128, 10, 16, 2), (64, 12, 8, 1.5)]


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("name", study_names())
def test_every_built_in_study_builds_on_every_preset(name, preset) -> None:
    specs = specs_of(name, preset).values()

    for spec in specs:
        check_buildable(spec)
        assert cost_of(spec).num_params > 0
    assert len({spec.identity for spec in specs}) == len(specs)  # each its own experiment


def test_the_base_of_every_study_is_among_its_variants() -> None:
    """So the reference is trained once, and its runs serve all studies of a preset."""
    for name in PUBLISHED:
        study = load_study(name)
        base = base_spec(study, PRESETS["default"].fields)
        assert specs_of(name)[study.reference_key].identity == base.identity


def own(**changes: object) -> dict:
    """The fields of a study of one's own, some of them changed."""
    variants = [{"key": "a", "label": "A"}, {"key": "b", "label": "B", "set": {"model.depth": 1}}]
    return {"name": "own", "title": "Own", "variants": variants, **changes}


def varying(field: str, value: object) -> StudySpec:
    """A study of one variant that sets a field."""
    return parse_study(own(variants=[{"key": "a", "label": "A", "set": {field: value}}]), "own")


def test_a_study_of_ones_own_is_a_yaml_or_a_json_file(tmp_path) -> None:
    (tmp_path / "own.json").write_text(json.dumps(own()))
    (tmp_path / "own.yaml").write_text(
        "name: own\ntitle: Own\nvariants:\n"
        "  - {key: a, label: A}\n  - {key: b, label: B, set: {model.depth: 1}}\n"
    )

    from_json, from_yaml = (load_study(str(tmp_path / f"own.{kind}")) for kind in ("json", "yaml"))

    assert from_json == from_yaml
    assert from_yaml.results_file == "own_results.json"
    assert from_yaml.reference_key == "a"  # the first, unless named


def test_keys_that_yaml_reads_as_numbers_are_words(tmp_path) -> None:
    path = tmp_path / "depth.yaml"
    path.write_text(
        "name: depth\ntitle: Depth\nreference: 2\nvariants:\n"
        "  - {key: 2, label: two}\n  - {key: 4, label: four}\n"
    )

    study = load_study(str(path))

    assert [variant.key for variant in study.variants] == ["2", "4"]
    assert study.variant("4").label == "four"


def test_words_stay_words_whatever_they_look_like_and_values_are_numbers(tmp_path) -> None:
    path = tmp_path / "rates.yaml"
    path.write_text(
        "name: rates\ntitle: 2024-01-31\nreference: 1e-3\nnotes: [1:30, 010]\nvariants:\n"
        "  - {key: 1e-3, label: 1e-3, set: {train.lr: 1e-3}}\n"
        "  - {key: 010, label: off, set: {train.lr: {times: 1e-1}, model.depth: 1e1}}\n"
        "claims: [{text: yes, better: 010, worse: [1e-3]}]\n"
    )

    study = load_study(str(path))

    assert (study.title, study.reference, study.notes) == ("2024-01-31", "1e-3", ["1:30", "010"])
    assert [(v.key, v.label) for v in study.variants] == [("1e-3", "1e-3"), ("010", "off")]
    assert (study.claims[0].text, study.claims[0].worse) == ("yes", ["1e-3"])
    one, other = (variant_spec(build_spec(), study, variant) for variant in study.variants)
    assert (one.train.lr, other.train.lr, other.model.depth) == (1e-3, 1e-4, 10)


def test_every_field_of_a_study_that_is_a_word_is_read_as_one() -> None:
    for model in (StudySpec, Variant, Claim):
        for name, field in model.model_fields.items():
            kind = str(field.annotation)
            if "str" in kind and "dict" not in kind and "Literal" not in kind:
                assert name in WORDS


def test_a_variant_is_called_by_its_very_key() -> None:
    variants = [{"key": "a-b", "label": "A"}, {"key": "c", "label": "C"}]
    study = parse_study(own(variants=variants), "own")

    assert study.variant("a-b").label == "A"
    with pytest.raises(UnknownNameError, match=r"unknown variant of study own 'a_b'.*mean 'a-b'"):
        study.variant("a_b")


@pytest.mark.parametrize("name", ["patch-size", "patch_size", "Patch-Size"])
def test_a_built_in_study_is_found_however_it_is_written(name) -> None:
    assert load_study(name).name == "patch-size"


def test_an_unknown_study_or_variant_is_told_the_nearest(tmp_path) -> None:
    with pytest.raises(UnknownNameError, match=r"unknown study 'patchsize'.*mean 'patch-size'"):
        load_study("patchsize")
    with pytest.raises(
        UnknownNameError, match=r"study pos-embed 'learned-3d'.*mean 'learned-[12]d'"
    ):
        load_study("pos-embed").variant("learned-3d")
    with pytest.raises(FileError, match=r"no study file .*own\.yaml"):
        load_study(str(tmp_path / "own.yaml"))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (own(reference="c"), "unknown variant of study own 'c': choose from a, b"),
        (
            own(claims=[{"text": "x", "better": "a", "worse": ["b", "z"]}]),
            "unknown variant of study own 'z': choose from a, b",
        ),
        (
            own(claims=[{"text": "x", "better": "y", "worse": "b"}]),
            "unknown variant of study own 'y': choose from a, b",
        ),
        (
            own(claims=[{"text": "x", "better": "a", "worse": ["b", "a"]}]),
            "claims.0: 'a' is listed as better and as worse",
        ),
        (
            own(claims=[{"text": "x", "better": ["b", "a"], "worse": "a"}]),
            "claims.0: 'a' is listed as better and as worse",
        ),
        (
            own(claims=[{"text": "x", "better": ["a", "y"], "worse": "b"}]),
            "unknown variant of study own 'y': choose from a, b",
        ),
        (
            own(variants=[{"key": "a", "label": "A"}] * 2),
            "two variants have the key 'a': rename one",
        ),
        (
            own(variants=[]),
            "variants is []: list should have at least 1 item after validation, not 0",
        ),
        (
            own(variants=[{"key": "a/b", "label": "A"}]),
            "variants.0.key is 'a/b': string should match pattern '^[a-z0-9][a-z0-9_.+-]*$'",
        ),
        (
            own(results="../../elsewhere"),
            "results is '../../elsewhere': string should match pattern '^[a-z0-9][a-z0-9_.+-]*$'",
        ),
        (
            own(variants=[{"key": "a", "label": "A", "set": {"model.dept": 1}}]),
            "unknown field 'model.dept'; did you mean 'model.depth'?",
        ),
        (own(base={"x": 1}), "unknown field 'x': vitbench train --help lists the fields"),
        (
            own(base={"seed": 1}),
            "base sets seed: use --seeds N or --seed-list, or seed_offset for other seeds of "
            "a variant",
        ),
        (
            own(variants=[{"key": "a", "label": "A", "set": {"seed": 5}}]),
            "variant a sets seed: use --seeds N or --seed-list, or seed_offset for other seeds "
            "of a variant",
        ),
        (
            own(base={"data.augmentation": "cutout", "data.augmentation.name": "none"}),
            "field 'data.augmentation' is set twice: keep one",
        ),
        (own(margin_pct=0), "margin_pct is 0: input should be greater than 0"),
        ({"name": "own", "title": "Own"}, "field 'variants' is missing"),
    ],
)  # fmt: skip
def test_a_study_that_will_not_do_is_one_line_with_its_file(fields, message) -> None:
    with pytest.raises(UsageError) as raised:
        parse_study(fields, "own.yaml")

    assert str(raised.value) == f"own.yaml: {message}"


def test_a_misspelt_field_of_a_study_is_told_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"unknown field 'titel': .*did you mean 'title'"):
        parse_study(own(titel="x"), "own.yaml")


@pytest.mark.parametrize(
    ("field", "factor", "value"),
    [
        ("model.depth", 1.5, 9),
        ("model.depth", "4/3", 8),
        ("model.embed_dim", 2, 512),
        ("model.mlp_ratio", "3/4", 3.0),
        ("train.lr", "1e-1", 1e-4),
        ("train.lr", 3, 3e-3),  # not 0.0030000000000000001: decimals are multiplied as decimals
        ("train.lr", "1/3", 1e-3 / 3),
    ],
)
def test_a_factor_multiplies_the_value_of_the_base(field, factor, value) -> None:
    study = varying(field, {"times": factor})

    spec = variant_spec(build_spec(), study, study.variants[0])

    assert spec == build_spec({field: value})


@pytest.mark.parametrize(
    ("field", "factor", "message"),
    [
        ("model.depth", "4/5", "model.depth 6 times 4/5 is 4.8, not a whole number"),
        ("model.depth", 1.1, "model.depth 6 times 1.1 is 6.6, not a whole number"),
        ("model.depth", 0, "model.depth is 0: input should be greater than 0"),
        ("model.qkv_bias", 2, "model.qkv_bias is True, which cannot be multiplied"),
        ("model.pos_embed", 2, "model.pos_embed is learned-1d, which cannot be multiplied"),
    ],
)  # fmt: skip
def test_a_factor_that_will_not_do_is_one_line_with_its_variant(field, factor, message) -> None:
    study = varying(field, {"times": factor})

    with pytest.raises(UsageError) as raised:
        variant_spec(build_spec(), study, study.variants[0])

    assert str(raised.value) == f"study own, variant a: {message}"


@pytest.mark.parametrize(
    "factor", ["half", "1/0", "inf", "1e400", "1e99999999", 1e300, True, None, [2]]
)
@pytest.mark.parametrize("field", ["model.depth", "train.lr"])
def test_what_is_no_factor_is_said_to_be_none(field, factor) -> None:
    study = varying(field, {"times": factor})

    with pytest.raises(UsageError) as raised:
        variant_spec(build_spec(), study, study.variants[0])

    assert f"times: {factor!r} is neither a number nor a fraction such as '4/3'" in str(
        raised.value
    )


def test_what_the_user_sets_lies_over_the_study_and_the_study_over_the_preset() -> None:
    study = parse_study(own(base={"train.epochs": 7, "train.lr": 0.5}), "own")

    base = base_spec(study, {"train.epochs": 3, "model.depth": 2}, {"train.lr": 0.1})

    assert (base.train.epochs, base.train.lr, base.model.depth) == (7, 0.1, 2)


def test_results_on_another_data_set_have_a_folder_of_their_own(tmp_path) -> None:
    assert folder_for(tmp_path, "cifar10") == tmp_path
    assert folder_for(tmp_path, "shapes") == tmp_path / "shapes"


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (["Base", "Config 1: width x2"], ["Base", "Config 1"]),
        (["Rate: 0.1", "Rate: 0.2", "None: 0"], ["Rate: 0.1", "Rate: 0.2", "None"]),
        (["Base", "Base: wider"], ["Base", "Base: wider"]),
        ([": odd", "4:3"], [": odd", "4:3"]),
    ],
)
def test_sentences_call_a_variant_by_what_is_before_its_colon_if_that_is_its_alone(
    labels, names
) -> None:
    variants = [{"key": f"v{place}", "label": label} for place, label in enumerate(labels)]

    study = parse_study(own(variants=variants), "own.yaml")

    assert list(study.short_labels.values()) == names


@pytest.mark.parametrize("stem", ["mine", "pos-embed", "pos_embed"])
def test_a_path_is_a_path_even_if_its_file_is_called_as_a_built_in_study(
    tmp_path: Path, stem: str
) -> None:
    path = tmp_path / f"{stem}.yaml"

    assert study_file(str(path)) == path
    assert study_file(path.name) == Path(path.name)
