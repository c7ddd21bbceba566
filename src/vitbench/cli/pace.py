"""Speed of work, from which the time left is estimated."""

import math

MEMORY_S = 120.0  # work older than this, or than half of the time so far, counts less


class Pace:
    """Work per second: a smooth average that follows changes.

    Older work counts less. A pause counts as time without work, so the time between two runs, or
    after an epoch, is included.

    Args:
        now: When the work started.
        work: Earlier similar work, as a first estimate.
        seconds: How long that took.
    """

    def __init__(self, now: float, work: float = 0.0, seconds: float = 0.0) -> None:
        self._began = self._last = now
        self._work, self._seconds = work, seconds

    def add(self, work: float, now: float) -> None:
        """Add the work since the last call."""
        passed = max(now - self._last, 0.0)
        kept = math.exp(-passed / max(MEMORY_S, (now - self._began) / 2))
        self._work = self._work * kept + work
        self._seconds = self._seconds * kept + passed
        self._last = now

    def seconds_for(self, work: float) -> float | None:
        """Seconds for an amount of work; None before the first work."""
        return work * self._seconds / self._work if self._work else None

    def work_in(self, seconds: float) -> float | None:
        """Work in a number of seconds; None before the first work."""
        return seconds * self._work / self._seconds if self._seconds and self._work else None
