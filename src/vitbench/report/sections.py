"""The sections of a report: rows and plain sentences, without markup."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vitbench.comparison.factorial import Effect, effects
from vitbench.comparison.pairs import StudyComparisons, compare_study
from vitbench.config.study import study_names
from vitbench.report.claims import JudgedClaim, judge_claims
from vitbench.report.conditions import held_sentence, how_it_was_run, varied_sentence
from vitbench.report.effects import interaction_sentences
from vitbench.report.finding import key_finding
from vitbench.report.limits import limits
from vitbench.report.numbers import listed, not_averaged_words
from vitbench.report.reference import CONCLUSIONS
from vitbench.report.rows import Row, study_rows
from vitbench.runs.results import check_runs_belong
from vitbench.runs.schema import StudyResults, StudyRun

FAR_PCT = 5.0  # points from the siblings of a run above which it may be named
FAR_SPREADS = 4.0  # the same in multiples of their range


@dataclass(frozen=True)
class Section:
    """A study in a report.

    Attributes:
        results: Its results file.
        compared: All pairs of its variants.
        rows: Its table.
        varied: What was varied, a sentence.
        held: What is the same for all variants, a sentence.
        finding: Its key finding.
        claims: The claims of its study file, tested.
        effects: Main effects and interactions of a factorial study.
        limits: Its limits.
        how: How it was run: facts by name.
        problems: Missing, failed and diverged runs, one sentence each.
        figures: Its figures as SVG, by name; only for an HTML page.
    """

    results: StudyResults
    compared: StudyComparisons
    rows: tuple[Row, ...]
    varied: str
    held: str
    finding: str
    claims: tuple[JudgedClaim, ...]
    effects: tuple[Effect, ...]
    limits: tuple[str, ...]
    how: dict[str, str]
    problems: tuple[str, ...]
    figures: dict[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The title of the study, with its data set unless it is CIFAR-10."""
        study, dataset = self.results.study, self.results.dataset
        return study.title if dataset == "cifar10" else f"{study.title} on {dataset}"

    @property
    def reference(self) -> str:
        """Name of the variant that the others are compared with."""
        return self.results.study.short_labels[self.results.study.reference_key]

    @property
    def claims_title(self) -> str:
        """The heading of its claims: those of the reference study, or others."""
        return CONCLUSIONS if self.has_published else "Claims"

    @property
    def has_published(self) -> bool:
        """Whether numbers of the reference study are shown."""
        return any(row.published_pct is not None for row in self.rows)

    @property
    def notes(self) -> tuple[str, ...]:
        """The notes of its file; those on the reference study only beside its numbers."""
        study = self.results.study
        return (*study.notes, *(study.published_notes if self.has_published else ()))


@dataclass(frozen=True)
class Report:
    """All studies, and pictures to link.

    Attributes:
        sections: The studies, the four of the reference study first.
        pictures: Paths of PNG files, relative to the report, by folder.
    """

    sections: tuple[Section, ...]
    pictures: dict[str, tuple[str, ...]]

    @property
    def has_published(self) -> bool:
        """Whether numbers of the reference study are shown in any section."""
        return any(section.has_published for section in self.sections)

    @property
    def summary(self) -> str:
        """The number of studies and runs, and how accuracy was measured."""
        num_studies = len(self.sections)
        num_runs = sum(len(section.results.runs) for section in self.sections)
        studies = "1 study" if num_studies == 1 else f"{num_studies} studies"
        runs = "1 run" if num_runs == 1 else f"{num_runs} runs"
        datasets = listed(sorted({section.results.dataset for section in self.sections}))
        trained_here = all(section.results.base for section in self.sections)
        when = ", measured once, after the last epoch" if trained_here else ""
        sentences = [
            f"{studies}, {runs}, on {datasets}.",
            f"Accuracies are top-1 on the whole test set{when}.",
        ]
        num_distinct = len(
            {run.identity for section in self.sections for run in section.results.runs}
        )
        if num_distinct < num_runs:
            sentences[0] = f"{studies}, {runs} ({num_distinct} distinct), on {datasets}."
        families = sum(bool(section.compared.pairs) for section in self.sections)
        if any(pair.num_pairs > 1 for section in self.sections for pair in section.compared.pairs):
            sentences.append(
                "Confidence intervals (95% CI) of differences are simultaneous over the "
                "comparisons of a study, and p-values are adjusted in the same way."
            )
        if families > 1:
            sentences.append(
                f"The {families} studies are {families} families, each with its own 95%."
            )
        return " ".join(sentences)


def build_report(
    studies: Sequence[StudyResults], pictures: Sequence[Path] = (), beside: Path = Path()
) -> Report:
    """A report of several studies.

    Args:
        studies: Their results.
        pictures: PNG files to link.
        beside: Folder of the report; links are relative to it.
    """
    known = study_names()
    order = sorted(
        studies,
        key=lambda results: (
            known.index(results.study.name) if results.study.name in known else len(known),
            results.study.name,
            results.dataset,
        ),
    )
    grouped: dict[str, list[str]] = {}
    for picture in pictures:
        link = Path(os.path.relpath(picture, beside)).as_posix()
        grouped.setdefault(picture.parent.name, []).append(link)
    return Report(
        tuple(build_section(results) for results in order),
        {folder: tuple(links) for folder, links in grouped.items()},
    )


def build_section(results: StudyResults) -> Section:
    """The section of a study.

    Raises:
        FileError: Runs do not belong together, or the predictions of one are damaged.
    """
    check_runs_belong(results)
    compared = compare_study(results)
    rows = study_rows(results, compared)
    found = effects(results)
    return Section(
        results=results,
        compared=compared,
        rows=rows,
        varied=varied_sentence(results),
        held=held_sentence(results),
        finding=" ".join([key_finding(rows, compared), *interaction_sentences(found)]),
        claims=judge_claims(results, rows, compared),
        effects=found,
        limits=tuple(limits(results, compared)),
        how=how_it_was_run(results),
        problems=tuple(_problems(results, rows)),
    )


def _problems(results: StudyResults, rows: Sequence[Row]) -> list[str]:
    problems = [f"{row.short_label}: {words}." for row in rows for words in not_averaged_words(row)]
    for run in results.runs:
        if run.reason is not None:
            problems.append(f"{run.variant}, seed {run.seed} {run.status}: {run.reason}.")
        problems += _halved_words(run)
    for row in rows:
        problems += _outlier_words(row)
    if any(len(row.accuracy_by_seed) > 1 for row in rows) and results.test_labels is None:
        problems.append("The file has no test labels, so nothing is compared.")
    return problems


def _outlier_words(row: Row) -> Iterator[str]:
    """A sentence about a seed that is far from the others of its variant."""
    for seed, accuracy in row.accuracy_by_seed.items():
        others = [other for key, other in row.accuracy_by_seed.items() if key != seed]
        if len(others) < 2:
            continue
        spread = max(others) - min(others)
        below, above = min(others) - accuracy, accuracy - max(others)
        if max(below, above) > max(FAR_PCT, FAR_SPREADS * spread):
            side = "below" if below > above else "above"
            yield (
                f"{row.short_label}, seed {seed} ended {max(below, above):.0f} points {side} its "
                "siblings: the intervals assume that seeds are nearly normal."
            )


def _halved_words(run: StudyRun) -> Iterator[str]:
    """A sentence about divergences after which a run continued."""
    halved = [record for record in run.history if record.lr_halvings]
    if halved:
        times = halved[-1].lr_halvings
        yield (
            f"{run.variant}, seed {run.seed} diverged {'once' if times == 1 else f'{times} times'} "
            f"and continued at a lower learning rate from epoch {halved[0].epoch}."
        )
