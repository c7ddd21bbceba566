"""No tracking."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vitbench.training.history import EpochRecord
from vitbench.training.trackers.tracker import TrackedRun


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
