r"""LaTeX tables for a paper: booktabs, ASCII only; labels never contain commands.

Characters that LaTeX lacks are written by their Unicode number, so every engine accepts the text.
"""

import re
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from vitbench.report.columns import Column, how_to_read, one_line, study_columns
from vitbench.report.reference import reference_sentence
from vitbench.report.sections import Report, Section

HEAD = r"% In the preamble: \usepackage{booktabs}"
# All columns side by side are wider than a page: these first, the others below.
MEASURED = ("Test accuracy in %", "95% interval", "Seeds", "Parameters", "GFLOP", "Time", "Memory")
RAGGED = r"\raggedright "
BY_COMMAND = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    **{c: f"\\{c}" for c in "{}$&#_%"},
    # After \\ a bracket or a star would be its argument, and ?` is an upside-down mark.
    **{c: f"{{{c}}}" for c in "[]*`"},
    '"': r"\textquotedblright{}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "≈": r"$\approx$",
    "→": r"$\rightarrow$",
    "◆": r"$\diamond$",
    "°": r"$^\circ$",
    "µ": r"$\mu$",
    "…": r"\ldots{}",
    "–": r"\textendash{}",
    "—": r"\textemdash{}",
    "‘": r"\textquoteleft{}",
    "’": r"\textquoteright{}",
    "“": r"\textquotedblleft{}",
    "”": r"\textquotedblright{}",
    "ß": r"\ss{}",
    "ø": r"\o{}",
    "Ø": r"\O{}",
    "æ": r"\ae{}",
    "Æ": r"\AE{}",
    "ł": r"\l{}",
    "Ł": r"\L{}",
    "α": r"$\alpha$",
    "β": r"$\beta$",
    "γ": r"$\gamma$",
    "δ": r"$\delta$",
    "ε": r"$\varepsilon$",
    "λ": r"$\lambda$",
    "μ": r"$\mu$",
    "σ": r"$\sigma$",
    "τ": r"$\tau$",
}
ACCENTS = {
    "\u0300": "`",
    "\u0301": "'",
    "\u0302": "^",
    "\u0303": "~",
    "\u0304": "=",
    "\u0306": "u",
    "\u0307": ".",
    "\u0308": '"',
    "\u030a": "r",
    "\u030b": "H",
    "\u030c": "v",
    "\u0327": "c",
}


def render(report: Report) -> str:
    """A floating booktabs table for each study."""
    sections = report.sections
    labels = list(_labels(sections))
    first = next((section for section in sections if section.has_published), None)
    tables = [
        _table(section, label, section is first)
        for section, label in zip(sections, labels, strict=True)
    ]
    return "\n\n".join([HEAD, *tables]) + "\n"


def escape(text: str) -> str:
    """Text that LaTeX sets as it stands, on one line."""
    escaped = "".join(map(_escape_character, unicodedata.normalize("NFC", one_line(text))))
    return re.sub(r"([-'])(?=\1)", r"\1{}", escaped)  # else LaTeX joins two into one longer sign


def _escape_character(character: str) -> str:
    if character in BY_COMMAND:
        return BY_COMMAND[character]
    if character.isascii():
        return character
    letter, *accents = list(unicodedata.normalize("NFD", character))
    if letter.isascii() and letter.isalpha() and len(accents) == 1 and accents[0] in ACCENTS:
        return f"\\{ACCENTS[accents[0]]}{{{letter}}}"
    return f"{{[}}U+{ord(character):04X}{{]}}"


def _table(section: Section, label: str, with_reference: bool) -> str:
    """A floating table; its caption says what the reference study is, where that is asked for."""
    reference = f" {reference_sentence()}" if with_reference else ""
    variant, *others = study_columns(section)
    measured = [column for column in others if column.name in MEASURED]
    compared = [column for column in others if column.name not in MEASURED]
    parts = [
        r"\begin{table}",
        r"\centering",
        r"\footnotesize",
        r"\setlength{\tabcolsep}{3pt}",
        rf"\caption{{{escape(section.title)}. {escape(how_to_read(section) + reference)}}}",
        rf"\label{{{label}}}",
        r"\medskip",
        _tabular(section, [variant, *measured]),
        *([r"\par\medskip", _tabular(section, [variant, *compared])] if compared else []),
        r"\end{table}",
    ]
    return "\n".join(parts)


def _tabular(section: Section, columns: Sequence[Column]) -> str:
    """Rows under columns, of which the first names the variants."""
    cells = [[_cell(cell, column) for cell in column.cells] for column in columns]
    best = [row.among_best for row in section.rows]
    cells[0] = [
        rf"{RAGGED}\textbf{{{cell}}}" if bold else RAGGED + cell
        for cell, bold in zip(cells[0], best, strict=True)
    ]
    kinds = [r"p{0.2\linewidth}", *(column.align[0] for column in columns[1:])]
    lines = [
        rf"\begin{{tabular}}{{{''.join(kinds)}}}",
        r"\toprule",
        _row([_heading(column) for column in columns]),
        r"\midrule",
        *map(_row, zip(*cells, strict=True)),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines)


def _row(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \tabularnewline"


def _heading(column: Column) -> str:
    """A heading on as many lines as it takes to be no wider than its numbers."""
    lines = [escape(line) for line in textwrap.wrap(one_line(column.name), 14)]
    stacked = r"\\".join(lines)
    return rf"\shortstack[{column.align[0]}]{{{stacked}}}" if len(lines) > 1 else stacked


def _cell(cell: str, column: Column) -> str:
    if column.align == "right":
        return re.sub(r"-(?=\d)", "$-$", escape(cell))  # a minus as wide as a plus
    # The text after the colon of a verdict, for example the seeds needed, would not fit a page.
    return escape(cell.partition(": ")[0] if column.name == "Verdict" else cell)


def _labels(sections: Sequence[Section]) -> Iterator[str]:
    """A label for each table; LaTeX wants them different."""
    taken: set[str] = set()
    for section in sections:
        results = section.results
        parts = [results.study.name, *([results.dataset] * (results.dataset != "cifar10"))]
        stem = "tab:" + re.sub(r"[^a-z0-9]+", "-", "-".join(parts).lower())
        label, number = stem, 2
        while label in taken:
            label, number = f"{stem}-{number}", number + 1
        taken.add(label)
        yield label
