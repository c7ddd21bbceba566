"""CIFAR-10's files: find, verify, and repair them from the archive or from a download.

A file is used only if it has the published MD5. A missing or wrong file is read from the archive in
the same folder, or from a download. It is written under a temporary name and then renamed, under a
lock, so several processes can do this at once and an interrupted one leaves no partial file.
"""

import contextlib
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from http.client import HTTPException
from pathlib import Path

from filelock import FileLock, Timeout

from vitbench.data.cifar_archive import (
    ARCHIVE,
    FOLDER,
    MAX_FILE_BYTES,
    MD5,
    has_right_md5,
    read_archive,
)
from vitbench.data.download import check_reachable, download, short_reason
from vitbench.errors import DataError
from vitbench.files import replacing

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
LOCK = ".cifar-10.lock"


@dataclass(frozen=True)
class Places:
    """Where CIFAR-10's files are searched for, for a given path.

    Attributes:
        root: The given folder; a download is stored there.
        folder: Folder of the batches.
        archives: Where the archive may be; a download is stored at the first.
    """

    root: Path
    folder: Path
    archives: tuple[Path, ...]


def read_cifar_files(root: Path, names: Iterable[str]) -> dict[str, bytes]:
    """Files of CIFAR-10 by name, verified.

    Args:
        root: Folder of the batches, its parent folder, or the archive itself.
        names: Keys of MD5.

    Raises:
        DataError: A file is missing or wrong, and neither the archive nor a download has it.
    """
    names = tuple(names)
    try:
        places = _places(root)
        found = _verified(places.folder, names)
        if len(found) == len(names):
            return found
        if not any(archive.exists() for archive in places.archives):
            wrong = [name for name in MD5 if name not in _verified(places.folder, MD5)]
            # Before the lock, so that a refused request leaves no files behind.
            _check_network(places, _state_words(places.folder, wrong))
        places.root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"cannot use {root} as a data folder: {short_reason(error)}") from None
    with _locked(places.root):
        found = _verified(places.folder, names)  # another process may have restored them
        return found if len(found) == len(names) else _repaired(places, names)


def _places(root: Path) -> Places:
    if not root.is_dir() and root.name.endswith((".tar.gz", ".tgz", ".tar")):
        if not root.is_file():
            raise DataError(f"no CIFAR-10 archive {root}: download {URL}")
        if root.name != ARCHIVE:
            raise DataError(f"{root} is not named {ARCHIVE}: is it CIFAR-10's archive?")
        return replace(_places(root.parent), archives=(root,))
    for path in (root, *root.parents):
        if path.exists():
            if not path.is_dir():
                raise DataError(
                    f"{path} is neither a folder nor CIFAR-10's archive ({ARCHIVE}): give the "
                    "folder with it"
                )
            break
    # Either the folder of the batches, or the folder that contains it.
    is_own = root.name == FOLDER or any((root / name).exists() for name in MD5)
    if is_own and not all((root / FOLDER / name).is_file() for name in MD5):
        return Places(root, root, (root / ARCHIVE, root.absolute().parent / ARCHIVE))
    return Places(root, root / FOLDER, (root / ARCHIVE,))


def _verified(folder: Path, names: Iterable[str]) -> dict[str, bytes]:
    """The files of a folder that have the right MD5."""

    def content_of(name: str) -> bytes | None:
        path = folder / name
        try:
            if not path.is_file() or path.stat().st_size > MAX_FILE_BYTES:
                return None
            content = path.read_bytes()
        except OSError:
            return None
        return content if has_right_md5(name, content) else None

    with ThreadPoolExecutor(2) as pool:  # hashing releases the interpreter lock
        found = zip(names, pool.map(content_of, names), strict=True)
        return {name: content for name, content in found if content is not None}


def _repaired(places: Places, names: Iterable[str]) -> dict[str, bytes]:
    """The requested files, after all missing and wrong files of the folder are replaced."""
    found = _verified(places.folder, MD5)
    wrong = [name for name in MD5 if name not in found]
    broken = []
    for archive in filter(Path.exists, places.archives):
        if not archive.is_file():
            broken.append(f"{archive} is not a file")
            continue
        _say(f"{_state_words(places.folder, wrong)}: unpacking {archive}")
        unpacked, why_not = read_archive(archive, wrong)
        found |= unpacked
        if all(name in found for name in names):
            _write_files(places.folder, unpacked)
            return {name: found[name] for name in names}
        broken.append(f"{archive} is damaged ({why_not})")
    what = "; ".join([_state_words(places.folder, wrong), *broken])
    with _downloaded(places, what) as archive:
        unpacked, why_not = read_archive(archive, wrong)
        found |= unpacked
        if not all(name in found for name in names):
            raise _error(places, what, f"what {URL} sent is not CIFAR-10 ({why_not})")
    _write_files(places.folder, unpacked)
    return {name: found[name] for name in names}


def _state_words(folder: Path, wrong: list[str]) -> str:
    """Which files of a folder are missing or wrong, in words."""
    missing = [name for name in wrong if not (folder / name).exists()]
    if len(missing) == len(MD5):
        return f"no CIFAR-10 in {folder}"
    damaged = [name for name in wrong if name not in missing]
    words = [f"{', '.join(damaged)} not CIFAR-10's (wrong MD5)"] if damaged else []
    words += [f"{', '.join(missing)} missing"] if missing else []
    return f"{folder}: {' and '.join(words)}"


def _write_files(folder: Path, contents: dict[str, bytes]) -> None:
    """Write the files to the folder; if that fails, say so: their bytes are in memory anyway."""
    try:
        for name, content in contents.items():
            with replacing(folder / name) as part:
                part.write_bytes(content)
        for part in folder.glob(".*.part"):  # left by a killed process; we hold the lock
            if part.name.startswith(tuple(f".{name}." for name in MD5)):
                part.unlink()
    except OSError as error:
        why = short_reason(error)
        _say(f"cannot unpack CIFAR-10 to {folder} ({why}): its archive is read each time")


@contextlib.contextmanager
def _locked(root: Path) -> Iterator[None]:
    """Hold the lock of a data folder; without a lock, renaming alone keeps files whole."""
    lock = FileLock(root / LOCK)
    try:
        if root.is_dir():
            try:
                lock.acquire(timeout=0)
            except Timeout:
                _say(f"waiting until another process has unpacked CIFAR-10 in {root}")
                lock.acquire()
    except (OSError, NotImplementedError):  # read-only, or a file system without locks
        pass
    try:
        yield
    finally:
        if lock.is_locked:
            with contextlib.suppress(OSError):
                (root / LOCK).unlink()
        lock.release()


@contextlib.contextmanager
def _downloaded(places: Places, what: str) -> Iterator[Path]:
    """Download the archive; afterwards it is kept in the data folder, unless one is there already.

    Args:
        places: Where to store it.
        what: Why it is needed, in words.

    Raises:
        DataError: It cannot be downloaded or written.
    """
    _check_network(places, what)
    part = places.root / f".{ARCHIVE}.part"
    try:
        part.touch()
    except OSError as error:
        raise DataError(
            f"{what}; nothing can be written to {places.root} ({short_reason(error)}): name "
            "another folder with --data-dir or VITBENCH_DATA; --preset smoke needs no data"
        ) from None
    try:
        _say(f"{what}: downloading 170 MB to {places.root}")
        with part.open("wb") as file:
            for chunk in download(URL):
                file.write(chunk)
        yield part
        if not places.archives[0].exists():
            part.replace(places.archives[0])
    except (OSError, ValueError, HTTPException) as error:
        raise _error(places, what, f"the download failed ({short_reason(error)})") from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _check_network(places: Places, what: str) -> None:
    """Raise DataError within seconds if there is no network."""
    try:
        check_reachable(URL)
    except (OSError, ValueError) as error:
        raise _error(places, what, f"no network to download it ({short_reason(error)})") from None


def _error(places: Places, what: str, why: str) -> DataError:
    where = places.root.absolute()
    return DataError(
        f"{what}; {why}: download {URL} into {where}, or name its folder with --data-dir or "
        "VITBENCH_DATA; --preset smoke needs no data"
    )


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
