"""Files are whole or as they were."""

import os
from pathlib import Path

import pytest
from filelock import FileLock

from vitbench import files
from vitbench.files import (
    UnfitFileError,
    is_locked,
    read_regular,
    read_regular_or_pipe,
    replacing,
    write_text,
)


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


def sparse(path):
    with path.open("wb") as file:
        file.truncate(10**12)  # a file of a terabyte that takes nothing on the disk


@pytest.mark.parametrize(
    "make",
    [os.mkfifo, lambda path: path.symlink_to("/dev/zero"), sparse],
    ids=["pipe", "device", "sparse"],
)
def test_what_may_never_end_is_not_read(make, tmp_path) -> None:
    path = tmp_path / "file"
    make(path)

    with pytest.raises(UnfitFileError):
        read_regular(path, 1000)


def test_a_regular_file_is_read_up_to_its_limit_and_through_a_link(tmp_path) -> None:
    (tmp_path / "file").write_bytes(b"1234")
    (tmp_path / "link").symlink_to("file")

    assert read_regular(tmp_path / "link", 4) == b"1234"
    with pytest.raises(UnfitFileError) as raised:
        read_regular(tmp_path / "file", 3)
    assert raised.value.strerror == "it has more than 3 bytes"
    with pytest.raises(IsADirectoryError):
        read_regular(tmp_path, 3)


def test_what_a_command_writes_into_a_pipe_is_read_and_an_endless_device_is_not() -> None:
    """As with `--spec <(command)` in a shell."""
    out, into = os.pipe()
    os.write(into, b"seed: 1")
    os.close(into)
    try:
        assert read_regular_or_pipe(Path(f"/dev/fd/{out}"), 100) == b"seed: 1"
    finally:
        os.close(out)
    assert read_regular_or_pipe(Path("/dev/null"), 100) == b""
    with pytest.raises(UnfitFileError, match="more than 100 bytes"):
        read_regular_or_pipe(Path("/dev/zero"), 100)


def test_a_pipe_into_which_nobody_writes_is_given_up(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(files, "PATIENCE_S", 0.01)
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(UnfitFileError, match="it delivered nothing"):
        read_regular_or_pipe(tmp_path / "pipe", 100)


def test_a_lock_is_seen_without_writing_anything(tmp_path) -> None:
    assert not is_locked(tmp_path / ".lock")
    assert list(tmp_path.iterdir()) == []
    with FileLock(tmp_path / ".lock"):
        assert is_locked(tmp_path / ".lock")
    assert not is_locked(tmp_path / ".lock")
