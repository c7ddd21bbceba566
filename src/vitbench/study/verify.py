"""Problems of results files, and how to fix them."""

from collections.abc import Iterator
from pathlib import Path

from vitbench.comparison.predictions import correct_predictions
from vitbench.config.build import build_spec
from vitbench.config.experiment import ExperimentSpec
from vitbench.errors import FileError, ForeignFileError, LaterVersionError, UsageError
from vitbench.runs.folder import RunFolder
from vitbench.runs.results import check_runs_belong, read_results
from vitbench.runs.schema import RunResult, StudyResults, StudyRun
from vitbench.runs.verify import SLACK_PCT, Finding
from vitbench.study.variants import variant_specs

ANEW = "remove that run from the file, and sweep again"


def verify_results(path: Path, is_named: bool = False) -> list[Finding]:
    """Check that the runs of a results file follow from its study and match their predictions.

    Args:
        path: The file.
        is_named: Whether the user named it; a file that was found may belong to another tool.
    """
    try:
        results = read_results(path)
        damaged = [run for run in results.runs if results.has_damaged_answers(run)]
        if damaged:
            return [
                Finding(path, f"the predictions of {_name(run)} are damaged", "sweep again")
                for run in damaged
            ]
        check_runs_belong(results)
        right = correct_predictions(results)
    except ForeignFileError as error:
        fix = "harmless: it is skipped and not changed"
        if not error.is_known:
            fix = "it is skipped: make it readable, or move it to another folder"
        if is_named:
            fix = "give a vitbench results file; this file is not changed"
        return [Finding(path, _said(error, path), fix, is_note=not is_named)]
    except LaterVersionError as error:
        return [Finding(path, _said(error, path), "update vitbench")]
    except FileError as error:
        fix = "restore a copy, or remove it and sweep again"
        return [Finding(path, _said(error, path), fix)]
    if not results.base:
        what = "it is a flat file of the reference study"
        return [Finding(path, what, "harmless: there is nothing to check in it", is_note=True)]
    found = list(_verified_specs(path, results))
    for run in results.runs:
        answers = right.get(run.variant, {}).get(results.study_seed(run))
        if run.status == "done" and answers is not None:
            accuracy = 100 * float(answers.mean())
            if run.test_top1_pct is None or abs(accuracy - run.test_top1_pct) > SLACK_PCT:
                what = (
                    f"records {run.test_top1_pct} % test accuracy, but its predictions have "
                    f"{accuracy:.2f} %"
                )
                found.append(Finding(path, f"{_name(run)} {what}", ANEW))
    return [*found, *_against_folders(path, results)]


def _verified_specs(path: Path, results: StudyResults) -> Iterator[Finding]:
    """Check that each run has the spec and identity of its variant and seed."""
    known = {variant.key for variant in results.study.variants}
    for key in dict.fromkeys(run.variant for run in results.runs if run.variant not in known):
        what = f"it has runs of {key}, a variant that its study no longer has"
        fix = f"harmless: they are ignored unless the study has {key} again"
        yield Finding(path, what, fix, is_note=True)
    try:
        base = build_spec(results.base)
        specs = variant_specs(results.study, base, results.study.variants, results.tuned)
    except UsageError as error:
        yield Finding(path, f"its study cannot be built: {error}", "install the missing name")
        return
    if any(run.semantics != ExperimentSpec.semantics for run in results.runs):
        what = (
            "its runs have other training semantics than this vitbench's "
            f"{ExperimentSpec.semantics}"
        )
        yield Finding(path, what, "harmless: a new sweep writes another file", is_note=True)
        return
    if base.base_identity != results.base_identity:
        yield Finding(path, "its base does not match its identity", "restore a copy")
    for run in results.runs:
        if run.variant not in known or run.status == "failed":
            continue
        expected = specs[run.variant].with_seed(run.seed)
        if run.spec != expected.to_json() or run.identity != expected.identity:
            yield Finding(path, f"{_name(run)} has another spec than its variant", ANEW)


def _against_folders(path: Path, results: StudyResults) -> Iterator[Finding]:
    """Check that the existing run folders agree."""
    folders = {
        _name(run): (run, RunFolder(path.parent / run.run_folder))
        for run in results.runs
        if run.run_folder is not None and run.status != "failed"
    }
    there = {name: pair for name, pair in folders.items() if _is_trained(pair[1])}
    if len(there) < len(folders):
        what = f"{len(folders) - len(there)} of its {len(folders)} run folders are missing"
        yield Finding(path, what, "harmless: the file is complete without them", is_note=True)
    for name, (run, folder) in there.items():
        try:
            result = folder.read_result()
        except FileError:
            continue  # the check of the folder reports it
        for field in RunResult.model_fields:
            if getattr(result, field) != getattr(run, field):
                what = f"{name}: {field} differs from {folder.result_file}"
                yield Finding(path, what, ANEW)
                break


def _is_trained(folder: RunFolder) -> bool:
    try:
        return folder.state() == "trained"
    except OSError:  # a name that is too long for a folder
        return False


def _said(error: Exception, path: Path) -> str:
    """The message of an error without the path, which is printed beside it."""
    words = str(error).replace(f"cannot read {path}", "cannot be read").replace(str(path), "")
    return words.strip(" :").removesuffix(": update vitbench")


def _name(run: StudyRun) -> str:
    return f"{run.variant}, seed {run.seed}"
