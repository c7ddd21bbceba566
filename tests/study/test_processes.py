"""Several runs at once, in real processes: all are done, whatever befalls one of them."""

import os
import signal
from contextlib import closing

import pytest
import torch

from vitbench.config.build import build_spec
from vitbench.errors import UnknownNameError, UsageError
from vitbench.runs.experiment import Note, RunOptions, RunRequest, run_experiment
from vitbench.study.events import OfWorker
from vitbench.study.executors import processes
from vitbench.study.executors.executor import build_executor
from vitbench.study.executors.local import Local
from vitbench.study.executors.processes import Processes
from vitbench.training.fit import StepDone
from vitbench.training.history import EpochRecord


@pytest.fixture
def requests(tiny_fields, tmp_path) -> list[RunRequest]:
    specs = [build_spec(tiny_fields, {"seed": seed}) for seed in range(3)]
    return [
        RunRequest(spec, tmp_path / spec.folder_name, RunOptions(device="cpu")) for spec in specs
    ]


def test_runs_of_two_processes_are_those_of_one(requests, tmp_path) -> None:
    heard: list[object] = []
    with closing(Processes(jobs=2, threads=1)) as executor:
        ended = dict(executor.execute(requests, heard.append))

    assert sorted(ended) == [0, 1, 2]
    assert [ended[place].seed for place in range(3)] == [0, 1, 2]
    assert {(r.status, r.threads, r.concurrent_runs) for r in ended.values()} == {("done", 1, 2)}
    workers = {e.worker for e in heard if isinstance(e, OfWorker)}
    assert workers == {0, 1}
    epochs = [e for e in heard if isinstance(e, OfWorker) and isinstance(e.event, EpochRecord)]
    assert len(epochs) == sum(result.epochs for result in ended.values())
    alone = run_experiment(
        RunRequest(requests[0].spec, tmp_path / "alone", RunOptions(device="cpu"))
    )
    assert alone.test_top1_pct == pytest.approx(ended[0].test_top1_pct, abs=5)


def test_a_worker_that_the_system_kills_ends_its_run_and_no_other(requests) -> None:
    killed = []

    def kill_once(event: object) -> None:
        if isinstance(event, OfWorker) and isinstance(event.event, StepDone) and not killed:
            worker = executor._workers[event.worker]
            killed.append(worker.index)
            os.kill(worker.process.pid, signal.SIGKILL)

    with closing(Processes(jobs=2, threads=1)) as executor:
        ended = dict(executor.execute(requests, kill_once))

    (place,) = killed
    assert ended[place].status == "failed"
    assert "SIGKILL" in (ended[place].reason or "")
    assert "fewer --jobs" in (ended[place].reason or "")
    assert [ended[p].status for p in range(3) if p != place] == ["done", "done"]
    assert run_experiment(requests[place]).status == "done"  # the next call does it


def test_a_worker_without_a_sign_of_life_is_reported(requests, monkeypatch) -> None:
    monkeypatch.setattr(processes, "POLL_S", 0.1)
    stopped, notes = [], []

    def stop_once(event: object) -> None:
        if isinstance(event, Note):
            notes.append(event.text)
            os.kill(stopped[0], signal.SIGCONT)
        if isinstance(event, OfWorker) and isinstance(event.event, StepDone) and not stopped:
            stopped.append(executor._workers[event.worker].process.pid)
            os.kill(stopped[0], signal.SIGSTOP)
            monkeypatch.setattr(processes, "SILENT_S", 1.0)

    with closing(Processes(jobs=1, threads=1)) as executor:
        ended = dict(executor.execute(requests[:1], stop_once))

    assert ended[0].status == "done"
    assert any("no response" in text and str(stopped[0]) in text for text in notes)


def test_a_worker_that_died_idle_is_replaced(requests) -> None:
    with closing(Processes(jobs=1, threads=1)) as executor:
        list(executor.execute(requests[:1], lambda _event: None))
        process = executor._workers[0].process
        process.kill()
        process.join()
        ended = dict(executor.execute(requests[1:2], lambda _event: None))

    assert ended[0].status == "done"


def test_closing_ends_what_is_being_trained(requests) -> None:
    executor = Processes(jobs=1, threads=1)
    pids = []

    def stop(event: object) -> None:
        if isinstance(event, OfWorker) and isinstance(event.event, StepDone):
            pids.append(executor._workers[event.worker].process.pid)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), closing(executor):
        list(executor.execute(requests, stop))

    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)
    assert not (requests[0].folder / "result.json").exists()


def test_one_job_with_all_threads_needs_no_process() -> None:
    assert isinstance(build_executor(1, torch.get_num_threads()), Local)
    assert isinstance(build_executor(1, torch.get_num_threads() + 1), Processes)


def test_an_executor_is_chosen_by_its_name() -> None:
    assert isinstance(build_executor(1, torch.get_num_threads() + 1, "local"), Local)
    assert isinstance(build_executor(1, torch.get_num_threads(), "processes"), Processes)
    with pytest.raises(UsageError, match="local trains one run at a time, not 2: use --executor"):
        build_executor(2, 1, "local")
    with pytest.raises(UnknownNameError, match=r"'proceses'.* did you mean 'processes'"):
        build_executor(1, 1, "proceses")
