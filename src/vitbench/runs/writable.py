"""Whether folders can be written, checked before any work."""

import errno
import os
import tempfile
from pathlib import Path

from vitbench.errors import FileError


def check_folder(option: str, path: Path) -> None:
    """Raise FileError if the path of a folder, or a parent of it, is a file.

    Args:
        option: The option that names the folder, for the message.
        path: The folder, which may not exist yet.
    """
    for place in (path, *path.parents):
        if place.exists():
            if not place.is_dir():
                raise FileError(f"{option} {path}: {place} is a file, not a folder")
            return
        if place.is_symlink():
            raise FileError(f"{option} {path}: {place} is a broken link")


def check_writable(option: str, folder: Path) -> None:
    """Raise FileError if a folder, existing or not, cannot be written.

    Args:
        option: The option that names the folder, for the message.
        folder: The folder.
    """
    check_folder(option, folder)
    place = next((parent for parent in (folder, *folder.parents) if parent.exists()), folder)
    try:
        if not os.access(place, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        # root has every permission, except on a read-only disk: only a trial shows that.
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        why = "cannot create a file" if error.errno == errno.ENOENT else error.strerror
        raise FileError(f"{option} {folder}: cannot write in {place}: {why}") from None
