"""Runs on `shapes`: what is written, resumed and never read too early."""

import inspect
import shutil

import numpy as np
import pytest
import torch

from vitbench.config.build import build_spec, load_mapping
from vitbench.data.datasets import shapes
from vitbench.errors import FileError, LaterVersionError, UsageError
from vitbench.registry import DATASETS
from vitbench.runs.experiment import Note, RunBegun, RunOptions, RunRequest, run_experiment
from vitbench.runs.folder import RunFolder
from vitbench.runs.schema import unpack_classes
from vitbench.training import fit as fit_module
from vitbench.training.checkpoint import Checkpoint
from vitbench.training.history import EpochRecord

CPU = torch.device("cpu")


class Stopped(Exception):
    """Raised by a listener to stop a run in the middle."""


def stop_after(epoch):
    def listen(event):
        if isinstance(event, EpochRecord) and event.epoch == epoch:
            raise Stopped

    return listen


def stop_in(epoch, step):
    def listen(event):
        if isinstance(event, fit_module.StepDone) and (event.epoch, event.step) == (epoch, step):
            raise Stopped

    return listen


def weights_of(folder):
    return Checkpoint.open(folder / "checkpoint.pt").weights


def test_a_run_folder_holds_all_that_the_design_names(tmp_path, tiny_fields) -> None:
    spec = build_spec(tiny_fields, {"train.epochs": 2})

    result = run_experiment(RunRequest(spec, tmp_path / "run", RunOptions(device="cpu")))

    folder = RunFolder(tmp_path / "run")
    assert build_spec(load_mapping(folder.spec_file, "spec")).identity == spec.identity
    assert len(folder.history_file.read_text().splitlines()) == 2
    assert folder.read_result() == result
    assert result.train_time_s == pytest.approx(sum(e.train_time_s for e in result.history))
    assert result.img_per_s == pytest.approx(2 * 800 / result.train_time_s)
    predictions = np.load(folder.predictions)
    assert predictions["logits"].dtype == np.float16
    right = predictions["predicted"] == predictions["labels"]
    assert result.test_top1_pct == pytest.approx(100 * right.mean())
    assert unpack_classes(result.predicted, 1000) == predictions["predicted"].tobytes()
    assert result.num_params == sum(w.numel() for w in weights_of(folder.path).values())


@pytest.mark.parametrize("stop", [stop_after(1), stop_in(2, 3), stop_in(1, 2)])
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_stopped_and_resumed_run_ends_bit_for_bit_like_an_unbroken_one(
    stop, optimizer, tmp_path, tiny_fields
) -> None:
    spec = build_spec(
        tiny_fields,
        {
            "train.epochs": 3,
            "train.optimizer": optimizer,
            "model.drop_rate": 0.1,
            "data.augmentation": "baseline",
        },
    )
    unbroken = run_experiment(RunRequest(spec, tmp_path / "unbroken", RunOptions(device="cpu")))
    with pytest.raises(Stopped):
        run_experiment(RunRequest(spec, tmp_path / "broken", RunOptions(device="cpu")), stop)
    resumed = run_experiment(RunRequest(spec, tmp_path / "broken", RunOptions(device="cpu")))

    one, two = weights_of(tmp_path / "unbroken"), weights_of(tmp_path / "broken")
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert resumed.test_loss == unbroken.test_loss
    assert [r.train_loss for r in resumed.history] == [r.train_loss for r in unbroken.history]


def test_a_resumed_run_begins_after_its_last_finished_epoch(tmp_path, tiny_fields) -> None:
    spec = build_spec(tiny_fields, {"train.epochs": 3})
    request = RunRequest(spec, tmp_path / "run", RunOptions(device="cpu"))
    with pytest.raises(Stopped):
        run_experiment(request, stop_after(2))
    begun = []

    result = run_experiment(request, lambda e: begun.append(e) if isinstance(e, RunBegun) else None)

    assert [event.epochs_done for event in begun] == [2]
    assert result.resumed == 1


def test_a_run_goes_on_with_its_micro_batch_and_ends_in_the_same_bits(
    tmp_path, tiny_fields
) -> None:
    spec = build_spec(tiny_fields, {"train.epochs": 2, "model.drop_rate": 0.1})
    in_parts = RunOptions(device="cpu", micro_batch=20, recompute=True)
    whole = run_experiment(RunRequest(spec, tmp_path / "whole", in_parts))
    with pytest.raises(Stopped):
        run_experiment(RunRequest(spec, tmp_path / "run", in_parts), stop_after(1))

    result = run_experiment(RunRequest(spec, tmp_path / "run", RunOptions(device="cpu")))

    assert (result.micro_batch, result.recompute) == (20, True)
    assert result.identity == whole.identity  # no part of what the run is
    one, two = weights_of(tmp_path / "whole"), weights_of(tmp_path / "run")
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_begun_folder_of_another_run_is_left_alone_by_trackers_too(tmp_path, tiny_fields) -> None:
    request = RunRequest(
        build_spec(tiny_fields, {"train.epochs": 2}), tmp_path / "run", RunOptions(device="cpu")
    )
    with pytest.raises(Stopped):
        run_experiment(request, stop_after(1))
    before = sorted(path.name for path in (tmp_path / "run").iterdir())
    other = build_spec(tiny_fields, {"train.epochs": 2, "seed": 5})

    options = RunOptions(device="cpu", wandb="offline")
    with pytest.raises(UsageError, match="holds another run"):
        run_experiment(RunRequest(other, tmp_path / "run", options))

    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == before


def damage(path) -> None:
    """Half of a file, as a disk may leave it."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def test_a_damaged_checkpoint_falls_back_to_the_one_before_and_ends_in_the_same_bits(
    tmp_path, tiny_fields
) -> None:
    spec = build_spec(tiny_fields, {"train.epochs": 3})
    whole = run_experiment(RunRequest(spec, tmp_path / "whole", RunOptions(device="cpu")))
    request = RunRequest(spec, tmp_path / "run", RunOptions(device="cpu"))
    with pytest.raises(Stopped):
        run_experiment(request, stop_after(2))
    damage(tmp_path / "run" / "checkpoint.pt")
    heard = []

    result = run_experiment(request, heard.append)

    assert [e.epochs_done for e in heard if isinstance(e, RunBegun)] == [1]
    assert any(isinstance(e, Note) and "resuming from the previous epoch" in e.text for e in heard)
    one, two = weights_of(tmp_path / "whole"), weights_of(tmp_path / "run")
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert result.predicted == whole.predicted


def test_with_both_checkpoints_damaged_the_way_out_is_told(tmp_path, tiny_fields) -> None:
    spec = build_spec(tiny_fields, {"train.epochs": 3})
    request = RunRequest(spec, tmp_path / "run", RunOptions(device="cpu"))
    with pytest.raises(Stopped):
        run_experiment(request, stop_after(2))
    for name in ("checkpoint.pt", "checkpoint.previous.pt"):
        damage(tmp_path / "run" / name)

    with pytest.raises(FileError, match=r"remove .*run to start the run again"):
        run_experiment(request)


def test_a_complete_run_keeps_one_checkpoint(tmp_path, tiny_fields) -> None:
    spec = build_spec(tiny_fields, {"train.epochs": 2})

    run_experiment(RunRequest(spec, tmp_path / "run", RunOptions(device="cpu")))

    assert [file.name for file in (tmp_path / "run").glob("*.pt")] == ["checkpoint.pt"]


def test_a_run_is_busy_while_its_lock_is_held(tmp_path) -> None:
    folder = RunFolder(tmp_path / "run")

    assert not folder.is_busy()
    with folder.lock():
        assert folder.is_busy()
    assert not folder.is_busy()


def test_a_complete_run_is_read_and_not_trained(tmp_path, tiny_fields) -> None:
    request = RunRequest(build_spec(tiny_fields), tmp_path / "run", RunOptions(device="cpu"))
    first = run_experiment(request)
    events = []

    assert run_experiment(request, events.append) == first
    assert events == []


def test_a_folder_of_another_run_is_left_alone(tmp_path, tiny_fields) -> None:
    run_experiment(RunRequest(build_spec(tiny_fields), tmp_path / "run", RunOptions(device="cpu")))
    before = (tmp_path / "run" / "result.json").read_bytes()

    with pytest.raises(UsageError, match="another run"):
        run_experiment(
            RunRequest(
                build_spec(tiny_fields, {"seed": 5}), tmp_path / "run", RunOptions(device="cpu")
            )
        )
    assert (tmp_path / "run" / "result.json").read_bytes() == before


def test_a_divergence_is_a_result_with_its_reason(tmp_path, tiny_fields) -> None:
    spec = build_spec(
        tiny_fields,
        {
            "train.optimizer": "adamw",
            "train.lr": 1000,
            "train.grad_clip": None,
            "train.warmup_fraction": 0,
            "train.epochs": 30,
        },
    )

    result = run_experiment(RunRequest(spec, tmp_path / "run", RunOptions(device="cpu")))

    assert result.status == "diverged"
    assert "loss was" in result.reason
    assert result.test_top1_pct is None
    assert RunFolder(tmp_path / "run").state() == "trained"


def test_the_test_set_is_read_once_and_after_the_last_epoch(tmp_path, tiny_fields) -> None:
    happened = []

    @DATASETS.register(
        "witness", img_size=32, in_chans=3, num_classes=10, train_size=3_200, test_size=1_000
    )
    def witness(part, data_dir):
        """`shapes`, telling when it is read."""
        happened.append(part)
        return shapes(part, data_dir)

    spec = build_spec(tiny_fields, {"data.dataset": "witness", "train.epochs": 2})
    run_experiment(
        RunRequest(spec, tmp_path / "run", RunOptions(device="cpu")),
        lambda e: happened.append(f"epoch {e.epoch}") if isinstance(e, EpochRecord) else None,
    )

    assert happened == ["train", "epoch 1", "epoch 2", "test"]
    # And the loop could not read it if it would: it is given two sets and has no way to a third.
    assert set(inspect.signature(fit_module.fit).parameters) == {
        "state",
        "spec",
        "train",
        "val",
        "saving",
    }
    assert not hasattr(fit_module, "load_images")


def test_another_augmentation_leaves_initial_weights_and_order_alone(tiny_fields) -> None:
    from vitbench.data.batches import training_batches

    images = shapes("train", None)
    plain = training_batches(images, 32, lambda batch, _: batch, seed=3, epoch=1)
    black = training_batches(images, 32, lambda batch, _: batch * 0, seed=3, epoch=1)
    for (_, labels), (_, others) in zip(plain, black, strict=True):
        assert torch.equal(labels, others)
    specs = [build_spec(tiny_fields, {"data.augmentation": name}) for name in ("none", "baseline")]
    one, two = (fit_module.begin(spec, CPU).model.state_dict() for spec in specs)
    assert all(torch.equal(one[name], two[name]) for name in one)


def tampered(path, change) -> None:
    """Change what a checkpoint holds."""
    content = torch.load(path, weights_only=True)
    change(content)
    torch.save(content, path)


NONSENSE = {
    "no bits": lambda c: c.update(bits={}),
    "optimisers": lambda c: c["optimizers"][0]["state"].update({0: {"step": "x"}, 99: {}}),
}


@pytest.mark.parametrize("what", NONSENSE)
def test_a_nonsense_checkpoint_falls_back_to_the_one_before_too(
    what, tmp_path, tiny_fields
) -> None:
    request = RunRequest(
        build_spec(tiny_fields, {"train.epochs": 3}), tmp_path / "run", RunOptions(device="cpu")
    )
    with pytest.raises(Stopped):
        run_experiment(request, stop_after(2))
    tampered(tmp_path / "run" / "checkpoint.pt", NONSENSE[what])
    heard = []

    result = run_experiment(request, heard.append)

    assert [event.epochs_done for event in heard if isinstance(event, RunBegun)] == [1]
    assert [e.text for e in heard if isinstance(e, Note) and "from the previous epoch" in e.text]
    assert (result.status, result.epochs) == ("done", 3)


def test_a_run_of_a_later_vitbench_is_not_to_be_removed(tmp_path, tiny_fields) -> None:
    request = RunRequest(
        build_spec(tiny_fields, {"train.epochs": 3}), tmp_path / "run", RunOptions(device="cpu")
    )
    with pytest.raises(Stopped):
        run_experiment(request, stop_after(1))
    tampered(tmp_path / "run" / "checkpoint.pt", lambda c: c.update(format="vitbench-checkpoint-2"))

    with pytest.raises(LaterVersionError) as raised:
        run_experiment(request)
    assert "remove" not in str(raised.value)


def test_a_run_that_was_killed_before_its_result_was_written_is_ended(
    tmp_path, tiny_fields
) -> None:
    request = RunRequest(build_spec(tiny_fields), tmp_path / "run", RunOptions(device="cpu"))
    whole = run_experiment(request)
    for name in ("result.json", "predictions.npz", "history.jsonl"):
        (tmp_path / "run" / name).unlink()

    again = run_experiment(request)

    assert again.predicted == whole.predicted
    assert again.history == whole.history
    assert again.resumed == 1


@pytest.mark.parametrize("epoch", [1, 2])
def test_a_folder_that_is_removed_in_training_is_written_again_and_says_so(
    epoch, tmp_path, tiny_fields
) -> None:
    spec = build_spec(tiny_fields, {"train.epochs": 2})
    request = RunRequest(spec, tmp_path / "run", RunOptions(device="cpu"))
    notes = []

    def remove(event) -> None:
        if isinstance(event, EpochRecord) and event.epoch == epoch:
            shutil.rmtree(tmp_path / "run")
        if isinstance(event, Note):
            notes.append(event.text)

    run_experiment(request, remove)

    folder = RunFolder(tmp_path / "run")
    assert build_spec(folder.read_spec_fields()) == spec
    assert len(folder.read_history()) == 2
    assert [note for note in notes if "was removed during training" in note]
