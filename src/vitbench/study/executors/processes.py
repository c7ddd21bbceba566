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
from vitbench.study.executors.executor import POLL_S, SweepListener, WaitForOthers, first_free
from vitbench.study.listener import guarded
from vitbench.study.worker import OfWorker, serve

SILENT_S = 600.0  # without a step, after which a worker is said to hang
STOP_S = 1.5  # that a worker gets to close its W&B run


@dataclass
class _Worker:
    """A worker process and what it does."""

    process: SpawnProcess
    pipe: Connection
    place: int | None = None
    heard: float = field(default_factory=time.monotonic)
    told: bool = False


class Processes:
    """Several runs at once, each in a process of its own.

    Where small models are trained, two processes of one thread do more than one of two threads. A
    worker that the system kills, as it does for want of memory, ends its run and no other.

    Args:
        jobs: Runs at once.
        threads: Threads of each.
    """

    def __init__(self, jobs: int, threads: int) -> None:
        self._jobs = jobs
        self._threads = threads
        self._workers: dict[int, _Worker] = {}

    def execute(
        self, requests: Sequence[RunRequest], listen: SweepListener
    ) -> Iterator[tuple[int, RunResult]]:
        """Run requests; what another sweep trains at this moment is left to it."""
        listen = guarded(listen)
        left = dict(enumerate(requests))
        wait_for_others = WaitForOthers(listen)
        while left or self._is_training():
            self._hand_out(requests, left)
            if self._is_training():
                yield from self._hear(requests, listen)
            else:
                wait_for_others()

    def close(self) -> None:
        """End all workers: at once where they can close what they opened, else by force."""
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

    def _hand_out(self, requests: Sequence[RunRequest], left: dict[int, RunRequest]) -> None:
        """Give every idle worker a run that nobody trains."""
        for number in range(self._jobs):
            place = first_free(left)
            if place is None:
                return
            worker = self._workers.get(number) or self._start(number)
            if worker.place is None:
                request = _beside(requests[place], min(self._jobs, len(requests)))
                try:
                    worker.pipe.send(request)
                except ConnectionError:  # it died while it had nothing to do: a new one takes over
                    self._lost(number)
                    worker = self._start(number)
                    worker.pipe.send(request)
                worker.place, worker.heard, worker.told = place, time.monotonic(), False
                del left[place]

    def _start(self, number: int) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=serve, args=(theirs, self._threads), daemon=True)
        with _without_interrupts():
            process.start()
        theirs.close()
        self._workers[number] = _Worker(process, ours)
        return self._workers[number]

    def _hear(
        self, requests: Sequence[RunRequest], listen: SweepListener
    ) -> Iterator[tuple[int, RunResult]]:
        """Pass on what workers say within a moment; yield what ended."""
        by_pipe = {worker.pipe: number for number, worker in self._workers.items()}
        for pipe in wait(list(by_pipe), POLL_S):
            number = by_pipe[pipe]  # type: ignore[index]
            worker = self._workers[number]
            try:
                sent = worker.pipe.recv()
            except (EOFError, OSError):  # killed, maybe in the middle of a message
                ended = self._lost(number)
                if ended is not None:
                    yield ended, failed(requests[ended], _why_lost(worker.process))
                continue
            worker.heard = time.monotonic()
            if isinstance(sent, OSError):
                raise sent
            if isinstance(sent, RunResult):
                assert worker.place is not None
                place, worker.place = worker.place, None
                yield place, sent
            else:
                listen(sent if isinstance(sent, Note) else OfWorker(number, sent))
        self._tell_of_silence(requests, listen)

    def _is_training(self) -> bool:
        return any(worker.place is not None for worker in self._workers.values())

    def _lost(self, number: int) -> int | None:
        """Forget a worker that is gone; the place of the run that it had."""
        worker = self._workers.pop(number)
        worker.process.join()
        worker.pipe.close()
        return worker.place

    def _tell_of_silence(self, requests: Sequence[RunRequest], listen: SweepListener) -> None:
        for worker in self._workers.values():
            silent_s = time.monotonic() - worker.heard
            if worker.place is not None and silent_s > SILENT_S and not worker.told:
                worker.told = True
                name = requests[worker.place].spec.name
                listen(
                    Note(
                        f"no sign of life for {silent_s / 60:.0f} min from {name}, process "
                        f"{worker.process.pid}: if it hangs, end it, and the others go on"
                    )
                )


def _beside(request: RunRequest, concurrent_runs: int) -> RunRequest:
    """A request that records how many runs are trained at once."""
    return replace(request, options=replace(request.options, concurrent_runs=concurrent_runs))


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """A process begun herein never sees Ctrl-C, which a terminal sends to all; we do, after it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _why_lost(process: SpawnProcess) -> str:
    """Why a worker is gone, and what to try."""
    code = process.exitcode
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        memory = (
            " (most often for want of memory: lower --jobs, or take --micro-batch or --recompute)"
        )
        return f"its process was ended by {name}{memory if name == 'SIGKILL' else ''}"
    return f"its process ended with exit code {code}"
