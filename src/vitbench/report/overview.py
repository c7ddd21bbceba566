"""The differences of all studies on one axis."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from vitbench.report.numbers import difference_words
from vitbench.report.sections import Section
from vitbench.report.verdict import comparison_words

MOST_EFFECTS = 8  # of a study; the largest differences are shown
MOST_STUDIES = 12
TICKS = 7  # at most
STEPS = (1, 2, 5)


@dataclass(frozen=True)
class Effect:
    """A variant compared with the reference of its study.

    Attributes:
        label: The variant.
        difference_pct: Its accuracy minus the reference's, in points.
        interval: Simultaneous 95 % interval of that.
        kind: A verdict, or `equivalent`.
        numbers: Difference and interval in words.
        verdict: The verdict in words.
    """

    label: str
    difference_pct: float
    interval: tuple[float, float]
    kind: str
    numbers: str
    verdict: str


@dataclass(frozen=True)
class StudyEffects:
    """The differences of a study.

    Attributes:
        number: Its number in the report, from 0.
        title: Its title.
        reference: The variant with which the others are compared.
        effects: The differences, from the most positive.
        num_omitted: Smaller differences that are not shown.
    """

    number: int
    title: str
    reference: str
    effects: tuple[Effect, ...]
    num_omitted: int


@dataclass(frozen=True)
class Overview:
    """The differences of all studies on one axis.

    Attributes:
        studies: The studies that compare something.
        num_omitted: Further studies that are not shown.
        low: The left end of the axis, in points.
        high: The right end.
        ticks: Values with a line and a label.
    """

    studies: tuple[StudyEffects, ...]
    num_omitted: int
    low: float
    high: float
    ticks: tuple[float, ...]

    def place(self, value: float) -> float:
        """A value's position on the axis, in % of its length."""
        return 100 * (value - self.low) / (self.high - self.low)


def overview(sections: Sequence[Section]) -> Overview | None:
    """The differences of all studies from their references, or None if there are none."""
    compared = [
        study
        for number, section in enumerate(sections)
        if (study := _study_effects(number, section)).effects
    ]
    if not compared:
        return None
    shown = compared[:MOST_STUDIES]
    ends = [end for study in shown for effect in study.effects for end in effect.interval]
    low, high = min(0.0, *ends), max(0.0, *ends)
    edge = 0.03 * (high - low)
    step = _step(high - low)
    ticks = tuple(
        number * step
        for number in range(math.ceil((low - edge) / step), math.floor((high + edge) / step) + 1)
    )
    return Overview(tuple(shown), len(compared) - len(shown), low - edge, high + edge, ticks)


def _study_effects(number: int, section: Section) -> StudyEffects:
    """The largest differences of a study."""
    effects = [
        Effect(
            row.short_label,
            row.against.difference_pct,
            row.against.interval,
            row.against.kind,
            difference_words(row.against),
            comparison_words(row.against),
        )
        for row in section.rows
        if row.against is not None
    ]
    largest = sorted(effects, key=lambda effect: -abs(effect.difference_pct))[:MOST_EFFECTS]
    return StudyEffects(
        number,
        section.title,
        section.reference,
        tuple(sorted(largest, key=lambda effect: -effect.difference_pct)),
        len(effects) - len(largest),
    )


def _step(span: float) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that gives few enough ticks."""
    if not span:
        return 1.0
    power = 10.0 ** (math.floor(math.log10(span)) - 1)
    return next(
        size * power * scale
        for scale in (1, 10, 100)
        for size in STEPS
        if span / (size * power * scale) <= TICKS - 1
    )
