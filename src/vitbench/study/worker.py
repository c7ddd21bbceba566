"""The worker process of a sweep: requests in, events and results out."""

import contextlib
import signal
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

# What a worker sends: an event or the result of its run, or an error that ends the sweep.
Sent = Event | RunBegun | BatchSplit | Note | RunResult | OSError


def serve(pipe: Connection, threads: int) -> None:
    """Train requests until the other end is closed.

    Ctrl-C is handled by the process at the other end: it stops this one by SIGTERM, or, if it dies,
    the pipe breaks.

    Args:
        pipe: RunRequests in, Sent out.
        threads: PyTorch threads.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _stop)
    bear_warnings()
    torch.set_num_threads(threads)  # a resumed run keeps its own number

    def tell(event: Event | RunBegun | BatchSplit | Note) -> None:
        try:
            pipe.send(event)
        except ConnectionError:  # an error of a listener would stop nothing: nobody reads the pipe
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
