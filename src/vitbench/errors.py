"""Every error that vitbench raises on purpose, as a tree.

    VitbenchError            exit code 1: failed during the work
    ├── OutOfMemoryError         not enough memory
    └── UsageError           exit code 2: the request was refused before any work
        ├── UnknownNameError     a name that is not in its list
        ├── DataError            a data set that is missing or damaged
        └── FileError            any other file that is missing, damaged or of another kind
            ├── ForeignFileError     a file that vitbench did not write
            └── LaterVersionError    a file that a later vitbench wrote

A message is one line: what was wrong, what is allowed, the nearest name. Only the command line
prints it.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class VitbenchError(Exception):
    """The work failed."""

    exit_code = 1


class OutOfMemoryError(VitbenchError):
    """There was not enough memory, of a GPU or of the machine."""


class UsageError(VitbenchError):
    """The request cannot be carried out."""

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
    """A data set that is missing or damaged."""


class FileError(UsageError):
    """A file that is missing, damaged or of another kind."""


class ForeignFileError(FileError):
    """A file that vitbench did not write; it is never changed.

    Attributes:
        is_known: Whether that is certain; it is not for an empty or unreadable file.
    """

    def __init__(self, message: str, is_known: bool = True) -> None:
        self.is_known = is_known
        super().__init__(message)


class LaterVersionError(FileError):
    """A file of a later vitbench, which this version cannot read."""


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or the name of its type if it has none."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def described(error: BaseException) -> str:
    """The type of an error and the first line of its message, in one line."""
    kind, line = type(error).__name__, first_line(error)
    return f"{kind}: {line}" if str(error).strip() else kind


def shortened(text: str, most: int = 60) -> str:
    """Text, shortened for a message."""
    return text if len(text) <= most else f"{text[: most - 3]}..."


def did_you_mean(name: str, allowed: Iterable[str]) -> str:
    """'; did you mean ...?' with the nearest allowed name, or nothing."""
    allowed = list(allowed)
    near = get_close_matches(name.lower().replace("_", "-"), allowed, n=1)
    near = near or get_close_matches(name, allowed, n=1) or _same_beginning(name.lower(), allowed)
    return f"; did you mean {near[0]!r}?" if near else ""


def _same_beginning(name: str, allowed: list[str]) -> list[str]:
    """The allowed name with the longest common prefix, if that is half of it: 'smoe' is 'smoke'."""
    if "." in name:  # all fields of a section share a prefix
        return []
    shared = {one: _alike(name, one.lower()) for one in allowed}
    best = max(shared, key=lambda one: shared[one], default="")
    return [best] if best and shared[best] >= max(2, len(name) / 2) else []


def _alike(one: str, other: str) -> int:
    """Length of the common prefix."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))
