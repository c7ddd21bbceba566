"""CIFAR-10's files: whatever is missing or wrong comes back from the archive or the download."""

import os
import subprocess
import sys
import tarfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torchvision.datasets

from vitbench.data import cifar_files
from vitbench.data.cifar_archive import ARCHIVE, FOLDER, MD5, META, TEST, TRAIN
from vitbench.data.cifar_files import URL, read_cifar_files
from vitbench.errors import DataError

SOME = (*TEST, META)


def real_folder() -> Path:
    root = Path(os.environ["VITBENCH_DATA"])
    return root if (root / "data_batch_1").exists() else root / FOLDER


def linked(folder: Path, without: tuple[str, ...] = ()) -> Path:
    """A folder with links to the real files, some left out."""
    folder.mkdir(parents=True)
    for name in MD5:
        if name not in without:
            (folder / name).symlink_to(real_folder() / name)
    return folder


def archive(path: Path, names: tuple[str, ...] = tuple(MD5), mode: str = "w") -> Path:
    """An archive of real files; without compression, which takes long, it is read all the same."""
    with tarfile.open(path, mode, **({"compresslevel": 1} if mode == "w:gz" else {})) as tar:
        for name in names:
            tar.add(real_folder() / name, f"{FOLDER}/{name}")
    return path


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_checksums_and_url_equal_those_of_torchvision() -> None:
    reference = torchvision.datasets.CIFAR10

    assert (
        dict([*reference.train_list, *reference.test_list]) | {META: reference.meta["md5"]} == MD5
    )
    assert (reference.url, reference.filename, reference.base_folder) == (URL, ARCHIVE, FOLDER)


@pytest.mark.cifar10
@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("where", ["beside", "inside"])
def test_missing_and_wrong_files_come_back_from_the_archive(where, tmp_path, capsys) -> None:
    """A file cut short, one changed, one missing, and what a killed process left."""
    folder = linked(tmp_path / FOLDER, without=("data_batch_2", "data_batch_3", "data_batch_4"))
    (folder / "data_batch_3").write_bytes((real_folder() / "data_batch_3").read_bytes()[:15_000])
    changed = bytearray((real_folder() / "data_batch_4").read_bytes())
    changed[1_000_000] ^= 1
    (folder / "data_batch_4").write_bytes(changed)
    (folder / ".data_batch_3.abc.part").write_bytes(b"half")
    archive_path = archive((folder if where == "inside" else tmp_path) / ARCHIVE)

    found = read_cifar_files(folder, (*TRAIN, META))

    assert found["data_batch_3"] == (real_folder() / "data_batch_3").read_bytes()
    assert names_in(folder) - {ARCHIVE} == set(MD5)
    printed = capsys.readouterr().err
    assert (
        "data_batch_3, data_batch_4 not CIFAR-10's (wrong MD5) and data_batch_2 missing" in printed
    )
    assert f"unpacking {archive_path}" in printed
    archive_path.unlink()
    read_cifar_files(folder, MD5)  # all are good now, and stay so without the archive
    assert capsys.readouterr().err == ""


@pytest.mark.cifar10
@pytest.mark.usefixtures("no_network")
def test_an_archive_that_is_cut_short_gives_what_it_has(tmp_path) -> None:
    complete = archive(tmp_path / "complete.tar.gz", (*SOME, *TRAIN[:1]), "w:gz")
    content = complete.read_bytes()
    (tmp_path / ARCHIVE).write_bytes(content[: len(content) * 3 // 4])

    assert set(read_cifar_files(tmp_path, SOME)) == set(SOME)
    with pytest.raises(DataError, match=f"{ARCHIVE} is damaged .*no network to download it"):
        read_cifar_files(tmp_path, TRAIN)


UNPACK = """
import sys
from pathlib import Path
from vitbench.data.cifar_archive import MD5
from vitbench.data.cifar_files import read_cifar_files
assert set(read_cifar_files(Path(sys.argv[1]), MD5)) == set(MD5)
"""


@pytest.mark.cifar10
def test_of_several_processes_at_once_one_unpacks_and_all_read(tmp_path) -> None:
    archive(tmp_path / ARCHIVE)
    command = [sys.executable, "-c", UNPACK, str(tmp_path)]

    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    printed = [process.communicate()[1] for process in processes]

    assert [process.returncode for process in processes] == [0] * 3
    assert "".join(printed).count("unpacking") == 1
    assert names_in(tmp_path / FOLDER) == set(MD5)


@pytest.mark.cifar10
@pytest.mark.usefixtures("no_network")
def test_where_nothing_can_be_unpacked_the_archive_itself_is_read(tmp_path, capsys) -> None:
    archive(tmp_path / ARCHIVE)
    (tmp_path / FOLDER).touch()  # a file in the folder's place: also root cannot unpack there

    assert set(read_cifar_files(tmp_path / ARCHIVE, SOME)) == set(SOME)
    printed = capsys.readouterr().err
    assert f"cannot unpack CIFAR-10 to {tmp_path / FOLDER}" in printed
    assert "its archive is read each time" in printed


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A folder whose files can be downloaded in the place of the real archive."""
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setattr(cifar_files, "URL", f"http://127.0.0.1:{server.server_port}/{ARCHIVE}")
    yield folder
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.cifar10
def test_a_folder_without_archive_is_repaired_by_a_download(served, tmp_path) -> None:
    archive(served / ARCHIVE)
    folder = linked(tmp_path / "data" / FOLDER, without=("data_batch_3",))
    (folder / "data_batch_3").write_bytes(b"half")

    assert set(read_cifar_files(tmp_path / "data", TRAIN)) == set(TRAIN)

    assert names_in(folder) == set(MD5)
    assert names_in(tmp_path / "data") == {FOLDER, ARCHIVE}


def test_a_download_of_other_bytes_leaves_nothing(served, tmp_path) -> None:
    (served / ARCHIVE).write_bytes(b"<html>log in first</html>")

    with pytest.raises(DataError, match="sent is not CIFAR-10"):
        read_cifar_files(tmp_path / "data", TEST)
    assert names_in(tmp_path / "data") == set()


@pytest.mark.usefixtures("no_network")
def test_without_network_one_line_says_what_helps(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(DataError) as raised:
        read_cifar_files(Path("absent"), TEST)

    message = str(raised.value)
    assert message.startswith(f"no CIFAR-10 in absent/{FOLDER}; no network to download it (")
    assert f"download {URL} into {tmp_path / 'absent'}, " in message
    assert "--data-dir or VITBENCH_DATA" in message
    assert "--preset smoke needs no data" in message
    assert "\n" not in message
    assert capsys.readouterr() == ("", "")
    assert not Path("absent").exists()


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("content", [b"", b"\x1f\x8b\x08", b"\x1f\x8b\x08\x04", b"text"])
def test_an_archive_of_a_few_bytes_is_reported_as_broken(content, tmp_path) -> None:
    (tmp_path / ARCHIVE).write_bytes(content)

    with pytest.raises(DataError, match=f"{ARCHIVE} is damaged .*no network to download it"):
        read_cifar_files(tmp_path, TRAIN)


@pytest.mark.usefixtures("no_network")
def test_a_damaged_folder_without_archive_is_named_with_what_helps(tmp_path) -> None:
    folder = tmp_path / FOLDER
    folder.mkdir()
    (folder / "data_batch_3").write_bytes(b"half")
    os.mkfifo(folder / "data_batch_4")  # reading it would wait for ever
    (tmp_path / ARCHIVE).mkdir()

    with pytest.raises(DataError) as raised:
        read_cifar_files(tmp_path, TRAIN)

    message = str(raised.value)
    assert f"{folder}: data_batch_3, data_batch_4 not CIFAR-10's (wrong MD5) and" in message
    assert f"{tmp_path / ARCHIVE} is not a file" in message
    assert f"download {URL} into {tmp_path}, " in message
    assert "remove" not in message


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("below", ["file", "file/below"])
def test_a_data_folder_that_is_a_file_is_one_line(below, tmp_path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"file is neither a folder nor CIFAR-10's archive"):
        read_cifar_files(tmp_path / below, TEST)


@pytest.mark.cifar10
def test_a_folder_that_is_named_like_the_archive_is_a_folder(tmp_path) -> None:
    linked(tmp_path / ARCHIVE / FOLDER)
    assert set(read_cifar_files(tmp_path / ARCHIVE, TEST)) == set(TEST)


@pytest.mark.cifar10
def test_files_that_are_not_requested_may_be_missing(tmp_path) -> None:
    linked(tmp_path / FOLDER, without=TRAIN)
    assert set(read_cifar_files(tmp_path, SOME)) == set(SOME)
