"""A report as markdown, as GitHub shows it."""

import re
from collections.abc import Iterable

from vitbench.report import effects, reference
from vitbench.report.columns import Column, how_to_read, one_line, study_columns
from vitbench.report.sections import Report, Section

# An underscore inside a word is plain as it is; at a word's end it would begin emphasis.
_SPECIAL = re.compile(r"([\\`*{}\[\]<>#|~$&]|(?<![^\W_])_|_(?![^\W_]))")
_AT_THE_START = re.compile(r"^(\d*)([-+=.)])")  # what would begin a list or a rule
ALIGN = {"left": ":---", "right": "---:"}


def render(report: Report) -> str:
    """GitHub's markdown: a summary, then a section for each study."""
    parts = ["# Results", _summary(report), *(_section(section) for section in report.sections)]
    if report.pictures:
        parts.append(_pictures(report.pictures))
    return "\n\n".join(parts) + "\n"


def escape(text: str) -> str:
    """Text with markdown's characters made plain, on one line."""
    plain = _SPECIAL.sub(r"\\\1", one_line(text))
    return _AT_THE_START.sub(r"\1\\\2", plain)


def _summary(report: Report) -> str:
    lines = [escape(report.summary), ""]
    if report.has_published:
        link = f"[{escape(reference.NAME)}]({reference.URL})"
        lines += [f"{reference.INTRODUCTION}{link}. {escape(reference.MEANING)}", ""]
    lines += [
        f"- **{escape(section.title)}**: {escape(section.finding)}" for section in report.sections
    ]
    return "\n".join(lines)


def _section(section: Section) -> str:
    parts = [
        f"## {escape(section.title)}",
        f"{escape(section.varied)} {escape(section.held)}",
        _table(section),
        f"**Key finding.** {escape(section.finding)}",
    ]
    if section.claims:
        parts += [
            f"**{section.claims_title}.**",
            "\n".join(
                f"- {escape(claim.text)} **{escape(claim.words)}.** {escape(claim.reason)}."
                for claim in section.claims
            ),
        ]
    if section.effects:
        parts += [f"**{effects.TITLE}.** {effects.INTRODUCTION}", _effects_table(section)]
    parts.append(f"**How to read this.** {escape(how_to_read(section))}")
    parts += ["**Limits of this study.**", _bullets(section.limits)]
    if section.problems:
        parts += ["**Problems.**", _bullets(section.problems)]
    how = "; ".join(f"{name} {value}" for name, value in section.how.items())
    parts.append(f"**How it was run.** {escape(how)}.")
    if section.notes:
        parts += ["**Notes.**", _bullets(section.notes)]
    return "\n\n".join(parts)


def _effects_table(section: Section) -> str:
    rows = [effects.effect_cells(effect) for effect in section.effects]
    lines = [
        effects.COLUMNS,
        (ALIGN["left"], *[ALIGN["right"]] * (len(effects.COLUMNS) - 1)),
        *((escape(name), *numbers) for name, *numbers in rows),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _table(section: Section) -> str:
    columns = study_columns(section)
    cells = [[_cell(cell, column) for cell in column.cells] for column in columns]
    best = [row.among_best for row in section.rows]
    cells[0] = [_bold(cell, bold) for cell, bold in zip(cells[0], best, strict=True)]
    lines = [
        [escape(column.name) for column in columns],
        [ALIGN[column.align] for column in columns],
        *zip(*cells, strict=True),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(cell: str, column: Column) -> str:
    return escape(cell) if column.align == "left" else cell


def _bold(text: str, bold: bool) -> str:
    return f"**{text}**" if bold else text


def _pictures(pictures: dict[str, tuple[str, ...]]) -> str:
    parts = ["## Pictures"]
    for folder, links in pictures.items():
        first, *others = links
        name = escape(folder.replace("_", " ").capitalize())
        more = ", ".join(f"[{escape(_stem(link))}]({_url(link)})" for link in others)
        parts.append(f"**{name}.** {f'Also: {more}.' if more else ''}".strip())
        parts.append(f"![{escape(_stem(first))}]({_url(first)})")
    return "\n\n".join(parts)


def _stem(link: str) -> str:
    return link.rpartition("/")[2].removesuffix(".png")


def _url(link: str) -> str:
    return link.replace(" ", "%20").replace("(", "%28").replace(")", "%29")


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {escape(line)}" for line in lines)
