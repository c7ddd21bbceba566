"""A spec in a file is read leniently in what may change, and strictly in what reports rely on."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from vitbench.config.build import build_spec
from vitbench.config.experiment import ExperimentSpec
from vitbench.config.presets import PRESETS, preset_fields
from vitbench.config.recorded import RecordedSpec, completed

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
FIELDS = [
    (section, name)
    for section, fields in ExperimentSpec().to_json().items()
    if isinstance(fields, dict)
    for name in fields
]


@pytest.mark.parametrize("name", PRESETS)
def test_what_we_write_is_read_as_it_was(name) -> None:
    written = build_spec(preset_fields(name), {"data.mean": [0.5, 0.5, 0.5]}).to_json()

    assert completed(json.loads(json.dumps(written))) == written


def test_a_spec_of_an_older_version_gets_the_defaults_of_what_it_lacks() -> None:
    older = ExperimentSpec().to_json()
    del older["train"]["label_smoothing"], older["data"]

    assert completed(older) == ExperimentSpec().to_json()


def test_an_unknown_spec_stays_unknown() -> None:
    assert completed({}) == {}


@pytest.mark.parametrize(
    "value", ["colours", {"name": "cutout", "size": 8}], ids=["not installed", "with options"]
)
def test_a_plug_in_need_not_be_here(value) -> None:
    assert completed({"data": {"augmentation": value}})["data"]["augmentation"] == value


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"modle": {}}, "did you mean 'model'"),
        ({"model": 3}, "model is 3"),
        ({"model": {"dept": 3}}, "did you mean 'depth'"),
        ({"model": {"depth": "6"}}, "model.depth is '6'"),
        ({"model": {"depth": 6.5}}, "model.depth is 6.5"),
        ({"model": {"depth": True}}, "model.depth is True"),
        ({"model": {"depth": 10**400}}, "model.depth is 1000"),
        ({"model": {"mlp_ratio": float("nan")}}, "model.mlp_ratio is nan"),
        ({"model": {"class_token": 1}}, "model.class_token is 1"),
        ({"model": {"pos_embed": []}}, "model.pos_embed is []"),
        ({"model": {"pos_embed": "none"}}, "model.pos_embed is 'none'"),
        ({"model": {"attention": {"heads": 2}}}, "model.attention"),
        ({"model": {"attention": {"name": "x", "deep": {}}}}, "model.attention"),
        ({"train": {"lr": None}}, "train.lr is None"),
        ({"data": {"mean": [0.5]}}, "data.mean is [0.5]"),
        ({"seed": "one"}, "seed is 'one'"),
    ],
)
def test_a_value_of_the_wrong_kind_is_named(tree, message) -> None:
    with pytest.raises(ValueError, match=r"field|takes") as raised:
        completed(tree)

    assert message in str(raised.value)


@given(st.sampled_from(FIELDS), JSON)
def test_any_value_is_taken_or_refused(field, value) -> None:
    section, name = field
    adapter = TypeAdapter(RecordedSpec)
    try:
        read = adapter.validate_python({section: {name: value}})
    except ValidationError:
        return
    assert read[section][name] is value
