"""Results files: merged, never lost, and read without trust."""

import multiprocessing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitbench.errors import FileError, UsageError
from vitbench.runs.results import find_results, merge_runs, read_results
from vitbench.runs.schema import pack_classes, unpack_classes


def test_a_merged_run_takes_the_place_of_its_variant_and_seed_and_no_other(
    tmp_path, study_results
) -> None:
    path = tmp_path / "results.json"
    first = study_results({"none": [60.0, 61.0], "learned-1d": [None]})
    merge_runs(path, first, first.runs)
    second = study_results({"learned-1d": [70.0]})

    merged = merge_runs(path, second, second.runs)

    assert merged == read_results(path)
    assert [(r.variant, r.seed, r.test_top1_pct) for r in merged.runs] == [
        ("none", 0, 60.0), ("learned-1d", 0, 70.0), ("none", 1, 61.0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"base_identity": "another"}, "another base spec"),
        ({"dataset": "shapes"}, "on cifar10, not shapes"),
    ],
)
def test_runs_of_another_base_are_refused_and_the_file_stays(
    changes, message, tmp_path, study_results
) -> None:
    path = tmp_path / "results.json"
    there = study_results({"none": [60.0]})
    merge_runs(path, there, there.runs)
    before = path.read_bytes()
    other = study_results({"none": [61.0]}, **changes)

    with pytest.raises(UsageError, match=f"{message}.*--results-dir"):
        merge_runs(path, other, other.runs)
    assert path.read_bytes() == before


def merge_one_by_one(path, results) -> None:
    for run in results.runs:
        merge_runs(path, results, [run])


def test_two_processes_that_merge_at_once_lose_no_run(tmp_path, study_results) -> None:
    path = tmp_path / "results.json"
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=merge_one_by_one, args=(path, study_results({variant: [50.0] * 8})))
        for variant in ("none", "learned-1d")
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()

    assert [process.exitcode for process in processes] == [0, 0]
    assert len(read_results(path).runs) == 16


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{", b'{"a": 1}', b"\xff\xfe", b"[" * 100_000], ids=range(6)
)
def test_a_damaged_file_is_one_line_and_stays_as_it_was(content, tmp_path, study_results) -> None:
    path = tmp_path / "some_results.json"
    path.write_bytes(content)
    results = study_results({"none": [60.0]})

    with pytest.raises(FileError, match=r"some_results\.json") as raised:
        read_results(path)
    with pytest.raises(FileError):
        merge_runs(path, results, results.runs)

    assert "\n" not in str(raised.value)
    assert path.read_bytes() == content


def test_results_are_found_at_any_depth(tmp_path, study_results) -> None:
    text = study_results({"none": [60.0]}).model_dump_json()
    for place in ("b_results.json", "shapes/a_results.json", "notes.json"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_text(text)

    found = [path.relative_to(tmp_path).as_posix() for path in find_results(tmp_path)]

    assert found == ["b_results.json", "shapes/a_results.json"]


@given(st.binary(max_size=2000))
def test_packed_classes_come_out_as_they_went_in(classes) -> None:
    assert unpack_classes(pack_classes(classes), most=2000) == classes


@pytest.mark.parametrize("text", ["", "?", "AAAA", pack_classes(bytes(5000))])
def test_what_are_no_packed_classes_or_too_many_is_refused(text) -> None:
    with pytest.raises(ValueError, match="packed classes"):
        unpack_classes(text, most=2000)
