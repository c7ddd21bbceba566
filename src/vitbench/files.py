"""Safe files: written under a temporary name, flushed to the disk, then renamed.

Only regular files below a size limit are read: a pipe may never deliver, a device may never end,
and a sparse file of a few bytes on disk can fill the memory.
"""

import errno
import os
import select
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

if sys.platform != "win32":
    import fcntl

PATIENCE_S = 10.0  # waiting time for bytes of a pipe
# Do not wait for a writer, do not become the process of a terminal; Windows needs O_BINARY.
_FLAGS = os.O_RDONLY | sum(
    getattr(os, name, 0) for name in ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY")
)


class UnfitFileError(OSError):
    """A file that must not be read: not a regular file, or too large. `strerror` says which."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path that is renamed to `path` when the block succeeds.

    A reader sees the complete old file or the complete new one; after an error the old one is
    unchanged.

    Raises:
        OSError: It cannot be written; the error names `path`, also if the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = None
    try:
        descriptor, name = tempfile.mkstemp(
            prefix=f".{path.name}.", suffix=".part", dir=path.parent
        )
        os.close(descriptor)
        part = Path(name)
        yield part
        part.chmod(0o666 & ~_umask())  # mkstemp makes it private; results are shared
        _flush_to_disk(part)
        part.replace(path)
        _flush_to_disk(path.parent)
    except OSError as error:
        error.filename = str(path)
        raise
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


def is_stream(path: Path) -> bool:
    """Whether a path is a pipe or a device, which may never deliver or never end."""
    return path.exists() and not path.is_file() and not path.is_dir()


def open_regular(path: Path, most: int) -> BinaryIO:
    """Open a regular file for reading.

    Args:
        path: The file; a link to one is followed.
        most: Largest number of bytes.

    Raises:
        UnfitFileError: It is a pipe, a device or a socket, or has more bytes.
        OSError: It is absent, a folder, or cannot be read.
    """
    _check_regular(path.stat(), path, most)  # before opening it, which alone can move a tape
    descriptor = os.open(path, _FLAGS)
    try:
        _check_regular(os.fstat(descriptor), path, most)  # it may have been replaced meanwhile
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_regular(path: Path, most: int) -> bytes:
    """The contents of a regular file.

    Args:
        path: The file; a link to one is followed.
        most: Largest number of bytes.

    Raises:
        UnfitFileError: It is a pipe, a device or a socket, or has more bytes.
        OSError: It is absent, a folder, or cannot be read.
    """
    with open_regular(path, most) as file:
        content = file.read(most + 1)  # a system file may have more than its size says
    if len(content) > most:
        raise _too_large(path, most)
    return content


def read_regular_or_pipe(path: Path, most: int) -> bytes:
    """The contents of a regular file, a pipe or a device, such as `<(command)` in a shell.

    Args:
        path: The file that a user named.
        most: Largest number of bytes.

    Raises:
        UnfitFileError: It has more bytes, or delivers nothing for ten seconds.
        OSError: It is absent, a folder, or cannot be read.
    """
    if not is_stream(path):
        return read_regular(path, most)
    descriptor = os.open(path, _FLAGS)
    content = bytearray()
    try:
        while len(content) <= most:
            if not select.select([descriptor], [], [], PATIENCE_S)[0]:
                what = f"it delivered nothing for {PATIENCE_S:.0f} s"
                raise UnfitFileError(errno.EINVAL, what, str(path))
            try:
                part = os.read(descriptor, 65_536)
            except BlockingIOError:  # a pipe without data yet
                time.sleep(0.01)
                continue
            if not part:
                return bytes(content)
            content += part
    finally:
        os.close(descriptor)
    raise _too_large(path, most)


def why_unreadable(error: OSError, path: Path, what: str) -> str:
    """Why a file could not be read: it is absent, not a regular file, or another reason.

    Args:
        error: What reading raised.
        path: The file.
        what: What it should have been, without article: "results file".
    """
    if isinstance(error, FileNotFoundError):
        return f"no {what} {path}"
    if isinstance(error, UnfitFileError):
        return f"{path} is not a {what}: {error.strerror}"
    return f"cannot read {what} {path}: {error.strerror or error}"


def is_locked(path: Path) -> bool:
    """Whether a process holds the `filelock.FileLock` of a path; nothing is written."""
    if sys.platform == "win32":
        return _is_locked_on_windows(path)
    try:
        with open_regular(path, sys.maxsize) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # released on closing
    except BlockingIOError:
        return True
    except OSError:  # absent, or a file system without locks
        return False
    return False


def same_file(path: Path, other: Path) -> bool:
    """Whether two paths are the same file."""
    with suppress(OSError, ValueError):
        return path.samefile(other)
    return False


def _is_locked_on_windows(path: Path) -> bool:
    import filelock

    lock = filelock.FileLock(path)
    try:
        if path.exists():
            lock.acquire(timeout=0)
            lock.release()
    except filelock.Timeout:
        return True
    except OSError:
        return False
    return False


def _check_regular(status: os.stat_result, path: Path, most: int) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(status.st_mode):
        raise UnfitFileError(errno.EINVAL, "it is a pipe or a device", str(path))
    if status.st_size > most:
        raise _too_large(path, most)


def _too_large(path: Path, most: int) -> UnfitFileError:
    return UnfitFileError(errno.EINVAL, f"it has more than {most:,} bytes", str(path))


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, completely or not at all."""
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8")


def keep_as(path: Path, other: Path) -> None:
    """Give a file a second name, replacing a file of that name; the first name stays."""
    with replacing(other) as part:
        part.unlink()
        try:
            os.link(path, part)  # free; not every file system supports it
        except OSError:
            shutil.copyfile(path, part)


def _flush_to_disk(path: Path) -> None:
    if path.is_dir() and os.name == "nt":  # Windows cannot open a folder
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
