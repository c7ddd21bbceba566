"""Weights & Biases."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any, Literal, cast

from vitbench.config.allowed import WANDB_MODES
from vitbench.errors import UnknownNameError
from vitbench.training.history import EpochRecord
from vitbench.training.trackers.tracker import NoTracker, TrackedRun, Tracker, first_line
from vitbench.training.trackers.wandb_settings import WORDS, Mode, users_choice

STOP_S = 1.0  # for closing a run that was stopped; Ctrl-C is to act within two seconds


def tracker(wandb_mode: str = "auto") -> Tracker:
    """Weights & Biases, unless its mode is disabled.

    Raises:
        UnknownNameError: There is no such mode.
    """
    mode = resolved_mode(wandb_mode)
    if mode == "disabled":
        return NoTracker()
    return WandbTracker(mode)


def resolved_mode(mode: str) -> Mode:
    """The mode that `auto` stands for, by the user's W&B settings; any other is itself.

    Raises:
        UnknownNameError: There is no such mode.
    """
    if mode not in WANDB_MODES:
        raise UnknownNameError("W&B mode", mode, WANDB_MODES)
    return users_choice().mode if mode == "auto" else cast(Mode, mode)


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
                told = f"W&B cannot be used, so runs are logged offline: {first_line(error)}"
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
