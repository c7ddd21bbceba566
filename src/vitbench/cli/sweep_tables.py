"""What `vitbench sweep` prints: a plan before training, tables after."""

import json
from collections import Counter
from typing import TYPE_CHECKING

from vitbench.cli import console, options

if TYPE_CHECKING:
    from vitbench.config.experiment import ExperimentSpec
    from vitbench.runs.schema import StudyResults
    from vitbench.study.plan import StudyPlan


def show_plan(
    plans: "list[StudyPlan]", trials: "list[ExperimentSpec]", seconds: float, as_json: bool
) -> None:
    """Print the plan."""
    rows = [(plan, run) for plan in plans for run in plan.runs]
    if as_json:
        runs = [
            {
                "study": plan.study.name,
                "variant": run.variant.key,
                "seed": run.spec.seed,
                "state": run.state,
                "run_folder": str(run.folder),
                "num_params": run.cost.num_params,
                "forward_flop": run.cost.forward_flop,
                "train_flop": run.cost.train_flop,
                "epochs": run.spec.train.epochs,
                "identity": run.spec.identity,
            }
            for plan, run in rows
        ]
        foreseen = {plan.study.name: _foreseen(plan)[0] for plan in plans}
        document = {
            "runs": runs,
            "num_trials": len(trials),
            "foreseen_half_width_pct": foreseen,
            "estimated_time_s": round(seconds, 1),
        }
        console.product(json.dumps(document, indent=1))
        return
    heads = ("study", "variant", "seed", "epochs", "parameters", "GFLOP/image", "TFLOP", "state")
    console.product(
        console.table(
            heads,
            [
                (
                    plan.study.name,
                    run.variant.key,
                    str(run.spec.seed),
                    str(run.spec.train.epochs),
                    f"{run.cost.num_params:,}",
                    f"{run.cost.forward_flop / 1e9:.3f}",
                    f"{run.cost.train_flop / 1e12:.1f}",
                    run.state,
                )
                for plan, run in rows
            ],
            least=("TFLOP", "GFLOP/image", "parameters"),
        )
    )
    _show_totals(plans, trials, seconds)


def _show_totals(plans: "list[StudyPlan]", trials: "list[ExperimentSpec]", seconds: float) -> None:
    """Print the cost of the plans, and the predicted width of their intervals."""
    from vitbench.model.cost import cost_of
    from vitbench.study.plan import runs_to_train

    runs = runs_to_train(plans)
    flop = sum(run.cost.train_flop for run in runs) + sum(cost_of(t).train_flop for t in trials)
    tried = f" and {len(trials)} trials" if trials else ""
    console.product(
        f"\nto train: {len(runs)} runs{tried}, {flop / 1e12:.1f} TFLOP, "
        f"{options.about(seconds)} on this machine"
    )
    for plan in plans:
        width, why = _foreseen(plan)
        words = f"the widest interval will be {_range_words(*width)} ({why})" if width else why
        console.product(f"{plan.study.name}: {words}")


def _range_words(low: float, high: float) -> str:
    """A range of half-widths: ±1.2 to ±4.8 points, or ±1.2 points."""
    ends = dict.fromkeys(f"±{end:.1f}" for end in (low, high))
    return f"{' to '.join(ends)} points"


def _foreseen(plan: "StudyPlan") -> tuple[tuple[float, float] | None, str]:
    from vitbench.runs.results import read_results
    from vitbench.study.precision import foreseen_half_width

    there = read_results(plan.results_file) if plan.results_file.exists() else plan.header
    seeds = Counter(run.variant.key for run in plan.runs)
    return foreseen_half_width(there, min(seeds.values()), len(seeds))


def show_results(plans: "list[StudyPlan]", as_json: bool, quiet: bool) -> None:
    """Print a table per study and the files written."""
    from vitbench.runs.results import read_results

    held = [read_results(plan.results_file) for plan in plans if plan.results_file.exists()]
    if as_json:
        console.product(json.dumps([results.model_dump(mode="json") for results in held]))
        return
    files = [plan.results_file for plan in plans if plan.results_file.exists()]
    for results, path in zip(held, files, strict=True):
        console.product(f"{results.study.title}: {path}")
        console.product(_table(results) + "\n")
    if not quiet:
        console.note(f"next: vitbench report {' '.join(map(str, files))} > RESULTS.md")


def _table(results: "StudyResults") -> str:
    from vitbench.comparison.pairs import compare_study
    from vitbench.report.numbers import (
        accuracy_words,
        count_words,
        gflop_words,
        not_averaged_words,
        time_words,
    )
    from vitbench.report.rows import study_rows
    from vitbench.report.verdict import verdict_words

    compared = compare_study(results)
    reference = results.study.short_labels[results.study.reference_key]
    heads = ("variant", "test accuracy in %", "seeds", f"compared with {reference}")
    return console.table(
        (*heads, "parameters", "GFLOP", "time per run", ""),
        [
            (
                row.label,
                accuracy_words(row),
                str(len(row.accuracy_by_seed)),
                verdict_words(row, results, compared),
                count_words(row.num_params),
                gflop_words(row.forward_flop),
                time_words(row.train_time_s),
                "; ".join(not_averaged_words(row)),
            )
            for row in study_rows(results, compared)
        ],
        least=("GFLOP", "parameters", "time per run"),
    )
