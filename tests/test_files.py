import os

import pytest

from vitbench.files import replacing, write_text


def test_a_file_that_was_not_written_to_its_end_leaves_the_old_one(tmp_path) -> None:
    path = tmp_path / "results.json"
    write_text(path, "old")

    def write_half() -> None:
        with replacing(path) as part:
            part.write_text("half of the n")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_written_file_has_the_rights_of_any_new_file(tmp_path) -> None:
    write_text(tmp_path / "deep" / "ours.txt", "text")
    (tmp_path / "theirs.txt").write_text("text")

    ours, theirs = tmp_path / "deep" / "ours.txt", tmp_path / "theirs.txt"
    assert ours.stat().st_mode == theirs.stat().st_mode


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_to_is_an_error_with_its_name(tmp_path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError):
        write_text(tmp_path / "file", "text")
