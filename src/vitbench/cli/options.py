"""Options that several commands share, except those of the spec (spec_options.py)."""

import contextlib
import os
import re
from pathlib import Path
from typing import Annotated

import typer

from vitbench.cli import console
from vitbench.config.allowed import WANDB_MODES
from vitbench.errors import UnknownNameError, UsageError, shortened
from vitbench.registry import EXECUTORS, TRACKERS

MOST_AT_ONCE = 1_000_000


def path(word: str | Path) -> Path:
    """A path from the command line.

    Raises:
        UsageError: It is empty (often an unset variable), or cannot be a path.
    """
    text = str(word)
    if not text:
        raise UsageError("a path is empty: name a file or a folder")
    with contextlib.suppress(UnicodeError):
        if b"\0" not in os.fsencode(text):
            return Path(word)
    raise UsageError(f"path {shortened(text)!r}: it contains a character that paths cannot have")


DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        help="Folder of the data set; it is downloaded there if it is missing.",
        parser=path,
    ),
]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or mps.")]
Wandb = Annotated[
    str,
    typer.Option(
        "--wandb",
        help="Weights & Biases: online, offline or disabled; auto follows `wandb offline`, `wandb "
        "disabled` and WANDB_MODE, otherwise it is online with credentials and offline "
        "without.",
    ),
]
Tracker = Annotated[
    str, typer.Option("--tracker", help=f"Log each run to: {', '.join(TRACKERS.names())}.")
]
MicroBatch = Annotated[
    str,
    typer.Option(
        "--micro-batch",
        metavar="IMAGES",
        help="Images per forward and backward pass, to use less memory: a number; auto starts "
        "with the whole batch and halves it when memory runs out.",
    ),
]
Recompute = Annotated[
    bool,
    typer.Option(
        "--recompute",
        help="Recompute activations in the backward pass: less memory, a third more work.",
    ),
]
Compile = Annotated[
    bool,
    typer.Option(
        "--compile",
        help="Use torch.compile, with a fallback to eager mode. A resumed run keeps its mode.",
    ),
]
RunsDir = Annotated[Path, typer.Option("--runs-dir", help="Folder of run folders.", parser=path)]
ResultsDir = Annotated[
    Path, typer.Option("--results-dir", help="Folder of results files.", parser=path)
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show the plan and its cost; train nothing.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of a table.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show errors only, no progress.")]


def check_word(option: str, given: str, allowed: tuple[str, ...]) -> None:
    """Raise UnknownNameError if the value of an option is not allowed."""
    if given not in allowed:
        raise UnknownNameError(option, given, allowed)


def parse_numbers_of_seeds(text: str | None) -> tuple[int | None, dict[str, tuple[int, ...]]]:
    """The number of seeds for all variants, and seeds by variant, from `5` or `2x2=4,4x4=12`.

    Raises:
        UsageError: A number is not from 1 to 1,000, or a variant is there twice.
    """
    shared: int | None = None
    by_variant: dict[str, tuple[int, ...]] = {}
    for part in text.split(",") if text is not None else []:
        variant, equals, number = (word.strip() for word in part.rpartition("="))
        if not (number.isascii() and number.isdigit() and 1 <= int(number[:9]) <= 1000):
            raise UsageError(
                f"--seeds {shortened(part)}: give a number from 1 to 1000, or VARIANT=N"
            )
        if (variant in by_variant) if equals else shared is not None:
            raise UsageError(f"--seeds {shortened(text or '')}: {variant or 'a number'} twice")
        if equals:
            by_variant[variant] = tuple(range(int(number)))
        else:
            shared = int(number)
    return shared, by_variant


def parse_seeds(seeds: int | None, seed_list: str | None, default: int = 3) -> list[int]:
    """Seeds from `--seeds N` or `--seed-list 0,1,7`.

    Raises:
        UsageError: Both are given, or they contain no seeds.
    """
    if seed_list is None:
        count = default if seeds is None else seeds
        if not 1 <= count <= 1000:
            raise UsageError(f"--seeds {count}: give a number from 1 to 1000")
        return list(range(count))
    if seeds is not None:
        raise UsageError("--seeds and --seed-list exclude each other: give one")
    listed = whole_numbers("--seed-list", seed_list, "0,1,7")
    shown = shortened(seed_list)
    if any(not 0 <= seed < 2**63 for seed in listed):
        raise UsageError(f"--seed-list {shown!r}: a seed is 0 or more, and below 2^63")
    if len(set(listed)) < len(listed):
        raise UsageError(f"--seed-list {shown!r}: a seed is listed twice")
    return listed


def parse_micro_batch(asked: str) -> int | None:
    """The number of images that `--micro-batch` names; None for `auto`.

    Raises:
        UsageError: It is neither a number nor auto.
    """
    if asked == "auto":
        return None
    if not (asked.isascii() and asked.isdigit() and 1 <= int(asked[:19]) <= MOST_AT_ONCE):
        raise UsageError(
            f"--micro-batch {shortened(asked)!r}: give auto, or a number from 1 to {MOST_AT_ONCE}"
        )
    return int(asked)


def whole_numbers(option: str, text: str, example: str) -> list[int]:
    """Numbers between commas.

    Raises:
        UsageError: A word is not a whole number.
    """
    words = [word.strip() for word in text.split(",")]
    if not all(re.fullmatch("-?[0-9]{1,100}", word) for word in words):  # int takes 1_0 and more
        raise UsageError(f"{option} {shortened(text)!r}: give whole numbers, such as {example}")
    return [int(word) for word in words]


def about(seconds: float) -> str:
    """An estimated time in words."""
    return f"about {console.duration(seconds)}" if seconds else "no time"


def check_tracking(tracker: str, wandb: str) -> None:
    """Refuse an unknown tracker or W&B mode, and a W&B mode for another tracker.

    Raises:
        UsageError: Either is unknown, or the two contradict each other.
    """
    TRACKERS.check(tracker)
    check_word("--wandb", wandb, WANDB_MODES)
    if tracker != "wandb" and wandb != "auto":
        raise UsageError(f"--wandb {wandb} is for --tracker wandb, not {tracker}: omit one of them")


def check_executor(executor: str, jobs: str) -> None:
    """Refuse an unknown executor, and one that cannot train as many runs at once as --jobs says.

    Raises:
        UsageError: It is unknown, or local with several jobs.
    """
    if executor != "auto":
        EXECUTORS.check(executor)
    if executor == "local" and jobs not in ("auto", "1"):
        raise UsageError(
            f"--executor local trains one run at a time, not {shortened(jobs)}: "
            "use --executor processes, or --jobs 1"
        )


def say_wandb_mode(mode: str, tracker: str = "wandb") -> None:
    """Say once which mode `--wandb auto` is here, and why."""
    from vitbench.training.trackers.wandb_settings import users_choice

    if mode == "auto" and tracker == "wandb":
        choice = users_choice()
        console.note(f"W&B: {choice.mode} ({choice.why})")
