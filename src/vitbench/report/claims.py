"""Claims of a study file, tested with its results."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from vitbench.comparison.pairs import StudyComparisons
from vitbench.comparison.verdict import Comparison
from vitbench.config.study import Claim
from vitbench.report.rows import Row
from vitbench.report.verdict import comparison_words
from vitbench.runs.schema import StudyResults


@dataclass(frozen=True)
class JudgedClaim:
    """A tested claim.

    Attributes:
        text: The claim.
        verdict: Whether it holds.
        reason: Why, in words.
    """

    text: str
    verdict: Literal["holds", "does not hold", "cannot tell"]
    reason: str


def judge_claims(
    results: StudyResults, rows: Sequence[Row], compared: StudyComparisons
) -> tuple[JudgedClaim, ...]:
    """The claims of a study file, tested."""
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
    reason = "; ".join([*(_pair_words(pair, names) for pair in known), *missing])
    if any(_refutes(pair) for pair in known):
        return JudgedClaim(claim.text, "does not hold", reason)
    if not missing and all(pair.verdict == "better" for pair in known):
        return JudgedClaim(claim.text, "holds", reason)
    return JudgedClaim(claim.text, "cannot tell", reason)


def _pair_words(pair: Comparison, names: Mapping[str, str]) -> str:
    """A comparison in words: 2x2 vs 4x4: +4.35 points, better."""
    return (
        f"{names[pair.first]} vs {names[pair.second]}: {pair.difference_pct:+.2f} points, "
        f"{comparison_words(pair)}"
    )


def _refutes(pair: Comparison) -> bool:
    """Whether the claimed better variant is worse or equivalent."""
    return pair.verdict == "worse" or (pair.verdict == "inconclusive" and pair.within_margin)
