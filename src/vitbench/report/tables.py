"""Results to rows and sections, before any format: numbers and plain sentences, no markup.

What is averaged and what is not is decided here: runs that ended well, and the rest named.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev

from vitbench.report.verdict import held_sentence, key_finding, varied_sentence
from vitbench.report.words import listed, seeds_words
from vitbench.runs.schema import StudyResults, StudyRun
from vitbench.spec.study import Variant, study_names


@dataclass(frozen=True)
class Row:
    """A variant in a study's table.

    Attributes:
        key: Its key.
        label: Its name for people.
        accuracy_by_seed: Test accuracy in % of each seed that ended well.
        num_params: Trained numbers.
        forward_flop: FLOPs of an image through the network.
        train_flop: FLOPs of a training.
        train_time_s: Mean seconds of a training's steps.
        published_pct: The document's number, on its own data set only.
        problems: What went wrong with other seeds, in words.
    """

    key: str
    label: str
    accuracy_by_seed: dict[int, float]
    num_params: int | None
    forward_flop: int | None
    train_flop: int | None
    train_time_s: float | None
    published_pct: float | None
    problems: tuple[str, ...]

    @property
    def mean_pct(self) -> float | None:
        """Mean test accuracy in % over seeds."""
        return fmean(self.accuracy_by_seed.values()) if self.accuracy_by_seed else None

    @property
    def sd_pct(self) -> float | None:
        """Standard deviation over seeds, n - 1 in the denominator; None for one seed."""
        values = self.accuracy_by_seed.values()
        return stdev(values) if len(values) > 1 else None


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


def study_rows(results: StudyResults) -> tuple[Row, ...]:
    """A row for each variant, in the study's order."""
    seeds = sorted({run.seed for run in results.runs})
    return tuple(_row(results, variant, seeds) for variant in results.study.variants)


def _row(results: StudyResults, variant: Variant, seeds: Sequence[int]) -> Row:
    runs = [run for run in results.runs if run.variant == variant.key]
    done = [run for run in runs if run.status == "done" and run.test_top1_pct is not None]
    some = done or runs
    return Row(
        key=variant.key,
        label=variant.label,
        accuracy_by_seed={r.seed: r.test_top1_pct for r in done if r.test_top1_pct is not None},
        num_params=some[0].num_params if some else None,
        forward_flop=some[0].forward_flop if some else None,
        train_flop=some[0].train_flop if some else None,
        train_time_s=fmean(run.train_time_s for run in done) if done else None,
        published_pct=variant.published_pct if results.dataset == "cifar10" else None,
        problems=tuple(_row_problems(runs, seeds)),
    )


def _row_problems(runs: Sequence[StudyRun], seeds: Sequence[int]) -> list[str]:
    problems = []
    for status in ("diverged", "failed"):
        if bad := [run.seed for run in runs if run.status == status]:
            problems.append(f"{status}: {seeds_words(bad)}")
    missing = sorted(set(seeds) - {run.seed for run in runs})
    return [*problems, f"missing: {seeds_words(missing)}"] if missing else problems


def _problems(results: StudyResults, rows: Sequence[Row]) -> list[str]:
    problems = [f"{row.label}: {problem}." for row in rows for problem in row.problems]
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
