"""The key finding of a study: which variant is best, by how much, and at what cost.

A variant is called better if the simultaneous interval excludes 0. "No difference" is never said: a
difference that was not found may exist.
"""

from collections.abc import Mapping, Sequence

from vitbench.comparison.estimates import SeedsAndImages
from vitbench.comparison.pairs import StudyComparisons
from vitbench.comparison.verdict import Comparison
from vitbench.report.numbers import listed, number_words, p_words, pair_seeds_words, runs_words
from vitbench.report.rows import Row
from vitbench.report.verdict import failing_words

MOST_NAMED = 20  # items in a sentence; the table has all variants
SAME_COST = 0.005  # relative difference below which training costs are called about the same


def key_finding(rows: Sequence[Row], compared: StudyComparisons) -> str:
    """The key finding: the best variant, what it beats, and what it does not differ from."""
    by_key = {row.key: row for row in rows}
    excluded = [
        f"{by_key[key].short_label}: {reason}, so it is not compared."
        for key, reason in compared.excluded.items()
        if by_key[key].not_averaged.get("diverged")
    ]
    means = {row.key: row.mean_pct for row in rows if row.mean_pct is not None}
    ranked = sorted(means, key=lambda key: -means[key])
    compared_keys = {key for pair in compared.pairs for key in (pair.first, pair.second)}
    ranked_compared = [key for key in ranked if key in compared_keys]
    if len(ranked_compared) > 1:
        return " ".join([*_best_sentences(by_key, ranked_compared, compared), *excluded])
    if not ranked:
        return "No run has finished successfully yet."
    row = by_key[ranked[0]]
    seeds = runs_words(len(row.accuracy_by_seed))
    alone = "there is nothing to compare it with." if len(ranked) == 1 else "nothing is compared."
    reached = f"{row.short_label} reached {row.mean_pct:.2f} % ({seeds}); {alone}"
    return " ".join([reached, *excluded])


def _best_sentences(
    rows: Mapping[str, Row], ranked: Sequence[str], compared: StudyComparisons
) -> list[str]:
    """Sentences about the best of the ranked variants."""
    best, *others = ranked
    pairs = [pair for key in others if (pair := compared.between(best, key)) is not None]
    name = rows[best].short_label
    if not any(isinstance(pair.estimate, SeedsAndImages) for pair in pairs):
        return _one_seed_sentences(name, rows, pairs)
    beaten = [pair for pair in pairs if pair.verdict == "better"]
    unclear = [pair for pair in pairs if pair.verdict == "inconclusive"]
    sentences = []
    if beaten:
        items = [_beaten_words(pair, rows, first=pair is beaten[0]) for pair in beaten]
        sentences.append(f"{name} beats {listed(items, MOST_NAMED)}.")
    else:
        sentences.append(
            f"{name} has the highest mean, {rows[best].mean_pct:.2f} %, but is not significantly "
            f"better than {'any other variant' if len(pairs) == len(others) else 'the reference'}."
        )
    if unclear:
        items = [_unclear_words(pair, rows, first=pair is unclear[0]) for pair in unclear]
        sentences.append(f"It is not significantly different from {listed(items, MOST_NAMED)}.")
    return sentences + _other_differences(rows, ranked, compared)


def _other_differences(
    rows: Mapping[str, Row], ranked: Sequence[str], compared: StudyComparisons
) -> list[str]:
    """A sentence about significant differences without the best variant, if there are any."""
    others = ranked[1:]
    items = [
        f"{rows[first].short_label} above {rows[second].short_label}"
        for index, first in enumerate(others)
        for second in others[index + 1 :]
        if (pair := compared.between(first, second)) is not None and pair.verdict == "better"
    ]
    return [f"Other significant differences: {listed(items, MOST_NAMED)}."] if items else []


def _beaten_words(pair: Comparison, rows: Mapping[str, Row], first: bool) -> str:
    """A beaten variant: difference, interval, p and cost; units and seeds in the first one only."""
    low, high = pair.interval
    level = "95% CI " if first else ""
    seeds = f"{pair_seeds_words(pair)}, " if first else ""
    margin = f", less than {pair.margin_pct:g} points" if pair.within_margin else ""
    return (
        f"{rows[pair.second].short_label} by {pair.difference_pct:.2f} points "
        f"({level}{low:.2f} to {high:.2f}, {seeds}{_p_words(pair)}{margin})"
        f"{_cost_words(rows[pair.first], rows[pair.second])}"
    )


def _unclear_words(pair: Comparison, rows: Mapping[str, Row], first: bool) -> str:
    """A variant that is not significantly different: difference, interval and equivalence."""
    low, high = pair.interval
    points, level = (" points", "95% CI ") if first else ("", "")
    equivalent = ""
    if pair.within_margin:
        equivalent = f"; equivalent within {pair.margin_pct:g} points{failing_words(pair)}"
    return (
        f"{rows[pair.second].short_label} ({pair.difference_pct:+.2f}{points}, "
        f"{level}{low:+.2f} to {high:+.2f}{equivalent})"
    )


def _one_seed_sentences(
    name: str, rows: Mapping[str, Row], pairs: Sequence[Comparison]
) -> list[str]:
    """Sentences for one seed each: about trained models, not about choices."""
    different = [pair for pair in pairs if pair.verdict == "checkpoints differ"]
    start = "One seed each, so this compares trained models, not choices:"
    if not different:
        return [
            f"{start} {name} has the highest accuracy, but is not significantly more accurate than "
            "any other."
        ]
    items = [
        f"{rows[pair.second].short_label} by {pair.difference_pct:.2f} points ({_p_words(pair)})"
        for pair in different
    ]
    sentences = [f"{start} {name} is more accurate than {listed(items, MOST_NAMED)}."]
    unclear = [rows[pair.second].short_label for pair in pairs if pair.verdict == "inconclusive"]
    if unclear:
        names = listed(unclear, MOST_NAMED)
        sentences.append(f"It is not significantly different from {names}.")
    return [*sentences, "Other seeds may give another result."]


def _p_words(pair: Comparison) -> str:
    """The adjusted p: p = 0.022, p < 0.0001."""
    words = p_words(pair.p_adjusted)
    return f"p {words}" if words.startswith("<") else f"p = {words}"


def _cost_words(row: Row, other: Row) -> str:
    """The ratio of their training FLOPs, if it is known and not 1."""
    if not row.train_flop or not other.train_flop or row.train_flop == other.train_flop:
        return ""
    ratio = row.train_flop / other.train_flop
    if abs(ratio - 1) < SAME_COST:
        return " at about the same training cost"
    return f" at {number_words(ratio, 3 if ratio >= 1 else 2)}x the training cost"
