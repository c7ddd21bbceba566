"""Who listens to runs does not decide over them: an error of a listener ends no run."""

import logging
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vitbench.errors import described

LOG = logging.getLogger("vitbench")


class GuardedListener:
    """A listener whose errors are told once; it goes on to be called.

    Only what is no error (KeyboardInterrupt, SystemExit) passes, and ends the run.

    Args:
        listen: Called with each event.
    """

    def __init__(self, listen: Callable[[Any], None]) -> None:
        self._listen = listen
        self._told = False

    def __call__(self, event: Any) -> None:
        """Pass an event on."""
        try:
            self._listen(event)
        except Exception as error:
            if not self._told:
                self._told = True
                place = traceback.extract_tb(error.__traceback__)[-1]
                LOG.warning(
                    "vitbench: what listens to the runs failed, and they go on without it: "
                    "%s (%s, line %s)",
                    described(error), Path(place.filename).name, place.lineno,
                )  # fmt: skip


def guarded(listen: Callable[[Any], None]) -> GuardedListener:
    """A listener that cannot end a run; one that cannot already stays as it is."""
    return listen if isinstance(listen, GuardedListener) else GuardedListener(listen)
