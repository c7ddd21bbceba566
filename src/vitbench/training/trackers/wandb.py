"""Weights & Biases."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any, Literal, cast

from vitbench.config.allowed import WANDB_MODES
from vitbench.errors import UnknownNameError, first_line
from vitbench.training.history import EpochRecord
from vitbench.training.trackers.none import NoTracker
from vitbench.training.trackers.tracker import TrackedRun, Tracker
from vitbench.training.trackers.wandb_settings import WORDS, Mode, users_choice

STOP_S = 1.0  # to close a stopped run; Ctrl-C must take effect within two seconds


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
    """The given mode; for `auto`, the mode that the user's W&B settings choose.

    Raises:
        UnknownNameError: There is no such mode.
    """
    if mode not in WANDB_MODES:
        raise UnknownNameError("W&B mode", mode, WANDB_MODES)
    return users_choice().mode if mode == "auto" else cast(Mode, mode)


class WandbTracker:
    """Weights & Biases: one W&B run per run; the seeds of an experiment form a group.

    Args:
        mode: online or offline.
    """

    # After a failed connection, later runs of this process do not wait for W&B again.
    unreachable = False

    def __init__(self, mode: Literal["online", "offline"]) -> None:
        self._mode = mode
        self._run: Any = None

    def start(self, run: TrackedRun) -> str | None:
        """Open the W&B run, offline if W&B cannot be reached; a resumed run keeps its id."""
        message = None
        if self._mode == "online" and not WandbTracker.unreachable:
            try:
                self._run = self._init(run, "online")
            except Exception as error:  # wrong key, no network, no server: wandb raises many kinds
                WandbTracker.unreachable = True
                message = f"W&B cannot be used, so runs are logged offline: {first_line(error)}"
            else:
                return f"W&B: {self._run.url}"
        self._run = self._init(run, "offline")
        return message

    def _init(self, run: TrackedRun, mode: Literal["online", "offline"]) -> Any:
        import wandb

        run.folder.mkdir(parents=True, exist_ok=True)
        with _readable_mode(mode):
            opened = wandb.init(
                project=os.environ.get("WANDB_PROJECT", "vitbench"),
                dir=str(run.folder),
                # Not the id of the failed attempt: wandb regards that one as in use.
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
        """Close the W&B run as failed, without waiting for a server that does not answer."""
        closing = Thread(target=self._run.finish, kwargs={"exit_code": 1}, daemon=True)
        closing.start()
        closing.join(STOP_S)


@contextmanager
def _readable_mode(mode: str) -> Iterator[None]:
    """Replace an unknown WANDB_MODE, with which `wandb.init` fails whatever its arguments are."""
    given = os.environ.get("WANDB_MODE")
    if given is None or given in WORDS:
        yield
        return
    os.environ["WANDB_MODE"] = mode
    try:
        yield
    finally:
        os.environ["WANDB_MODE"] = given
