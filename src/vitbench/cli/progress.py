"""Progress on stderr: bars on a terminal, a plain line per epoch elsewhere."""

import sys
import time
from types import TracebackType
from typing import NoReturn, Self

from tqdm import tqdm

from vitbench.cli import console
from vitbench.runs.experiment import Note, RunBegun
from vitbench.spec.experiment import ExperimentSpec
from vitbench.study.plan import run_flop
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
    """

    def __init__(self, title: str, num_runs: int, total_flop: float, quiet: bool) -> None:
        self._title = title
        self._num_runs = num_runs
        self._quiet = quiet
        self._on_terminal = sys.stderr.isatty() and not quiet
        self._begun = 0
        self._spec = ExperimentSpec()
        self._step_flop = 0.0
        self._val = ""
        self._epoch_started = time.monotonic()
        self._steps_of_epoch = 0
        self._runs_bar: tqdm[NoReturn] | None = None
        self._epochs_bar: tqdm[NoReturn] | None = None
        if self._on_terminal and num_runs > 1:
            self._runs_bar = tqdm(total=total_flop, bar_format=RUNS_BAR, desc=title, position=1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        for bar in (self._epochs_bar, self._runs_bar):
            if bar is not None:
                bar.close()

    def __call__(self, event: Event | RunBegun | Note) -> None:
        """Show an event."""
        match event:
            case Note():
                if not self._quiet:
                    console.note(event.text)
            case RunBegun():
                self._begin(event)
            case StepDone():
                self._step(event)
            case EpochRecord():
                self._epoch(event)
            case RateHalved():
                console.note(
                    f"{self._spec.name}: {event.reason}; the epoch begins anew at "
                    f"1/{2**event.lr_halvings} of the learning rate"
                )
                self._take_back(self._steps_of_epoch)
            case Diverged():
                console.note(f"{self._spec.name}: diverged, {event.reason}")

    def _begin(self, event: RunBegun) -> None:
        self._begun += 1
        self._spec = event.spec
        self._step_flop = run_flop(event.spec) / (event.spec.train.epochs * event.num_steps)
        self._val = ""
        self._epoch_started = time.monotonic()
        if event.epochs_done and not self._quiet:
            console.note(f"{event.spec.name}: goes on after epoch {event.epochs_done}")
        if self._runs_bar is not None:
            self._runs_bar.set_description_str(
                f"{self._title}: run {self._begun} of {self._num_runs}"
            )
            self._runs_bar.update(self._step_flop * event.epochs_done * event.num_steps)
        if self._on_terminal:
            if self._epochs_bar is not None:
                self._epochs_bar.close()
            self._epochs_bar = tqdm(
                total=event.spec.train.epochs * event.num_steps,
                initial=event.epochs_done * event.num_steps,
                bar_format=EPOCHS_BAR,
                desc=event.spec.name,
                leave=False,
                position=0,
            )

    def _step(self, event: StepDone) -> None:
        self._steps_of_epoch = event.step
        if self._epochs_bar is None:
            return
        loss = "" if event.loss is None else f"loss {event.loss:.3f}, "
        self._epochs_bar.set_description_str(
            f"epoch {event.epoch}/{self._spec.train.epochs} step {event.step}/{event.num_steps}",
            refresh=False,
        )
        self._epochs_bar.unit = f"{loss}{self._val}{event.img_per_s:.0f} img/s"
        self._epochs_bar.update()
        if self._runs_bar is not None:
            self._runs_bar.update(self._step_flop)

    def _take_back(self, num_steps: int) -> None:
        """Steps that were taken in vain do not count."""
        for bar, size in ((self._epochs_bar, 1.0), (self._runs_bar, self._step_flop)):
            if bar is not None:
                bar.update(-size * num_steps)

    def _epoch(self, record: EpochRecord) -> None:
        self._val = f"val {record.val_top1_pct:.1f} %, "
        now = time.monotonic()
        left = (self._spec.train.epochs - record.epoch) * (now - self._epoch_started)
        self._epoch_started = now
        if self._on_terminal or self._quiet:
            return
        run = f"run {self._begun} of {self._num_runs}, " if self._num_runs > 1 else ""
        console.note(
            f"{run}{self._spec.name}: epoch {record.epoch}/{self._spec.train.epochs}, "
            f"loss {record.train_loss:.3f}, {self._val}{record.img_per_s:.0f} img/s, "
            f"{console.duration(left)} left"
        )
