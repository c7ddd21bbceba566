"""matplotlib under settings of our own: a picture never depends on who draws it where.

The user's matplotlibrc and MPLBACKEND stay theirs: they are neither used for our pictures nor
changed.
"""

import contextlib
import importlib
import importlib.util
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vitbench.errors import VitbenchError, first_line

if TYPE_CHECKING:
    from matplotlib.colors import Colormap

BACKEND = "MPLBACKEND"
# Our files have no date, and the writer of PDF fails where this is no number.
EPOCH = "SOURCE_DATE_EPOCH"
# What no picture depends on, and what matplotlib keeps for the whole process.
NOT_OURS = ("backend", "backend_fallback", "interactive", "toolbar", "timezone")


def import_matplotlib() -> None:
    """Import matplotlib, whatever the environment says about it.

    Jupyter exports an MPLBACKEND that only its own kernel has, and one broken matplotlibrc is
    enough for matplotlib to fail. We need neither: pictures are drawn into files.

    Raises:
        VitbenchError: It cannot be imported all the same.
    """
    if "matplotlib" in sys.modules:
        return
    backend = os.environ.pop(BACKEND, None)
    log = logging.getLogger("matplotlib")
    level = log.level
    log.setLevel(logging.ERROR)  # it warns of settings that we do not use
    try:
        _import()
    finally:
        log.setLevel(level)
        if backend is not None:
            os.environ[BACKEND] = backend
    if backend:
        # A caller in a notebook may use pyplot after us and expects the backend that was asked for.
        import matplotlib

        with contextlib.suppress(ValueError):
            matplotlib.rcParams["backend"] = backend


def _import() -> None:
    try:
        importlib.import_module("matplotlib")
        return
    except ImportError:
        raise
    except Exception:  # of a settings file that cannot be read or decoded, for instance
        for name in [n for n in sys.modules if n.partition(".")[0] == "matplotlib"]:
            del sys.modules[name]
    # It reads the settings file of the working folder before any other: here, its own defaults.
    found = importlib.util.find_spec("matplotlib")
    assert found is not None
    assert found.origin is not None
    try:
        with contextlib.chdir(Path(found.origin).parent / "mpl-data"):
            importlib.import_module("matplotlib")
    except Exception as error:
        raise VitbenchError(f"matplotlib cannot be imported: {first_line(error)}") from error


@contextlib.contextmanager
def own_settings(more: Mapping[str, Any] | None = None) -> Iterator[None]:
    """A context, and a decorator, in which matplotlib has its defaults and what is given."""
    import matplotlib

    own: dict[Any, Any] = {
        **{k: v for k, v in matplotlib.rcParamsDefault.items() if k not in NOT_OURS},
        "svg.hashsalt": "vitbench",
        **(more or {}),
    }
    epoch = os.environ.pop(EPOCH, None)
    try:
        with matplotlib.rc_context(own):
            yield
    finally:
        if epoch is not None:
            os.environ[EPOCH] = epoch


def colour_map(name: str) -> "Colormap":
    """A colour map of 256 colours; matplotlib's own may have fewer, by the user's settings."""
    import matplotlib

    return matplotlib.colormaps[name].resampled(256)
