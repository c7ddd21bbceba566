"""Files are whole or as they were."""

import os

import pytest

from vitbench.files import replacing, write_text


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_a_file_that_was_not_written_to_its_end_leaves_the_old_one(tmp_path, error) -> None:
    path = tmp_path / "results.json"
    write_text(path, "old")

    def write_half() -> None:
        with replacing(path) as part:
            part.write_text("half of the n")
            raise error

    with pytest.raises(error):
        write_half()

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_until_the_last_byte_a_reader_sees_the_old_file(tmp_path) -> None:
    path = tmp_path / "results.json"
    write_text(path, "old")

    with replacing(path) as part:
        part.write_text("new")
        assert path.read_text() == "old"
        assert part.parent == path.parent  # one file system: else a rename is a copy

    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_a_written_file_has_the_rights_of_any_new_file(tmp_path, umask) -> None:
    before = os.umask(umask)
    try:
        write_text(tmp_path / "ours.txt", "text")
        (tmp_path / "theirs.txt").write_text("text")
        assert os.umask(umask) == umask  # looking at it did not change it
    finally:
        os.umask(before)

    ours, theirs = (tmp_path / name for name in ("ours.txt", "theirs.txt"))
    assert ours.stat().st_mode == theirs.stat().st_mode


def test_folders_on_the_way_are_made_and_a_file_on_the_way_is_an_error(tmp_path) -> None:
    write_text(tmp_path / "deep" / "er" / "file", "text é")

    assert (tmp_path / "deep" / "er" / "file").read_bytes() == "text é".encode()
    with pytest.raises(OSError, match="file"):
        write_text(tmp_path / "deep" / "er" / "file" / "below", "text")
