"""A run folder whose files are damaged."""

import zipfile

import numpy as np
import pytest

from vitbench.errors import FileError
from vitbench.runs.folder import Answers, RunFolder
from vitbench.spec.overrides import build_spec

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
