"""CIFAR-10's archive: its files, their published MD5, and reading them from an archive."""

import hashlib
import lzma
import struct
import tarfile
import zlib
from collections.abc import Iterable
from pathlib import Path

from vitbench.data.download import short_reason

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
# What reading a damaged archive may raise.
BROKEN = (
    *(tarfile.TarError, OSError, EOFError, ValueError, TypeError, LookupError, OverflowError),
    *(struct.error, zlib.error, lzma.LZMAError),
)


def has_right_md5(name: str, content: bytes) -> bool:
    """Whether the content of a file has the published MD5 of its name."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest() == MD5[name]


def read_archive(archive: Path, names: Iterable[str]) -> tuple[dict[str, bytes], str]:
    """The files of an archive that have the right MD5, and why the others are missing.

    Args:
        archive: A tar file, possibly damaged.
        names: The files to read, keys of MD5.
    """
    wanted, found = set(names), {}
    try:
        with tarfile.open(archive, mode="r|*") as members:
            for member in members:
                name = member.name.rpartition("/")[2]
                if name not in wanted or not member.isreg() or member.size > MAX_FILE_BYTES:
                    continue
                file = members.extractfile(member)
                content = b"" if file is None else file.read()
                if has_right_md5(name, content):
                    found[name] = content
                if len(found) == len(wanted):
                    break
    except BROKEN as error:
        return found, short_reason(error)
    missing = [name for name in names if name not in found]
    return found, f"it has no correct {', '.join(missing)}" if missing else ""
