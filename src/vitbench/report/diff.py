"""The comparison of two sides in words: a title, the rows of a table, and notes."""

from vitbench.comparison.diff import USEFUL_PCT, WIDE_PCT, SideComparison
from vitbench.comparison.verdict import Comparison
from vitbench.report.numbers import interval_words, p_words, pair_seeds_words
from vitbench.report.verdict import comparison_words, seed_range_words

COLUMNS = ("images", "points", "95% interval", "p", "verdict")


def diff_title(result: SideComparison) -> str:
    """What is compared, and over how many seeds."""
    seeds = pair_seeds_words(result.overall)
    return f"{result.first.label} compared with {result.second.label}, {seeds}"


def diff_rows(result: SideComparison) -> list[tuple[str, ...]]:
    """A row for all images, and one for each class with an informative interval."""
    rows = [_row("all", result.overall)]
    return rows + [_row(name, pair) for name, pair in result.informative_classes.items()]


def diff_notes(result: SideComparison) -> list[str]:
    """Sentences below the table: the family of intervals, and classes without a row."""
    notes = []
    if result.informative_classes:
        notes.append(
            f"Classes: intervals and p-values are adjusted for all {len(result.classes)} classes."
        )
    if len(result.informative_classes) < len(result.classes):
        notes.append(_too_few_words(result))
    return notes


def _row(name: str, pair: Comparison) -> tuple[str, ...]:
    return (
        name,
        f"{pair.difference_pct:+.2f}",
        interval_words(pair.interval),
        p_words(pair.p_adjusted),
        comparison_words(pair),
    )


def _too_few_words(result: SideComparison) -> str:
    """Why some classes have no row, and what would help."""
    num, all_ = len(result.classes) - len(result.informative_classes), len(result.classes)
    which = "classes" if num == all_ else f"{num} of {all_} classes"
    wide = f"for {which}: their intervals are wider than ±{WIDE_PCT:g} points"
    needed = result.seeds_for_classes()
    if len(result.overall.seeds) == 1:
        return f"too few test images {wide}"
    if needed is None:
        return f"too few test images {wide}, and more seeds do not help"
    return (
        f"too few seeds {wide}; {seed_range_words(needed)} would bring most within ±{USEFUL_PCT:g}"
    )
