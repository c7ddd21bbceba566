"""The protocol of trackers, and a guard so that no tracker can stop a training."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

from vitbench.errors import first_line
from vitbench.registry import TRACKERS
from vitbench.training.history import EpochRecord


@dataclass(frozen=True)
class TrackedRun:
    """What a tracker knows of a run when it starts.

    Attributes:
        identity: Identity of the run.
        name: Its readable name.
        group: Name that all seeds of this experiment share.
        tags: Study and variant, or empty.
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
        """Start logging a run; a returned line is shown to the user once."""

    def log_epoch(self, record: EpochRecord) -> None:
        """Log a finished epoch."""

    def log_pictures(self, pictures: Mapping[str, Path]) -> None:
        """Log pictures of the run: PNG files by name."""

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Log the summary of a complete run, and close."""

    def stop(self) -> None:
        """Close quickly: the run was stopped, and may be resumed later."""


class Guarded:
    """A tracker that cannot stop a run: its first error is shown, and ends the tracking.

    In a `with` statement, `stop` is called if the block raises an error.

    Args:
        tracker: The tracker; None tracks nothing.
        say: Shows a line to the user.
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
        """Start, and show the tracker's line to the user."""
        line = self._try("start", run)
        if line:
            self._say(line)

    def log_epoch(self, record: EpochRecord) -> None:
        """Log a finished epoch."""
        self._try("log_epoch", record)

    def log_pictures(self, pictures: Mapping[str, Path]) -> None:
        """Log pictures of the run."""
        self._try("log_pictures", pictures)

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Log the summary of a complete run, and close."""
        self._try("finish", summary)

    def _try(self, method: str, *arguments: object) -> Any:
        if self._tracker is None:
            return None
        try:
            return getattr(self._tracker, method)(*arguments)
        except Exception as error:  # no error of a tracker may stop the training
            self._tracker = None
            self._say(f"tracking stopped, training continues: {first_line(error)}")
            return None


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
