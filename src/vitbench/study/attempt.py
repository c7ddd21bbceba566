"""One run of a sweep, which always has a result."""

import errno

from vitbench.crash import keep_traceback
from vitbench.errors import VitbenchError, described, first_line
from vitbench.model.cost import cost_of
from vitbench.runs.experiment import Listener, Note, RunRequest, run_experiment
from vitbench.runs.schema import RunResult, on_one_line
from vitbench.study.listener import guarded

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


def attempt(request: RunRequest, listen: Listener) -> RunResult:
    """Run a request; an error becomes a result with status failed.

    An error of the listener is only reported; the run continues.

    Raises:
        OSError: Nothing can be written any more, so other runs would fail too.
    """
    listen = guarded(listen)
    try:
        return run_experiment(request, listen)
    except Exception as error:  # whatever a library or a plug-in raises: other runs continue
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            raise
        if not isinstance(error, VitbenchError | OSError | MemoryError):
            log = keep_traceback(error)
            if log is not None:
                listen(Note(f"{request.spec.name}: unexpected error; traceback in {log}"))
        return failed(request, _reason(error))


def failed(request: RunRequest, reason: str) -> RunResult:
    """The result of a run with an error; the next call tries it again."""
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
    """The first line of an error, with its type if the message alone is unclear."""
    tells_all = isinstance(error, VitbenchError | OSError) or type(error) is RuntimeError
    return first_line(error) if tells_all else described(error)
