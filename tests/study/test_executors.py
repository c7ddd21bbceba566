"""Requests are run one by one, and what another process trains is left to it."""

import tempfile

import pytest

from vitbench.config.build import build_spec
from vitbench.registry import DATASETS
from vitbench.runs.experiment import Note, RunOptions, RunRequest
from vitbench.runs.folder import RunFolder
from vitbench.study.executors import executor
from vitbench.study.executors.local import Local


@pytest.fixture
def requests(tiny_fields, tmp_path) -> list[RunRequest]:
    specs = [build_spec(tiny_fields, {"seed": seed}) for seed in range(3)]
    return [
        RunRequest(spec, tmp_path / spec.folder_name, RunOptions(device="cpu")) for spec in specs
    ]


def test_runs_come_in_the_order_asked_for(requests) -> None:
    ended = list(Local().execute(requests, lambda _: None))

    assert [place for place, _ in ended] == [0, 1, 2]
    assert [(r.seed, r.status) for _, r in ended] == [(0, "done"), (1, "done"), (2, "done")]
    assert [r.concurrent_runs for _, r in ended] == [1, 1, 1]


def test_a_run_that_another_trains_is_left_to_it_and_read_at_the_end(requests, monkeypatch) -> None:
    lock = RunFolder(requests[0].folder).lock()
    lock.acquire()
    notes = []

    def wait(_seconds: float) -> None:
        """While ours waits, the other ends its run."""
        assert notes == ["the remaining runs are trained by another process: waiting"]
        lock.release()

    monkeypatch.setattr(executor.time, "sleep", wait)

    ended = list(
        Local().execute(
            requests, lambda event: notes.append(event.text) if isinstance(event, Note) else None
        )
    )

    assert [place for place, _ in ended] == [1, 2, 0]
    assert not lock.is_locked


def test_an_error_ends_its_run_and_no_other(requests) -> None:
    requests[0].folder.write_text("a file where a folder should be")

    ended = [result for _, result in Local().execute(requests, lambda _: None)]

    assert [result.status for result in ended] == ["failed", "done", "done"]
    assert str(requests[0].folder) in (ended[0].reason or "")
    assert requests[0].folder.read_text() == "a file where a folder should be"


def request_that_raises(error, tiny_fields, folder) -> RunRequest:
    """A run whose data set, which is plugged in, raises an error."""

    @DATASETS.register(
        "broken", img_size=32, in_chans=3, num_classes=10, train_size=3200, test_size=1000
    )
    def broken(*_: object) -> None:
        raise error

    spec = build_spec(tiny_fields, {"data.dataset": "broken"})
    return RunRequest(spec, folder / "broken", RunOptions(device="cpu"))


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (KeyError("depth"), "KeyError: 'depth'"),
        (ValueError("a\0b\nsecond line"), "ValueError: a b"),
        (AssertionError(), "AssertionError"),
        (RecursionError("too deep"), "RecursionError: too deep"),
        (RuntimeError("a kernel failed"), "a kernel failed"),
    ],
)
def test_any_error_of_a_run_is_that_runs_failure(
    error, reason, tiny_fields, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # where its traceback is kept
    request = request_that_raises(error, tiny_fields, tmp_path)

    ended = [result for _, result in Local().execute([request], lambda _: None)]

    assert [(result.status, result.reason) for result in ended] == [("failed", reason)]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(), OSError(28, "disk full")])
def test_what_would_end_every_run_ends_the_sweep(error, tiny_fields, tmp_path) -> None:
    with pytest.raises(type(error)):
        list(Local().execute([request_that_raises(error, tiny_fields, tmp_path)], lambda _: None))
