"""A study's table as words in columns, and how to read them: no markup yet.

What markdown and LaTeX show alike is decided here.
"""

from dataclasses import dataclass
from typing import Literal

from vitbench.report.tables import Section
from vitbench.report.verdict import verdict_words
from vitbench.report.words import (
    accuracy_words,
    count_words,
    difference_words,
    gflop_words,
    interval_words,
    memory_words,
    p_words,
    percent_words,
    time_words,
)

DOCUMENT_LEGEND = (
    "Document: the number of the write-up that this study follows, one run of its own model and "
    "recipe, the best epoch on its test set."
)


@dataclass(frozen=True)
class Column:
    """A column of a study's table.

    Attributes:
        name: Its heading.
        align: left: anyone's words, which a format must escape; right: numbers of ours.
        cells: A cell for each variant.
    """

    name: str
    align: Literal["left", "right"]
    cells: list[str]


def one_line(text: str) -> str:
    """Text on one line, without characters that steer a terminal or turn the direction of text."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def study_columns(section: Section) -> list[Column]:
    """The table of a study; what compares is left out where nothing is compared."""
    rows = section.rows
    columns = [
        Column("Variant", "left", [row.label for row in rows]),
        Column("Test accuracy in %", "right", [accuracy_words(row) for row in rows]),
        Column("95% interval", "right", [interval_words(row.interval) for row in rows]),
        Column("Seeds", "right", [str(len(row.accuracy_by_seed)) for row in rows]),
    ]
    if section.compared.pairs:
        above = [difference_words(row.against) for row in rows]
        ps = [p_words(row.against.p_adjusted if row.against else None) for row in rows]
        verdicts = [verdict_words(row, section.results, section.compared) for row in rows]
        columns += [
            Column(f"Points above {section.reference}", "right", above),
            Column("p", "right", ps),
            Column("Verdict", "left", verdicts),
        ]
    front = [" ◆" if row.on_front and len(rows) > 1 else "" for row in rows]
    gflop = [gflop_words(row.forward_flop) for row in rows]
    columns += [
        Column("Parameters", "right", [count_words(row.num_params) for row in rows]),
        Column("GFLOP", "right", [words + mark for words, mark in zip(gflop, front, strict=True)]),
        Column("Time", "right", [time_words(row.train_time_s) for row in rows]),
    ]
    if any(row.peak_memory_bytes for row in rows):
        memory = [memory_words(row.peak_memory_bytes) for row in rows]
        columns.append(Column("Memory", "right", memory))
    if _published(section):
        document = [percent_words(row.published_pct) for row in rows]
        columns.append(Column("Document in %, one run", "right", document))
    return columns


def how_to_read(section: Section) -> str:
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
    if any(row.among_best for row in section.rows):
        words.append("Bold: the highest mean and all that are not shown to be below it.")
    words.append(
        "GFLOP: one image through the network, 2 per multiply-add; ◆ marks what no cheaper or "
        "equally dear variant exceeds. Time: the steps of one training."
    )
    if any(row.peak_memory_bytes for row in section.rows):
        words.append("Memory: the most in use in a training.")
    return " ".join([*words, DOCUMENT_LEGEND] if _published(section) else words)


def _published(section: Section) -> bool:
    return any(row.published_pct is not None for row in section.rows)
