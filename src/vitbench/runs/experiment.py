"""One experiment: a spec in, a complete run folder out; or on from where it was stopped."""

import contextlib
import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vitbench.data.batches import num_batches
from vitbench.data.datasets import load_images
from vitbench.data.image_set import ImageSet
from vitbench.data.split import train_val_split
from vitbench.errors import FileError, OutOfMemoryError, UsageError
from vitbench.files import replacing, write_text
from vitbench.model.cost import cost_of
from vitbench.runs.folder import RunFolder
from vitbench.runs.schema import RunResult, Status, pack_classes
from vitbench.spec.experiment import ExperimentSpec
from vitbench.training.checkpoint import Checkpoint, save_checkpoint
from vitbench.training.compiled import CannotCompileError, compile_for_training
from vitbench.training.device import device_name, pick_device, precision_of, versions
from vitbench.training.evaluate import Evaluation, evaluate
from vitbench.training.fit import Diverged, Event, TrainingState, begin, fit
from vitbench.training.history import EpochRecord
from vitbench.training.memory import (
    MemorySaving,
    peak_memory_bytes,
    reset_peak_memory,
    told_when_out,
)
from vitbench.training.trackers import Guarded, TrackedRun, build_tracker


@dataclass(frozen=True)
class RunOptions:
    """How a run is done: what its identity does not depend on.

    Attributes:
        data_dir: Where its data set is; the usual places where None.
        device: auto, cpu, cuda or mps.
        wandb: auto, online, offline or disabled.
        micro_batch: Images of one forward and backward pass; None for whole batches, and for fewer
            where there is not enough memory for them.
        recompute: Whether blocks' inner values are computed anew in the backward pass.
        compiled: Whether to compile the model, where it can be.
    """

    data_dir: Path | None = None
    device: str = "auto"
    wandb: str = "disabled"
    micro_batch: int | None = None
    recompute: bool = False
    compiled: bool = False


@dataclass(frozen=True)
class RunRequest:
    """A run to be done, in plain values that another process can be handed.

    Attributes:
        spec: The experiment.
        folder: Its folder.
        options: How it is done.
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
    """A run begins, or goes on.

    Attributes:
        spec: The experiment.
        epochs_done: Epochs that an earlier call finished.
        num_steps: Steps of an epoch.
    """

    spec: ExperimentSpec
    epochs_done: int
    num_steps: int


@dataclass(frozen=True)
class BatchSplit:
    """Memory was refused; the run goes on from its last finished epoch with fewer images at a time.

    Attributes:
        spec: The experiment.
        micro_batch: Images of one forward and backward pass from now on.
    """

    spec: ExperimentSpec
    micro_batch: int


Listener = Callable[[Event | RunBegun | BatchSplit | Note], None]


def check_buildable(spec: ExperimentSpec) -> None:
    """Build model and optimisers without memory, so that what cannot be is known before any work.

    Raises:
        UsageError: They cannot be built.
    """
    with torch.device("meta"):
        begin(spec, torch.device("meta"))


def run_experiment(request: RunRequest, listen: Listener = lambda _event: None) -> RunResult:
    """Train what is left of a run, test it once, and write its result; a complete run is read.

    Args:
        request: The run.
        listen: Told of every step, epoch and note.

    Returns:
        Its result, done or diverged.

    Raises:
        UsageError: The data set is absent, or the folder is another run's.
        OutOfMemoryError: There is not enough memory for it.
        OSError: A file cannot be written; all finished epochs are kept.
    """
    spec, folder, options = request.spec, RunFolder(request.folder), request.options
    device = pick_device(options.device)
    if folder.state() == "trained":
        return _own_result(folder, spec)
    full = load_images(spec.data, "train", options.data_dir)
    train, val = train_val_split(full.to(device), spec.data.val_size)
    with folder.lock(), _threads_put_back():
        if folder.state() == "trained":  # by another process, while this one waited
            return _own_result(folder, spec)
        guarded = Guarded(build_tracker(options.wandb), lambda line: listen(Note(line)))
        with told_when_out():
            state, bits = _begin_or_resume(folder, spec, device, options, listen)
            write_text(folder.spec_file, ExperimentSpec.model_dump_json(spec, indent=1) + "\n")
            num_steps = num_batches(len(train), spec.train.batch_size)
            listen(RunBegun(spec, len(state.history), num_steps))
            with guarded as tracker:
                tracker.start(_tracked(request))
                result = _train(request, state, bits, train, val, tracker, listen)
                tracker.finish(_summary(result))
    return result


def _train(
    request: RunRequest,
    state: TrainingState,
    bits: dict[str, Any],
    train: ImageSet,
    val: ImageSet,
    tracker: Guarded,
    listen: Listener,
) -> RunResult:
    """Go on with a run to its end, with fewer images at a time where memory is refused."""
    spec, folder, options = request.spec, RunFolder(request.folder), request.options
    device = train.labels.device
    while True:
        reset_peak_memory(device)
        try:
            diverged = _fit(folder, state, bits, spec, train, val, tracker, listen)
            break
        except OutOfMemoryError:
            tried = bits["micro_batch"] or spec.train.batch_size
            if options.micro_batch is not None or tried == 1:
                raise
            bits["micro_batch"] = tried // 2
        listen(BatchSplit(spec, tried // 2))
        del state  # or there would be two of them
        if device.type == "cuda":
            torch.cuda.empty_cache()
        state, _ = _begin_or_resume(folder, spec, device, options, listen)
    return _finish(request, folder, state, bits, diverged)


def _fit(
    folder: RunFolder,
    state: TrainingState,
    bits: dict[str, Any],
    spec: ExperimentSpec,
    train: ImageSet,
    val: ImageSet,
    tracker: Guarded,
    listen: Listener,
) -> Diverged | None:
    """Train what is left, a checkpoint at each epoch's end; how it diverged, if it did."""
    diverged = None
    saving = MemorySaving(bits["micro_batch"], bits["recompute"])
    with told_when_out():
        if bits["compiled"]:
            bits["compiled"] = _compile(state, spec, saving, listen)
        for event in fit(state, spec, train, val, saving):
            if isinstance(event, EpochRecord):
                save_checkpoint(folder.checkpoint, state, spec, bits, complete=False)
                folder.write_history(state.history)
                tracker.log_epoch(event)
            elif isinstance(event, Diverged):
                diverged = event
            listen(event)
    return diverged


@contextmanager
def _threads_put_back() -> Iterator[None]:
    """A run that was begun with another number of threads does not leave it to the next run."""
    threads = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _compile(
    state: TrainingState, spec: ExperimentSpec, saving: MemorySaving, listen: Listener
) -> bool:
    """Compile a state's model; whether that went well."""
    state.model.recompute = saving.recompute
    began = time.perf_counter()
    try:
        size = max(saving.sizes(spec.train.batch_size))
        state.compiled = compile_for_training(state.model, spec, size)
    except CannotCompileError as error:
        listen(Note(f"{spec.name}: goes on without torch.compile: {error}"))
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
) -> tuple[TrainingState, dict[str, Any]]:
    """The state to train on from, and what its bits depend on.

    A run goes on as it began, or in less memory where that is asked for now.
    """
    if folder.state() == "new":
        return begin(spec, device), {
            "device": device.type,
            "threads": torch.get_num_threads(),
            "resumed": 0,
            "micro_batch": _below(options.micro_batch, spec.train.batch_size),
            "recompute": options.recompute,
            "compiled": options.compiled,
        }
    checkpoint = _last_whole_checkpoint(folder, listen)
    if checkpoint.spec.identity != spec.identity:
        raise UsageError(
            f"{folder.path} holds another run ({checkpoint.spec.name}): choose another --out"
        )
    bits = {"micro_batch": None, "recompute": False, "compiled": False, **checkpoint.bits}
    bits["resumed"] = bits.get("resumed", 0) + 1
    most = bits["micro_batch"] or spec.train.batch_size
    bits["micro_batch"] = _below(options.micro_batch, most) or bits["micro_batch"]
    bits["recompute"] = bits["recompute"] or options.recompute
    if device.type == "cpu":
        torch.set_num_threads(bits["threads"])  # another number would end in other bits
    return checkpoint.resume(device), bits


def _below(micro_batch: int | None, most: int) -> int | None:
    """A micro-batch that is one: of fewer images than are taken anyway."""
    return micro_batch if micro_batch is not None and micro_batch < most else None


def _last_whole_checkpoint(folder: RunFolder, listen: Listener) -> Checkpoint:
    """The last checkpoint, or the one before it where it is damaged."""
    try:
        return Checkpoint.open(folder.checkpoint)
    except FileError as error:
        with contextlib.suppress(FileError):
            before = Checkpoint.open(folder.previous_checkpoint)
            listen(Note(f"{error}: going on from the epoch before"))
            return before
        raise FileError(f"{error}: remove {folder.path}, and the run begins anew") from None


def _finish(
    request: RunRequest,
    folder: RunFolder,
    state: TrainingState,
    bits: dict[str, Any],
    diverged: Diverged | None,
) -> RunResult:
    """Test the model once, write all files, the result last."""
    if diverged is not None:
        result = _result(request, state, bits, "diverged", reason=diverged.reason)
    else:
        # Here and nowhere else the test set is read: after the last epoch, whatever it says.
        test = load_images(request.spec.data, "test", request.options.data_dir)
        device = next(state.model.parameters()).device
        answers = evaluate(state.model, test.to(device), bits["micro_batch"])
        _write_predictions(folder.predictions, answers, test)
        labels = _as_bytes(test.labels)
        result = _result(
            request,
            state,
            bits,
            "done",
            test_top1_pct=answers.top1_pct,
            test_loss=answers.loss,
            predicted=pack_classes(_as_bytes(answers.predicted)),
            test_labels_sha256=hashlib.sha256(labels).hexdigest(),
        )
        save_checkpoint(folder.checkpoint, state, request.spec, bits, complete=True)
    folder.write_history(state.history)
    folder.write_result(result)
    return result


def _result(
    request: RunRequest, state: TrainingState, bits: dict[str, Any], status: Status, **measured: Any
) -> RunResult:
    spec, history = request.spec, state.history
    cost = cost_of(spec)
    device = next(state.model.parameters()).device
    last = history[-1] if history else None
    train_time_s = sum(record.train_time_s for record in history)
    images = sum(record.img_per_s * record.train_time_s for record in history)
    return RunResult(
        identity=spec.identity,
        name=spec.name,
        spec=spec.to_json(),
        seed=spec.seed,
        semantics=spec.semantics,
        status=status,
        val_top1_pct=last.val_top1_pct if last else None,
        val_loss=last.val_loss if last else None,
        train_loss=last.train_loss if last else None,
        epochs=len(history),
        history=history,
        train_time_s=train_time_s,
        img_per_s=images / train_time_s if history else None,
        num_params=cost.num_params,
        forward_flop=cost.forward_flop,
        train_flop=cost.train_flop,
        peak_memory_bytes=peak_memory_bytes(device),
        device=device.type,
        device_name=device_name(device),
        threads=bits["threads"],
        micro_batch=bits["micro_batch"],
        recompute=bits["recompute"],
        compiled=bits["compiled"],
        precision=precision_of(spec.train, device),
        versions=versions(),
        resumed=bits["resumed"],
        **measured,
    )


def _write_predictions(path: Path, answers: Evaluation, test: ImageSet) -> None:
    with replacing(path) as part, part.open("wb") as file:
        np.savez_compressed(
            file,
            logits=answers.logits.half().numpy(),
            predicted=answers.predicted.to(torch.uint8).numpy(),
            labels=test.labels.cpu().to(torch.uint8).numpy(),
        )


def _as_bytes(classes: Tensor) -> bytes:
    return classes.cpu().to(torch.uint8).numpy().tobytes()


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
