"""Progress on stderr: bars on a terminal, a plain line per epoch elsewhere."""

import sys
import time
from types import TracebackType
from typing import NoReturn, Self

from tqdm import tqdm

from vitbench.cli import console
from vitbench.runs.experiment import BatchSplit, Note, RunBegun
from vitbench.study.plan import run_flop
from vitbench.study.worker import OfWorker
from vitbench.training.fit import Diverged, Event, RateHalved, StepDone
from vitbench.training.history import EpochRecord

RUNS_BAR = "{desc} |{bar:30}| {elapsed} elapsed, {remaining} left"
EPOCHS_BAR = "{desc} |{bar:30}| {unit}, {remaining} left"


class Progress:
    """Listens to runs and shows how far they are.

    Args:
        title: What is running, as the study's name.
        num_runs: How many runs will begin.
        total_flop: FLOPs of all of them; their time left is in proportion.
        quiet: Whether to show nothing but notes.
        at_once: How many are trained at the same time.
    """

    def __init__(
        self, title: str, num_runs: int, total_flop: float, quiet: bool, at_once: int = 1
    ) -> None:
        self._title = title
        self._num_runs = num_runs
        self._quiet = quiet
        self._on_terminal = sys.stderr.isatty() and not quiet
        self._begun = 0
        self._runs: dict[int, _Run] = {}  # by the worker that trains it
        self._runs_bar: tqdm[NoReturn] | None = None
        if self._on_terminal and num_runs > 1:
            self._runs_bar = tqdm(
                total=total_flop, bar_format=RUNS_BAR, desc=title, position=at_once
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        for bar in (*(run.bar for run in self._runs.values()), self._runs_bar):
            if bar is not None:
                bar.close()

    def __call__(self, event: Event | RunBegun | BatchSplit | Note | OfWorker) -> None:
        """Show an event."""
        worker = 0
        if isinstance(event, OfWorker):
            worker, event = event.worker, event.event
        match event:
            case Note():
                if not self._quiet:
                    console.note(event.text)
            case RunBegun():
                self._begin(worker, event)
            case StepDone():
                self._step(self._runs[worker], event)
            case EpochRecord():
                self._epoch(self._runs[worker], event)
            case RateHalved():
                run = self._runs[worker]
                console.note(
                    f"{run.spec.name}: {event.reason}; the epoch begins anew at "
                    f"1/{2**event.lr_halvings} of the learning rate"
                )
                self._take_back(run)
            case BatchSplit():
                console.note(
                    f"{event.spec.name}: out of memory; "
                    f"on with {event.micro_batch} images at a time"
                )
                self._take_back(self._runs[worker])
            case Diverged():
                console.note(f"{self._runs[worker].spec.name}: diverged, {event.reason}")

    def _begin(self, worker: int, event: RunBegun) -> None:
        self._begun += 1
        before = self._runs.get(worker)
        if before is not None and before.bar is not None:
            before.bar.close()
        run = _Run(event, self._begun)
        self._runs[worker] = run
        if event.epochs_done and not self._quiet:
            console.note(f"{event.spec.name}: goes on after epoch {event.epochs_done}")
        if self._runs_bar is not None:
            self._runs_bar.set_description_str(
                f"{self._title}: run {self._begun} of {self._num_runs}"
            )
            self._runs_bar.update(run.step_flop * event.epochs_done * event.num_steps)
        if self._on_terminal:
            run.bar = tqdm(
                total=event.spec.train.epochs * event.num_steps,
                initial=event.epochs_done * event.num_steps,
                bar_format=EPOCHS_BAR,
                desc=event.spec.name,
                leave=False,
                position=worker,
            )

    def _step(self, run: "_Run", event: StepDone) -> None:
        run.steps_of_epoch = event.step
        if run.bar is None:
            return
        loss = "" if event.loss is None else f"loss {event.loss:.3f}, "
        run.bar.set_description_str(
            f"epoch {event.epoch}/{run.spec.train.epochs} step {event.step}/{event.num_steps}",
            refresh=False,
        )
        run.bar.unit = f"{loss}{run.val}{event.img_per_s:.0f} img/s"
        run.bar.update()
        if self._runs_bar is not None:
            self._runs_bar.update(run.step_flop)

    def _take_back(self, run: "_Run") -> None:
        """Steps that were taken in vain do not count."""
        for bar, size in ((run.bar, 1.0), (self._runs_bar, run.step_flop)):
            if bar is not None:
                bar.update(-size * run.steps_of_epoch)
        run.steps_of_epoch = 0

    def _epoch(self, run: "_Run", record: EpochRecord) -> None:
        run.val = f"val {record.val_top1_pct:.1f} %, "
        now = time.monotonic()
        left = (run.spec.train.epochs - record.epoch) * (now - run.epoch_started)
        run.epoch_started = now
        run.steps_of_epoch = 0
        if self._on_terminal or self._quiet:
            return
        number = f"run {run.number} of {self._num_runs}, " if self._num_runs > 1 else ""
        console.note(
            f"{number}{run.spec.name}: epoch {record.epoch}/{run.spec.train.epochs}, "
            f"loss {record.train_loss:.3f}, {run.val}{record.img_per_s:.0f} img/s, "
            f"{console.duration(left)} left"
        )


class _Run:
    """A run that is being trained, and its bar.

    Args:
        begun: How it began.
        number: How many had begun with it.
    """

    def __init__(self, begun: RunBegun, number: int) -> None:
        self.spec = begun.spec
        self.number = number
        self.step_flop = run_flop(begun.spec) / (begun.spec.train.epochs * begun.num_steps)
        self.steps_of_epoch = 0
        self.epoch_started = time.monotonic()
        self.val = ""
        self.bar: tqdm[NoReturn] | None = None
