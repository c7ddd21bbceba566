"""One run of a sweep: whatever befalls it, there is a result."""

import errno

from vitbench.crash import first_line, keep_traceback
from vitbench.errors import VitbenchError
from vitbench.model.cost import cost_of
from vitbench.runs.experiment import Listener, Note, RunRequest, run_experiment
from vitbench.runs.schema import RunResult
from vitbench.study.listening import guarded

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


def attempt(request: RunRequest, listen: Listener) -> RunResult:
    """Run a request; an error becomes a result that says so.

    An error of the listener is none of the run's: it is told, and the run goes on.

    Raises:
        OSError: Nothing can be written any more, so no other run would end better.
    """
    listen = guarded(listen)
    try:
        return run_experiment(request, listen)
    except (VitbenchError, OSError, MemoryError) as error:
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            raise
        return failed(request, (str(error).strip().splitlines() or [type(error).__name__])[0])
    except Exception as error:  # whatever a library raises: the other runs go on
        log = keep_traceback(error)
        if log is not None:
            listen(Note(f"{request.spec.name}: an error that nobody foresaw; traceback in {log}"))
        return failed(request, first_line(error))


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
        reason=reason[:500],
        num_params=cost.num_params,
        forward_flop=cost.forward_flop,
        train_flop=cost.train_flop,
    )
