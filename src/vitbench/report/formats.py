"""Renderers, one registered function per format: a report in, text out."""

import re
from collections.abc import Iterable, Sequence

from vitbench.registry import FORMATS
from vitbench.report.rows import Row
from vitbench.report.tables import Report, Section
from vitbench.report.words import (
    accuracy_words,
    count_words,
    gflop_words,
    listed,
    percent_words,
    time_words,
)

# An underscore inside a word is plain as it is; at a word's end it would begin emphasis.
_SPECIAL = re.compile(r"([\\`*{}\[\]<>#|~$&]|(?<![^\W_])_|_(?![^\W_]))")
_AT_THE_START = re.compile(r"^(\d*)([-+=.)])")  # what would begin a list or a rule
LEGEND = (
    "Test accuracy: mean ± standard deviation over seeds. GFLOP: one image through the network, "
    "2 per multiply-add. Time: the steps of one training."
)
DOCUMENT_LEGEND = (
    " Document: the number of the write-up that this study follows, one run of its own model and "
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
        f"- **{escape(section.results.study.title)}**: {escape(section.finding)}"
        for section in report.sections
    ]
    return "\n".join(lines)


def _section(section: Section) -> str:
    results = section.results
    title = (
        results.study.title
        if results.dataset == "cifar10"
        else f"{results.study.title} on {results.dataset}"
    )
    published = any(row.published_pct is not None for row in section.rows)
    parts = [
        f"## {escape(title)}",
        f"{escape(section.varied)} {escape(section.held)}",
        _table(section.rows, published),
    ]
    parts += [
        f"{LEGEND}{DOCUMENT_LEGEND if published else ''}",
        f"**Key finding.** {escape(section.finding)}",
    ]
    if section.problems:
        parts.append("**Not in these averages, or to be known.**")
        parts.append(_bullets(section.problems))
    how = "; ".join(f"{name} {value}" for name, value in section.how.items())
    parts.append(f"**How it was run.** {escape(how)}.")
    if results.study.notes:
        parts += ["**Notes.**", _bullets(results.study.notes)]
    return "\n\n".join(parts)


def _table(rows: Sequence[Row], published: bool) -> str:
    columns = [
        ("Variant", "left", [escape(row.label) for row in rows]),
        ("Test accuracy in %", "right", [accuracy_words(row) for row in rows]),
        ("Seeds", "right", [str(len(row.accuracy_by_seed)) for row in rows]),
        ("Parameters", "right", [count_words(row.num_params) for row in rows]),
        ("GFLOP", "right", [gflop_words(row.forward_flop) for row in rows]),
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
