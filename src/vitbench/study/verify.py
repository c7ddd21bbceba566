"""What is wrong with a results file, and what mends it."""

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
    """Whether a results file's runs follow from its study and count what they answered.

    Args:
        path: The file.
        is_named: Whether a user named it; a file that was found may be another tool's.
    """
    try:
        results = read_results(path)
        damaged = [run for run in results.runs if results.has_damaged_answers(run)]
        if damaged:
            return [
                Finding(path, f"the answers of {_name(run)} are damaged", "sweep again")
                for run in damaged
            ]
        check_runs_belong(results)
        right = correct_predictions(results)
    except ForeignFileError as error:
        mends = "no harm: it is passed over, and stays as it is"
        if not error.is_known:
            mends = "it is passed over: make it readable, or move it elsewhere"
        if is_named:
            mends = "name a results file of vitbench; this one stays as it is"
        return [Finding(path, _said(error, path), mends, is_note=not is_named)]
    except LaterVersionError as error:
        return [Finding(path, _said(error, path), "update vitbench")]
    except FileError as error:
        mends = "take it from a copy; or remove it, and sweep again"
        return [Finding(path, _said(error, path), mends)]
    if not results.base:
        what = "it is a flat file of the reference study"
        return [Finding(path, what, "no harm: it holds nothing to check", is_note=True)]
    found = list(_verified_specs(path, results))
    for run in results.runs:
        answers = right.get(run.variant, {}).get(results.study_seed(run))
        if run.status == "done" and answers is not None:
            accuracy = 100 * float(answers.mean())
            if run.test_top1_pct is None or abs(accuracy - run.test_top1_pct) > SLACK_PCT:
                what = f"says {run.test_top1_pct} % on the test set, its answers {accuracy:.2f} %"
                found.append(Finding(path, f"{_name(run)} {what}", ANEW))
    return [*found, *_against_folders(path, results)]


def _verified_specs(path: Path, results: StudyResults) -> Iterator[Finding]:
    """Whether each run is its variant's at its seed, and has that spec's identity."""
    known = {variant.key for variant in results.study.variants}
    for key in dict.fromkeys(run.variant for run in results.runs if run.variant not in known):
        what = f"it holds runs of {key}, a variant that its study has no more"
        mends = f"no harm: they are left out; they count again once the study has {key} again"
        yield Finding(path, what, mends, is_note=True)
    try:
        base = build_spec(results.base)
        specs = variant_specs(results.study, base, results.study.variants, results.tuned)
    except UsageError as error:
        yield Finding(path, f"its study cannot be built: {error}", "install what it names")
        return
    if any(run.semantics != ExperimentSpec.semantics for run in results.runs):
        what = f"its runs are of other semantics than this vitbench's {ExperimentSpec.semantics}"
        yield Finding(path, what, "no harm: a new sweep goes to a file of its own", is_note=True)
        return
    if base.base_identity != results.base_identity:
        yield Finding(path, "its base is not that of its identity", "take it from a copy")
    for run in results.runs:
        if run.variant not in known or run.status == "failed":
            continue
        expected = specs[run.variant].with_seed(run.seed)
        if run.spec != expected.to_json() or run.identity != expected.identity:
            yield Finding(path, f"{_name(run)} is of another spec than its variant", ANEW)


def _against_folders(path: Path, results: StudyResults) -> Iterator[Finding]:
    """Whether the run folders, where they are still there, say the same."""
    folders = {
        _name(run): (run, RunFolder(path.parent / run.run_folder))
        for run in results.runs
        if run.run_folder is not None and run.status != "failed"
    }
    there = {name: pair for name, pair in folders.items() if _is_trained(pair[1])}
    if len(there) < len(folders):
        what = f"of its {len(folders)} run folders {len(folders) - len(there)} are gone"
        yield Finding(path, what, "no harm: the file stands alone", is_note=True)
    for name, (run, folder) in there.items():
        try:
            result = folder.read_result()
        except FileError:
            continue  # whoever looks at the folder says so
        for field in RunResult.model_fields:
            if getattr(result, field) != getattr(run, field):
                what = f"{name}: {field} is not that of {folder.result_file}"
                yield Finding(path, what, ANEW)
                break


def _is_trained(folder: RunFolder) -> bool:
    try:
        return folder.state() == "trained"
    except OSError:  # a name that is too long for any folder
        return False


def _said(error: Exception, path: Path) -> str:
    """An error's words without the path that stands beside them."""
    words = str(error).replace(f"cannot read {path}", "cannot be read").replace(str(path), "")
    return words.strip(" :").removesuffix(": update vitbench")


def _name(run: StudyRun) -> str:
    return f"{run.variant}, seed {run.seed}"
