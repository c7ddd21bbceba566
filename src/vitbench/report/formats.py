"""Renderers, one registered function per format: a report in, text out."""

import re
from collections.abc import Iterable

from vitbench.registry import FORMATS
from vitbench.report.tables import Report, Section
from vitbench.report.verdict import verdict_words
from vitbench.report.words import (
    accuracy_words,
    count_words,
    difference_words,
    gflop_words,
    interval_words,
    listed,
    p_words,
    percent_words,
    time_words,
)

# An underscore inside a word is plain as it is; at a word's end it would begin emphasis.
_SPECIAL = re.compile(r"([\\`*{}\[\]<>#|~$&]|(?<![^\W_])_|_(?![^\W_]))")
_AT_THE_START = re.compile(r"^(\d*)([-+=.)])")  # what would begin a list or a rule
DOCUMENT_LEGEND = (
    "Document: the number of the write-up that this study follows, one run of its own model and "
    "recipe, the best epoch on its test set."
)
ALIGN = {"left": ":---", "right": "---:"}


@FORMATS.register("markdown", suffix=".md")
def markdown(report: Report) -> str:
    """GitHub's markdown: a summary, then a section for each study."""
    parts = ["# Results", _summary(report), *(_section(section) for section in report.sections)]
    if report.pictures:
        parts.append(_pictures(report.pictures))
    return "\n\n".join(parts) + "\n"


def escape(text: str) -> str:
    """Text with markdown's characters made plain, on one line."""
    plain = _SPECIAL.sub(r"\\\1", " ".join(text.split()))
    return _AT_THE_START.sub(r"\1\\\2", plain)


def _summary(report: Report) -> str:
    num_runs = sum(len(section.results.runs) for section in report.sections)
    studies = "1 study" if len(report.sections) == 1 else f"{len(report.sections)} studies"
    datasets = listed(sorted({section.results.dataset for section in report.sections}))
    lines = [
        f"{studies}, {num_runs} runs, on {escape(datasets)}. Accuracies are top-1 on the whole "
        "test set, read once, after the last epoch.",
        "",
    ]
    lines += [
        f"- **{escape(section.title)}**: {escape(section.finding)}" for section in report.sections
    ]
    return "\n".join(lines)


def _section(section: Section) -> str:
    published = any(row.published_pct is not None for row in section.rows)
    parts = [
        f"## {escape(section.title)}",
        f"{escape(section.varied)} {escape(section.held)}",
        _table(section, published),
        f"**Key finding.** {escape(section.finding)}",
    ]
    if section.claims:
        parts += [
            "**The document's conclusions.**",
            "\n".join(
                f"- {escape(claim.text)} **{claim.verdict.capitalize()}.** {escape(claim.reason)}."
                for claim in section.claims
            ),
        ]
    parts.append(f"**How to read this.** {escape(how_to_read(section, published))}")
    parts += ["**Limits of this study.**", _bullets(section.limits)]
    if section.problems:
        parts += ["**Not in these averages.**", _bullets(section.problems)]
    how = "; ".join(f"{name} {value}" for name, value in section.how.items())
    parts.append(f"**How it was run.** {escape(how)}.")
    if section.results.study.notes:
        parts += ["**Notes.**", _bullets(section.results.study.notes)]
    return "\n\n".join(parts)


def how_to_read(section: Section, published: bool) -> str:
    """What the columns mean, in this study."""
    several = any(row.sd_pct is not None for row in section.rows)
    num_pairs = max((pair.num_pairs for pair in section.compared.pairs), default=0)
    words = [
        "Test accuracy: mean ± standard deviation over seeds, and the 95% interval of the mean "
        "over new seeds and new images."
        if several
        else "Test accuracy with its 95% interval (Wilson's), which knows of images and not of "
        "seeds."
    ]
    if num_pairs:
        words.append(
            f"Difference: points above {section.reference}, with an interval that holds for all "
            f"{num_pairs} pairs of this study at once with 95% confidence; p is adjusted likewise."
            if num_pairs > 1
            else f"Difference: points above {section.reference}, with its 95% interval."
        )
    words.append("Bold: the highest mean and all that are not shown to be below it.")
    words.append(
        "GFLOP: one image through the network, 2 per multiply-add; ◆ marks what no cheaper or "
        "equally dear variant exceeds. Time: the steps of one training."
    )
    return " ".join([*words, DOCUMENT_LEGEND] if published else words)


def _table(section: Section, published: bool) -> str:
    rows = section.rows
    columns = [
        ("Variant", "left", [_bold(escape(row.label), row.among_best) for row in rows]),
        ("Test accuracy in %", "right", [accuracy_words(row) for row in rows]),
        ("95% interval", "right", [interval_words(row.interval) for row in rows]),
        ("Seeds", "right", [str(len(row.accuracy_by_seed)) for row in rows]),
    ]
    if section.compared.pairs:
        against = escape(section.reference)
        ps = [row.against.p_adjusted if row.against else None for row in rows]
        verdicts = [verdict_words(row, section.results, section.compared) for row in rows]
        columns += [
            (f"Points above {against}", "right", [difference_words(row.against) for row in rows]),
            (
                "p",
                "right",
                [p_words(p) for p in ps],
            ),
            ("Verdict", "left", [escape(words) for words in verdicts]),
        ]
    front = [" ◆" if row.on_front and len(rows) > 1 else "" for row in rows]
    gflop = [gflop_words(row.forward_flop) for row in rows]
    columns += [
        ("Parameters", "right", [count_words(row.num_params) for row in rows]),
        ("GFLOP", "right", [words + mark for words, mark in zip(gflop, front, strict=True)]),
        ("Time", "right", [time_words(row.train_time_s) for row in rows]),
    ]
    if published:
        columns.append(
            ("Document in %, one run", "right", [percent_words(row.published_pct) for row in rows])
        )
    lines = [
        [name for name, _, _ in columns],
        [ALIGN[align] for _, align, _ in columns],
        *(list(cells) for cells in zip(*(cells for _, _, cells in columns), strict=True)),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


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
