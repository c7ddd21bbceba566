"""Errors of who listens are told once and end no run; those of a run end that run alone."""

import logging
import tempfile
from contextlib import closing

import pytest

from vitbench.config.build import build_spec
from vitbench.registry import DATASETS
from vitbench.runs.experiment import Note, RunOptions, RunRequest
from vitbench.study.attempt import attempt
from vitbench.study.executors.local import Local
from vitbench.study.executors.processes import Processes
from vitbench.training.history import EpochRecord


@pytest.fixture
def requests(tiny_fields, tmp_path) -> list[RunRequest]:
    specs = [build_spec(tiny_fields, {"seed": seed, "model.depth": 1}) for seed in range(2)]
    return [
        RunRequest(spec, tmp_path / spec.folder_name, RunOptions(device="cpu")) for spec in specs
    ]


@pytest.mark.parametrize(
    ("executor", "runs"),
    [(Local(), 2), (Processes(jobs=1, threads=1), 1)],
    ids=["here", "there"],
)
def test_a_listener_that_fails_is_told_once_and_every_run_is_done(
    executor, runs, requests, caplog
) -> None:
    called = []

    def listen(event: object) -> None:
        called.append(event)
        raise BrokenPipeError(32, "Broken pipe")

    with closing(executor):
        ended = dict(executor.execute(requests[:runs], listen))

    assert [ended[place].status for place in range(runs)] == ["done"] * runs
    assert len(called) > 4  # it may hear again, as a screen that was cleared
    (told,) = caplog.records
    assert told.levelno == logging.WARNING
    assert "BrokenPipeError: [Errno 32] Broken pipe (test_listener.py, line" in told.getMessage()


def test_an_interrupt_of_the_listener_is_passed_on(requests) -> None:
    def listen(event: object) -> None:
        if isinstance(event, EpochRecord):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attempt(requests[0], listen)
    assert not (requests[0].folder / "result.json").exists()


@pytest.mark.parametrize("error", [KeyError("bits"), SyntaxError("broken"), RecursionError("deep")])
def test_any_error_of_a_run_is_that_runs_failure_and_its_traceback_is_kept(
    error, requests, tiny_fields, tmp_path, monkeypatch
) -> None:
    """The library that raises is a data set that is plugged in."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    @DATASETS.register(
        "broken", img_size=32, in_chans=3, num_classes=10, train_size=3200, test_size=1000
    )
    def broken(*_: object) -> None:
        raise error

    spec = build_spec(tiny_fields, {"data.dataset": "broken"})
    bad = RunRequest(spec, tmp_path / "bad", RunOptions(device="cpu"))
    notes: list[object] = []

    good = requests[:1] if isinstance(error, KeyError) else []
    ended = dict(Local().execute([bad, *good], notes.append))

    (log,) = tmp_path.glob("vitbench-*.log")
    assert [ended[place].status for place in sorted(ended)] == ["failed"] + ["done"] * len(good)
    assert ended[0].reason == f"{type(error).__name__}: {error}"
    assert "in broken" in log.read_text()
    assert [note.text for note in notes if isinstance(note, Note)] == [
        f"{spec.name}: unexpected error; traceback in {log}"
    ]
