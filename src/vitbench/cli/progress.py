"""Progress on stderr: bars in a terminal, one plain line per epoch elsewhere."""

import math
import sys
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn, Self

from vitbench.cli import console, layout
from vitbench.cli.bar import bar_line
from vitbench.cli.pace import Pace
from vitbench.config.experiment import ExperimentSpec
from vitbench.model.cost import cost_of, forward_flop
from vitbench.runs.experiment import BatchSplit, Note, RunBegun
from vitbench.runs.schema import RunResult
from vitbench.streams import import_tqdm
from vitbench.study.events import OfWorker
from vitbench.study.plan import run_flop
from vitbench.training.fit import Diverged, Event, RateHalved, StepDone
from vitbench.training.history import EpochRecord

if TYPE_CHECKING:
    from tqdm import tqdm

REDRAW_S = 0.1
SLOWED = 3.0  # times as slow as the run's fastest epoch: then one line says so
FIRST_GUESS_S = 20.0  # a new run is assumed to be as fast as earlier ones for this long


class Progress:
    """Listens to runs and shows their progress.

    Args:
        title: What is running, such as the study's name.
        runs: The runs to train, with their names in progress output.
        quiet: Whether to show only notes.
        clock: Seconds, from any start.
    """

    def __init__(
        self,
        title: str,
        runs: Sequence[tuple[str, ExperimentSpec]],
        quiet: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._title = title
        self._names = {spec.identity: name for name, spec in runs}
        self._flop = {spec.identity: float(run_flop(spec)) for _, spec in runs}  # not started yet
        self._total_flop = sum(self._flop.values())
        self._num_runs = len(self._names)
        self._quiet = quiet
        self._clock = clock
        self._on_terminal = layout.can_redraw(sys.stderr) and not quiet
        self._num_begun = 0
        self._num_ended = 0
        self._runs: dict[int, _Run] = {}  # by worker
        self._pace: Pace | None = None  # of all runs, in FLOPs
        self._started, self._drawn = clock(), -math.inf
        self._lines: dict[int, tqdm[NoReturn]] = {}  # on the screen, by position
        # The position of the first run's line: the line of all runs is above it.
        self._first = 1 if self._num_runs > 1 else 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if kind is None and self._num_runs > 1:
            for run in self._runs.values():
                self._end(run)
        # From the bottom up, so that the cursor ends in the first line.
        for _, line in sorted(self._lines.items(), reverse=True):
            line.close()

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
                run.steps_done = (event.epoch - 1) * run.num_steps
                console.note(
                    f"{run.name}: {event.reason}; the epoch starts again at "
                    f"1/{2**event.lr_halvings} of the learning rate"
                )
            case BatchSplit():
                run = self._runs[worker]
                run.steps_done = run.epochs_done * run.num_steps
                console.note(
                    f"{run.name}: out of memory; continues with {event.micro_batch} images at a "
                    "time, after its last finished epoch"
                )
            case Diverged():
                console.note(f"{self._runs[worker].name}: diverged, {event.reason}")
        if self._on_terminal and not isinstance(event, Note):
            self._draw(at_once=not isinstance(event, StepDone))

    def ended(self, result: RunResult) -> None:
        """Print a line for a run that is recorded now, if it was trained."""
        name = self._names.pop(result.identity, None)
        if name is None:  # complete before, or shared with another study
            return
        self._flop.pop(result.identity, None)
        self._num_ended += 1
        for run in self._runs.values():
            if run.spec.identity == result.identity and not run.is_ended:
                run.is_ended = True
                if result.status == "done":
                    self._worked(run, run.test_flop, self._clock())
        if result.status == "done" and not self._quiet:
            console.note(
                f"{self._number(self._num_ended)}{name}: test accuracy "
                f"{result.test_top1_pct:.2f} % after {console.duration(result.train_time_s)}"
            )
        if self._on_terminal:
            self._draw(at_once=True)

    def _begin(self, worker: int, event: RunBegun) -> None:
        before = self._runs.get(worker)
        if before is not None:
            self._end(before)
        now = self._clock()
        if self._pace is None:
            self._pace = Pace(now)
        self._num_begun += 1
        identity = event.spec.identity
        if self._flop.pop(identity, None) is None:  # it was complete when runs were counted
            self._total_flop += run_flop(event.spec)
        name = self._names.get(identity, event.spec.name)
        run = self._runs[worker] = _Run(name, event, self._num_begun, now)
        if (guess := self._pace.work_in(FIRST_GUESS_S)) is not None:
            working = sum(not other.is_ended for other in self._runs.values())
            run.pace = Pace(now, guess / working, FIRST_GUESS_S)
        if event.epochs_done and not self._quiet:
            console.note(f"{name}: resumed after epoch {event.epochs_done}")

    def _end(self, run: "_Run") -> None:
        """Print a line for a run that is not recorded, such as a trial of --tune."""
        if run.is_ended:
            return
        run.is_ended = True
        self._num_ended += 1
        if run.val_pct is not None and not self._quiet:
            console.note(
                f"{self._number(self._num_ended)}{run.name}: validation accuracy "
                f"{run.val_pct:.2f} %"
            )

    def _step(self, run: "_Run", event: StepDone) -> None:
        now = self._clock()
        run.epoch, run.loss, run.img_per_s = event.epoch, event.loss, event.img_per_s
        run.steps_done = (event.epoch - 1) * run.num_steps + event.step
        self._worked(run, run.step_flop, now)
        if event.step > run.num_steps // 10 and run.has_slowed(event.img_per_s):
            self._say_slowed(run, event.img_per_s)

    def _say_slowed(self, run: "_Run", img_per_s: float) -> None:
        run.slowness_reported = True
        if not self._quiet:
            console.note(
                f"{run.name}: {run.best_img_per_s / img_per_s:.1f} times slower than before "
                f"({img_per_s:,.0f} img/s): other programs are using this machine. Results do not "
                "change. Start the other programs with `nice -n 19`, or reduce --jobs"
            )

    def _worked(self, run: "_Run", flop: float, now: float) -> None:
        run.pace.add(flop, now)
        if self._pace is not None:
            self._pace.add(flop, now)

    def _epoch(self, run: "_Run", record: EpochRecord) -> None:
        run.epochs_done = record.epoch
        run.val_pct = record.val_top1_pct
        run.best_img_per_s = max(run.best_img_per_s, record.img_per_s)
        self._worked(run, run.val_flop, self._clock())
        if self._on_terminal or self._quiet:
            return
        number = self._number(run.number, "run ")
        of_all = "" if not number else f", {_words(self._seconds_left())} for all runs"
        console.note(
            f"{number}{run.name}: epoch {record.epoch}/{run.spec.train.epochs}, "
            f"loss {record.train_loss:.3f}, val {run.val_pct:.1f} %, "
            f"{record.img_per_s:.0f} img/s, {_words(run.seconds_left())} left{of_all}"
        )

    def _number(self, number: int, what: str = "") -> str:
        """The number of a run, if there are several."""
        return f"{what}{number} of {self._num_runs}, " if self._num_runs > 1 else ""

    def _seconds_left(self) -> float | None:
        """Time left for all runs at their common pace; at least that of the longest run."""
        working = [run for run in self._runs.values() if not run.is_ended]
        flop = sum(self._flop.values()) + sum(run.flop_left for run in working)
        in_all = None if self._pace is None else self._pace.seconds_for(flop)
        if in_all is None:
            return None
        return max([in_all, *(run.seconds_left() or 0.0 for run in working)])

    def _draw(self, at_once: bool) -> None:
        """Redraw all lines, unless they were just drawn."""
        now = self._clock()
        if not at_once and now - self._drawn < REDRAW_S:
            return
        self._drawn = now
        width = (layout.terminal_width(sys.stderr) or layout.USUAL_WIDTH) - 1
        if self._num_runs > 1:
            self._show(0, self._line_of_all(width, now))
        for worker, run in sorted(self._runs.items()):
            self._show(self._first + worker, "" if run.is_ended else run.line(width))

    def _line_of_all(self, width: int, now: float) -> str:
        working = [run for run in self._runs.values() if not run.is_ended]
        left = sum(self._flop.values()) + sum(run.flop_left for run in working)
        return bar_line(
            width,
            self._title,
            1 - left / self._total_flop if self._total_flop else 1.0,
            [
                f"{self._num_ended} of {self._num_runs} runs done",
                f"{_words(self._seconds_left())} left",
            ],
            [f"{console.duration(now - self._started)} so far"],
        )

    def _show(self, place: int, text: str) -> None:
        line = self._lines.get(place)
        if line is None:
            self._lines[place] = import_tqdm()(
                total=1, bar_format="{desc}", desc=text, leave=False, position=place
            )
        else:
            line.set_description_str(text)


class _Run:
    """A run in training.

    Args:
        name: Its name in progress output.
        begun: Its first event.
        number: Its number among the started runs.
        now: When it started, in seconds.
    """

    def __init__(self, name: str, begun: RunBegun, number: int, now: float) -> None:
        self.name = name
        self.spec = begun.spec
        self.number = number
        self.num_steps = begun.num_steps
        self.all_steps = begun.spec.train.epochs * begun.num_steps
        an_image = forward_flop(begun.spec)
        self.step_flop = cost_of(begun.spec).train_flop / self.all_steps
        self.val_flop = float(begun.spec.data.val_size * an_image)
        self.test_flop = float(begun.spec.data.test_size * an_image)
        self.epochs_done = begun.epochs_done
        self.steps_done = begun.epochs_done * begun.num_steps
        self.epoch = begun.epochs_done + 1
        self.pace = Pace(now)
        self.loss: float | None = None
        self.val_pct: float | None = None
        self.img_per_s: float | None = None
        self.best_img_per_s = 0.0  # of its finished epochs
        self.slowness_reported = False
        self.is_ended = False

    @property
    def flop_left(self) -> float:
        """FLOPs of the remaining steps, validations and the test."""
        steps = self.all_steps - self.steps_done
        epochs = self.spec.train.epochs - self.epochs_done
        return self.step_flop * steps + self.val_flop * epochs + self.test_flop

    def has_slowed(self, img_per_s: float) -> bool:
        """Whether it is much slower than in its fastest epoch, and that was not reported yet."""
        return not self.slowness_reported and img_per_s * SLOWED < self.best_img_per_s

    def seconds_left(self) -> float | None:
        """Estimated time left in seconds; None before the first step."""
        return self.pace.seconds_for(self.flop_left)

    def line(self, width: int) -> str:
        """Its bar, with name, progress and accuracy."""
        facts = [] if self.val_pct is None else [f"val {self.val_pct:.1f} %"]
        speed = "?" if self.img_per_s is None else f"{self.img_per_s:,.0f}"
        facts += [f"{speed} img/s", f"{_words(self.seconds_left())} left"]
        more = [f"epoch {self.epoch}/{self.spec.train.epochs}"]
        if self.loss is not None:
            more.append(f"loss {self.loss:.3f}")
        return bar_line(width, self.name, self.steps_done / self.all_steps, facts, more)


def _words(seconds: float | None) -> str:
    return "?" if seconds is None else console.duration(seconds)
