"""stdout and stderr that cannot end the work: a reader that left, a full disk, another alphabet.

What is printed for people (stderr) may fail without a word: who listens never ends a run. What a
command was called for (stdout) may fail quietly only where its reader has left, as `head` does.
"""

import contextlib
import errno
import os
import sys
from collections.abc import Iterable, Iterator
from typing import Any, TextIO, cast


@contextlib.contextmanager
def robust_streams() -> Iterator[None]:
    """Within it `sys.stdout` and `sys.stderr` are there and bear all that is printed.

    A stream that is closed or absent becomes the null device; so does `sys.stdin`. Where it is no
    terminal it is written in UTF-8, as files are, whatever the locale says; a character that a
    terminal does not have is written as an escape.
    """
    _take_up_descriptors()
    before = sys.stdin, sys.stdout, sys.stderr
    with contextlib.ExitStack() as stack:
        if sys.stdin is None or sys.stdin.closed:
            sys.stdin = stack.enter_context(open(os.devnull, encoding="utf-8"))  # noqa: PTH123
        out, err = (stack.enter_context(_usable(stream)) for stream in before[1:])
        sys.stdout = cast(TextIO, RobustStream(out, must_arrive=True))
        sys.stderr = cast(TextIO, RobustStream(err, must_arrive=False))
        try:
            yield
        finally:
            for stream in (sys.stdout, sys.stderr):
                with contextlib.suppress(OSError, ValueError):
                    stream.flush()
            sys.stdin, sys.stdout, sys.stderr = before


class RobustStream:
    """A text stream that fails only where what is written must arrive.

    Args:
        stream: The stream.
        must_arrive: Whether an error is raised, unless it is that the reader has left.
    """

    def __init__(self, stream: TextIO, must_arrive: bool) -> None:
        self._stream = stream
        self._must_arrive = must_arrive

    def write(self, text: str) -> int:
        """Write as far as that is possible."""
        try:
            return self._stream.write(text)
        except UnicodeEncodeError:  # of a stream that could not be told to escape
            return self.write(text.encode("ascii", "backslashreplace").decode("ascii"))
        except (OSError, ValueError) as error:
            self._failed(error)
            return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Hand over what was written."""
        try:
            self._stream.flush()
        except (OSError, ValueError) as error:
            self._failed(error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _failed(self, error: OSError | ValueError) -> None:
        left = has_left(error)
        if left or self._must_arrive:  # what is still in a buffer would fail again, at the exit
            to_nowhere(self._stream)
        if self._must_arrive and not left:
            if isinstance(error, OSError):
                error.filename = "standard output"
            raise error


def has_left(error: OSError | ValueError) -> bool:
    """Whether an error of a stream says that nobody reads it any more."""
    if not isinstance(error, OSError):
        return "closed file" in str(error)
    broken = (errno.EPIPE, errno.EINVAL) if os.name == "nt" else (errno.EPIPE,)
    return error.errno in broken


def to_nowhere(stream: TextIO) -> None:
    """Lead a stream to the null device, with what is in its buffer; one of no file stays."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        descriptor = stream.fileno()
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, descriptor)
        os.close(null)


@contextlib.contextmanager
def _usable(stream: TextIO | None) -> Iterator[TextIO]:
    """A stream that is open and writes every character; its own settings are put back."""
    if stream is None or stream.closed:
        with open(os.devnull, "w", encoding="utf-8") as null:  # noqa: PTH123 (no path of a file)
            yield null
        return
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is None:  # a notebook's, for instance
        yield stream
        return
    before = {"encoding": stream.encoding, "errors": stream.errors}
    try:
        ours = before["encoding"] if stream.isatty() else "utf-8"
        reconfigure(encoding=ours, errors="backslashreplace")
        yield stream
    finally:
        with contextlib.suppress(OSError, ValueError):
            reconfigure(**before)


def _take_up_descriptors() -> None:
    """Open the null device in place of descriptors 0 to 2 that are closed.

    The next file that is opened would be given such a number, and whatever prints would write
    into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
            os.set_inheritable(null, True)


def import_tqdm() -> Any:
    """The class of tqdm's bars, imported without the user's TQDM_ variables.

    tqdm reads them as it is imported: a wrong one is an error then, a right one would cut our bars.
    """
    theirs = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("TQDM_")}
    try:
        from tqdm import tqdm
    finally:
        os.environ.update(theirs)
    return tqdm
