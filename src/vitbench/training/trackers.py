"""Experiment trackers, one registered class each.

A tracker is told what happens. Whatever goes wrong in it, the training goes on: `Guarded` sees to
that.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any, Literal, Protocol, Self

from vitbench.errors import UnknownNameError
from vitbench.registry import TRACKERS
from vitbench.training.history import EpochRecord
from vitbench.training.wandb_choice import WORDS, users_choice

STOP_S = 1.0  # for closing a run that was stopped; Ctrl-C is to act within two seconds
WANDB_MODES = ("auto", "online", "offline", "disabled")


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
            self._say(f"tracking stopped, training goes on: {_first_line(error)}")
            return None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def wandb_mode(mode: str) -> str:
    """What a `--wandb` mode comes to: `auto` is the user's own choice, any other is itself.

    Raises:
        UnknownNameError: There is no such mode.
    """
    if mode not in WANDB_MODES:
        raise UnknownNameError("W&B mode", mode, WANDB_MODES)
    return users_choice().mode if mode == "auto" else mode


class WandbTracker:
    """Weights & Biases: one W&B run a run, grouped by what its seeds replicate.

    Args:
        mode: online or offline.
    """

    # Once it could not be reached, the other runs of this process do not wait for it again.
    unreachable = False

    def __init__(self, mode: Literal["online", "offline"]) -> None:
        self._mode = mode
        self._run: Any = None

    def start(self, run: TrackedRun) -> str | None:
        """Open the W&B run, offline where W&B cannot be reached; a resumed run keeps its id."""
        told = None
        if self._mode == "online" and not WandbTracker.unreachable:
            try:
                self._run = self._init(run, "online")
            except Exception as error:  # wrong key, no network, no server: wandb has many
                WandbTracker.unreachable = True
                told = f"W&B cannot be used, so runs are logged offline: {_first_line(error)}"
            else:
                return f"W&B: {self._run.url}"
        self._run = self._init(run, "offline")
        return told

    def _init(self, run: TrackedRun, mode: Literal["online", "offline"]) -> Any:
        import wandb

        run.folder.mkdir(parents=True, exist_ok=True)
        with _readable_mode(mode):
            opened = wandb.init(
                project=os.environ.get("WANDB_PROJECT", "vitbench"),
                dir=str(run.folder),
                # Not the id that wandb has just failed with: it takes that for in use.
                id=run.identity[:16] + ("" if mode == self._mode else "-offline"),
                name=run.name,
                group=run.group,
                tags=list(run.tags),
                config=run.config,
                mode=mode,
                resume="allow" if mode == "online" else None,
                settings=wandb.Settings(silent=True, console="off", init_timeout=15.0),
            )
        opened.define_metric("*", step_metric="epoch")
        return opened

    def log_epoch(self, record: EpochRecord) -> None:
        """Log the epoch's numbers."""
        self._run.log(record.model_dump())

    def log_pictures(self, pictures: Mapping[str, Path]) -> None:
        """Log PNG files."""
        import wandb

        self._run.log({name: wandb.Image(str(path)) for name, path in pictures.items()})

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Write the summary and close the W&B run."""
        self._run.summary.update(dict(summary))
        self._run.finish()

    def stop(self) -> None:
        """Close the W&B run as one that failed; a server that does not answer is not waited for."""
        closing = Thread(target=self._run.finish, kwargs={"exit_code": 1}, daemon=True)
        closing.start()
        closing.join(STOP_S)


@contextmanager
def _readable_mode(mode: str) -> Iterator[None]:
    """A WANDB_MODE that W&B has no word for would end `wandb.init`, whatever else it is told."""
    said = os.environ.get("WANDB_MODE")
    if said is None or said in WORDS:
        yield
        return
    os.environ["WANDB_MODE"] = mode
    try:
        yield
    finally:
        os.environ["WANDB_MODE"] = said


def build_tracker(mode: str) -> Tracker | None:
    """The tracker of a `--wandb` mode; None where it is disabled."""
    resolved = wandb_mode(mode)
    if resolved == "disabled":
        return None
    tracker: Tracker = TRACKERS.get("wandb")(resolved)
    return tracker
