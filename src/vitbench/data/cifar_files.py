"""CIFAR-10's files: found, verified, and repaired from the archive or from a download.

A file counts only when its bytes have the published MD5. A file that is missing or wrong is taken
from the archive beside it, else from a download. It is written beside its name and then renamed,
under a lock, so several processes can do this at once and an interrupted one leaves no half file.
"""

import contextlib
import hashlib
import lzma
import socket
import struct
import sys
import tarfile
import threading
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from http.client import HTTPException
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass, urlopen

from filelock import FileLock, Timeout

from vitbench.errors import DataError, shortened
from vitbench.files import replacing
from vitbench.streams import import_tqdm

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
ARCHIVE = "cifar-10-python.tar.gz"
FOLDER = "cifar-10-batches-py"
META = "batches.meta"
TRAIN = tuple(f"data_batch_{number}" for number in range(1, 6))
TEST = ("test_batch",)
MD5 = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
    META: "5ff9c542aee3614f3951f8cda6e48888",
}
MAX_FILE_BYTES = 50_000_000  # a batch has 31 MB
CONNECT_S = 1.5  # seconds that one address gets to answer
REACH_S = 2.0  # seconds for name and connection together: a network that works needs far less
STALLED_S = 30  # seconds without a byte after which a download is given up
CHUNK = 2**20
LOCK = ".cifar-10.lock"
# What reading a damaged archive may raise.
BROKEN = (
    tarfile.TarError, OSError, EOFError, ValueError, TypeError, LookupError, OverflowError,
    struct.error, zlib.error, lzma.LZMAError,
)  # fmt: skip


@dataclass(frozen=True)
class Places:
    """Where CIFAR-10's files are looked for, from the path that was given.

    Attributes:
        root: Folder that was given; a download goes there.
        folder: Folder of the batches.
        archives: Where the archive may be; the first is where it is put.
    """

    root: Path
    folder: Path
    archives: tuple[Path, ...]


def read_cifar_files(root: Path, names: Iterable[str]) -> dict[str, bytes]:
    """Files of CIFAR-10 by their names, each with the bytes that it must have.

    Args:
        root: Folder of the batches, folder that has it, or the archive itself.
        names: Keys of MD5.

    Raises:
        DataError: A file is missing or wrong, and neither an archive nor a download has it.
    """
    names = tuple(names)
    try:
        places = _places(root)
        found = _verified(places.folder, names)
        if len(found) == len(names):
            return found
        if not any(archive.exists() for archive in places.archives):
            wrong = [name for name in MD5 if name not in _verified(places.folder, MD5)]
            # Before the lock, so that a request that must be refused leaves nothing behind.
            _check_network(places, _state_words(places.folder, wrong))
        places.root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"cannot use {root} as a data folder: {_reason(error)}") from None
    with _locked(places.root):
        found = _verified(places.folder, names)  # another process may have done it meanwhile
        return found if len(found) == len(names) else _repaired(places, names)


def _places(root: Path) -> Places:
    if not root.is_dir() and root.name.endswith((".tar.gz", ".tgz", ".tar")):
        if not root.is_file():
            raise DataError(f"no CIFAR-10 archive {root}: get {URL}")
        if root.name != ARCHIVE:
            raise DataError(f"{root} is not named {ARCHIVE}: is it CIFAR-10's archive?")
        return replace(_places(root.parent), archives=(root,))
    for path in (root, *root.parents):
        if path.exists():
            if not path.is_dir():
                raise DataError(
                    f"{path} is not a folder and not CIFAR-10's archive ({ARCHIVE}): name the "
                    "folder that has it"
                )
            break
    # The batches' own folder, or the folder around it.
    is_own = root.name == FOLDER or any((root / name).exists() for name in MD5)
    if is_own and not all((root / FOLDER / name).is_file() for name in MD5):
        return Places(root, root, (root / ARCHIVE, root.absolute().parent / ARCHIVE))
    return Places(root, root / FOLDER, (root / ARCHIVE,))


def _verified(folder: Path, names: Iterable[str]) -> dict[str, bytes]:
    """Those files of a folder whose bytes are right."""

    def content_of(name: str) -> bytes | None:
        path = folder / name
        try:
            if not path.is_file() or path.stat().st_size > MAX_FILE_BYTES:
                return None
            content = path.read_bytes()
        except OSError:
            return None
        return content if _is_right(name, content) else None

    with ThreadPoolExecutor(2) as pool:  # hashing lets go of the interpreter
        found = zip(names, pool.map(content_of, names), strict=True)
        return {name: content for name, content in found if content is not None}


def _is_right(name: str, content: bytes) -> bool:
    return hashlib.md5(content, usedforsecurity=False).hexdigest() == MD5[name]


def _repaired(places: Places, names: Iterable[str]) -> dict[str, bytes]:
    """The files asked for, after the folder's missing and wrong ones were put in their places."""
    found = _verified(places.folder, MD5)
    wrong = [name for name in MD5 if name not in found]
    broken = []
    for archive in filter(Path.exists, places.archives):
        if not archive.is_file():
            broken.append(f"{archive} is not a file")
            continue
        _say(f"{_state_words(places.folder, wrong)}: unpacking {archive}")
        taken, why_not = _unpacked(archive, wrong)
        found |= taken
        if all(name in found for name in names):
            _put(places.folder, taken)
            return {name: found[name] for name in names}
        broken.append(f"{archive} is broken ({why_not})")
    what = "; ".join([_state_words(places.folder, wrong), *broken])
    with _downloaded(places, what) as archive:
        taken, why_not = _unpacked(archive, wrong)
        found |= taken
        if not all(name in found for name in names):
            raise _error(places, what, f"what {URL} sent is not CIFAR-10 ({why_not})")
    _put(places.folder, taken)
    return {name: found[name] for name in names}


def _state_words(folder: Path, wrong: list[str]) -> str:
    """What is the matter with a folder, in words."""
    missing = [name for name in wrong if not (folder / name).exists()]
    if len(missing) == len(MD5):
        return f"no CIFAR-10 in {folder}"
    damaged = [name for name in wrong if name not in missing]
    words = [f"{', '.join(damaged)} not CIFAR-10's (wrong MD5)"] if damaged else []
    words += [f"{', '.join(missing)} missing"] if missing else []
    return f"{folder}: {' and '.join(words)}"


def _unpacked(archive: Path, names: Iterable[str]) -> tuple[dict[str, bytes], str]:
    """The files of an archive whose bytes are right, and why there are no more of them."""
    wanted, found = set(names), {}
    try:
        with tarfile.open(archive, mode="r|*") as members:
            for member in members:
                name = member.name.rpartition("/")[2]
                if name not in wanted or not member.isreg() or member.size > MAX_FILE_BYTES:
                    continue
                file = members.extractfile(member)
                content = b"" if file is None else file.read()
                if _is_right(name, content):
                    found[name] = content
                if len(found) == len(wanted):
                    break
    except BROKEN as error:
        return found, _reason(error)
    lacking = [name for name in names if name not in found]
    return found, f"it has no right {', '.join(lacking)}" if lacking else ""


def _put(folder: Path, contents: dict[str, bytes]) -> None:
    """Write files in their places; where that cannot be, say so: the bytes are known anyway."""
    try:
        for name, content in contents.items():
            with replacing(folder / name) as part:
                part.write_bytes(content)
        for left in folder.glob(".*.part"):  # by a process that was killed; we hold the lock
            if left.name.startswith(tuple(f".{name}." for name in MD5)):
                left.unlink()
    except OSError as error:
        why = _reason(error)
        _say(f"cannot unpack CIFAR-10 to {folder} ({why}): its archive is read each time")


@contextlib.contextmanager
def _locked(root: Path) -> Iterator[None]:
    """Hold the lock of a data folder; where there can be none, renaming alone must do."""
    lock = FileLock(root / LOCK)
    try:
        if root.is_dir():
            try:
                lock.acquire(timeout=0)
            except Timeout:
                _say(f"waiting for another process that unpacks CIFAR-10 in {root}")
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
    """Download the archive; it keeps its place where that is free, and is removed otherwise.

    Args:
        places: Where it goes.
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
            f"{what}; nothing can be written to {places.root} ({_reason(error)}): name another "
            "folder with --data-dir or VITBENCH_DATA; --preset smoke needs no data"
        ) from None
    try:
        _say(f"{what}: downloading 170 MB to {places.root}")
        with part.open("wb") as file:
            for chunk in _chunks(URL):
                file.write(chunk)
        yield part
        if not places.archives[0].exists():
            part.replace(places.archives[0])
    except (OSError, ValueError, HTTPException) as error:
        raise _error(places, what, f"the download failed ({_reason(error)})") from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _chunks(url: str) -> Iterator[bytes]:
    """The bytes of a file on the network, with a bar on stderr."""
    tqdm = import_tqdm()

    with urlopen(url, timeout=STALLED_S) as response:
        total = int(response.headers.get("Content-Length") or 0) or None
        with tqdm(total=total, unit="B", unit_scale=True, leave=False) as bar:
            while chunk := response.read(CHUNK):
                yield chunk
                bar.update(len(chunk))


def _check_network(places: Places, what: str) -> None:
    """Raise DataError where there is no network, within seconds."""
    try:
        _check_reachable(URL)
    except (OSError, ValueError) as error:
        raise _error(places, what, f"no network to download it ({_reason(error)})") from None


def _check_reachable(url: str) -> None:
    """Raise OSError where the host of a URL, or the proxy for it, does not answer within seconds.

    In a thread: looking up a name has no time limit of its own and takes half a minute where no
    name server answers.
    """
    target = urlsplit(url)
    proxy = getproxies().get(target.scheme)
    if proxy and not proxy_bypass(target.hostname or ""):
        target = urlsplit(proxy if "://" in proxy else f"//{proxy}")
    address = (target.hostname or "", target.port or (443 if target.scheme == "https" else 80))
    ended: list[Exception | None] = []

    def connect() -> None:
        try:
            socket.create_connection(address, CONNECT_S).close()
        except (OSError, ValueError) as error:
            ended.append(error)
        else:
            ended.append(None)

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(REACH_S)
    if not ended:
        raise TimeoutError(f"{address[0]} does not answer")
    if ended[0] is not None:
        raise ended[0]


def _error(places: Places, what: str, why: str) -> DataError:
    where = places.root.absolute()
    return DataError(
        f"{what}; {why}: put {URL} into {where}, or name the folder that has it with --data-dir or "
        "VITBENCH_DATA; --preset smoke needs no data"
    )


def _reason(error: BaseException) -> str:
    """Why something failed, on one short line."""
    if isinstance(error, URLError) and isinstance(error.reason, BaseException):
        error = error.reason
    words = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return shortened(" ".join(words.split()) or type(error).__name__, 100)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
