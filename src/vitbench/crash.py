"""Errors that nobody foresaw: told in a line, their tracebacks kept in a file."""

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
    """Write an error's traceback into a new file of the temporary folder, else of the home folder.

    Returns:
        The file; None where none can be written. It never raises.
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
    """Let a library's warning be no error of this process, whatever PYTHONWARNINGS says."""
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
