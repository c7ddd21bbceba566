"""One experiment: a spec in, a complete run folder out; an interrupted run resumes."""

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from vitbench.config.experiment import ExperimentSpec
from vitbench.data.batches import num_batches
from vitbench.data.datasets import load_images
from vitbench.data.image_set import ImageSet
from vitbench.data.split import train_val_split
from vitbench.errors import FileError, LaterVersionError, OutOfMemoryError, UsageError
from vitbench.runs.claim import check_free
from vitbench.runs.finish import finish
from vitbench.runs.folder import RunFolder
from vitbench.runs.schema import RunResult
from vitbench.training.bits import MOST_THREADS, Bits
from vitbench.training.checkpoint import Checkpoint, save_checkpoint
from vitbench.training.compiled import CannotCompileError, compile_for_training
from vitbench.training.device import pick_device
from vitbench.training.fit import Diverged, Event, TrainingState, begin, fit
from vitbench.training.history import EpochRecord
from vitbench.training.memory import (
    MemorySaving,
    reset_peak_memory,
    told_when_out,
)
from vitbench.training.trackers.tracker import Guarded, TrackedRun, build_tracker


@dataclass(frozen=True)
class RunOptions:
    """How a run is trained: options that its identity does not depend on.

    Attributes:
        data_dir: Folder of the data set; None for the usual places.
        device: auto, cpu, cuda or mps.
        tracker: A name of the registry TRACKERS.
        wandb: Mode of the tracker wandb: auto, online, offline or disabled.
        micro_batch: Images per forward and backward pass; None for whole batches, halved when
            memory runs out.
        recompute: Whether activations are recomputed in the backward pass.
        compiled: Whether to use torch.compile, if possible.
        concurrent_runs: Runs trained in parallel, this one included; recorded beside times.
    """

    data_dir: Path | None = None
    device: str = "auto"
    tracker: str = "wandb"
    wandb: str = "disabled"
    micro_batch: int | None = None
    recompute: bool = False
    compiled: bool = False
    concurrent_runs: int = 1


@dataclass(frozen=True)
class RunRequest:
    """A run to train, in plain values that can be sent to another process.

    Attributes:
        spec: The experiment.
        folder: Its folder.
        options: How it is trained.
        tags: Study and variant, for trackers.
    """

    spec: ExperimentSpec
    folder: Path
    options: RunOptions = RunOptions()
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Note:
    """A line for the user."""

    text: str


@dataclass(frozen=True)
class RunBegun:
    """A run starts or resumes.

    Attributes:
        spec: The experiment.
        epochs_done: Epochs finished by earlier calls.
        num_steps: Steps per epoch.
    """

    spec: ExperimentSpec
    epochs_done: int
    num_steps: int


@dataclass(frozen=True)
class BatchSplit:
    """Out of memory: the run continues after its last finished epoch with fewer images at a time.

    Attributes:
        spec: The experiment.
        micro_batch: Images per forward and backward pass from now on.
    """

    spec: ExperimentSpec
    micro_batch: int


Listener = Callable[[Event | RunBegun | BatchSplit | Note], None]


def check_buildable(spec: ExperimentSpec) -> None:
    """Build model and optimisers without memory, to refuse impossible specs before any work.

    Raises:
        UsageError: They cannot be built.
    """
    with torch.device("meta"):
        begin(spec, torch.device("meta"))


def run_experiment(request: RunRequest, listen: Listener = lambda _event: None) -> RunResult:
    """Train the rest of a run, test it once, and write its result; a complete run is only read.

    Args:
        request: The run.
        listen: Called with every step, epoch and note. An exception that it raises stops the run
            and is raised to the caller; the run is not recorded as failed, and the same call
            resumes it after its last finished epoch. (In a sweep an error of the listener stops
            nothing.)

    Returns:
        Its result, done or diverged.

    Raises:
        UsageError: The data set is absent, or the folder belongs to another run or program.
        OutOfMemoryError: There is not enough memory for it.
        OSError: A file cannot be written; all finished epochs are kept.
    """
    spec, folder, options = request.spec, RunFolder(request.folder), request.options
    device = pick_device(options.device)
    if folder.state() == "trained":
        return _own_result(folder, spec)
    if folder.state() == "new":
        check_free(folder, spec)
    full = load_images(spec.data, "train", options.data_dir)
    train, val = train_val_split(full.to(device), spec.data.val_size)
    with folder.lock(), _threads_put_back():
        if folder.state() == "trained":  # by another process, while this one waited
            return _own_result(folder, spec)
        built = build_tracker(options.tracker, options.wandb)
        guarded = Guarded(built, lambda line: listen(Note(line)))
        with told_when_out():
            state, bits = _begin_or_resume(folder, spec, device, options, listen)
            folder.write_spec(spec)
            num_steps = num_batches(len(train), spec.train.batch_size)
            listen(RunBegun(spec, len(state.history), num_steps))
            handed_over = [state]
            del state  # frees its memory for a second attempt after an out-of-memory error
            with guarded as tracker:
                tracker.start(_tracked(request))
                result = _train(request, handed_over, bits, train, val, tracker, listen)
                tracker.finish(_summary(result))
    return result


def _train(
    request: RunRequest,
    handed_over: list[TrainingState],
    bits: Bits,
    train: ImageSet,
    val: ImageSet,
    tracker: Guarded,
    listen: Listener,
) -> RunResult:
    """Train a run to its end, with fewer images at a time when memory runs out.

    Args:
        request: The run.
        handed_over: Its state, removed from the list: no other reference may keep its memory.
        bits: What its bits depend on.
        train: Images to train on.
        val: Images to validate on.
        tracker: Logs its epochs.
        listen: Called with every event.
    """
    state = handed_over.pop()
    spec, folder, options = request.spec, RunFolder(request.folder), request.options
    device = train.labels.device
    while True:
        reset_peak_memory(device)
        try:
            diverged, bits = _fit(folder, state, bits, spec, train, val, tracker, listen)
            break
        except OutOfMemoryError:
            tried = bits.micro_batch or spec.train.batch_size
            if options.micro_batch is not None or tried == 1:
                raise
            bits = bits.model_copy(update={"micro_batch": tried // 2})
        listen(BatchSplit(spec, tried // 2))
        del state  # or two states would be in memory
        if device.type == "cuda":
            torch.cuda.empty_cache()
        state, _ = _begin_or_resume(folder, spec, device, options, listen)
    _bring_back(folder, spec, listen)
    return finish(spec, options.data_dir, folder, state, bits, diverged, options.concurrent_runs)


def _fit(
    folder: RunFolder,
    state: TrainingState,
    bits: Bits,
    spec: ExperimentSpec,
    train: ImageSet,
    val: ImageSet,
    tracker: Guarded,
    listen: Listener,
) -> tuple[Diverged | None, Bits]:
    """Train the remaining epochs, with a checkpoint after each.

    Returns:
        How it diverged, if it did; and what its bits depend on now: compiling may have failed.
    """
    diverged = None
    saving = MemorySaving(bits.micro_batch, bits.recompute)
    with told_when_out():
        if bits.compiled:
            compiled = _compile(state, spec, saving, listen)
            bits = bits.model_copy(update={"compiled": compiled})
        for event in fit(state, spec, train, val, saving):
            if isinstance(event, EpochRecord):
                _bring_back(folder, spec, listen)
                save_checkpoint(folder.checkpoint, state, spec, bits, complete=False)
                folder.write_history(state.history)
                tracker.log_epoch(event)
            elif isinstance(event, Diverged):
                diverged = event
            listen(event)
    return diverged, bits


def _bring_back(folder: RunFolder, spec: ExperimentSpec, listen: Listener) -> None:
    """Write a run's spec again if its folder was removed during training."""
    if not folder.spec_file.exists():
        folder.write_spec(spec)
        listen(Note(f"{folder.path} was removed during training: written again"))


@contextmanager
def _threads_put_back() -> Iterator[None]:
    """Restore the number of threads, which a resumed run may change."""
    threads = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _compile(
    state: TrainingState, spec: ExperimentSpec, saving: MemorySaving, listen: Listener
) -> bool:
    """Compile the model of a state; return whether that succeeded."""
    state.model.recompute = saving.recompute
    began = time.perf_counter()
    try:
        size = max(saving.sizes(spec.train.batch_size))
        state.compiled = compile_for_training(state.model, spec, size)
    except CannotCompileError as error:
        listen(Note(f"{spec.name}: continues without torch.compile: {error}"))
        return False
    listen(Note(f"{spec.name}: compiled in {time.perf_counter() - began:.0f} s"))
    return True


def _own_result(folder: RunFolder, spec: ExperimentSpec) -> RunResult:
    result = folder.read_result()
    if result.identity != spec.identity:
        raise UsageError(f"{folder.path} holds another run ({result.name}): choose another --out")
    return result


def _begin_or_resume(
    folder: RunFolder,
    spec: ExperimentSpec,
    device: torch.device,
    options: RunOptions,
    listen: Listener,
) -> tuple[TrainingState, Bits]:
    """The state to continue from, and what its bits depend on.

    A resumed run keeps its settings, or uses less memory if that is requested now.
    """
    if folder.state() == "new":
        return begin(spec, device), Bits(
            device=device.type,
            threads=min(torch.get_num_threads(), MOST_THREADS),
            micro_batch=_below(options.micro_batch, spec.train.batch_size),
            recompute=options.recompute,
            compiled=options.compiled,
        )
    checkpoint, state = _resumed(folder, spec, device, listen)
    bits = checkpoint.bits
    most = bits.micro_batch or spec.train.batch_size
    bits = bits.model_copy(
        update={
            "resumed": bits.resumed + 1,
            "micro_batch": _below(options.micro_batch, most) or bits.micro_batch,
            "recompute": bits.recompute or options.recompute,
        }
    )
    if device.type == "cpu":
        torch.set_num_threads(bits.threads)  # another number would change the bits
    return state, bits


def _below(micro_batch: int | None, most: int) -> int | None:
    """The micro-batch, if it is smaller than the current one."""
    return micro_batch if micro_batch is not None and micro_batch < most else None


def _resumed(
    folder: RunFolder, spec: ExperimentSpec, device: torch.device, listen: Listener
) -> tuple[Checkpoint, TrainingState]:
    """The last checkpoint, or the previous one if it is damaged, and its state.

    Raises:
        UsageError: The folder belongs to another run.
        LaterVersionError: A later vitbench started the run.
        FileError: Both are damaged.
    """
    try:
        return _opened(folder.checkpoint, spec, device)
    except LaterVersionError:
        raise
    except FileError as error:
        with contextlib.suppress(FileError):
            before = _opened(folder.previous_checkpoint, spec, device)
            listen(Note(f"{error}: resuming from the previous epoch"))
            return before
        raise FileError(f"{error}: remove {folder.path} to start the run again") from None


def _opened(
    path: Path, spec: ExperimentSpec, device: torch.device
) -> tuple[Checkpoint, TrainingState]:
    checkpoint = Checkpoint.open(path)
    if checkpoint.spec.identity != spec.identity:
        raise UsageError(
            f"{path.parent} holds another run ({checkpoint.spec.name}): choose another --out"
        )
    return checkpoint, checkpoint.resume(device)


def _tracked(request: RunRequest) -> TrackedRun:
    spec = request.spec
    return TrackedRun(
        identity=spec.identity,
        name=spec.name,
        group=spec.base_identity[:16],
        tags=request.tags,
        config=spec.to_json(),
        folder=request.folder,
    )


def _summary(result: RunResult) -> dict[str, Any]:
    names = (
        "status",
        "test_top1_pct",
        "test_loss",
        "val_top1_pct",
        "train_time_s",
        "img_per_s",
        "num_params",
        "forward_flop",
        "peak_memory_bytes",
    )
    return {name: getattr(result, name) for name in names}
