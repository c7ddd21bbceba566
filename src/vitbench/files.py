"""Files that survive: written beside their name, flushed to the disk, then renamed."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its name when the block ends well.

    A reader sees the old file or the new one, never a half of either; after an error the old one
    stays as it was.

    Raises:
        OSError: It cannot be written; it names `path`, as the system does not when a disk is full.
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
        part.chmod(0o666 & ~_umask())  # mkstemp makes it private; a result is to be shared
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
    """Whether a path is a pipe or a device, which may never begin or never end."""
    return path.exists() and not path.is_file() and not path.is_dir()


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all."""
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8")


def keep_as(path: Path, other: Path) -> None:
    """Give a file a second name, in the place of what had that name; its own stays."""
    with replacing(other) as part:
        part.unlink()
        try:
            os.link(path, part)  # costs nothing; not every file system can
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
