"""Every error that vitbench raises on purpose, as a tree.

    VitbenchError            exit code 1: work was begun and failed
    ├── OutOfMemoryError         there was not enough memory for it
    └── UsageError           exit code 2: what was given is unacceptable; nothing was begun
        ├── UnknownNameError     a name that is not in its list
        ├── DataError            a data set that is absent, broken or not what it says
        └── FileError            any other file that is absent, broken or of another kind
            ├── ForeignFileError     a file that no vitbench wrote
            └── LaterVersionError    a file that a later vitbench wrote

A message is one line: what was wrong, what is allowed, the nearest name. Only the command line
prints it.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class VitbenchError(Exception):
    """Work was begun and failed."""

    exit_code = 1


class OutOfMemoryError(VitbenchError):
    """There was not enough memory, of a GPU or of the machine."""


class UsageError(VitbenchError):
    """What was given cannot be used."""

    exit_code = 2


class UnknownNameError(UsageError):
    """A name that is not among those allowed."""

    def __init__(self, kind: str, name: str, allowed: Iterable[str]) -> None:
        self.kind, self.name, self.allowed = kind, name, tuple(allowed)
        super().__init__(
            f"unknown {kind} {shortened(name)!r}: choose from {', '.join(self.allowed)}"
            f"{did_you_mean(name, self.allowed)}"
        )


class DataError(UsageError):
    """A data set that is absent, broken or not what it says it is."""


class FileError(UsageError):
    """A file that is absent, broken or of another kind."""


class ForeignFileError(FileError):
    """A file that no vitbench wrote: it may lie among ours, and is left as it is.

    Attributes:
        is_known: Whether that is sure; it is not of a file that is empty or cannot be read.
    """

    def __init__(self, message: str, is_known: bool = True) -> None:
        self.is_known = is_known
        super().__init__(message)


class LaterVersionError(FileError):
    """A file that a later vitbench wrote: it is whole, and this one cannot read it."""


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or the name of its type if it has none."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def described(error: BaseException) -> str:
    """The type of an error and the first line of its message, in one line."""
    kind, line = type(error).__name__, first_line(error)
    return f"{kind}: {line}" if str(error).strip() else kind


def shortened(text: str, most: int = 60) -> str:
    """Text that was given, short enough for a message."""
    return text if len(text) <= most else f"{text[: most - 3]}..."


def did_you_mean(name: str, allowed: Iterable[str]) -> str:
    """'; did you mean ...?' with the nearest allowed name, or nothing where none is near."""
    allowed = list(allowed)
    near = get_close_matches(name.lower().replace("_", "-"), allowed, n=1)
    near = near or get_close_matches(name, allowed, n=1) or _same_beginning(name.lower(), allowed)
    return f"; did you mean {near[0]!r}?" if near else ""


def _same_beginning(name: str, allowed: list[str]) -> list[str]:
    """The allowed name that begins most like a name, if that is half of it: 'smal' is 'smoke'."""
    if "." in name:  # all fields of a section begin alike
        return []
    shared = {one: _alike(name, one.lower()) for one in allowed}
    best = max(shared, key=lambda one: shared[one], default="")
    return [best] if best and shared[best] >= max(2, len(name) / 2) else []


def _alike(one: str, other: str) -> int:
    """Number of characters with which both begin."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))
