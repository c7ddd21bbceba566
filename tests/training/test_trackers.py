import csv
import json
import struct
import time
from pathlib import Path

import pytest

from vitbench.config.build import build_spec
from vitbench.runs.experiment import Note, RunOptions, RunRequest, run_experiment
from vitbench.training.history import EpochRecord
from vitbench.training.trackers.csv import CsvTracker
from vitbench.training.trackers.tracker import Guarded, TrackedRun
from vitbench.training.trackers.wandb import WandbTracker, resolved_mode


def wandb_records(path: Path):
    """Records of a .wandb file: a LevelDB log of blocks of 32 KiB after a header of 7 bytes."""
    from wandb.proto import wandb_internal_pb2

    data, place, part = path.read_bytes(), 7, b""
    while place + 7 <= len(data):
        left = 32768 - place % 32768
        if left < 7:
            place += left
            continue
        _, length, kind = struct.unpack("<IHB", data[place : place + 7])
        part += data[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # whole, or the last part
            record = wandb_internal_pb2.Record()
            record.ParseFromString(part)
            yield record
            part = b""


def finished_records(path: Path):
    """The records, once W&B has written the last: its process may outlast `finish`."""
    for _ in range(200):
        records = list(wandb_records(path))
        if any(record.WhichOneof("record_type") == "exit" for record in records):
            return records
        time.sleep(0.05)
    raise AssertionError(f"no exit record in {path}")


def values(items):
    return {(i.key or "/".join(i.nested_key)): json.loads(i.value_json) for i in items}


def test_an_offline_run_holds_spec_epochs_summary_group_and_tags(tmp_path, tiny_fields) -> None:
    spec = build_spec(tiny_fields, {"train.epochs": 2})
    request = RunRequest(
        spec, tmp_path / "run", RunOptions(device="cpu", wandb="offline"), ("pos-embed", "none")
    )

    result = run_experiment(request)

    (file,) = (tmp_path / "run").glob("wandb/offline-run-*/*.wandb")
    records = finished_records(file)
    run = next(r.run for r in records if r.WhichOneof("record_type") == "run")
    config = {update.key: json.loads(update.value_json) for update in run.config.update}
    assert run.display_name == spec.name
    assert run.run_group == spec.base_identity[:16]
    assert list(run.tags) == ["pos-embed", "none"]
    assert config["model"] == spec.to_json()["model"]
    assert config["seed"] == spec.seed
    epochs = [values(r.history.item) for r in records if r.WhichOneof("record_type") == "history"]
    assert [epoch["epoch"] for epoch in epochs] == [1, 2]
    assert [epoch["val_loss"] for epoch in epochs] == [r.val_loss for r in result.history]
    summary: dict = {}
    for record in records:
        if record.WhichOneof("record_type") == "summary":
            summary.update(values(record.summary.update))
    assert summary["test_top1_pct"] == result.test_top1_pct
    assert summary["status"] == "done"


class Broken:
    """A tracker that fails in one of its methods."""

    def __init__(self, method: str) -> None:
        self.method = method
        self.calls: list[str] = []

    def __getattr__(self, name):
        def call(*_arguments):
            self.calls.append(name)
            if name == self.method:
                raise ConnectionError("the server is gone\nwith a long story")

        return call


@pytest.mark.parametrize("method", ["start", "log_epoch", "log_pictures", "finish"])
def test_a_tracker_that_fails_is_reported_once_and_then_not_used(method) -> None:
    messages: list[str] = []
    tracker = Broken(method)
    guarded = Guarded(tracker, messages.append)

    for name in ("start", "log_epoch", "log_pictures", "finish"):
        for _ in range(2):
            getattr(guarded, name)(None)

    assert messages == ["tracking stopped, training continues: the server is gone"]
    assert tracker.calls.count(method) == 1
    assert tracker.calls[-1] == method


def test_a_tracker_is_stopped_where_its_run_breaks_off_and_not_where_it_ends() -> None:
    broken, whole = Broken("none"), Broken("none")

    with pytest.raises(KeyboardInterrupt), Guarded(broken, print):
        raise KeyboardInterrupt
    with Guarded(whole, print) as guarded:
        guarded.finish({})

    assert broken.calls == ["stop"]
    assert whole.calls == ["finish"]


def test_a_wandb_that_cannot_be_imported_stops_nothing(tmp_path, tiny_fields, monkeypatch) -> None:
    """A package named wandb that fails on import, as a broken installation does."""
    import sys

    (tmp_path / "wandb.py").write_text("raise ImportError('broken installation')")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.partition(".")[0] == "wandb"]:
        monkeypatch.delitem(sys.modules, name)
    notes: list[str] = []
    request = RunRequest(
        build_spec(tiny_fields), tmp_path / "run", RunOptions(device="cpu", wandb="offline")
    )

    result = run_experiment(
        request, lambda e: notes.append(e.text) if isinstance(e, Note) else None
    )

    assert result.status == "done"
    assert any("broken installation" in note for note in notes)


def test_auto_is_online_with_a_key_and_offline_without(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.delenv("WANDB_MODE", raising=False)
    assert resolved_mode("auto") == "offline"

    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    assert resolved_mode("auto") == "online"

    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert resolved_mode("auto") == "disabled"
    assert resolved_mode("offline") == "offline"


@pytest.mark.parametrize("key", ["short", "0" * 40], ids=["wrong-key", "no-server"])
def test_without_wandbs_server_a_run_is_logged_offline_and_ends_the_same(
    key, tmp_path, tiny_fields, monkeypatch
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", key)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")  # nothing listens there
    monkeypatch.setattr(WandbTracker, "unreachable", False)
    notes: list[str] = []
    spec = build_spec(tiny_fields)

    tracked = run_experiment(
        RunRequest(spec, tmp_path / "tracked", RunOptions(device="cpu", wandb="auto")),
        lambda event: notes.append(event.text) if isinstance(event, Note) else None,
    )
    alone = run_experiment(RunRequest(spec, tmp_path / "alone", RunOptions(device="cpu")))

    assert len(notes) == 1
    assert notes[0].startswith("W&B cannot be used, so runs are logged offline: ")
    assert list((tmp_path / "tracked").glob("wandb/offline-run-*/*.wandb"))
    assert tracked.test_loss == alone.test_loss
    assert WandbTracker.unreachable  # the next run does not wait again


def test_the_csv_tracker_writes_a_line_per_epoch_and_a_resumed_run_repeats_none(
    tmp_path, tiny_fields
) -> None:
    spec = build_spec(tiny_fields)
    request = RunRequest(spec, tmp_path / "run", RunOptions(device="cpu", tracker="csv"))

    def stop(event: object) -> None:
        if isinstance(event, EpochRecord):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_experiment(request, stop)
    result = run_experiment(request)

    lines = list(csv.DictReader((tmp_path / "run" / "metrics.csv").read_text().splitlines()))
    assert [int(line["epoch"]) for line in lines] == [record.epoch for record in result.history]
    assert [float(line["val_loss"]) for line in lines] == [
        record.val_loss for record in result.history
    ]


def test_an_epoch_that_is_trained_again_replaces_its_line(tmp_path) -> None:
    tracker = CsvTracker()
    tracker.start(TrackedRun("id", "name", "group", (), {}, tmp_path))

    for epoch, loss in ((1, 2.0), (2, 1.0), (3, 0.5), (2, 1.5)):
        tracker.log_epoch(record_of(epoch, loss))

    lines = list(csv.DictReader((tmp_path / "metrics.csv").read_text().splitlines()))
    assert [(line["epoch"], line["train_loss"]) for line in lines] == [("1", "2.0"), ("2", "1.5")]


def record_of(epoch: int, train_loss: float) -> EpochRecord:
    """An epoch with a loss."""
    return EpochRecord(
        epoch=epoch, train_loss=train_loss, train_top1_pct=50, val_loss=1, val_top1_pct=50,
        lr=0.001, train_time_s=1, img_per_s=100,
    )  # fmt: skip


def test_no_tracker_leaves_nothing_and_trains_the_same(tmp_path, tiny_fields) -> None:
    spec = build_spec(tiny_fields)
    results = [
        run_experiment(RunRequest(spec, tmp_path / name, RunOptions(device="cpu", tracker=name)))
        for name in ("none", "csv")
    ]

    assert results[0].test_loss == results[1].test_loss
    assert not {"metrics.csv", "wandb"} & {path.name for path in (tmp_path / "none").iterdir()}
