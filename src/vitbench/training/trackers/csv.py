"""A CSV file beside the run."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vitbench.files import write_text
from vitbench.training.history import EpochRecord
from vitbench.training.trackers.tracker import TrackedRun

FILE = "metrics.csv"


class CsvTracker:
    """A CSV file in the run's folder, `metrics.csv`, with one line per epoch.

    An epoch that is trained again after a stop replaces its line, and those after it.

    Args:
        wandb_mode: Not used.
    """

    def __init__(self, wandb_mode: str = "disabled") -> None:  # noqa: ARG002
        self._path = Path()

    def start(self, run: TrackedRun) -> str | None:
        """Note where the file is."""
        self._path = run.folder / FILE
        return None

    def log_epoch(self, record: EpochRecord) -> None:
        """Write the epoch's line; the file is replaced as a whole, so it is never half written."""
        values = record.model_dump()
        earlier = [line for line in self._lines() if int(line["epoch"]) < record.epoch]
        text = io.StringIO()
        writer = csv.DictWriter(text, list(values), lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        writer.writerows([*earlier, values])
        write_text(self._path, text.getvalue())

    def _lines(self) -> list[dict[str, str]]:
        if not self._path.exists():
            return []
        return list(csv.DictReader(self._path.read_text(encoding="utf-8").splitlines()))

    def log_pictures(self, pictures: Mapping[str, Path]) -> None:
        """A CSV file has no pictures."""

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Every line is written already."""

    def stop(self) -> None:
        """Every line is written already."""
