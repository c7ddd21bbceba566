"""What every tracker does, and a guard so that none can stop a training."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

from vitbench.registry import TRACKERS
from vitbench.training.history import EpochRecord


@dataclass(frozen=True)
class TrackedRun:
    """What a tracker is told of a run when it begins.

    Attributes:
        identity: Identity of the run.
        name: Its readable name.
        group: What its seeds are replicates of.
        tags: Study and variant, or nothing.
        config: The spec, as JSON values.
        folder: The run's folder.
    """

    identity: str
    name: str
    group: str
    tags: tuple[str, ...]
    config: dict[str, Any]
    folder: Path


class Tracker(Protocol):
    """Something that logs a run."""

    def start(self, run: TrackedRun) -> str | None:
        """Begin; what is returned is shown to the user once."""

    def log_epoch(self, record: EpochRecord) -> None:
        """An epoch was finished."""

    def log_pictures(self, pictures: Mapping[str, Path]) -> None:
        """Pictures of the run were drawn: PNG files by their names."""

    def finish(self, summary: Mapping[str, Any]) -> None:
        """The run is over."""

    def stop(self) -> None:
        """The run was stopped before its end and may go on later; this must not take long."""


class Guarded:
    """A tracker that cannot stop a run: its first error is told, and then it rests.

    In a `with` it is stopped when the block ends by an error.

    Args:
        tracker: What to guard; None tracks nothing.
        say: Takes a line for the user.
    """

    def __init__(self, tracker: Tracker | None, say: Callable[[str], None]) -> None:
        self._tracker = tracker
        self._say = say

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._try("stop")

    def start(self, run: TrackedRun) -> None:
        """Begin, and tell the user what the tracker has to say."""
        line = self._try("start", run)
        if line:
            self._say(line)

    def log_epoch(self, record: EpochRecord) -> None:
        """An epoch was finished."""
        self._try("log_epoch", record)

    def log_pictures(self, pictures: Mapping[str, Path]) -> None:
        """Pictures of the run were drawn."""
        self._try("log_pictures", pictures)

    def finish(self, summary: Mapping[str, Any]) -> None:
        """The run is over."""
        self._try("finish", summary)

    def _try(self, method: str, *arguments: object) -> Any:
        if self._tracker is None:
            return None
        try:
            return getattr(self._tracker, method)(*arguments)
        except Exception as error:  # whatever it is, it is not the training's
            self._tracker = None
            self._say(f"tracking stopped, training goes on: {first_line(error)}")
            return None


def first_line(error: Exception) -> str:
    """The first line of an error's message, or its type."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


class NoTracker:
    """Tracks nothing.

    Args:
        wandb_mode: Not used.
    """

    def __init__(self, wandb_mode: str = "disabled") -> None:
        pass

    def start(self, run: TrackedRun) -> str | None:
        """Do nothing."""

    def log_epoch(self, record: EpochRecord) -> None:
        """Do nothing."""

    def log_pictures(self, pictures: Mapping[str, Path]) -> None:
        """Do nothing."""

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Do nothing."""


def build_tracker(name: str, wandb_mode: str) -> Tracker:
    """A tracker by its name.

    Args:
        name: A name of TRACKERS.
        wandb_mode: auto, online, offline or disabled, for the tracker `wandb`.

    Raises:
        UnknownNameError: There is no such tracker, or no such mode.
    """
    tracker: Tracker = TRACKERS.get(name)(wandb_mode=wandb_mode)
    return tracker
