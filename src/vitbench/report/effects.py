"""Main effects and interactions in words."""

from collections.abc import Sequence

from vitbench.comparison.factorial import Effect
from vitbench.report.numbers import interval_words, p_words

COLUMNS = ("Effect", "Points", "95% interval", "p")
TITLE = "Main effects and interactions"
INTRODUCTION = (
    "A main effect is the mean difference of a level from the first level of its factor, over "
    "the levels of the other factors. An interaction is how much that difference changes with the "
    "level of the other factor. The intervals of all main effects hold together with 95% "
    "confidence, and so do those of all interactions."
)


def effect_name(effect: Effect) -> str:
    """What an effect compares: Position: 1D learned above No position."""
    (factor, level), *others = effect.levels
    name = f"{factor.title}: {level.label} above {factor.levels[0].label}"
    changes = "".join(
        f", {factor.title}: {level.label} minus {factor.levels[0].label}"
        for factor, level in others
    )
    return name + changes


def effect_cells(effect: Effect) -> tuple[str, str, str, str]:
    """The cells of a row under COLUMNS."""
    return (
        effect_name(effect),
        f"{effect.estimate.value:+.2f}",
        interval_words(effect.interval),
        p_words(effect.p_adjusted),
    )


def interaction_sentences(found: Sequence[Effect]) -> list[str]:
    """A sentence for each significant interaction of two factors, or one that there is none."""
    interactions = [effect for effect in found if effect.is_interaction]
    if not interactions:
        return []
    significant = [
        effect for effect in interactions if effect.is_significant and len(effect.levels) == 2
    ]
    if not significant:
        return ["No interaction is significant."]
    return [_interaction_words(effect) for effect in significant]


def _interaction_words(effect: Effect) -> str:
    (factor, level), (other, at) = effect.levels
    value, (low, high) = effect.estimate.value, effect.interval
    more = "larger" if value > 0 else "smaller"
    ends = sorted((abs(low), abs(high)))
    p = p_words(effect.p_adjusted)
    return (
        f"Interaction: the difference of {level.label} from {factor.levels[0].label} is "
        f"{abs(value):.2f} points {more} with {at.label} than with {other.levels[0].label} "
        f"(95% CI {ends[0]:.2f} to {ends[1]:.2f}, p {p if p.startswith('<') else f'= {p}'})."
    )
