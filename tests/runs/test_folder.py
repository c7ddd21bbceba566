"""A run folder whose files are damaged."""

import json
import os
import struct
import zipfile

import numpy as np
import pytest

from vitbench.config.build import build_spec
from vitbench.errors import FileError, LaterVersionError
from vitbench.runs.folder import Answers, RunFolder
from vitbench.training.history import EpochRecord

ANSWERS = np.array([1, 2, 3], dtype=np.uint8)


def test_answers_are_read_as_they_were_written(tmp_path) -> None:
    assert RunFolder(tmp_path).read_answers() is None

    np.savez(tmp_path / "predictions.npz", predicted=ANSWERS, labels=ANSWERS[::-1])

    read = RunFolder(tmp_path).read_answers()
    assert isinstance(read, Answers)
    assert (read.predicted.tolist(), read.labels.tolist()) == ([1, 2, 3], [3, 2, 1])


@pytest.mark.parametrize(
    "labels",
    [ANSWERS[:2], ANSWERS[None], ANSWERS.astype(float), ANSWERS.astype(str), np.uint8(1)],
    ids=["fewer", "more axes", "floats", "words", "a number"],
)
def test_other_arrays_are_no_answers(labels, tmp_path) -> None:
    np.savez(tmp_path / "predictions.npz", predicted=ANSWERS, labels=labels)

    with pytest.raises(FileError, match=r"predictions\.npz is damaged"):
        RunFolder(tmp_path).read_answers()


@pytest.mark.parametrize("member", ["labels", "labels.npy"])
def test_a_member_that_is_no_array_is_no_answers(member, tmp_path) -> None:
    path = tmp_path / "predictions.npz"
    np.savez(path, predicted=ANSWERS)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(member, b"bytes")

    with pytest.raises(FileError, match=r"predictions\.npz is damaged"):
        RunFolder(tmp_path).read_answers()


def test_empty_arrays_are_no_answers(tmp_path) -> None:
    np.savez(tmp_path / "predictions.npz", predicted=ANSWERS[:0], labels=ANSWERS[:0])

    with pytest.raises(FileError, match=r"predictions\.npz is damaged"):
        RunFolder(tmp_path).read_answers()


def test_answers_that_would_fill_the_memory_are_not_unpacked(tmp_path) -> None:
    """A megabyte of a file says that ten gigabytes come out of it."""
    path = tmp_path / "predictions.npz"
    np.savez(path, predicted=ANSWERS, labels=ANSWERS)
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        size = archive.getinfo("labels.npy").file_size
    entry = content.rindex(b"PK\x01\x02")  # of the last member, in the list at the end
    sizes = content[entry + 20 : entry + 28]
    assert sizes == struct.pack("<II", size, size)
    lying = content[: entry + 24] + struct.pack("<I", 2**32 - 2) + content[entry + 28 :]
    path.write_bytes(lying)

    with pytest.raises(FileError, match=r"predictions\.npz is damaged"):
        RunFolder(tmp_path).read_answers()


STRANGE = {
    "pipe": os.mkfifo,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "folder": lambda path: path.mkdir(),
}


@pytest.mark.parametrize("make", STRANGE.values(), ids=STRANGE)
def test_what_is_no_file_is_not_read_for_one(make, tmp_path) -> None:
    folder = RunFolder(tmp_path)
    for path in (folder.spec_file, folder.result_file, folder.history_file, folder.predictions):
        make(path)

    for read in (folder.read_spec_fields, folder.read_result, folder.read_answers):
        with pytest.raises(FileError):
            read()
    assert folder.read_history() is None
    assert folder.count_epochs() == 0


def whole_result(study_results) -> dict[str, object]:
    run = study_results({"none": [60.0]}).runs[0].model_dump(mode="json")
    del run["variant"], run["run_folder"]
    return {**run, "val_top1_pct": 61.0}


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({"test_top1_pct": None}, "an accuracy is missing"),
        ({"val_top1_pct": None}, "an accuracy is missing"),
        ({"predicted": "AAAA"}, "not packed classes"),
        ({"status": "failed"}, "failed"),
        ({"train_time_s": -1}, "train_time_s"),
        ({"threads": 1_000_000}, "threads"),
    ],
)
def test_a_result_that_no_run_ends_in_is_damaged(changes, hint, tmp_path, study_results) -> None:
    folder = RunFolder(tmp_path)
    folder.result_file.write_text(json.dumps(whole_result(study_results)))
    assert folder.read_result().status == "done"
    folder.result_file.write_text(json.dumps({**whole_result(study_results), **changes}))

    with pytest.raises(FileError, match=rf"is damaged \(.*{hint}.*: remove its folder"):
        folder.read_result()


def test_a_result_of_a_later_vitbench_is_not_called_damaged(tmp_path, study_results) -> None:
    fields = {**whole_result(study_results), "versions": {"vitbench": "99.0.0"}, "colour": 1}
    RunFolder(tmp_path).result_file.write_text(json.dumps(fields))

    with pytest.raises(LaterVersionError, match=r"vitbench 99\.0\.0 wrote it.*update vitbench"):
        RunFolder(tmp_path).read_result()


def test_a_history_with_a_nonsense_line_is_none(tmp_path) -> None:
    record = EpochRecord(
        epoch=1, train_loss=1, train_top1_pct=1, val_loss=1, val_top1_pct=1, lr=1, train_time_s=1,
        img_per_s=1,
    )  # fmt: skip
    folder = RunFolder(tmp_path)
    folder.write_history([record])
    assert folder.read_history() == [record]

    text = folder.history_file.read_text()
    for old, new in ((":1", ":-1"), (":1.0", ":NaN"), (":1", ':1,"epoch":1')):
        folder.history_file.write_text(text.replace(old, new, 1))
        assert folder.read_history() is None


def test_a_folder_that_is_being_removed_is_nobodys(tmp_path, tiny_fields) -> None:
    spec = build_spec(tiny_fields)
    (tmp_path / f".removed-{spec.folder_name}").mkdir()
    (tmp_path / f"a_file-{spec.identity[:10]}").write_text("text")

    assert RunFolder.of(spec, tmp_path).path == tmp_path / spec.folder_name


def test_to_ask_whether_a_run_is_busy_writes_nothing(tmp_path) -> None:
    assert not RunFolder(tmp_path / "run").is_busy()
    (tmp_path / "run").mkdir()
    assert not RunFolder(tmp_path / "run").is_busy()

    assert list((tmp_path / "run").iterdir()) == []


def test_the_folder_of_a_spec_is_found_in_a_list_as_by_itself(tmp_path) -> None:
    specs = [build_spec({"seed": seed}) for seed in range(4)]
    renamed, named, absent, going = specs
    (tmp_path / f"mine-{renamed.identity[:10]}").mkdir()
    (tmp_path / named.folder_name).mkdir()
    (tmp_path / f"a-{absent.identity[:10]}").touch()  # no folder
    (tmp_path / f".removed-{going.identity[:10]}").mkdir()  # half removed

    find = RunFolder.finder(tmp_path)

    assert [find(spec).path.name for spec in specs] == [
        f"mine-{renamed.identity[:10]}", named.folder_name, absent.folder_name, going.folder_name,
    ]  # fmt: skip
    assert find(renamed) == RunFolder.of(renamed, tmp_path)
    assert (
        RunFolder.finder(tmp_path / "absent")(named).path == tmp_path / "absent" / named.folder_name
    )
