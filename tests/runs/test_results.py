"""Results files: merged, never lost, and read without trust."""

import json
import re
import subprocess
import sys

import pytest

from vitbench.config.build import build_spec
from vitbench.errors import FileError, ForeignFileError, LaterVersionError, UsageError
from vitbench.runs.results import (
    check_same_study,
    find_results,
    kind_of_work,
    merge_runs,
    read_results,
)
from vitbench.runs.schema import Look, PrecisionRule


def test_a_merged_run_takes_the_place_of_its_variant_and_seed_and_no_other(
    tmp_path, study_results
) -> None:
    path = tmp_path / "results.json"
    first = study_results({"none": [60.0, 61.0], "learned-1d": [None]})
    merge_runs(path, first, first.runs)
    second = study_results({"learned-1d": [70.0]})

    merged = merge_runs(path, second, second.runs)

    assert merged == read_results(path)
    assert [(run.variant, run.seed, run.test_top1_pct) for run in merged.runs] == [
        ("none", 0, 60.0),
        ("learned-1d", 0, 70.0),
        ("none", 1, 61.0),
    ]


def test_runs_are_in_the_order_of_seeds_and_then_of_the_study(tmp_path, study_results) -> None:
    path = tmp_path / "results.json"
    results = study_results({"sinusoidal": [1.0, 2.0], "none": [3.0, 4.0]})

    for run in reversed(results.runs):
        merge_runs(path, results, [run])

    assert [(run.seed, run.variant) for run in read_results(path).runs] == [
        (0, "none"),
        (0, "sinusoidal"),
        (1, "none"),
        (1, "sinusoidal"),
    ]


def test_a_run_of_a_variant_that_the_study_no_longer_has_stays(tmp_path, study_results) -> None:
    path = tmp_path / "results.json"
    before = study_results({"none": [1.0], "sinusoidal": [2.0]})
    merge_runs(path, before, before.runs)
    fewer = before.study.model_copy(update={"variants": before.study.variants[:2], "claims": []})
    after = study_results({"learned-1d": [3.0]}, study=fewer)

    merged = merge_runs(path, after, after.runs)

    assert [run.variant for run in merged.runs] == ["none", "learned-1d", "sinusoidal"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dataset": "shapes"}, "on cifar10, not shapes"),
        (
            {"base": build_spec({"model.depth": 4}).to_json(), "base_identity": "another"},
            "of another base spec (data.val_size 100, not 5000)",
        ),
        (
            {
                "base": build_spec({"data.val_size": 100, "model.depth": 4}).to_json(),
                "base_identity": "another",
            },
            "of another base spec (model.depth 6, not 4)",
        ),
        (
            {
                "base": build_spec(
                    {"data.val_size": 100, "model.pos_embed": ["none", "sinusoidal"]}
                ).to_json(),
                "base_identity": "another",
            },
            "of another base spec (model.pos_embed learned-1d, not none, sinusoidal)",
        ),
        ({"base_identity": "another"}, "of another base spec (other semantics)"),
    ],
    ids=["data set", "data", "model", "positions", "semantics"],
)
def test_runs_of_another_base_are_refused_by_name_and_the_file_stays(
    changes, message, tmp_path, study_results
) -> None:
    path = tmp_path / "results.json"
    there = study_results({"none": [60.0]})
    merge_runs(path, there, there.runs)
    before = path.read_bytes()
    other = study_results({"none": [61.0]}, **changes)

    with pytest.raises(UsageError) as raised:
        merge_runs(path, other, other.runs)

    assert str(raised.value) == f"{path} holds runs {message}: choose another --results-dir"
    assert path.read_bytes() == before


def test_runs_of_another_study_are_refused(tmp_path, study_results) -> None:
    path = tmp_path / "results.json"
    there = study_results({"none": [60.0]})
    merge_runs(path, there, there.runs)
    other = there.model_copy(update={"study": there.study.model_copy(update={"name": "own"})})

    with pytest.raises(UsageError, match=r"of study pos-embed, not own: .*--results-dir"):
        check_same_study(path, other)


def test_runs_at_another_budget_are_refused(tmp_path, study_results) -> None:
    path = tmp_path / "results.json"
    there = study_results({"none": [60.0]})
    merge_runs(path, there, there.runs)
    at_flops = there.study.model_copy(update={"budget": "flops"})

    with pytest.raises(UsageError, match=r"at budget epochs, not flops: .*--results-dir"):
        merge_runs(path, there.model_copy(update={"study": at_flops}), there.runs)


def test_what_a_file_has_beside_its_runs_stays_where_a_call_does_not_give_it(
    tmp_path, study_results
) -> None:
    path = tmp_path / "results.json"
    rule = PrecisionRule(half_width_pct=0.5, max_seeds=10, looks=[Look(num_seeds=5, widest_pct=1)])
    there = study_results({"none": [60.0]}, precision=rule)
    merge_runs(path, there, there.runs)
    without = there.model_copy(update={"precision": None, "test_labels": None})

    merged = merge_runs(path, without, there.runs)

    assert merged == read_results(path)
    assert (merged.precision, merged.test_labels) == (rule, there.test_labels)
    assert there.test_labels is not None


def test_a_study_may_be_said_in_other_words(tmp_path, study_results) -> None:
    path = tmp_path / "results.json"
    there = study_results({"none": [60.0]})
    merge_runs(path, there, there.runs)
    renamed = there.study.model_copy(update={"title": "Where am I?"})
    here = study_results({"none": [60.0, 61.0]}, study=renamed)

    merged = merge_runs(path, here, here.runs[1:])

    assert merged.study.title == "Where am I?"
    assert [run.seed for run in merged.runs] == [0, 1]


# Each waits after every read until the other has read as often: without a lock both then write what
# they add to the same old file. With one the other cannot read, and after a second it is let go.
MERGE_AT_ONCE = """
import sys, time
from pathlib import Path
from vitbench.runs import results as module

source, path, mine, other = map(Path, sys.argv[1:])
results, read = module.read_results(source), module.read_results

def meet(place, seconds):
    mine.with_suffix(place).touch()
    end = time.monotonic() + seconds
    while not other.with_suffix(place).exists() and time.monotonic() < end:
        time.sleep(0.002)

def read_together(file, times=[]):
    there = read(file)
    times.append(file)
    meet(f".{len(times)}", 1)
    return there

meet(".here", 60)
module.read_results = read_together
module.merge_runs(path, results, results.runs[:1])
module.read_results = read
for run in results.runs[1:]:
    module.merge_runs(path, results, [run])
"""


def test_two_processes_that_merge_at_once_lose_no_run(tmp_path, study_results) -> None:
    path = tmp_path / "results.json"
    there = study_results({"sinusoidal": [50.0]})
    merge_runs(path, there, there.runs)
    variants = ("none", "learned-1d")
    processes = []
    for variant, other in (variants, variants[::-1]):
        source = tmp_path / f"{variant}.json"
        source.write_text(study_results({variant: [50.0] * 5}).model_dump_json())
        words = [source, path, tmp_path / variant, tmp_path / other]
        processes.append(subprocess.Popen([sys.executable, "-c", MERGE_AT_ONCE, *map(str, words)]))

    assert [process.wait() for process in processes] == [0, 0]
    runs = {(run.variant, run.seed) for run in read_results(path).runs}
    assert runs == {("sinusoidal", 0), *((v, seed) for v in variants for seed in range(5))}
    assert [file.name for file in tmp_path.iterdir() if file.name.endswith(".part")] == []


WHAT_IS_WRONG = {
    b"": "it is empty",
    b"[]": "it has no study and no runs",
    b"{": "line 1 is not JSON",
    b'{"a": 1}': "it has no study and no runs",
    b"\xff\xfe": "it is UTF-16: save it as UTF-8",
    b"\x80": "it is not text in UTF-8",
    b"[[": "line 1 is not JSON",
    b"[" * 100_000: "it is nested too deeply",
    b'{"a": 1, "a": 2}': "duplicate key 'a'",
    b'{"a": NaN}': "NaN is not JSON",
    b'{"a": ' + b"9" * 5000 + b"}": "too many digits",
}


@pytest.mark.parametrize("content", WHAT_IS_WRONG, ids=range(len(WHAT_IS_WRONG)))
def test_a_damaged_file_is_one_line_and_stays_as_it_was(content, tmp_path, study_results) -> None:
    path = tmp_path / "some_results.json"
    path.write_bytes(content)
    results = study_results({"none": [60.0]})

    with pytest.raises(FileError, match=r"some_results\.json is not a results file: ") as raised:
        read_results(path)
    assert WHAT_IS_WRONG[content] in str(raised.value)
    with pytest.raises(FileError):
        merge_runs(path, results, results.runs)

    assert "\n" not in str(raised.value)
    assert path.read_bytes() == content


def test_a_file_that_was_cut_off_is_refused_wherever_that_was(tmp_path, study_results) -> None:
    path = tmp_path / "some_results.json"
    whole = study_results({"none": [60.0]}).model_dump_json()

    for length in range(0, len(whole), 97):
        path.write_text(whole[:length])
        with pytest.raises(FileError):
            read_results(path)


def test_a_file_that_is_not_there_or_a_folder_is_named(tmp_path) -> None:
    with pytest.raises(FileError, match=r"no results file .*absent\.json"):
        read_results(tmp_path / "absent.json")
    with pytest.raises(FileError, match=r"cannot read .*: Is a directory"):
        read_results(tmp_path)
    with pytest.raises(FileError, match=r"no results folder .*: vitbench sweep writes results"):
        find_results(tmp_path / "absent")


def test_results_are_found_at_any_depth(tmp_path, study_results) -> None:
    text = study_results({"none": [60.0]}).model_dump_json()
    for place in ("b_results.json", "shapes/a_results.json", "notes.json"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_text(text)

    found = [path.relative_to(tmp_path).as_posix() for path in find_results(tmp_path)]

    assert found == ["b_results.json", "shapes/a_results.json"]


@pytest.mark.parametrize(
    "content",
    [
        b'{"epoch": 3.0, "eval_accuracy": 0.98}',  # all_results.json of the Trainer of Hugging Face
        b'{"dataset": "cifar10", "precision": 0.9}',
        b'{"study": "trials of another tool"}',
        b'{"eval_loss": NaN}',
        b"[1, 2]",
        b"null",
        b"not JSON",
        b"\x00\x01",
    ],
)
def test_a_file_of_another_tool_is_told_from_a_damaged_one_of_ours(content, tmp_path) -> None:
    (tmp_path / "all_results.json").write_bytes(content)

    with pytest.raises(ForeignFileError) as raised:
        read_results(tmp_path / "all_results.json")
    assert raised.value.is_known


def test_what_is_left_of_ours_is_never_taken_for_another_tools(tmp_path, study_results) -> None:
    path = tmp_path / "some_results.json"
    results = study_results({"none": [60.0]})
    for text in (results.model_dump_json(), results.model_dump_json(indent=1)):
        for length in range(1, len(text), 101):
            path.write_text(text[:length])
            with pytest.raises(FileError) as raised:
                read_results(path)
            assert not isinstance(raised.value, ForeignFileError), text[:length]
    for gone in ("study", "runs", "base"):
        path.write_text(json.dumps({**json.loads(text), gone: None}))
        with pytest.raises(FileError, match=gone) as raised:
            read_results(path)
        assert not isinstance(raised.value, ForeignFileError)


def test_of_a_file_that_is_empty_or_absent_it_is_not_known_whose_it_was(tmp_path) -> None:
    (tmp_path / "a_results.json").write_bytes(b"")
    (tmp_path / "b_results.json").symlink_to("a_disk/that/is/not/there")

    for name in ("a_results.json", "b_results.json"):
        with pytest.raises(ForeignFileError) as raised:
            read_results(tmp_path / name)
        assert not raised.value.is_known


def test_a_byte_order_mark_is_read_over(tmp_path, study_results) -> None:
    results = study_results({"none": [60.0]})
    (tmp_path / "x_results.json").write_text(results.model_dump_json(), encoding="utf-8-sig")

    assert read_results(tmp_path / "x_results.json") == results


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ({"schema_version": 2}, r"a later vitbench \(schema_version 2\) wrote it"),
        ({"versions": {"vitbench": "99.1"}, "colour": 1}, "vitbench 99.1 wrote it"),
    ],
)
def test_what_a_later_vitbench_wrote_is_not_called_damaged(
    written, hint, tmp_path, study_results
) -> None:
    fields = study_results({"none": [60.0]}).model_dump(mode="json")
    fields["runs"][0] |= written
    (tmp_path / "x_results.json").write_text(json.dumps(fields))

    with pytest.raises(LaterVersionError, match=f"{hint}, but this is .*: update vitbench"):
        read_results(tmp_path / "x_results.json")


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({"train_time_s": -1.0}, "train_time_s"),
        ({"train_time_s": 1e308}, "train_time_s"),
        ({"img_per_s": -1.0}, "img_per_s"),
        ({"epochs": -1}, "epochs"),
        ({"seed": -1}, "seed"),
        ({"num_params": -1}, "num_params"),
        ({"resumed": -1}, "resumed"),
        ({"threads": 1_000_000}, "threads"),
        ({"threads": 0}, "threads"),
        ({"forward_flop": 10**400}, "forward_flop"),
        ({"train_flop": -1}, "train_flop"),
        ({"peak_memory_bytes": 10**400}, "peak_memory_bytes"),
        ({"test_loss": 1e300}, "test_loss"),
        ({"name": "a\0b"}, "name"),
        ({"reason": "a\nb"}, "reason"),
        ({"variant": "a\u2028b"}, "variant"),
        ({"run_folder": "a\0b"}, "run_folder"),
        ({"versions": {"torch": "2\n9"}}, "versions"),
    ],
)
def test_what_no_run_has_is_refused(changes, hint, tmp_path, study_results) -> None:
    fields = study_results({"none": [60.0]}).model_dump(mode="json")
    fields["runs"][0] |= changes
    (tmp_path / "x_results.json").write_text(json.dumps(fields))

    with pytest.raises(FileError, match=hint) as raised:
        read_results(tmp_path / "x_results.json")
    assert len(str(raised.value)) < 400


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_no_finite_number_is_refused(number, tmp_path, study_results) -> None:
    text = study_results({"none": [60.0]}).model_dump_json()
    for field in ("train_time_s", "test_top1_pct", "val_loss"):
        (tmp_path / "x_results.json").write_text(
            re.sub(rf'"{field}":[^,]+', f'"{field}":{number}', text)
        )
        with pytest.raises(FileError, match="not a results file"):
            read_results(tmp_path / "x_results.json")


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({"trials_flop": 10**400}, "trials_flop"),
        ({"trials_time_s": -1.0}, "trials_time_s"),
        ({"values": [10**400]}, "values"),
        ({"chosen": {"none": "a\nb"}}, "chosen"),
        ({"val_top1_pct": {"none": [101.0]}}, "val_top1_pct"),
    ],
)
def test_trials_that_no_tuning_has_are_refused(changes, hint, tmp_path, study_results) -> None:
    tuned = {
        "field": "train.lr",
        "values": [0.1, 0.2],
        "seed": 1,
        "chosen": {"none": 0.1},
        "val_top1_pct": {"none": [1.0, None]},
        "trials_flop": 1,
        "trials_time_s": 1.0,
    }
    fields = study_results({"none": [60.0]}).model_dump(mode="json")
    path = tmp_path / "x_results.json"
    path.write_text(json.dumps({**fields, "tuned": [tuned]}))
    assert read_results(path).tuned[0].chosen == {"none": 0.1}
    path.write_text(json.dumps({**fields, "tuned": [{**tuned, **changes}]}))

    with pytest.raises(FileError, match=hint):
        read_results(path)


def test_a_run_that_is_there_twice_is_refused_by_name(tmp_path, study_results) -> None:
    fields = study_results({"none": [60.0]}).model_dump(mode="json")
    fields["runs"] *= 2
    (tmp_path / "x_results.json").write_text(json.dumps(fields))

    with pytest.raises(FileError, match="it has two runs of none, seed 0: remove one"):
        read_results(tmp_path / "x_results.json")


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("a.json", b'{"study": {}, "runs": []}', "a results file"),
        ("a", b'{"study": {}, "runs": []}', "a results file"),
        ("a", b'{"schema_version": 1, "study": {', "a damaged results file"),
        ("a.json", b'{"1d_learned": 69.47}', "a results file"),
        ("a.json", b'{"identity": "", "spec": {}}', "the result of a run"),
        ("a.json", b'{"data": {}, "seed": 1}', "a spec"),
        ("a.json", b'{"name": "own", "variants": []}', "a study"),
        ("a.yaml", b"name: own", "a YAML file"),
        ("a.PT", b"", "a checkpoint"),
        ("a.npz", b"", "a file of arrays"),
        ("a.jsonl", b"", "a history"),
        ("a", b"\x89PNG\x00", "a binary file"),
        ("a.md", b"# Results", None),
        ("a.json", b'{"schema_version": 1, "studies": []}', None),  # a report
        ("a.json", b'{"model.depth": 4}', "a spec"),
        ("tsconfig.json", b'{"compilerOptions": {}}', "a JSON file that is not a report"),
        ("a.ipynb", b'{"cells": [], "nbformat": 4}', "a JSON file that is not a report"),
        ("a.json", b"[1, 2]", "a JSON file that is not a report"),
        ("a.json", b"{", "a damaged results file"),
        ("a.csv", b"", None),
    ],
)
def test_what_is_not_to_be_written_over_is_known(name, content, what, tmp_path) -> None:
    (tmp_path / name).write_bytes(content)

    assert kind_of_work(tmp_path / name) == what


def test_where_nothing_is_anything_may_be_written(tmp_path) -> None:
    assert kind_of_work(tmp_path / "absent.yaml") is None
