"""Listeners of runs, whose errors stop no run."""

import logging
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vitbench.errors import described

LOG = logging.getLogger("vitbench")


class GuardedListener:
    """A listener whose first error is reported; it is still called afterwards.

    Only KeyboardInterrupt and SystemExit are passed on, and stop the run.

    Args:
        listen: Called with each event.
    """

    def __init__(self, listen: Callable[[Any], None]) -> None:
        self._listen = listen
        self._told = False

    def __call__(self, event: Any) -> None:
        """Pass on an event."""
        try:
            self._listen(event)
        except Exception as error:
            if not self._told:
                self._told = True
                place = traceback.extract_tb(error.__traceback__)[-1]
                LOG.warning(
                    "vitbench: a listener of the runs failed; the runs continue: "
                    "%s (%s, line %s)",
                    described(error), Path(place.filename).name, place.lineno,
                )  # fmt: skip


def guarded(listen: Callable[[Any], None]) -> GuardedListener:
    """A listener that cannot stop a run; a guarded one is returned as it is."""
    return listen if isinstance(listen, GuardedListener) else GuardedListener(listen)
