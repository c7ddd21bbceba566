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

ClaimVerdict = Literal["holds", "does not hold", "within the margin", "cannot tell"]


@dataclass(frozen=True)
class JudgedClaim:
    """A tested claim.

    Attributes:
        text: The claim.
        verdict: Whether it holds; `within the margin` if the better variant is not worse, but the
            difference is shown to be too small to matter.
        reason: Why, in words.
        margin_pct: Differences below this many points do not matter.
    """

    text: str
    verdict: ClaimVerdict
    reason: str
    margin_pct: float

    @property
    def words(self) -> str:
        """The verdict as a sentence without its full stop."""
        if self.verdict == "within the margin":
            return f"Within {self.margin_pct:g} points: too little to matter"
        return self.verdict.capitalize()


def judge_claims(
    results: StudyResults, rows: Sequence[Row], compared: StudyComparisons
) -> tuple[JudgedClaim, ...]:
    """The claims of a study file, tested."""
    names = {row.key: row.short_label for row in rows}
    margin = results.study.margin_pct
    return tuple(_judge(claim, names, compared, margin) for claim in results.study.claims)


def _judge(
    claim: Claim, names: Mapping[str, str], compared: StudyComparisons, margin: float
) -> JudgedClaim:
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
    return JudgedClaim(claim.text, _verdict(known, bool(missing)), reason, margin)


def _verdict(pairs: Sequence[Comparison], some_missing: bool) -> ClaimVerdict:
    """The verdict on a claim from the comparisons of its variants, the better ones first."""
    if any(pair.verdict == "worse" for pair in pairs):
        return "does not hold"
    if some_missing:
        return "cannot tell"
    if all(pair.verdict == "better" for pair in pairs):
        return "holds"
    if all(pair.verdict == "better" or pair.within_margin for pair in pairs):
        return "within the margin"
    return "cannot tell"


def _pair_words(pair: Comparison, names: Mapping[str, str]) -> str:
    """A comparison in words: 2x2 vs 4x4: +4.35 points, better."""
    return (
        f"{names[pair.first]} vs {names[pair.second]}: {pair.difference_pct:+.2f} points, "
        f"{comparison_words(pair)}"
    )
