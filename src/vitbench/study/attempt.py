"""One run of a sweep: whatever befalls it, there is a result."""

import errno

from vitbench.errors import VitbenchError
from vitbench.model.cost import cost_of
from vitbench.runs.experiment import Listener, RunRequest, run_experiment
from vitbench.runs.schema import RunResult, on_one_line

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


def attempt(request: RunRequest, listen: Listener) -> RunResult:
    """Run a request; an error becomes a result that says so.

    Raises:
        OSError: Nothing can be written any more, so no other run would end better.
    """
    try:
        return run_experiment(request, listen)
    except Exception as error:  # a plug-in's too: the other runs of the sweep go on
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            raise
        return failed(request, _reason(error))


def failed(request: RunRequest, reason: str) -> RunResult:
    """The result of a run that an error ended; the next call tries it again."""
    spec, cost = request.spec, cost_of(request.spec)
    return RunResult(
        identity=spec.identity,
        name=spec.name,
        spec=spec.to_json(),
        seed=spec.seed,
        semantics=spec.semantics,
        status="failed",
        reason=on_one_line(reason)[:500],
        num_params=cost.num_params,
        forward_flop=cost.forward_flop,
        train_flop=cost.train_flop,
    )


def _reason(error: Exception) -> str:
    """The first line of an error; with its kind where that alone says what it is about."""
    kind = type(error).__name__
    line = (str(error).strip().splitlines() or [""])[0]
    if isinstance(error, VitbenchError | OSError | RuntimeError) and line:
        return line
    return f"{kind}: {line}" if line else kind
