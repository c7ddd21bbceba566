"""Results to sections, before any format: rows and plain sentences, no markup."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vitbench.report.rows import Row, study_rows
from vitbench.report.verdict import held_sentence, key_finding, varied_sentence
from vitbench.report.words import listed, not_averaged_words
from vitbench.runs.schema import StudyResults
from vitbench.spec.study import study_names


@dataclass(frozen=True)
class Section:
    """A study in a report.

    Attributes:
        results: Its results file.
        rows: Its table.
        varied: What was varied, a sentence.
        held: What was held equal, a sentence.
        finding: What its numbers say, in careful words.
        how: How it was run, facts by their name.
        problems: Missing, failed, diverged and mixed runs, each a sentence.
    """

    results: StudyResults
    rows: tuple[Row, ...]
    varied: str
    held: str
    finding: str
    how: dict[str, str]
    problems: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """All studies, and pictures to link.

    Attributes:
        sections: The studies, the document's four first.
        pictures: Paths of PNG files, relative to the report, by the folder that they lie in.
    """

    sections: tuple[Section, ...]
    pictures: dict[str, tuple[str, ...]]


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
    """The section of a study."""
    rows = study_rows(results)
    return Section(
        results,
        rows,
        varied_sentence(results),
        held_sentence(results),
        key_finding(results, rows),
        _how(results),
        tuple(_problems(results, rows)),
    )


def _problems(results: StudyResults, rows: Sequence[Row]) -> list[str]:
    problems = [f"{row.label}: {words}." for row in rows for words in not_averaged_words(row)]
    for run in results.runs:
        if run.reason is not None:
            problems.append(f"{run.variant}, seed {run.seed} {run.status}: {run.reason}.")
    for what, values in _bits(results).items():
        if len(values) > 1:
            problems.append(
                f"Mixed {what}: {listed(values)}. The same spec may give other bits on each."
            )
    digests = {run.test_labels_sha256 for run in results.runs if run.test_labels_sha256}
    if len(digests) > 1:
        problems.append("The runs answered different test sets: their accuracies do not compare.")
    return problems


def _how(results: StudyResults) -> dict[str, str]:
    runs = [run for run in results.runs if run.status != "failed"]
    bits = _bits(results)
    facts = {
        "preset": results.preset,
        "data set": f"{results.dataset}, {results.num_test:,} test images",
        "epochs": listed(sorted({str(run.spec["train"]["epochs"]) for run in runs})),
        "seeds": listed(sorted({str(run.seed) for run in runs}, key=int)),
        **{what: listed(values) for what, values in bits.items()},
    }
    return {name: value for name, value in facts.items() if value}


def _bits(results: StudyResults) -> dict[str, list[str]]:
    """What the bits of runs depend on beside their specs, each value once."""
    runs = [run for run in results.runs if run.status != "failed"]
    bits = {
        "device": {f"{run.device} ({run.device_name})" for run in runs},
        "threads": {str(run.threads) for run in runs if run.device == "cpu"},
        "precision": {str(run.precision) for run in runs},
        "versions": {
            ", ".join(f"{name} {version}" for name, version in run.versions.items()) for run in runs
        },
    }
    return {what: sorted(values) for what, values in bits.items()}
