"""The table of a study as columns of text, and how to read it: no markup.

Markdown and LaTeX share this content.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from vitbench.report.numbers import (
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
from vitbench.report.reference import COLUMN as REFERENCE_STUDY
from vitbench.report.rows import Row
from vitbench.report.sections import Section
from vitbench.report.verdict import verdict_words


@dataclass(frozen=True)
class Column:
    """A column of a study's table.

    Attributes:
        name: Its heading.
        align: left: text of a user, which a format must escape; right: numbers.
        cells: One cell per variant.
        numbers: The cells as numbers, or None; empty in a text column.
    """

    name: str
    align: Literal["left", "right"]
    cells: list[str]
    numbers: Sequence[float | None] = ()


def one_line(text: str) -> str:
    """Text on one line, without control characters and changes of text direction."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def study_columns(section: Section) -> list[Column]:
    """The table of a study; comparisons are omitted if nothing is compared."""
    rows = section.rows

    def numbered(
        name: str, number: Callable[[Row], float | None], words: Callable[[Row], str]
    ) -> Column:
        return Column(name, "right", [words(row) for row in rows], [number(row) for row in rows])

    columns = [
        Column("Variant", "left", [row.label for row in rows]),
        numbered("Test accuracy in %", lambda row: row.mean_pct, accuracy_words),
        numbered(
            "95% interval",
            lambda row: row.interval[0] if row.interval else None,
            lambda row: interval_words(row.interval),
        ),
        numbered("Seeds", _num_seeds, lambda row: str(_num_seeds(row))),
    ]
    if section.compared.pairs:
        verdicts = [verdict_words(row, section.results, section.compared) for row in rows]
        columns += [
            numbered(
                f"Points above {section.reference}",
                lambda row: row.against.difference_pct if row.against else None,
                lambda row: difference_words(row.against),
            ),
            numbered("p", _p_adjusted, lambda row: p_words(_p_adjusted(row))),
            Column("Verdict", "left", verdicts),
        ]
    columns += [
        numbered("Parameters", lambda row: row.num_params, lambda row: count_words(row.num_params)),
        numbered(
            "GFLOP",
            lambda row: row.forward_flop,
            lambda row: gflop_words(row.forward_flop) + _front(row) * (len(rows) > 1),
        ),
        numbered("Time", lambda row: row.train_time_s, _time_words),
    ]
    if any(row.peak_memory_bytes for row in rows):
        columns.append(
            numbered(
                "Memory",
                lambda row: row.peak_memory_bytes,
                lambda row: memory_words(row.peak_memory_bytes),
            )
        )
    if section.has_published:
        columns.append(
            numbered(
                REFERENCE_STUDY,
                lambda row: row.published_pct,
                lambda row: percent_words(row.published_pct),
            )
        )
    return columns


def how_to_read(section: Section) -> str:
    """The meaning of the columns in this study."""
    several = any(row.sd_pct is not None for row in section.rows)
    num_pairs = max((pair.num_pairs for pair in section.compared.pairs), default=0)
    words = [
        "Test accuracy: mean ± standard deviation over seeds, with the 95% interval of the mean "
        "for new seeds and new images."
        if several
        else "Test accuracy: with its 95% interval (Wilson's), which includes the noise of test "
        "images but not of seeds."
    ]
    if num_pairs:
        method = " (after Dunnett's T3)" if several else ""
        words.append(
            f"Points above {section.reference}: the difference with its 95% interval. The "
            f"intervals of {_family_words(section, num_pairs)} hold together with 95% confidence"
            f"{method}, and p is adjusted in the same way."
            if num_pairs > 1
            else f"Points above {section.reference}: the difference with its 95% interval."
        )
    if any(row.among_best for row in section.rows):
        words.append("Bold: the highest mean, and all that are not significantly below it.")
    words.append("GFLOP: forward pass of one image, 2 FLOP per multiply-add.")
    if len(section.rows) > 1:
        if any(row.train_flop for row in section.rows):
            words.append("Training cost: FLOPs of one training run.")
        words.append(
            "◆ Cost-efficient: no variant of equal or lower cost is significantly more accurate."
        )
    words.append(
        "Time: the training steps of one run."
        if not any(row.timing for row in section.rows)
        else "Time: the training steps of one run. It was measured in different ways, given "
        "beside each time, so these times are not directly comparable."
    )
    if any(row.peak_memory_bytes for row in section.rows):
        words.append("Memory: the peak during training.")
    return " ".join(words)


def _family_words(section: Section, num_pairs: int) -> str:
    """The family of comparisons that intervals are adjusted for."""
    if section.results.study.comparisons == "reference":
        return f"all {num_pairs} comparisons with {section.reference}"
    return f"all {num_pairs} pairs of this study"


def _num_seeds(row: Row) -> int:
    return len(row.accuracy_by_seed)


def _p_adjusted(row: Row) -> float | None:
    return row.against.p_adjusted if row.against else None


def _time_words(row: Row) -> str:
    """Time of a run, and how it was measured if that differs within the study."""
    return time_words(row.train_time_s) + (f" ({row.timing})" if row.timing else "")


def _front(row: Row) -> str:
    """The mark of cost-efficient variants."""
    return " ◆" if row.on_front else ""
