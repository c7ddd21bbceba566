"""Requirements on results: `A > B` and `A within B`, shown by the intervals of a report."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from vitbench.comparison.verdict import Comparison
from vitbench.errors import UnknownNameError, UsageError, shortened
from vitbench.report.numbers import difference_words
from vitbench.report.sections import Report, Section
from vitbench.report.verdict import comparison_words

FORMS = "'A > B' or 'A within B', with 'STUDY: ' before it if several studies have these variants"
_FORM = re.compile(r"(?:(?P<study>[^:]+):)?(?P<first>.+?)\s+(?P<sign>>|within)\s+(?P<second>.+)")


@dataclass(frozen=True)
class Requirement:
    """A comparison that results must show.

    Attributes:
        text: As it was given.
        study: Name of the study, or None for the only one that has both variants.
        first: Key or label of a variant.
        second: Key or label of another.
        sign: `>`: the first is better; `within`: they differ by less than the margin.
    """

    text: str
    study: str | None
    first: str
    second: str
    sign: str


def parse_requirement(text: str) -> Requirement:
    """A requirement from its text.

    Raises:
        UsageError: It has another form.
    """
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"--require {shortened(repr(text))}: write {FORMS}")
    study = found["study"].strip() if found["study"] else None
    return Requirement(text, study, found["first"].strip(), found["second"].strip(), found["sign"])


def unmet(report: Report, requirements: Sequence[Requirement]) -> list[str]:
    """A line for each requirement that the results do not show.

    Raises:
        UsageError: A study or a variant is unknown, or several studies have both variants.
    """
    return [line for requirement in requirements if (line := _unmet(report, requirement))]


def _unmet(report: Report, requirement: Requirement) -> str:
    section = _section(report, requirement)
    first, second = (_key(section, name) for name in (requirement.first, requirement.second))
    if first == second:
        raise UsageError(f"--require {requirement.text!r}: it compares a variant with itself")
    pair = section.compared.between(first, second)
    if pair is None:
        return f"{requirement.text}: not shown, the two are not compared"
    if _is_shown(pair, requirement.sign):
        return ""
    return f"{requirement.text}: not shown, {difference_words(pair)}, {comparison_words(pair)}"


def _is_shown(pair: Comparison, sign: str) -> bool:
    return pair.verdict == "better" if sign == ">" else pair.within_margin


def _section(report: Report, requirement: Requirement) -> Section:
    """The section that a requirement is about."""
    named = requirement.study
    studies = [section.results.study.name for section in report.sections]
    if named is not None and named not in studies:
        raise UnknownNameError("study", named, studies)
    possible = [s for s in report.sections if named in (None, s.results.study.name)]
    both = [
        section
        for section in possible
        if {requirement.first, requirement.second} <= _keys(section).keys()
    ]
    if len(both) == 1:
        return both[0]
    if both:
        names = ", ".join(section.results.study.name for section in both)
        raise UsageError(f"--require {requirement.text!r}: write 'STUDY: ' before it; {names}")
    if len(possible) == 1:
        return possible[0]  # the unknown variant is named there
    known = [key for section in possible for key in _keys(section)]
    for name in (requirement.first, requirement.second):
        if name not in known:
            raise UnknownNameError("variant", name, known)
    raise UsageError(f"--require {requirement.text!r}: no study has both variants")


def _keys(section: Section) -> dict[str, str]:
    """Keys of variants by their names: keys and labels."""
    variants = section.results.study.variants
    short = section.results.study.short_labels
    names = {variant.label: variant.key for variant in variants}
    names |= {short[variant.key]: variant.key for variant in variants}
    return names | {variant.key: variant.key for variant in variants}


def _key(section: Section, name: str) -> str:
    keys = _keys(section)
    if name not in keys:
        names = [variant.key for variant in section.results.study.variants]
        raise UnknownNameError("variant", name, names)
    return keys[name]
