"""The sentences: who wins, by how much, how sure, at what cost.

All come from the comparisons of a study. "Better" is said where a simultaneous interval excludes
0, and "no difference" never: a difference that was not found may exist.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from vitbench.comparison.estimates import SeedsAndImages
from vitbench.comparison.pairs import StudyComparisons
from vitbench.comparison.verdict import Comparison
from vitbench.config.study import Claim
from vitbench.report.numbers import listed, number_words, p_words, runs_words
from vitbench.report.rows import Row
from vitbench.runs.schema import StudyResults

MOST_NAMED = 20  # of what a sentence lists; the table has all variants


@dataclass(frozen=True)
class JudgedClaim:
    """A conclusion, held against a study.

    Attributes:
        text: The conclusion.
        verdict: Whether the study bears it out.
        reason: Why, in words.
    """

    text: str
    verdict: Literal["holds", "does not hold", "cannot tell"]
    reason: str


def verdict_words(row: Row, results: StudyResults, compared: StudyComparisons) -> str:
    """The verdict of a row, against the reference."""
    if row.key in compared.excluded:
        why = compared.excluded[row.key]
        return why if not row.not_averaged.get("diverged") else f"{why}: no verdict"
    if row.key == results.study.reference_key:
        return "reference"
    return "not compared" if row.against is None else comparison_words(row.against)


def comparison_words(pair: Comparison) -> str:
    """A verdict with what belongs to it: the margin, or the width and the seeds it would take."""
    margin = f"{pair.margin_pct:g} points"
    if pair.within_margin:
        if pair.verdict == "inconclusive":
            return f"equivalent within {margin}"
        return f"{pair.verdict}, by less than {margin}"
    if pair.verdict != "inconclusive":
        return pair.verdict
    return f"inconclusive: {reach_words(pair)}"


def reach_words(pair: Comparison) -> str:
    """How wide an interval is, and how many seeds would bring it under the margin."""
    low, high = pair.interval
    width = f"±{(high - low) / 2:.2f}"
    if not isinstance(pair.estimate, SeedsAndImages):
        return f"{width}, one seed each"
    needed = pair.seeds_needed()
    if needed is None:
        return f"{width}; no number of seeds gives ±{pair.margin_pct:g}: the test set is too small"
    if needed <= len(pair.seeds):
        return width
    return f"{width}; ±{pair.margin_pct:g} would take about {needed} seeds"


def key_finding(rows: Sequence[Row], compared: StudyComparisons) -> str:
    """What a study found: the best variant, what it beats, and from what it does not differ."""
    by_key = {row.key: row for row in rows}
    told = [
        f"{by_key[key].short_label}: {why}, so it is not compared."
        for key, why in compared.excluded.items()
        if by_key[key].not_averaged.get("diverged")
    ]
    means = {row.key: row.mean_pct for row in rows if row.mean_pct is not None}
    ranked = sorted(means, key=lambda key: -means[key])
    compared_keys = {key for pair in compared.pairs for key in (pair.first, pair.second)}
    ranked_compared = [key for key in ranked if key in compared_keys]
    if len(ranked_compared) > 1:
        return " ".join([*_best_words(by_key, ranked_compared, compared), *told])
    if not ranked:
        return "No run has finished successfully yet."
    row = by_key[ranked[0]]
    alone = "there is nothing to compare it with." if len(ranked) == 1 else "nothing is compared."
    return " ".join(
        [f"{row.short_label} reached {row.mean_pct:.2f} % ({_seeds(row)}); {alone}", *told]
    )


def _best_words(
    rows: Mapping[str, Row], ranked: Sequence[str], compared: StudyComparisons
) -> list[str]:
    """Sentences about the best of the variants, in order of their means."""
    best, *others = ranked
    pairs = [pair for key in others if (pair := compared.between(best, key)) is not None]
    name = rows[best].short_label
    if not any(isinstance(pair.estimate, SeedsAndImages) for pair in pairs):
        return _checkpoint_words(name, rows, pairs)
    beaten = [pair for pair in pairs if pair.verdict == "better"]
    unclear = [pair for pair in pairs if pair.verdict == "inconclusive"]
    sentences = []
    if beaten:
        said = [_beats_words(pair, rows, first=pair is beaten[0]) for pair in beaten]
        sentences.append(f"{name} beats {listed(said, MOST_NAMED)}.")
    else:
        sentences.append(
            f"{name} has the highest mean, {rows[best].mean_pct:.2f} %, and is not shown to be "
            "better than any other."
        )
    if unclear:
        said = [f"{rows[pair.second].short_label} ({_not_apart_words(pair)})" for pair in unclear]
        sentences.append(f"Not significantly different from {listed(said, MOST_NAMED)}.")
    return sentences + _further_words(rows, ranked, compared, best)


def _further_words(
    rows: Mapping[str, Row], ranked: Sequence[str], compared: StudyComparisons, best: str
) -> list[str]:
    """Other significant differences: pairs without the best one."""
    found = []
    for place, first in enumerate(ranked):
        for second in ranked[place + 1 :]:
            pair = compared.between(first, second) if best not in (first, second) else None
            if pair is not None and pair.verdict == "better":
                found.append(f"{rows[first].short_label} above {rows[second].short_label}")
    return [f"Other significant differences: {listed(found, MOST_NAMED)}."] if found else []


def _beats_words(pair: Comparison, rows: Mapping[str, Row], first: bool) -> str:
    """A variant beaten: by how much, how sure, at what cost."""
    low, high = pair.interval
    what = "simultaneous 95% CI " if first else ""
    seeds = f", {runs_words(len(pair.seeds))}" if first else ""
    cost = _cost_words(rows[pair.first], rows[pair.second])
    less = f", less than {pair.margin_pct:g}" if pair.within_margin else ""
    return (
        f"{rows[pair.second].short_label} by {pair.difference_pct:.2f} points "
        f"({what}{low:.2f} to {high:.2f}{seeds}{less}){cost}"
    )


def _not_apart_words(pair: Comparison) -> str:
    low, high = pair.interval
    equivalent = f"; within {pair.margin_pct:g} points of each other" * pair.within_margin
    return f"{pair.difference_pct:+.2f}, {low:+.2f} to {high:+.2f}{equivalent}"


def _checkpoint_words(name: str, rows: Mapping[str, Row], pairs: Sequence[Comparison]) -> list[str]:
    """One seed each: about trained models, not about choices."""
    apart = [pair for pair in pairs if pair.verdict == "checkpoints differ"]
    one = "One seed each, so this compares trained models, not choices:"
    if not apart:
        return [
            f"{one} {name} has the most correct answers, but not significantly more than any other."
        ]
    said = [
        f"{rows[pair.second].short_label} by {pair.difference_pct:.2f} points "
        f"(adjusted p {p_words(pair.p_adjusted)})"
        for pair in apart
    ]
    sentences = [f"{one} {name} has more correct answers than {listed(said, MOST_NAMED)}."]
    unclear = [rows[pair.second].short_label for pair in pairs if pair.verdict == "inconclusive"]
    if unclear:
        sentences.append(f"Not significantly different from {listed(unclear, MOST_NAMED)}.")
    return [*sentences, "Other seeds may give another result."]


def _cost_words(row: Row, other: Row) -> str:
    """The ratio of their training FLOPs, where it is known and is not one."""
    if not row.train_flop or not other.train_flop or row.train_flop == other.train_flop:
        return ""
    ratio = row.train_flop / other.train_flop
    if abs(ratio - 1) < 0.005:
        return " at about the same training FLOPs"
    return f" at {number_words(ratio, 3 if ratio >= 1 else 2)} times the training FLOPs"


def _seeds(row: Row) -> str:
    return runs_words(len(row.accuracy_by_seed))


def judge_claims(
    results: StudyResults, rows: Sequence[Row], compared: StudyComparisons
) -> tuple[JudgedClaim, ...]:
    """The conclusions that its file names, held against a study."""
    names = {row.key: row.short_label for row in rows}
    return tuple(_judge(claim, names, compared) for claim in results.study.claims)


def _judge(claim: Claim, names: Mapping[str, str], compared: StudyComparisons) -> JudgedClaim:
    pairs = {
        (better, worse): compared.between(better, worse)
        for better in claim.better
        for worse in claim.worse
    }
    known = [pair for pair in pairs.values() if pair is not None]
    missing = [
        f"{names[better]} and {names[worse]} cannot be compared"
        for (better, worse), pair in pairs.items()
        if pair is None
    ]
    by_better = groupby(known, key=lambda pair: pair.first)
    reasons = [f"{names[key]}: {_against(group, names)}" for key, group in by_better]
    reason = "; ".join([*reasons, *missing])
    if any(_refutes(pair) for pair in known):
        return JudgedClaim(claim.text, "does not hold", reason)
    if not missing and all(pair.verdict == "better" for pair in known):
        return JudgedClaim(claim.text, "holds", reason)
    return JudgedClaim(claim.text, "cannot tell", reason)


def _against(pairs: Iterable[Comparison], names: Mapping[str, str]) -> str:
    """What one variant is compared with, and what comes of it."""
    return "; ".join(
        f"against {names[pair.second]} {pair.difference_pct:+.2f} points, {comparison_words(pair)}"
        for pair in pairs
    )


def _refutes(pair: Comparison) -> bool:
    """Whether what was said to be better is worse, or equivalent."""
    return pair.verdict == "worse" or (pair.verdict == "inconclusive" and pair.within_margin)
