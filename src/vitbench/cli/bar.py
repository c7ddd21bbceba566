"""A progress bar with its facts on one line of any width."""

import sys
from collections.abc import Sequence

LONGEST_BAR = 30
BLOCKS = " ▏▎▍▌▋▊▉█"
SHORT_BAR = 10  # optional facts are omitted before a bar gets shorter than this
LONGEST_TIME = len("9 min 59 s left")  # reserved, so that the length of the bar does not change


def bar_line(width: int, name: str, share: float, facts: Sequence[str], more: Sequence[str]) -> str:
    """A line with a bar, at most as long as a width.

    With little room the bar gets shorter, then optional facts are omitted, then the bar, and last
    the name is shortened.

    Args:
        width: The longest line.
        name: What it shows; a long name loses its middle.
        share: Completed share, 0 to 1.
        facts: Facts that are always shown; the last is a time.
        more: Optional facts, shown before the others; the last is omitted first.
    """
    share = min(max(share, 0.0), 1.0)
    for count in range(len(more), -1, -1):
        words = ", ".join([*more[:count], *facts])
        room = width - len(name) - len(words) - len(" || ")
        steady = (room - max(LONGEST_TIME - len(facts[-1]), 0)) // 5 * 5
        if steady >= SHORT_BAR or (count == 0 and room > 1):
            size = min(max(steady, min(room, SHORT_BAR)), LONGEST_BAR)
            return f"{name} |{_bar(share, size)}| {words}"
    words = ", ".join(facts)
    room = max(width - len(words) - 1, 1)
    if len(name) > room:
        name = _without_middle(name, room)
    return f"{name} {words}"[:width]


def _without_middle(name: str, size: int) -> str:
    """The start and end of a name; the end has the seed."""
    mark = ".." if size > 6 else ""
    end = (size - len(mark)) // 2
    return f"{name[: size - len(mark) - end]}{mark}{name[len(name) - end :]}"


def _bar(share: float, size: int) -> str:
    """A bar filled to a share, in block characters, or in # if stderr cannot encode those."""
    blocks = BLOCKS
    try:
        blocks.encode(sys.stderr.encoding or "ascii")
    except (LookupError, UnicodeError):
        blocks = " #"
    full, rest = divmod(round(share * size * (len(blocks) - 1)), len(blocks) - 1)
    return (blocks[-1] * full + blocks[rest]).ljust(size)[:size]
