"""The end of a run: one test, then its files, the result last."""

import hashlib
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vitbench.config.experiment import ExperimentSpec
from vitbench.data.datasets import load_images
from vitbench.data.image_set import ImageSet
from vitbench.files import replacing
from vitbench.model.cost import cost_of
from vitbench.runs.folder import RunFolder
from vitbench.runs.schema import RunResult, Status, pack_classes
from vitbench.training.bits import Bits
from vitbench.training.checkpoint import save_checkpoint
from vitbench.training.device import device_name, precision_of, versions
from vitbench.training.evaluate import Evaluation, evaluate
from vitbench.training.fit import Diverged, TrainingState
from vitbench.training.memory import peak_memory_bytes


def finish(
    spec: ExperimentSpec,
    data_dir: Path | None,
    folder: RunFolder,
    state: TrainingState,
    bits: Bits,
    diverged: Diverged | None,
    concurrent_runs: int,
) -> RunResult:
    """Test the model once and write all files, the result last.

    Args:
        spec: The run's experiment.
        data_dir: Folder of the data set.
        folder: Its folder.
        state: The final training state.
        bits: What its bits depend on besides the spec.
        diverged: How it diverged, or None.
        concurrent_runs: Runs trained in parallel, this one included.
    """
    if diverged is not None:
        result = _result(
            spec,
            state,
            bits,
            "diverged",
            reason=diverged.reason,
            concurrent_runs=concurrent_runs,
        )
    else:
        # The only place where the test set is read: once, after the last epoch.
        test = load_images(spec.data, "test", data_dir)
        device = next(state.model.parameters()).device
        answers = evaluate(state.model, test.to(device), bits.micro_batch)
        _write_predictions(folder.predictions, answers, test)
        labels = _as_bytes(test.labels)
        result = _result(
            spec,
            state,
            bits,
            "done",
            test_top1_pct=answers.top1_pct,
            test_loss=answers.loss if math.isfinite(answers.loss) else None,
            predicted=pack_classes(_as_bytes(answers.predicted)),
            test_labels_sha256=hashlib.sha256(labels).hexdigest(),
            concurrent_runs=concurrent_runs,
        )
        save_checkpoint(folder.checkpoint, state, spec, bits, complete=True)
    folder.write_history(state.history)
    folder.write_result(result)
    return result


def _result(
    spec: ExperimentSpec,
    state: TrainingState,
    bits: Bits,
    status: Status,
    **measured: Any,
) -> RunResult:
    history = state.history
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
        threads=bits.threads,
        micro_batch=bits.micro_batch,
        recompute=bits.recompute,
        compiled=bits.compiled,
        precision=precision_of(spec.train, device),
        versions=versions(),
        resumed=bits.resumed,
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
