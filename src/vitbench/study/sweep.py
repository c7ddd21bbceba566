"""Run a study's plan; the results file is rewritten after each run."""

import os
from collections.abc import Iterator
from pathlib import Path

from vitbench.data.datasets import load_images
from vitbench.runs.experiment import RunOptions, RunRequest
from vitbench.runs.folder import RunFolder
from vitbench.runs.results import merge_runs, read_results
from vitbench.runs.schema import RunResult, StudyResults, StudyRun, pack_classes
from vitbench.study.executors import Executor, SweepListener
from vitbench.study.plan import PlannedRun, StudyPlan


def sweep(
    plan: StudyPlan, options: RunOptions, listen: SweepListener, executor: Executor
) -> Iterator[StudyRun]:
    """Do what is missing of a plan.

    Args:
        plan: The plan; runs that its results file records are left alone. The file's account of
            the study (labels, claims, notes) is brought up to date even where no run is missing.
        options: How runs are done.
        listen: Told of every step, epoch and note of the runs.
        executor: What runs them.

    Yields:
        Each run, once it stands in the results file.
    """
    missing = [run for run in plan.runs if run.state != "recorded"]
    for run in missing[:1]:  # no data set is a wrong request, not so many failed runs
        load_images(run.spec.data, "train", options.data_dir)
    requests = [
        RunRequest(run.spec, run.folder, options, (plan.study.name, run.variant.key))
        for run in missing
    ]
    for place, result in executor.execute(requests, listen):
        done = _of_study(result, missing[place], plan.results_file)
        merge_runs(plan.results_file, _with_labels(plan.header, missing[place]), [done])
        yield done
    if read_results(plan.results_file).study != plan.study:
        merge_runs(plan.results_file, plan.header, [])


def _with_labels(header: StudyResults, run: PlannedRun) -> StudyResults:
    """The header with the test set's classes, which tell right answers from wrong ones."""
    answers = RunFolder(run.folder).read_answers()
    if answers is None:
        return header
    return header.model_copy(update={"test_labels": pack_classes(answers.labels.tobytes())})


def _of_study(result: RunResult, run: PlannedRun, results_file: Path) -> StudyRun:
    folder = os.path.relpath(run.folder.resolve(), results_file.parent.resolve())
    return StudyRun(
        **result.model_dump(),
        variant=run.variant.key,
        run_folder=Path(folder).as_posix(),
    )
