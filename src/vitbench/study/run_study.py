"""Run the plan of a study; the results file is rewritten after each run."""

import os
from collections.abc import Iterator
from pathlib import Path

from vitbench.data.datasets import load_images
from vitbench.errors import FileError
from vitbench.runs.experiment import RunOptions, RunRequest
from vitbench.runs.folder import RunFolder
from vitbench.runs.results import merge_runs, read_results
from vitbench.runs.schema import RunResult, StudyResults, StudyRun, pack_classes
from vitbench.study.events import RunListener
from vitbench.study.executors.executor import Executor
from vitbench.study.plan import PlannedRun, StudyPlan


def run_study(
    plan: StudyPlan, options: RunOptions, listen: RunListener, executor: Executor
) -> Iterator[StudyRun]:
    """Train the missing runs of a plan.

    Args:
        plan: The plan; recorded runs are not repeated. Labels, claims and notes of the study in the
            results file, and its test labels, are updated even if no run is missing.
        options: How runs are trained.
        listen: Called with every step, epoch and note of the runs.
        executor: Executes the runs.

    Yields:
        Each run, after it is in the results file.
    """
    missing = [run for run in plan.runs if run.state != "recorded"]
    for run in missing[:1]:  # a missing data set is one refused request, not many failed runs
        load_images(run.spec.data, "train", options.data_dir)
    requests = [
        RunRequest(run.spec, run.folder, options, (plan.study.name, run.variant.key))
        for run in missing
    ]
    for place, result in executor.execute(requests, listen):
        done = _of_study(result, missing[place], plan.results_file)
        header = plan.header
        if done.status == "done":
            header = _with_labels(header, missing[place], options)
        merge_runs(plan.results_file, header, [done])
        yield done
    there = read_results(plan.results_file)
    if there.test_labels is not None and plan.header.has_damaged_labels(there.test_labels):
        merge_runs(plan.results_file, _with_labels(plan.header, plan.runs[0], options), [])
    elif (there.study, there.num_test) != (plan.study, plan.header.num_test):
        merge_runs(plan.results_file, plan.header, [])


def _with_labels(header: StudyResults, run: PlannedRun, options: RunOptions) -> StudyResults:
    """The header with the labels of the test set."""
    try:
        answers = RunFolder(run.folder).read_answers()
    except FileError:
        answers = None
    if answers is not None and len(answers.labels) == header.num_test:
        labels = answers.labels.tobytes()
    else:
        labels = bytes(load_images(run.spec.data, "test", options.data_dir).labels.tolist())
    return header.model_copy(update={"test_labels": pack_classes(labels)})


def _of_study(result: RunResult, run: PlannedRun, results_file: Path) -> StudyRun:
    folder = os.path.relpath(run.folder.resolve(), results_file.parent.resolve())
    return StudyRun(
        **result.model_dump(),
        variant=run.variant.key,
        run_folder=Path(folder).as_posix(),
    )
