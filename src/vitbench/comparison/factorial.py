"""Main effects and interactions of a factorial study."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from vitbench.comparison.contrasts import contrast_estimate
from vitbench.comparison.estimates import SeedsAndImages
from vitbench.comparison.multiplicity import LEVEL, Family
from vitbench.comparison.predictions import Correct, correct_predictions
from vitbench.config.study import Factor, Level, StudySpec
from vitbench.runs.schema import StudyResults

Levels = tuple[tuple[Factor, Level], ...]
Cell = tuple[str, ...]  # a level of each factor


@dataclass(frozen=True)
class Effect:
    """A main effect or an interaction, relative to the first level of each of its factors.

    A main effect is the mean difference of a level from the first one, over the levels of the other
    factors. An interaction of two is how much that difference changes with the level of the other
    factor; of three, how much that change changes.

    Attributes:
        levels: A factor and its level: one for a main effect, more for an interaction.
        estimate: The effect, in points.
        family: All main effects, or all interactions, of the study.
    """

    levels: Levels
    estimate: SeedsAndImages
    family: Family

    @property
    def is_interaction(self) -> bool:
        """Whether it has more than one factor."""
        return len(self.levels) > 1

    @cached_property
    def interval(self) -> tuple[float, float]:
        """Simultaneous 95 % interval over its family, in points."""
        return self.estimate.interval(LEVEL, self.family)

    @cached_property
    def p_adjusted(self) -> float:
        """Adjusted p of no effect: below 0.05 exactly if `interval` excludes 0."""
        return self.estimate.p_value(self.family)

    @property
    def is_significant(self) -> bool:
        """Whether the simultaneous interval excludes 0."""
        low, high = self.interval
        return low > 0 or high < 0


def effects(results: StudyResults) -> tuple[Effect, ...]:
    """Main effects, then interactions, as far as their cells have at least two seeds.

    Raises:
        FileError: The predictions of a run are damaged, or of another test set.
    """
    study = results.study
    if not study.factors:
        return ()
    correct = correct_predictions(results)
    diverged = {run.variant for run in results.runs if run.status == "diverged"}
    cells = {
        tuple(variant.cell[factor.name] for factor in study.factors): correct[variant.key]
        for variant in study.variants
        if len(correct.get(variant.key, {})) > 1 and variant.key not in diverged
    }
    found: list[Effect] = []
    for interactions in (False, True):
        estimates = [
            (levels, estimate)
            for levels in _all_levels(study, interactions)
            if (estimate := _estimate(study, levels, cells)) is not None
        ]
        family = Family.separate(max(len(estimates), 1))
        found += [Effect(levels, estimate, family) for levels, estimate in estimates]
    return tuple(found)


def _all_levels(study: StudySpec, interactions: bool) -> Iterator[Levels]:
    """The levels of every main effect, or of every interaction."""
    numbers = range(2, len(study.factors) + 1) if interactions else (1,)
    for number in numbers:
        for factors in itertools.combinations(study.factors, number):
            for levels in itertools.product(*(factor.levels[1:] for factor in factors)):
                yield tuple(zip(factors, levels, strict=True))


def _estimate(
    study: StudySpec, levels: Levels, cells: Mapping[Cell, Mapping[int, Correct]]
) -> SeedsAndImages | None:
    """The contrast of an effect; None if it has no complete set of cells."""
    inside = {factor.name: level.key for factor, level in levels}
    others = [factor for factor in study.factors if factor.name not in inside]
    weights: dict[Cell, float] = {}
    num_complete = 0
    for rest in itertools.product(*(factor.levels for factor in others)):
        outside = {factor.name: level.key for factor, level in zip(others, rest, strict=True)}
        signs = dict(_signs(study, levels, outside))
        if all(cell in cells for cell in signs):
            num_complete += 1
            weights |= signs
    if not num_complete:
        return None
    tables = [np.stack(list(cells[cell].values())) for cell in weights]
    return contrast_estimate(tables, [sign / num_complete for sign in weights.values()])


def _signs(
    study: StudySpec, levels: Levels, outside: Mapping[str, str]
) -> Iterator[tuple[Cell, float]]:
    """The cells of an effect at levels of the other factors, each with 1 or -1."""
    choices: Sequence[Sequence[tuple[str, int]]] = [
        [(level.key, 1), (factor.levels[0].key, -1)] for factor, level in levels
    ]
    for chosen in itertools.product(*choices):
        named = dict(outside)
        for (factor, _), (key, _) in zip(levels, chosen, strict=True):
            named[factor.name] = key
        cell = tuple(named[factor.name] for factor in study.factors)
        yield cell, float(math.prod(sign for _, sign in chosen))
