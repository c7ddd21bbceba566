"""Verdicts in words: of a row in a table, and of a pair of variants."""

from vitbench.comparison.estimates import SeedsAndImages
from vitbench.comparison.pairs import StudyComparisons
from vitbench.comparison.proportions import undetected_failure_rate
from vitbench.comparison.verdict import Comparison
from vitbench.report.rows import Row
from vitbench.runs.schema import StudyResults


def verdict_words(row: Row, results: StudyResults, compared: StudyComparisons) -> str:
    """The verdict of a row, compared with the reference."""
    if row.key in compared.excluded:
        reason = compared.excluded[row.key]
        return f"{reason}: no verdict" if row.not_averaged.get("diverged") else reason
    if row.key == results.study.reference_key:
        return "reference"
    return "not compared" if row.against is None else comparison_words(row.against)


def comparison_words(pair: Comparison) -> str:
    """A verdict with its margin, or with the width and the seeds needed."""
    margin = f"{pair.margin_pct:g} points"
    if pair.within_margin:
        if pair.verdict == "inconclusive":
            return f"equivalent within {margin}{failing_words(pair)}"
        return f"{pair.verdict}, by less than {margin}"
    if pair.verdict != "inconclusive":
        return pair.verdict
    return f"inconclusive: {width_words(pair)}"


def width_words(pair: Comparison) -> str:
    """The half-width of an interval, and the seeds that would bring it below the margin."""
    low, high = pair.interval
    width = f"±{(high - low) / 2:.2f}"
    if not isinstance(pair.estimate, SeedsAndImages):
        return f"{width}, one seed each"
    needed = pair.seeds_needed()
    if needed is None:
        return f"{width}; ±{pair.margin_pct:g} needs a larger test set"
    if needed[1] is not None and needed[1] <= pair.estimate.num_seeds:
        return width
    return f"{width}; ±{pair.margin_pct:g} needs {seed_range_words(needed)}"


def seed_range_words(needed: tuple[int, int | None]) -> str:
    """A range of numbers of seeds: 25 to 201 seeds, over 25 seeds, 4 seeds."""
    low, high = needed
    if high is None:
        return f"{low} or more seeds"
    return f"{low} to {high} seeds" if high > low else f"{low} seeds"


def failing_words(pair: Comparison) -> str:
    """What seeds without a failure do not exclude, beside an equivalence."""
    rate = undetected_failure_rate(min(len(pair.first_seeds), len(pair.second_seeds)))
    return f", unless seeds fail (up to {rate:.0%} may)"
