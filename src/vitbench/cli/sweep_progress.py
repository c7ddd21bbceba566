"""The progress of a sweep on stderr: bars for each group of runs, and lines for decisions."""

from types import TracebackType
from typing import Self

from vitbench.cli import console
from vitbench.cli.progress import Progress
from vitbench.study.events import (
    RunRecorded,
    RunsEnded,
    RunsStarted,
    SweepEvent,
    ValueChosen,
    WidthChecked,
)


class SweepProgress:
    """A listener of a sweep.

    Args:
        quiet: Whether to show only notes.
    """

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._runs: Progress | None = None  # of the present group of runs

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._runs is not None:
            self._runs.__exit__(kind, error, traceback)
            self._runs = None

    def __call__(self, event: SweepEvent, /) -> None:
        """Show an event."""
        match event:
            case RunsStarted():
                self._runs = Progress(event.title, event.runs, self._quiet)
            case RunsEnded():
                self.__exit__(None, None, None)
            case RunRecorded():
                if self._runs is not None:
                    self._runs.ended(event.run)
            case ValueChosen():
                self._say(f"{event.study}, {event.variant}: chose {event.field} {event.value}")
            case WidthChecked():
                for line in _width_lines(event):
                    self._say(f"{event.study}, {event.look.seeds_words} seeds: {line}")
            case _:
                if self._runs is not None:
                    self._runs(event)

    def _say(self, text: str) -> None:
        if not self._quiet:
            console.note(text)


def _width_lines(event: WidthChecked) -> list[str]:
    """The widest interval, and why no seed is added although it is too wide."""
    widest, asked = event.look.widest_pct, f"±{event.half_width_pct:g}"
    width = "nothing to compare" if widest is None else f"widest interval ±{widest:.2f} points"
    if event.status == "unreachable":
        return [
            width,
            f"no number of seeds brings every interval to {asked}: the test set is too small",
        ]
    if event.status == "stopped":
        return [width, f"{asked} needs more seeds; a larger --max-seeds continues from here"]
    return [width]
