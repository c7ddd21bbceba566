"""Sweeps from Python: the requests that are refused, and everything the command line can do."""

from pathlib import Path
from typing import Any

import pytest

from vitbench import SweepRequest, load_studies, run_sweep
from vitbench.comparison.pairs import compare_study
from vitbench.config.study import BUILT_IN, StudySpec
from vitbench.errors import UnknownNameError, UsageError
from vitbench.report.rows import study_rows
from vitbench.runs.experiment import RunBegun
from vitbench.runs.results import read_results
from vitbench.study.events import (
    RunRecorded,
    RunsEnded,
    RunsStarted,
    ValueChosen,
    WidthChecked,
)
from vitbench.study.sweep_plan import plan_sweep

POSITIONS = ("none", "learned-1d")


@pytest.fixture
def request_of(tiny_fields, tmp_path):
    """Builds a request for two variants of pos-embed in a temporary folder."""
    fields = {**tiny_fields, "model.depth": 1}

    def build(**changes: Any) -> SweepRequest:
        fixed: dict[str, Any] = {
            "studies": load_studies(["pos-embed"]),
            "fields": fields,
            "only": POSITIONS,
            "results_dir": tmp_path / "results",
            "runs_dir": tmp_path / "runs",
            "jobs": "1",
        }
        return SweepRequest(**{**fixed, **changes})

    return build


def test_a_sweep_tunes_trains_and_adds_seeds_and_says_so_in_events(request_of) -> None:
    heard: list[object] = []
    request = request_of(precision_pct=90, max_seeds=7, tune="train.lr=1e-4,1e-2")

    outcome = run_sweep(request, heard.append)

    groups = [event for event in heard if isinstance(event, RunsStarted)]
    checks = [event for event in heard if isinstance(event, WidthChecked)]
    chosen = [event for event in heard if isinstance(event, ValueChosen)]
    recorded = [event.run for event in heard if isinstance(event, RunRecorded)]
    (file,) = outcome.results_files
    results = read_results(file)
    assert outcome.failed == []
    assert [group.title for group in groups] == ["pos-embed, trials", *["pos-embed"] * 3]
    assert sum(isinstance(event, RunsEnded) for event in heard) == 4
    assert [name for name, _ in groups[0].runs][:2] == ["none lr=0.0001", "none lr=0.01"]
    ((added, _),) = groups[3].runs  # one seed of the variant that narrows the interval most
    assert added in ("none s5", "learned-1d s5")
    assert [(check.look.seeds_words, check.status) for check in checks] == [
        ("5", "continue"), ("5 to 6", "narrow"),
    ]  # fmt: skip
    assert {event.variant: event.value for event in chosen} == results.tuned[0].chosen
    assert len(recorded) == len(results.runs) == 11
    assert results.precision is not None
    assert results.precision.looks == [check.look for check in checks]


def test_the_same_request_trains_nothing_again_and_reports_a_failed_run(request_of) -> None:
    heard: list[object] = []

    first = run_sweep(request_of(seeds=(3,)))
    second = run_sweep(request_of(seeds=(3,)), heard.append)

    assert (first.failed, second) == ([], first)
    assert not any(isinstance(event, RunBegun | RunRecorded) for event in heard)
    read = read_results(first.results_files[0])
    assert [(run.variant, run.seed) for run in read.runs] == [(key, 3) for key in POSITIONS]


@pytest.mark.parametrize(
    ("half_width_pct", "statuses"),
    [(4.0, ["stopped"]), (0.1, ["unreachable"])],
    ids=["largest number", "too few images"],
)
def test_no_seed_is_added_beyond_the_largest_number_or_in_vain(
    half_width_pct, statuses, request_of
) -> None:
    """The intervals are near 8 points; 1,000 test images never give 0.1 points."""
    heard: list[object] = []

    run_sweep(request_of(precision_pct=half_width_pct, max_seeds=6), heard.append)

    assert [event.status for event in heard if isinstance(event, WidthChecked)] == statuses


def test_a_plan_has_the_notes_and_the_experiments(request_of) -> None:
    plan = plan_sweep(request_of(seeds=(0, 1), tune="train.lr=1e-4,1e-2"))
    fields = {"data.dataset": "shapes", "data.val_size": 400, "model.patch_size": 8}
    studies = load_studies(["patch-size"])
    (note,) = plan_sweep(request_of(studies=studies, only=(), fields=fields)).notes

    assert (len(plan.trials), len(plan.to_train)) == (8, 12)
    assert note == (
        "patch-size: every variant sets model.patch_size, so --set model.patch_size has no effect"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fields": {"seed": 3}}, "a sweep has several seeds"),
        ({"seeds": ()}, "at least one seed"),
        ({"max_seeds": 5}, "belongs to --precision"),
        ({"precision_pct": 1.0, "seeds": (0,)}, "adds seeds itself"),
        ({"precision_pct": 100.0}, "above 0 and below 100"),
        ({"precision_pct": float("nan")}, "above 0 and below 100"),
        ({"precision_pct": 1.0, "max_seeds": 5}, "give a number from 6 to 1000"),
        ({"executor": "locl"}, "did you mean 'local'"),
    ],
)
def test_requests_that_contradict_themselves_are_refused(changes, message, request_of) -> None:
    with pytest.raises(UsageError, match=message):
        request_of(**changes)


def test_local_with_several_jobs_is_refused_before_any_run(request_of) -> None:
    with pytest.raises(UsageError, match="one run at a time, not 2"):
        run_sweep(request_of(executor="local", jobs="2"))
    assert not Path("runs").exists()


def test_studies_are_loaded_once_and_with_a_budget(tmp_path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(
        "name: pos-embed\ntitle: Other\nreference: a\nvariants:\n- {key: a, label: A}\n"
        "- {key: b, label: B, set: {model.pos_embed: none}}\n",
        encoding="utf-8",
    )

    same = BUILT_IN / "pos-embed.yaml"
    studies: tuple[StudySpec, ...] = load_studies(["all", "pos-embed", str(same)], budget="flops")

    names = [study.name for study in studies]
    assert names == ["patch-size", "pos-embed", "hyperparams", "augmentation"]
    assert {study.budget for study in studies} == {"flops"}
    with pytest.raises(UsageError, match="different studies with the same name"):
        load_studies(["pos-embed", str(other)])
    with pytest.raises(UnknownNameError, match="did you mean 'flops'"):
        load_studies(["pos-embed"], budget="flop")


def test_variants_may_have_their_own_numbers_of_seeds(request_of) -> None:
    first, second = POSITIONS

    outcome = run_sweep(request_of(seeds=(0,), seeds_by_variant={second: (0, 1)}))

    results = read_results(outcome.results_files[0])
    assert [(run.variant, run.seed) for run in results.runs] == [
        (first, 0), (second, 0), (second, 1),
    ]  # fmt: skip
    assert results.planned_seeds == {first: [0], second: [0, 1]}
    rows = study_rows(results, compare_study(results))
    assert all(not row.not_averaged for row in rows if row.key in POSITIONS)


def test_seeds_of_an_unknown_variant_are_refused(request_of) -> None:
    with pytest.raises(UsageError, match="variant in --seeds"):
        request_of(seeds_by_variant={"nome": (0,)})
