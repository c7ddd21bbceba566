"""The events of a sweep, and the type of their listeners."""

from dataclasses import dataclass
from typing import Any, Literal, Protocol

from vitbench.config.experiment import ExperimentSpec
from vitbench.runs.experiment import BatchSplit, Note, RunBegun
from vitbench.runs.schema import Look, StudyRun
from vitbench.training.fit import Event

WidthStatus = Literal["narrow", "unreachable", "stopped", "continue"]


@dataclass(frozen=True)
class OfWorker:
    """An event of one of several parallel runs.

    Attributes:
        worker: Number of the worker, counted from 0; it trains one run after the other.
        event: The event.
    """

    worker: int
    event: Event | RunBegun | BatchSplit


@dataclass(frozen=True)
class RunsStarted:
    """Several runs are about to be trained: trials, a sweep, or the runs of an added seed.

    Attributes:
        title: What they are, such as the name of the study.
        runs: The name and the experiment of each run that is incomplete now.
    """

    title: str
    runs: tuple[tuple[str, ExperimentSpec], ...]


@dataclass(frozen=True)
class RunRecorded:
    """A run is in the results file of its study; it may be failed.

    Attributes:
        study: Name of the study.
        run: The run.
    """

    study: str
    run: StudyRun


@dataclass(frozen=True)
class RunsEnded:
    """All runs of the last RunsStarted have ended."""


@dataclass(frozen=True)
class ValueChosen:
    """Tuning chose a value for a variant.

    Attributes:
        study: Name of the study.
        variant: Key of the variant.
        field: The tuned field, by dotted name.
        value: The chosen value.
    """

    study: str
    variant: str
    field: str
    value: Any


@dataclass(frozen=True)
class WidthChecked:
    """The widest interval of a study was compared with the requested precision.

    Attributes:
        study: Name of the study.
        look: The number of seeds, and the widest half-width in points; None if no two variants can
            be compared.
        half_width_pct: The requested half-width in points.
        status: `narrow` if the precision is reached and no seed is added; `unreachable` if the test
            set is too small for it; `stopped` if the largest number of seeds is reached, or would
            not be enough; `continue` if another seed follows.
    """

    study: str
    look: Look
    half_width_pct: float
    status: WidthStatus


# What an executor emits.
RunEvent = Event | RunBegun | BatchSplit | Note | OfWorker
# What a sweep emits.
SweepEvent = RunEvent | RunsStarted | RunRecorded | RunsEnded | ValueChosen | WidthChecked


class RunListener(Protocol):
    """Called with each event of runs."""

    def __call__(self, event: RunEvent, /) -> None:
        """Receive an event."""


class SweepListener(Protocol):
    """Called with each event of a sweep; it is a RunListener too."""

    def __call__(self, event: SweepEvent, /) -> None:
        """Receive an event."""


def ignore(_event: SweepEvent) -> None:
    """A listener that does nothing."""
