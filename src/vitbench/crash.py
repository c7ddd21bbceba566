"""Unexpected errors: one line for the user, the traceback in a file."""

import contextlib
import os
import platform
import sys
import tempfile
import traceback
import warnings
from pathlib import Path

import vitbench


def keep_traceback(error: BaseException) -> Path | None:
    """Write an error's traceback to a new file in the temporary folder, or else the home folder.

    Returns:
        The file; None if none can be written. It never raises.
    """
    with contextlib.suppress(Exception):
        text = (
            f"vitbench {vitbench.__version__}, Python {platform.python_version()}, "
            f"{platform.platform()}\n{sys.argv}\n\n{''.join(traceback.format_exception(error))}"
        )
        for folder in (tempfile.gettempdir, Path.home, Path.cwd):
            with contextlib.suppress(Exception):
                return _written(text, str(folder()))
    return None


def bear_warnings() -> None:
    """Never turn a library's warning into an error, whatever PYTHONWARNINGS is."""
    actions = [option.partition(":")[0] for option in sys.warnoptions]
    if any(action and "error".startswith(action) for action in actions):
        warnings.simplefilter("default")


def _written(text: str, folder: str) -> Path:
    descriptor, name = tempfile.mkstemp(prefix="vitbench-", suffix=".log", dir=folder)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except Exception:  # a full disk
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)
