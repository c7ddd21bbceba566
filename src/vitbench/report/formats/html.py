"""A report as one page for a browser: nothing is loaded from anywhere, nothing is sent.

Tables sort by a click, figures are inline, and tooltips open by mouse, touch or keyboard. Its style
and its script are in page.html.
"""

from collections.abc import Iterable
from html import escape
from pathlib import Path, PurePosixPath
from string import Template
from urllib.parse import quote

from vitbench.report import reference
from vitbench.report.columns import Column, how_to_read, one_line, study_columns
from vitbench.report.rows import Row
from vitbench.report.sections import Report, Section

TEMPLATE = Path(__file__).with_name("page.html")
CAPTIONS = {
    "differences": "Differences with their intervals",
    "seeds": "Every seed's accuracy",
    "cost": "Accuracy against the cost of training",
    "curves": "Validation accuracy over epochs",
}


def render(report: Report) -> str:
    """One offline page, with the figures that the sections hold."""
    found = [
        f'<li><a href="#study-{number}">{_plain(section.title)}</a>: {_plain(section.finding)}</li>'
        for number, section in enumerate(report.sections)
    ]
    sections = [_section(section, number) for number, section in enumerate(report.sections)]
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        summary=_plain(report.summary),
        reference=_reference() if report.has_published else "",
        found="\n".join(found),
        sections="\n".join(sections),
        pictures=_pictures(report.pictures),
    )


def _reference() -> str:
    """What the reference study is, with its link."""
    link = f'<a href="{escape(reference.URL)}">{_plain(reference.NAME)}</a>'
    return f"<p>{reference.INTRODUCTION}{link}. {_plain(reference.MEANING)}</p>"


def _plain(text: str) -> str:
    """Text as text: no markup, on one line."""
    return escape(one_line(text))


def _section(section: Section, number: int) -> str:
    parts = [
        f'<section id="study-{number}" aria-labelledby="title-{number}">',
        f'<h2 id="title-{number}">{_plain(section.title)}</h2>',
        f"<p>{_plain(section.varied)} {_plain(section.held)}</p>",
        _table(section),
        f'<p class="finding"><strong>Key finding.</strong> {_plain(section.finding)}</p>',
    ]
    if section.claims:
        claims = [
            f"{_plain(claim.text)} <strong>{_plain(claim.verdict.capitalize())}.</strong> "
            f"{_plain(claim.reason)}."
            for claim in section.claims
        ]
        parts += [f"<h3>{section.claims_title}</h3>", _bullets(claims)]
    if section.figures:
        figures = [_figure(name, svg) for name, svg in section.figures.items()]
        parts += ['<div class="figures">', *figures, "</div>"]
    if section.problems:
        parts += ["<h3>Problems</h3>", _bullets(map(_plain, section.problems))]
    how = [f"<dt>{_plain(name)}</dt><dd>{_plain(fact)}</dd>" for name, fact in section.how.items()]
    parts += [
        _folded("How to read this", f"<p>{_plain(how_to_read(section))}</p>"),
        _folded("Limits of this study", _bullets(map(_plain, section.limits))),
        _folded("How it was run", f"<dl>{''.join(how)}</dl>"),
    ]
    if section.notes:
        parts.append(_folded("Notes", _bullets(map(_plain, section.notes))))
    return "\n".join([*parts, "</section>"])


def _table(section: Section) -> str:
    columns = study_columns(section)
    heads = [
        f'<th scope="col" class="{column.align}"><button type="button">{_plain(column.name)}'
        "</button></th>"
        for column in columns
    ]
    lines = [
        "".join(_cell(column, number, row) for column in columns)
        for number, row in enumerate(section.rows)
    ]
    body = "\n".join(f"<tr>{line}</tr>" for line in lines)
    return (
        '<div class="wide" tabindex="0" role="region" aria-label="Table; scrolls sideways">'
        f"<table><thead><tr>{''.join(heads)}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
    )


def _cell(column: Column, number: int, row: Row) -> str:
    """A table cell; that of the accuracy shows each seed's value in a tooltip."""
    text = _plain(column.cells[number])
    if not column.numbers:
        if column.name == "Variant":
            name = f"<strong>{text}</strong>" if row.among_best else text
            return f'<th scope="row" class="left">{name}</th>'
        return f'<td class="left">{text}</td>'
    value = column.numbers[number]
    sort = "" if value is None else f' data-number="{value!r}"'
    if column.name.startswith("Test accuracy") and row.accuracy_by_seed:
        seeds = "; ".join(f"seed {seed}: {pct:.2f}" for seed, pct in row.accuracy_by_seed.items())
        text = (
            f'<span class="tip" tabindex="0" role="img" aria-label="{text}; {seeds}">{text}</span>'
        )
    return f'<td class="right"{sort}>{text}</td>'


def _figure(name: str, svg: str) -> str:
    caption = _plain(CAPTIONS.get(name, name.capitalize()))
    caption += "; point at a mark for details" if 'class="tip"' in svg else ""
    return f'<figure><div class="wide">{svg}</div><figcaption>{caption}</figcaption></figure>'


def _folded(name: str, inside: str) -> str:
    return f"<details><summary>{name}</summary>{inside}</details>"


def _bullets(lines: Iterable[str]) -> str:
    """A list of lines that are markup already."""
    return "<ul>" + "".join(f"<li>{line}</li>" for line in lines) + "</ul>"


def _pictures(pictures: dict[str, tuple[str, ...]]) -> str:
    """Links to pictures that lie beside the page."""
    if not pictures:
        return ""
    lines = []
    for folder, links in pictures.items():
        named = [
            f'<a href="{quote(link)}">{_plain(PurePosixPath(link).stem)}</a>' for link in links
        ]
        lines.append(f"{_plain(folder.replace('_', ' ').capitalize())}: {', '.join(named)}")
    return f"<section><h2>Pictures</h2><p>Files beside this page.</p>{_bullets(lines)}</section>"
