"""A report in a terminal: the text of its markdown, with layout and styles."""

import os
import re
from collections.abc import Iterator, Sequence
from io import StringIO
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.console import Console
from rich.text import Text

from vitbench.cli import layout

LONGEST_LINE = 100  # of sentences; tables are as wide as the terminal
UNDERLINES = {"h1": "=", "h2": "-"}
VERDICTS = {
    "better": "green",
    "worse": "red",
    "holds": "bold green",
    "does not hold": "bold red",
    "cannot tell": "bold yellow",
    "too little to matter": "bold yellow",
}


def rendered(markdown: str, width: int) -> str:
    """A report's markdown as lines with terminal styles, without the last newline.

    With NO_COLOR, or in a terminal without styles, the same lines without styles.

    Args:
        markdown: The report.
        width: Columns of the terminal.
    """
    console = Console(
        file=StringIO(),
        force_terminal=True,
        color_system=None if os.environ.get("NO_COLOR") else "auto",
        width=width,
        height=25,
        highlight=False,
    )
    with console.capture() as written:
        for number, part in enumerate(_parts(markdown, width)):
            lines = [Text(), *part] if number else part
            for line in lines:
                line.rstrip()
                console.print(line, no_wrap=True, overflow="ignore", crop=False)
    return written.get().rstrip("\n")


def _parts(markdown: str, width: int) -> Iterator[list[Text]]:
    """The lines of each heading, paragraph, list or table, in order."""
    tokens = iter(MarkdownIt("commonmark").enable("table").parse(markdown))
    narrow = min(width, LONGEST_LINE)
    for token in tokens:
        match token.type:
            case "heading_open":
                yield _heading(next(tokens), UNDERLINES.get(token.tag, ""))
            case "paragraph_open":
                yield _wrapped(_words(next(tokens)), narrow)
            case "bullet_list_open":
                items = _until("bullet_list_close", tokens)
                yield [
                    line
                    for item in items
                    if item.type == "inline"
                    for line in _wrapped(_words(item), narrow, "- ")
                ]
            case "table_open":
                yield from _tables(_until("table_close", tokens), width)
            case _ if token.content:  # a kind that no report has
                yield [Text(_plain(line)) for line in token.content.splitlines()]


def _until(kind: str, tokens: Iterator[Token]) -> list[Token]:
    """Tokens before the next one of a kind, which is skipped."""
    tokens_before = []
    for token in tokens:
        if token.type == kind:
            break
        tokens_before.append(token)
    return tokens_before


def _heading(inline: Token, underline: str) -> list[Text]:
    words = _words(inline)
    words.stylize("bold")
    lines = [words]
    if underline:
        lines.append(Text(underline * layout.text_width(words.plain), "dim"))
    return lines


def _wrapped(words: Text, width: int, mark: str = "") -> list[Text]:
    """Lines wrapped at spaces, indented by a mark."""
    breaks, used = [], 0
    for word in re.finditer(r"\S+\s*", words.plain):
        if used and used + layout.text_width(word[0].rstrip()) > width - len(mark):
            breaks.append(word.start())
            used = 0
        used += layout.text_width(word[0])
    return [
        Text.assemble(mark if number == 0 else " " * len(mark), line)
        for number, line in enumerate(words.divide(breaks))
    ]


def _words(inline: Token) -> Text:
    """Text with its emphasis; the address of a link follows it."""
    words, links = Text(), []
    is_strong = False
    for token in inline.children or []:
        match token.type:
            case "strong_open" | "strong_close":
                is_strong = token.type == "strong_open"
            case "softbreak" | "hardbreak":
                words.append(" ")
            case "link_open":
                links.append(str(token.attrs["href"]))
            case "link_close":
                words.append(f" ({_plain(links.pop())})", "dim")
            case "image":
                words.append(f"{_plain(token.content)} ({_plain(str(token.attrs['src']))})")
            case _:
                text = _plain(token.content)
                verdict = VERDICTS.get(text.rstrip(".").lower().rpartition(": ")[2], "bold")
                words.append(text, verdict if is_strong else None)
    return words


def _tables(tokens: Sequence[Token], width: int) -> Iterator[list[Text]]:
    """A table in as many parts as its columns need, each with the first column."""
    heads: list[tuple[str, bool]] = []
    rows: list[list[Text]] = []
    for opening, inline in pairwise(tokens):
        if opening.type == "tr_open":
            rows.append([])
        elif opening.type in ("th_open", "td_open"):
            words = _words(inline)
            rows[-1].append(words)
            if opening.type == "th_open":
                heads.append((words.plain, "right" in str(opening.attrs.get("style", ""))))
    body = rows[1:]
    columns = [
        layout.Column(name, [row[place].plain for row in body], is_numeric, is_first=place == 0)
        for place, (name, is_numeric) in enumerate(heads)
    ]
    strong = [bool(row[0].spans) for row in body]
    for shown, widths in layout.blocks(columns, width):
        (head, *below) = layout.cells_of_rows(shown, widths)
        lines = [_line(cells, ["bold"] * len(cells)) for cells in head]
        lines.append(_line(["-" * size for size in widths], ["dim"] * len(widths)))
        for number, row in enumerate(below):
            styles = [_style(column.cells[number]) for column in shown]
            if strong[number]:
                styles[0] = "bold"
            lines += [_line(cells, styles) for cells in row]
        yield lines


def _style(cell: str) -> str:
    """The style of a verdict; none for other text."""
    return VERDICTS.get(cell.partition(",")[0], "")


def _line(cells: Sequence[str], styles: Sequence[str]) -> Text:
    return Text(" " * layout.GAP).join(map(Text, cells, styles))


def _plain(text: str) -> str:
    """Text without control characters."""
    return "".join(character if character.isprintable() else " " for character in text)
