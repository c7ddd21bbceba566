"""Several runs at once, each in a process of its own."""

import multiprocessing
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from vitbench.runs.experiment import Note, RunRequest
from vitbench.runs.schema import RunResult
from vitbench.study.attempt import failed
from vitbench.study.events import OfWorker, RunListener
from vitbench.study.executors.executor import POLL_S, WaitForOthers, first_free
from vitbench.study.listener import guarded
from vitbench.study.worker import serve

SILENT_S = 600.0  # without a step, after which the user is told that a worker may hang
STOP_S = 1.5  # for a worker to close its W&B run


@dataclass
class _Worker:
    """A worker process and its run."""

    process: SpawnProcess
    pipe: Connection
    index: int | None = None
    last_message: float = field(default_factory=time.monotonic)
    silence_reported: bool = False


class Processes:
    """Several runs at once, each in a process of its own.

    For small models, two processes of one thread are faster than one of two threads. If the system
    kills a worker, for example when memory runs out, only its run fails.

    Args:
        jobs: Parallel runs.
        threads: Threads of each.
    """

    def __init__(self, jobs: int, threads: int) -> None:
        self._jobs = jobs
        self._threads = threads
        self._workers: dict[int, _Worker] = {}

    def execute(
        self, requests: Sequence[RunRequest], listen: RunListener
    ) -> Iterator[tuple[int, RunResult]]:
        """Run requests; those that another sweep trains now are not trained again."""
        listen = guarded(listen)
        remaining = dict(enumerate(requests))
        wait_for_others = WaitForOthers(listen)
        while remaining or self._is_training():
            self._hand_out(requests, remaining)
            if self._is_training():
                yield from self._receive(requests, listen)
            else:
                wait_for_others()

    def close(self) -> None:
        """End all workers; kill those that do not end in time."""
        for worker in self._workers.values():
            worker.process.terminate()
        deadline = time.monotonic() + STOP_S
        for worker in self._workers.values():
            worker.process.join(max(0.0, deadline - time.monotonic()))
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.pipe.close()
        self._workers.clear()

    def _hand_out(self, requests: Sequence[RunRequest], remaining: dict[int, RunRequest]) -> None:
        """Give every idle worker a run that no process trains."""
        for number in range(self._jobs):
            index = first_free(remaining)
            if index is None:
                return
            worker = self._workers.get(number) or self._start(number)
            if worker.index is None:
                request = _with_concurrency(requests[index], min(self._jobs, len(requests)))
                try:
                    worker.pipe.send(request)
                except ConnectionError:  # it died while idle: a new one replaces it
                    self._remove(number)
                    worker = self._start(number)
                    worker.pipe.send(request)
                worker.index, worker.last_message = index, time.monotonic()
                worker.silence_reported = False
                del remaining[index]

    def _start(self, number: int) -> _Worker:
        context = multiprocessing.get_context("spawn")
        own_end, worker_end = context.Pipe()
        process = context.Process(target=serve, args=(worker_end, self._threads), daemon=True)
        with _without_interrupts():
            process.start()
        worker_end.close()
        self._workers[number] = _Worker(process, own_end)
        return self._workers[number]

    def _receive(
        self, requests: Sequence[RunRequest], listen: RunListener
    ) -> Iterator[tuple[int, RunResult]]:
        """Pass on messages of workers; yield the results of finished runs."""
        by_pipe = {worker.pipe: number for number, worker in self._workers.items()}
        for pipe in wait(list(by_pipe), POLL_S):
            number = by_pipe[pipe]  # type: ignore[index]
            worker = self._workers[number]
            try:
                message = worker.pipe.recv()
            except (EOFError, OSError):  # killed, perhaps in the middle of a message
                lost_index = self._remove(number)
                if lost_index is not None:
                    yield lost_index, failed(requests[lost_index], _why_lost(worker.process))
                continue
            worker.last_message = time.monotonic()
            if isinstance(message, OSError):
                raise message
            if isinstance(message, RunResult):
                assert worker.index is not None
                index, worker.index = worker.index, None
                yield index, message
            else:
                listen(message if isinstance(message, Note) else OfWorker(number, message))
        self._report_silence(requests, listen)

    def _is_training(self) -> bool:
        return any(worker.index is not None for worker in self._workers.values())

    def _remove(self, number: int) -> int | None:
        """Remove a worker that ended; return the index of the run that it had."""
        worker = self._workers.pop(number)
        worker.process.join()
        worker.pipe.close()
        return worker.index

    def _report_silence(self, requests: Sequence[RunRequest], listen: RunListener) -> None:
        for worker in self._workers.values():
            silent_s = time.monotonic() - worker.last_message
            if worker.index is not None and silent_s > SILENT_S and not worker.silence_reported:
                worker.silence_reported = True
                name = requests[worker.index].spec.name
                listen(
                    Note(
                        f"no response for {silent_s / 60:.0f} min from {name}, process "
                        f"{worker.process.pid}: if it hangs, kill it; other runs continue"
                    )
                )


def _with_concurrency(request: RunRequest, concurrent_runs: int) -> RunRequest:
    """A request that records how many runs are trained at once."""
    return replace(request, options=replace(request.options, concurrent_runs=concurrent_runs))


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Block Ctrl-C for processes started here; this process gets it afterwards."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _why_lost(process: SpawnProcess) -> str:
    """Why a worker ended, and what to try."""
    code = process.exitcode
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        memory = " (usually out of memory: use fewer --jobs, --micro-batch or --recompute)"
        return f"its process was killed by {name}{memory if name == 'SIGKILL' else ''}"
    return f"its process ended with exit code {code}"
