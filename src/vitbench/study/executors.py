"""Ways to run a plan, one registered class each: requests in, results out as they come."""

import errno
import time
from collections.abc import Iterator, Sequence
from typing import Protocol

from vitbench.errors import VitbenchError
from vitbench.model.cost import cost_of
from vitbench.registry import EXECUTORS
from vitbench.runs.experiment import Listener, Note, RunRequest, run_experiment
from vitbench.runs.folder import RunFolder
from vitbench.runs.schema import RunResult

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
POLL_S = 1.0  # between two looks at what another process trains


class Executor(Protocol):
    """A way to run a plan."""

    def execute(
        self, requests: Sequence[RunRequest], listen: Listener
    ) -> Iterator[tuple[int, RunResult]]:
        """Run requests; yield the place of each in the sequence, and its result, as they come."""


@EXECUTORS.register("local")
class Local:
    """One run after the other, in this process."""

    def execute(
        self, requests: Sequence[RunRequest], listen: Listener
    ) -> Iterator[tuple[int, RunResult]]:
        """Run requests in their order; an error ends its run and no other.

        What another process trains at this moment is left to it, and its result is read once it is
        there: two sweeps share the work.
        """
        left = dict(enumerate(requests))
        told = False
        while left:
            place = next((p for p in left if not RunFolder(left[p].folder).is_busy()), None)
            if place is not None:
                yield place, attempt(left.pop(place), listen)
                continue
            if not told:
                listen(Note("what is left is being trained by another process: waiting for it"))
                told = True
            time.sleep(POLL_S)


def attempt(request: RunRequest, listen: Listener) -> RunResult:
    """Run a request; an error becomes a result that says so.

    Raises:
        OSError: Nothing can be written any more, so no other run would end better.
    """
    try:
        return run_experiment(request, listen)
    except (VitbenchError, OSError, RuntimeError, MemoryError) as error:
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            raise
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        spec, cost = request.spec, cost_of(request.spec)
        return RunResult(
            identity=spec.identity,
            name=spec.name,
            spec=spec.to_json(),
            seed=spec.seed,
            semantics=spec.semantics,
            status="failed",
            reason=reason[:500],
            num_params=cost.num_params,
            forward_flop=cost.forward_flop,
            train_flop=cost.train_flop,
        )
