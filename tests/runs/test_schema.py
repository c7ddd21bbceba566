"""What is written of runs comes back as it was."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from vitbench.runs.schema import (
    SCHEMA_VERSION,
    RunResult,
    StudyResults,
    StudyRun,
    pack_classes,
    unpack_classes,
)
from vitbench.training.history import EpochRecord


@pytest.mark.parametrize("model", [RunResult, StudyRun, StudyResults, EpochRecord])
def test_every_field_says_what_it_is(model: type[BaseModel]) -> None:
    assert [name for name, field in model.model_fields.items() if not field.description] == []


def test_results_survive_their_json(study_results) -> None:
    results = study_results({"none": [60.0, None], "learned-2d": [1 / 3 * 100]})

    text = results.model_dump_json()

    assert StudyResults.model_validate_json(text) == results
    assert json.loads(text)["schema_version"] == SCHEMA_VERSION
    assert json.loads(text)["runs"][0]["schema_version"] == SCHEMA_VERSION


def test_the_unknown_is_null_and_numbers_are_numbers(study_results) -> None:
    failed = json.loads(study_results({"none": [None]}).model_dump_json())["runs"][0]

    assert (failed["test_top1_pct"], failed["val_loss"]) == (None, None)
    assert (failed["train_time_s"], failed["num_params"]) == (60.0, 1000)


@pytest.mark.parametrize(
    ("field", "value"),
    [("test_top1_pct", 100.1), ("val_top1_pct", -1), ("status", "well"), ("colour", 1)],
)
def test_a_run_that_cannot_be_is_refused(field, value, study_results) -> None:
    run = study_results({"none": [60.0]}).runs[0].model_dump()

    with pytest.raises(ValidationError, match=field):
        StudyRun.model_validate({**run, field: value})


def test_what_a_later_vitbench_wrote_is_refused_by_its_form(study_results) -> None:
    results = study_results({"none": [60.0]}).model_dump(mode="json")

    with pytest.raises(ValidationError, match="schema_version") as raised:
        StudyResults.model_validate({**results, "schema_version": 2, "colour": 1})
    assert raised.value.errors()[0]["loc"] == ("schema_version",)


def test_what_an_earlier_vitbench_wrote_is_read_with_defaults_for_what_it_lacks(
    study_results,
) -> None:
    written = study_results({"none": [60.0]}).model_dump(mode="json")
    older = json.loads(json.dumps(written))
    del older["precision"], older["tuned"], older["runs"][0]["peak_memory_bytes"]
    del older["base"]["train"]["on_divergence"], older["runs"][0]["spec"]["train"]["on_divergence"]

    assert StudyResults.model_validate(older) == StudyResults.model_validate(written)


def test_a_run_is_found_by_variant_and_seed(study_results) -> None:
    results = study_results({"none": [60.0, 61.0], "sinusoidal": [62.0]})

    assert results.find("none", 1).test_top1_pct == 61.0
    assert results.find("sinusoidal", 0).test_top1_pct == 62.0
    assert results.find("sinusoidal", 1) is None


@given(st.binary(max_size=2000))
def test_packed_classes_come_out_as_they_went_in(classes) -> None:
    assert unpack_classes(pack_classes(classes), most=2000) == classes


def test_packed_classes_are_small_and_plain_text() -> None:
    """10,000 answers of ten classes hold 10,000 * log2(10) bits, 4,153 bytes, 5,537 in base64."""
    answers = bytes(i * i * 7 % 101 % 10 for i in range(10_000))

    text = pack_classes(answers)

    assert len(text) < 6_000
    assert text.isascii()
    assert text.isprintable()


@pytest.mark.parametrize("number", [1999, 2000, 2001])
def test_as_many_classes_come_out_as_are_asked_for_and_no_more(number) -> None:
    text = pack_classes(bytes(number))

    if number <= 2000:
        assert unpack_classes(text, most=2000) == bytes(number)
    else:
        with pytest.raises(ValueError, match="or over 2000 of them"):
            unpack_classes(text, most=2000)


@pytest.mark.parametrize(
    "text",
    ["", "?", "AAAA", "ä", pack_classes(b"1234")[:-4], pack_classes(bytes(100_000_000))],
    ids=["empty", "no base64", "no zlib", "no ASCII", "cut off", "bomb"],
)
def test_what_are_no_packed_classes_is_refused(text) -> None:
    with pytest.raises(ValueError, match="not packed classes"):
        unpack_classes(text, most=2000)
