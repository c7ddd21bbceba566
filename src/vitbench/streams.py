"""stdout and stderr that cannot stop the work: a closed pipe, a full disk, another encoding.

Output for people (stderr) may fail silently. The result of a command (stdout) may fail silently
only if its reader has gone, as with `head`.
"""

import contextlib
import errno
import os
import sys
from collections.abc import Iterable, Iterator
from typing import Any, TextIO, cast


@contextlib.contextmanager
def robust_streams() -> Iterator[None]:
    """Make `sys.stdout` and `sys.stderr` accept everything that is printed.

    A closed or missing stream becomes the null device, also `sys.stdin`. Streams that are not
    terminals are written in UTF-8 in every locale; characters that a terminal does not have are
    escaped.
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
    """A text stream that raises errors only if its output must arrive.

    Args:
        stream: The stream.
        must_arrive: Whether errors are raised, except that the reader has gone.
    """

    def __init__(self, stream: TextIO, must_arrive: bool) -> None:
        self._stream = stream
        self._must_arrive = must_arrive

    def write(self, text: str) -> int:
        """Write as far as possible."""
        try:
            return self._stream.write(text)
        except UnicodeEncodeError:  # a stream that could not be reconfigured
            return self.write(text.encode("ascii", "backslashreplace").decode("ascii"))
        except (OSError, ValueError) as error:
            self._failed(error)
            return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Flush the stream."""
        try:
            self._stream.flush()
        except (OSError, ValueError) as error:
            self._failed(error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _failed(self, error: OSError | ValueError) -> None:
        left = has_left(error)
        if left or self._must_arrive:  # the rest of the buffer would fail again at exit
            to_nowhere(self._stream)
        if self._must_arrive and not left:
            if isinstance(error, OSError):
                error.filename = "standard output"
            raise error


def has_left(error: OSError | ValueError) -> bool:
    """Whether an error of a stream says that its reader has gone."""
    if not isinstance(error, OSError):
        return "closed file" in str(error)
    broken = (errno.EPIPE, errno.EINVAL) if os.name == "nt" else (errno.EPIPE,)
    return error.errno in broken


def to_nowhere(stream: TextIO) -> None:
    """Redirect a stream and its buffer to the null device, if it has a file descriptor."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        descriptor = stream.fileno()
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, descriptor)
        os.close(null)


@contextlib.contextmanager
def _usable(stream: TextIO | None) -> Iterator[TextIO]:
    """An open stream that writes every character; its settings are restored."""
    if stream is None or stream.closed:
        with open(os.devnull, "w", encoding="utf-8") as null:  # noqa: PTH123 (no path of a file)
            yield null
        return
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is None:  # in a notebook, for example
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
    """Import the class of tqdm's bars without the user's TQDM_ variables.

    tqdm reads them at import: a wrong one is an error, and a valid one would change the bars.
    """
    theirs = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("TQDM_")}
    try:
        from tqdm import tqdm
    finally:
        os.environ.update(theirs)
    return tqdm
