"""The one place that prints: the product on stdout, everything for people on stderr."""

import sys
from collections.abc import Iterable, Sequence
from typing import TextIO

from vitbench.cli import layout
from vitbench.errors import shortened
from vitbench.streams import import_tqdm

LONGEST = 300  # characters of a word in an error, such as a path


def product(text: str) -> None:
    """Print the command's result, above any progress bar."""
    _write(f"{_printable(text)}\n", sys.stdout)


def document(markdown: str) -> None:
    """Print a document: formatted in a terminal, as markdown in a pipe or a file."""
    width = layout.terminal_width(sys.stdout)
    if width is None:
        product(markdown)
        return
    from vitbench.cli.report_view import rendered

    sys.stdout.write(f"{rendered(markdown, width)}\n")


def note(text: str) -> None:
    """Print a line for the user, above any progress bar."""
    _write(f"{_printable(text)}\n", sys.stderr)
    sys.stderr.flush()


def error(text: str) -> None:
    """Print what was wrong, on one line; very long words are shortened."""
    note(f"vitbench: {' '.join(shortened(word, LONGEST) for word in text.split())}")


def table(header: Sequence[str], rows: Iterable[Sequence[str]], least: Sequence[str] = ()) -> str:
    """Rows in aligned columns, numbers right-aligned, at most as wide as the terminal.

    Args:
        header: Names of the columns.
        rows: Cells of each row.
        least: Columns that may be omitted in a narrow terminal, the least important first.
    """
    printable = [[_printable(cell) for cell in row] for row in rows]
    return layout.table(header, printable, layout.terminal_width(sys.stdout), least)


def prose(text: str) -> str:
    """Text wrapped at spaces to the width of the terminal."""
    return "\n".join(layout.fold(text, layout.terminal_width(sys.stdout), indent=2))


def duration(seconds: float) -> str:
    """A time in words: 42 s, 9 min 5 s, 3 h 20 min, 12 days."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if minutes < 10 and rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    return f"{hours / 24:.0f} days"


def _write(text: str, stream: TextIO) -> None:
    """Write a text; bars on the same terminal are taken away before and drawn again after it."""
    if "tqdm" not in sys.modules or not layout.can_redraw(stream):
        stream.write(text)
        return
    tqdm = import_tqdm()

    with tqdm.external_write_mode(file=stream):
        stream.write(text)
        stream.flush()


def _printable(text: str) -> str:
    """Text without what a terminal would obey: names come from files, and files from anyone."""
    return "".join(c if c.isprintable() or c in "\n\t" else " " for c in text)
