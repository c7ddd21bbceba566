"""The app: its commands, and how errors end them."""

import contextlib
import errno
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Annotated

import typer

import vitbench
from vitbench.cli import (
    bench,
    check,
    console,
    diff,
    presets,
    report,
    runs,
    studies,
    sweep,
    train,
    visualize,
)
from vitbench.cli.command import be_strict
from vitbench.cli.groups import Group
from vitbench.cli.spec_options import HelpWithFields
from vitbench.crash import bear_warnings, keep_traceback
from vitbench.errors import VitbenchError, described, shortened
from vitbench.streams import robust_streams, to_nowhere

# Typer carries a Click inside, or uses the installed one: either way this is the parent of its
# errors.
WrongCommandLine: type[Exception] = next(
    kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"
)

app = typer.Typer(
    name="vitbench",
    cls=Group,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
app.command("train", cls=HelpWithFields)(train.train)
app.command("sweep", cls=HelpWithFields)(sweep.sweep)
app.command("visualize")(visualize.visualize)
app.command("report")(report.report)
app.command("diff")(diff.diff)
app.add_typer(runs.app, name="runs")
app.command("check")(check.check)
app.add_typer(bench.app, name="bench")
app.add_typer(studies.app, name="studies")
app.command("presets")(presets.presets)
be_strict(app)


def _show_version(asked: bool) -> None:
    if asked:
        console.product(f"vitbench {vitbench.__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _vitbench(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001 (its callback acts)
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Train small Vision Transformers and report which differences are significant.

    Start with `vitbench sweep pos-embed --preset smoke`: no download, a few minutes on a CPU.
    """
    if context.invoked_subcommand is None:
        console.product(context.get_help())


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code; every error is one plain line on stderr.

    An unexpected error is one line too, with the path of a file that holds its traceback.

    Args:
        arguments: The words after `vitbench`; default: those of the process.
    """
    debug = os.environ.get("VITBENCH_DEBUG") == "1"
    stopped_by: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        if stopped_by:  # second Ctrl-C: exit at once
            os._exit(128 + number)
        stopped_by.append(number)
        raise KeyboardInterrupt

    with robust_streams(), _handlers(stop):
        try:
            code = int(app(arguments, standalone_mode=False) or 0)
            sys.stdout.flush()
        except KeyboardInterrupt:
            code = 130
        except typer.Abort:  # Typer raises it for Ctrl-C at a question, and at the end of the input
            if not stopped_by:
                console.error("no answer: nothing was done")
                return 1
            code = 130
        except SystemExit as leaving:
            # Typer's reaction to a broken pipe. It is not stdout's: that stream is robust.
            if not isinstance(leaving.__context__, OSError) or debug:
                raise
            return _fail(leaving.__context__)
        except Exception as error:
            if debug:
                raise
            return _fail(error)
        if code == 130:  # Typer returns this code for a KeyboardInterrupt
            console.error(
                "interrupted: every finished epoch is kept; run the same command again to resume"
            )
            return 128 + stopped_by[0] if stopped_by else 130
        return code


@contextlib.contextmanager
def _handlers(stop: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Call a function on Ctrl-C and SIGTERM; only the main thread can set that."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _fail(error: Exception) -> int:
    """Print what was wrong in plain lines, and return the exit code."""
    if isinstance(error, VitbenchError):
        console.error(str(error))
        return error.exit_code
    if isinstance(error, WrongCommandLine):
        message = error.format_message()  # type: ignore[attr-defined]
        console.error(f"{message[0].lower()}{message[1:]}")
        context = getattr(error, "ctx", None)
        if context is not None:
            console.note(f"try '{context.command_path} --help'")
        return 2
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    if isinstance(error, OSError) and (error.filename is not None or full):
        kept = "; everything finished is kept: free some space, then run the same command again"
        where = "" if error.filename is None else f"{error.filename}: "
        console.error(f"{where}{error.strerror}{kept if full else ''}")
        return 2 if error.errno == errno.ENAMETOOLONG else 1
    log = keep_traceback(error)
    where = "VITBENCH_DEBUG=1 shows the traceback" if log is None else f"traceback in {log}"
    console.error(f"{shortened(described(error), 400)} ({where})")
    return 1


def run() -> None:
    """The entry point of the `vitbench` command."""
    bear_warnings()
    code = main()
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:  # None if its descriptor was closed
                stream.flush()
        except (OSError, ValueError):
            to_nowhere(stream)  # or Python would exit with its own code
    if code in (130, 143) or "wandb" in sys.modules:
        # W&B runs are closed by now; at exit W&B would only wait for its server.
        os._exit(code)
    sys.exit(code)
