"""Text that fits a terminal: its width, the width of words, tables that wrap at spaces.

Nothing is printed here, and nothing is truncated: in a pipe a table has its natural width.
"""

import os
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import TextIO

GAP = 2  # spaces between two columns
USUAL_WIDTH = 80  # of a terminal with unknown width
NARROWEST = 20
COMFORTABLE = 14  # a text column gets narrower only if nothing else helps
WIDE_SHARE = 0.4  # of the terminal: a wider first column gets its own lines


def terminal_width(stream: TextIO | None) -> int | None:
    """Columns of the terminal behind a stream; None if there is none, as in a pipe.

    COLUMNS can reduce the number, or give it if the terminal does not.
    """
    try:
        if stream is None or not stream.isatty():
            return None
        reported = os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        reported = 0
    columns = os.environ.get("COLUMNS", "")
    limit = int(columns) if columns.isascii() and columns.isdigit() and len(columns) < 6 else 0
    known = [number for number in (reported, limit) if number > 0]
    return max(min(known, default=USUAL_WIDTH), NARROWEST)


def can_redraw(stream: TextIO | None) -> bool:
    """Whether lines of a stream can be redrawn: a terminal that can move its cursor."""
    return terminal_width(stream) is not None and os.environ.get("TERM") not in ("dumb", "unknown")


def text_width(text: str) -> int:
    """Columns of a text; some characters take two, some none."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def fold(text: str, width: int | None, indent: int = 0) -> list[str]:
    """Lines of a text, wrapped only at spaces: a word that is too long is not broken.

    Args:
        text: The text; its own line breaks are kept.
        width: The longest line; None for no limit.
        indent: Spaces before every line but the first.
    """
    if width is None:
        return text.split("\n")
    lines = []
    for paragraph in text.split("\n"):
        line, *words = paragraph.split(" ")
        used = text_width(line)
        for word in words:
            size = text_width(word)
            if line.strip() and used + 1 + size > width:
                lines.append(line.rstrip())
                line, used = " " * indent + word, indent + size
            else:
                line, used = f"{line} {word}", used + 1 + size
        lines.append(line.rstrip())
    return lines


def table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    width: int | None = None,
    least: Sequence[str] = (),
) -> str:
    """Rows in aligned columns, numbers right-aligned.

    If they are too wide, text wraps at spaces; then a long first column gets its own lines, or the
    least important columns are omitted, which the last line says.

    Args:
        header: Names of the columns.
        rows: Cells of each row.
        width: The longest line; None for no limit.
        least: Names of columns that may be omitted, the least important first.
    """
    columns = [
        Column(name, cells, all(map(_is_number, cells)), is_first=place == 0)
        for place, name in enumerate(header)
        for cells in [[row[place] for row in rows]]
    ]
    if width is None or _span([column.natural for column in columns]) <= width:
        return _drawn(columns, [column.natural for column in columns])
    columns = [column for column in columns if column.name or any(column.cells)]
    for chosen, is_tight, is_stacked in _ways_to_fit(columns, width, least):
        widths = _widths(chosen, width, is_tight, is_stacked)
        if widths is not None:
            text = _stacked(chosen, widths, width) if is_stacked else _drawn(chosen, widths)
            hidden = ", ".join(column.name for column in columns if column not in chosen)
            footer = fold(f"(not shown in {width} columns: {hidden})", width) if hidden else []
            return "\n".join([text, *footer])
    return _records(columns, width)


def fitted_widths(naturals: Sequence[int], floors: Sequence[int], width: int) -> list[int] | None:
    """Widths of columns that share a line, each between its floor and its natural width.

    Returns:
        The widths; None if not even the floors fit.
    """
    widths = [min(pair) for pair in zip(naturals, floors, strict=True)]
    spare = width - _span(widths)
    if spare < 0:
        return None
    while spare and (short := [i for i in range(len(widths)) if widths[i] < naturals[i]]):
        widths[max(short, key=lambda i: naturals[i] / widths[i])] += 1
        spare -= 1
    return widths


class Column:
    """A column of a table.

    Args:
        name: Its heading.
        cells: A cell for each row.
        is_numeric: Whether it has numbers, which are right-aligned.
        is_first: Whether it is the first column, in which wrapped lines are indented.
    """

    def __init__(
        self, name: str, cells: Sequence[str], is_numeric: bool, is_first: bool = False
    ) -> None:
        self.name = name
        self.cells = cells
        self.is_first = is_first
        self.is_numeric = is_numeric
        self.natural = max(map(text_width, (name, *cells)))
        set_in = GAP if is_first else 0
        longest = max(
            text_width(word) + set_in * (place > 0)
            for text in (name, *cells)
            for place, word in enumerate(text.split(" "))
        )
        # Numbers and intervals wrap only if nothing else helps; headings wrap before that.
        is_whole = is_numeric or all(_is_number(cell.lstrip("+-")) for cell in cells)
        kept = max(map(text_width, cells), default=0) if is_whole else 0
        self.floor = min(longest, self.natural)
        self.comfortable = max(self.floor, kept or min(self.natural, COMFORTABLE))


def _ways_to_fit(
    columns: list[Column], width: int, least: Sequence[str]
) -> Iterator[tuple[list[Column], bool, bool]]:
    """Columns to show, whether they are tight, and whether the first is above; best ways first."""
    fewer = [columns]
    for name in least:
        fewer.append([column for column in fewer[-1] if column.name != name])
    is_long = columns[0].floor > WIDE_SHARE * width
    for is_tight in (False, True):
        yield columns, is_tight, False
        for chosen in fewer:
            yield chosen, is_tight, is_long
    yield fewer[-1], True, True


def _widths(
    columns: Sequence[Column], width: int, is_tight: bool, is_stacked: bool
) -> list[int] | None:
    if is_stacked:
        columns, width = columns[1:], width - GAP
    floors = [column.floor if is_tight else column.comfortable for column in columns]
    if len(columns) == 2 and is_tight and not is_stacked:  # names and values, such as a long path
        floors[1] = max(min(floors[1], width - floors[0] - GAP), 1)
    return fitted_widths([column.natural for column in columns], floors, width)


def _span(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)


def _drawn(columns: Sequence[Column], widths: Sequence[int]) -> str:
    return "\n".join(line for lines in _lines_of_rows(columns, widths) for line in lines)


def _lines_of_rows(columns: Sequence[Column], widths: Sequence[int]) -> list[list[str]]:
    return [
        [(" " * GAP).join(cells).rstrip() for cells in lines]
        for lines in cells_of_rows(columns, widths)
    ]


def cells_of_rows(columns: Sequence[Column], widths: Sequence[int]) -> list[list[tuple[str, ...]]]:
    """The lines of the headings and of each row, with cells as wide as their columns.

    Wrapped lines in a first column are indented.
    """
    heads = [fold(column.name, width) for column, width in zip(columns, widths, strict=True)]
    most = max(map(len, heads), default=0)
    rows = [[[""] * (most - len(head)) + head for head in heads]]  # right above their columns
    for cells in zip(*(column.cells for column in columns), strict=True):
        rows.append(
            [
                fold(cell, width, GAP * column.is_first)
                for cell, width, column in zip(cells, widths, columns, strict=True)
            ]
        )
    return [
        [
            tuple(
                _padded(part, width, column.is_numeric)
                for part, width, column in zip(parts, widths, columns, strict=True)
            )
            for parts in zip_longest(*row, fillvalue="")
        ]
        for row in rows
    ]


def blocks(columns: Sequence[Column], width: int) -> list[tuple[list[Column], list[int]]]:
    """Columns in as few tables as possible, each with the first column, and their widths.

    A column that does not fit beside the first keeps its natural width.
    """
    tables = _packed(columns, width)
    for less in range(width - 1, 0, -1):  # evenly filled, so that no column is alone
        packed = _packed(columns, less)
        if len(packed) > len(tables):
            break
        tables = packed
    return [
        (table, _widths(table, width, False, False) or [column.floor for column in table])
        for table in tables
    ]


def _packed(columns: Sequence[Column], width: int) -> list[list[Column]]:
    first, *others = columns
    tables = [[first]]
    for column in others:
        wanted = [*tables[-1], column]
        if len(tables[-1]) > 1 and _span([column.comfortable for column in wanted]) > width:
            tables.append([first, column])
        else:
            tables[-1] = wanted
    return tables


def _stacked(columns: Sequence[Column], widths: Sequence[int], width: int) -> str:
    """A table with the first column above the other cells of its row."""
    first, *others = columns
    head, *rest = _lines_of_rows(others, widths)
    lines = []
    for cell, below in zip((first.name, *first.cells), (head, *rest), strict=True):
        lines += fold(cell, width, GAP)
        lines += [f"{' ' * GAP}{line}".rstrip() for line in below]
    return "\n".join(lines)


def _records(columns: Sequence[Column], width: int) -> str:
    """One paragraph per row, one line per cell."""
    paragraphs = []
    for row in zip(*(column.cells for column in columns), strict=True):
        lines = []
        for place, (column, cell) in enumerate(zip(columns, row, strict=True)):
            text = f"{column.name}: {cell}" if column.name else cell
            lines += fold(" " * GAP * (place > 0) + text, width, 2 * GAP)
        paragraphs.append("\n".join(lines))
    return "\n".join(paragraphs)


def _padded(text: str, width: int, is_numeric: bool) -> str:
    spaces = " " * max(width - text_width(text), 0)
    return spaces + text if is_numeric else text + spaces


def _is_number(text: str) -> bool:
    return not text or text[0].isdigit() or text in ("-", "?")
