"""Results to sections, before any format: rows and plain sentences, no markup."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vitbench.comparison.pairs import StudyComparisons, compare_study
from vitbench.config.study import study_names
from vitbench.report.conditions import held_sentence, how_it_was_run, limits, varied_sentence
from vitbench.report.numbers import listed, not_averaged_words
from vitbench.report.reference import CONCLUSIONS
from vitbench.report.rows import Row, study_rows
from vitbench.report.verdict import JudgedClaim, judge_claims, key_finding
from vitbench.runs.results import check_runs_belong
from vitbench.runs.schema import StudyResults, StudyRun


@dataclass(frozen=True)
class Section:
    """A study in a report.

    Attributes:
        results: Its results file.
        compared: All pairs of its variants.
        rows: Its table.
        varied: What was varied, a sentence.
        held: What is the same for all variants, a sentence.
        finding: What its numbers say.
        claims: The conclusions that its file names, held against it.
        limits: What its numbers do not say.
        how: How it was run, facts by their name.
        problems: Missing, failed and diverged runs, each a sentence.
        figures: Its figures as SVG by their names, drawn by whoever may draw; for a page alone.
    """

    results: StudyResults
    compared: StudyComparisons
    rows: tuple[Row, ...]
    varied: str
    held: str
    finding: str
    claims: tuple[JudgedClaim, ...]
    limits: tuple[str, ...]
    how: dict[str, str]
    problems: tuple[str, ...]
    figures: dict[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The study's title, with its data set where that is not the default."""
        study, dataset = self.results.study, self.results.dataset
        return study.title if dataset == "cifar10" else f"{study.title} on {dataset}"

    @property
    def reference(self) -> str:
        """Name of the variant that the others are compared with."""
        return self.results.study.short_labels[self.results.study.reference_key]

    @property
    def claims_title(self) -> str:
        """What its claims are called: only a study with published numbers has them from there."""
        return CONCLUSIONS if self.has_published else "Claims"

    @property
    def has_published(self) -> bool:
        """Whether numbers of the reference study stand beside ours."""
        return any(row.published_pct is not None for row in self.rows)

    @property
    def notes(self) -> tuple[str, ...]:
        """What its file says of the table; of the reference study only beside its numbers."""
        study = self.results.study
        return (*study.notes, *(study.published_notes if self.has_published else ()))


@dataclass(frozen=True)
class Report:
    """All studies, and pictures to link.

    Attributes:
        sections: The studies, the four of the reference study first.
        pictures: Paths of PNG files, relative to the report, by the folder that they lie in.
    """

    sections: tuple[Section, ...]
    pictures: dict[str, tuple[str, ...]]

    @property
    def has_published(self) -> bool:
        """Whether numbers of the reference study stand beside ours anywhere."""
        return any(section.has_published for section in self.sections)

    @property
    def summary(self) -> str:
        """How much of what is in it, and how accuracy was measured."""
        num_studies = len(self.sections)
        num_runs = sum(len(section.results.runs) for section in self.sections)
        studies = "1 study" if num_studies == 1 else f"{num_studies} studies"
        runs = "1 run" if num_runs == 1 else f"{num_runs} runs"
        datasets = listed(sorted({section.results.dataset for section in self.sections}))
        ours = all(section.results.base for section in self.sections)
        when = ", measured once, after the last epoch" if ours else ""
        return (
            f"{studies}, {runs}, on {datasets}. Accuracies are top-1 on the whole test set{when}."
        )


def build_report(
    studies: Sequence[StudyResults], pictures: Sequence[Path] = (), beside: Path = Path()
) -> Report:
    """A report of several studies.

    Args:
        studies: Their results.
        pictures: PNG files to link.
        beside: Folder that the report will lie in; links are relative to it.
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
        FileError: Runs do not belong together, or the answers of one are damaged.
    """
    check_runs_belong(results)
    compared = compare_study(results)
    rows = study_rows(results, compared)
    return Section(
        results,
        compared,
        rows,
        varied_sentence(results),
        held_sentence(results),
        key_finding(rows, compared),
        judge_claims(results, rows, compared),
        tuple(limits(results, compared)),
        how_it_was_run(results),
        tuple(_problems(results, rows)),
    )


def _problems(results: StudyResults, rows: Sequence[Row]) -> list[str]:
    problems = [f"{row.short_label}: {words}." for row in rows for words in not_averaged_words(row)]
    for run in results.runs:
        if run.reason is not None:
            problems.append(f"{run.variant}, seed {run.seed} {run.status}: {run.reason}.")
        problems += _halved_words(run)
    if any(len(row.accuracy_by_seed) > 1 for row in rows) and results.test_labels is None:
        problems.append(
            "The file has no test labels, so nothing is compared.",
        )
    return problems


def _halved_words(run: StudyRun) -> Iterator[str]:
    """What was done about a run's divergences that it survived."""
    halved = [record for record in run.history if record.lr_halvings]
    if halved:
        times = halved[-1].lr_halvings
        yield (
            f"{run.variant}, seed {run.seed} diverged {'once' if times == 1 else f'{times} times'} "
            f"and continued at a lower learning rate from epoch {halved[0].epoch}."
        )
