"""What a worker process of a sweep does: requests in, events and results out."""

import contextlib
import signal
from dataclasses import dataclass
from multiprocessing.connection import Connection
from types import FrameType
from typing import NoReturn

import torch

from vitbench.crash import bear_warnings
from vitbench.runs.experiment import BatchSplit, Note, RunBegun, RunRequest
from vitbench.runs.schema import RunResult
from vitbench.streams import robust_streams
from vitbench.study.attempt import attempt
from vitbench.training.fit import Event

# What a worker sends: an event of its run, its run's result, or what ends the whole sweep.
Sent = Event | RunBegun | BatchSplit | Note | RunResult | OSError


@dataclass(frozen=True)
class OfWorker:
    """An event of one of several runs that are trained at once.

    Attributes:
        worker: Number of the worker, from 0; it trains one run after the other.
        event: What happened.
    """

    worker: int
    event: Event | RunBegun | BatchSplit


def serve(pipe: Connection, threads: int) -> None:
    """Train what is asked for until the other end is closed.

    Ctrl-C is left to the process at the other end; it ends this one by SIGTERM, and where it dies
    the pipe breaks.

    Args:
        pipe: RunRequests in, Sent out.
        threads: Threads that PyTorch may use.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _stop)
    bear_warnings()
    torch.set_num_threads(threads)  # a run that was begun with another number keeps that

    def tell(event: Event | RunBegun | BatchSplit | Note) -> None:
        try:
            pipe.send(event)
        except ConnectionError:  # an error of a listener would end nothing: nobody waits for us
            raise KeyboardInterrupt from None

    with (
        contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError, KeyboardInterrupt),
        robust_streams(),
    ):
        while True:
            request: RunRequest = pipe.recv()
            try:
                pipe.send(attempt(request, tell))
            except OSError as error:
                if isinstance(error, ConnectionError):
                    return
                pipe.send(error)


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
