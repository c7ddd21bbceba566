import io
import os
import pickle
import zipfile

import pytest
import torch

from vitbench.config.build import build_spec
from vitbench.errors import FileError, LaterVersionError
from vitbench.training.bits import Bits
from vitbench.training.checkpoint import Checkpoint, previous, save_checkpoint
from vitbench.training.fit import begin
from vitbench.training.history import EpochRecord
from vitbench.training.step import take_step

CPU = torch.device("cpu")
BITS = Bits(device="cpu", threads=1)


@pytest.fixture
def saved(tmp_path, tiny_fields):
    """A checkpoint's file and the state that it holds."""
    spec = build_spec(tiny_fields)
    state = begin(spec, CPU)
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, state, spec, BITS, complete=False)
    return path, state, spec


def test_what_is_saved_is_what_is_opened(saved) -> None:
    path, state, spec = saved

    opened = Checkpoint.open(path)

    assert opened.spec == spec
    assert opened.history == []
    for name, weight in opened.model(CPU).state_dict().items():
        assert torch.equal(weight, state.model.state_dict()[name])


def step(state, spec, seed: int) -> None:
    """Take a step on images from a seed."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(4, 3, 32, 32, generator=generator)
    take_step(state.model, state.optimizers, images, torch.arange(4), spec.train)


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_resumed_training_has_all_that_the_one_before_had(
    optimizer, tmp_path, tiny_fields
) -> None:
    """Weights and momentum, so that its next step is the same one; history and halved rate."""
    spec = build_spec(tiny_fields, {"train.optimizer": optimizer, "train.epochs": 3})
    state = begin(spec, CPU)
    measured = {"train_loss": 2.0, "train_top1_pct": 10.0, "val_loss": 2.0, "val_top1_pct": 10.0,
                "lr": 1e-3, "train_time_s": 1.0, "img_per_s": 100.0}  # fmt: skip
    for epoch in (1, 2):
        step(state, spec, seed=epoch)
        state.lr_halvings = 2 * epoch
        state.history.append(EpochRecord(epoch=epoch, lr_halvings=2 * epoch, **measured))
    save_checkpoint(tmp_path / "checkpoint.pt", state, spec, BITS, complete=False)

    resumed = Checkpoint.open(tmp_path / "checkpoint.pt").resume(CPU)

    assert resumed.history == state.history
    assert resumed.lr_halvings == 4
    for one in (state, resumed):
        step(one, spec, seed=3)
    for name, weight in state.model.state_dict().items():
        assert torch.equal(resumed.model.state_dict()[name], weight), name


def test_the_checkpoint_before_is_kept_until_the_run_is_complete(saved) -> None:
    path, state, spec = saved
    before = path.read_bytes()
    step(state, spec, seed=1)
    save_checkpoint(path, state, spec, BITS, complete=False)

    assert previous(path).read_bytes() == before
    assert path.read_bytes() != before
    save_checkpoint(path, state, spec, BITS, complete=True)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_complete_checkpoint_holds_no_optimiser_and_cannot_be_trained_on(saved) -> None:
    path, state, spec = saved
    size = path.stat().st_size
    save_checkpoint(path, state, spec, BITS, complete=True)

    with pytest.raises(FileError, match="complete run"):
        Checkpoint.open(path).resume(CPU)
    assert path.stat().st_size <= size


class Bomb:
    def __reduce__(self):
        return (os.system, ("touch exploded",))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"just text",
        b"\x80\x05garbage",
        pickle.dumps({"format": "vitbench-checkpoint-1", "spec": Bomb()}),
        pickle.dumps([1, 2, 3]),
    ],
    ids=["empty", "text", "garbage", "bomb", "list"],
)
def test_what_is_no_checkpoint_is_refused_and_nothing_in_it_runs(
    content, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "evil.pt"
    path.write_bytes(content)

    with pytest.raises(FileError, match=r"evil\.pt"):
        Checkpoint.open(path)
    assert not (tmp_path / "exploded").exists()


def test_a_bomb_in_torchs_own_format_is_refused_too(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    buffer = io.BytesIO()
    torch.save({"format": "vitbench-checkpoint-1", "spec": Bomb()}, buffer)
    (tmp_path / "evil.pt").write_bytes(buffer.getvalue())

    with pytest.raises(FileError, match=r"evil\.pt"):
        Checkpoint.open(tmp_path / "evil.pt")
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("keep", [0.2, 0.5, 0.99])
def test_a_truncated_checkpoint_is_refused(saved, keep) -> None:
    path, _, _ = saved
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])

    with pytest.raises(FileError, match="damaged"):
        Checkpoint.open(path)


@pytest.mark.parametrize("name", ["head.weight", "blocks.0.mlp.fc1.weight"])
def test_a_flipped_bit_of_a_weight_is_found(saved, name) -> None:
    path, _, _ = saved
    weight = torch.load(path, weights_only=True)["weights"][name].numpy().tobytes()
    content = bytearray(path.read_bytes())
    content[content.index(weight) + len(weight) // 2] ^= 1
    path.write_bytes(content)

    with pytest.raises(FileError, match="damaged"):
        Checkpoint.open(path)


def test_a_compressed_member_is_refused_for_it_could_be_of_any_size(saved) -> None:
    path, _, _ = saved
    with zipfile.ZipFile(path) as archive:
        members = {one.filename: archive.read(one) for one in archive.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)

    with pytest.raises(FileError, match="damaged"):
        Checkpoint.open(path)


def tampered(path, change):
    """The checkpoint with a change to what it holds."""
    content = torch.load(path, weights_only=True)
    change(content)
    torch.save(content, path)
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.pop("weights"), "weights"),
        (lambda c: c["spec"]["model"].update(depth=-1), "depth"),
        (lambda c: c["spec"]["model"].update(pos_embed=["nowhere"]), "nowhere"),
        (lambda c: c.update(format="other"), "not a vitbench checkpoint"),
        (lambda c: c.update(history=[{"epoch": "x"}]), "damaged"),
    ],
    ids=["no-weights", "bad-spec", "unknown-position", "format", "history"],
)
def test_a_checkpoint_whose_parts_are_wrong_is_refused(saved, change, message) -> None:
    with pytest.raises(FileError, match=message):
        Checkpoint.open(tampered(saved[0], change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["weights"].pop("head.bias"), "head.bias is missing"),
        (lambda c: c["weights"].update({"head.bias": torch.zeros(3)}), r"head.bias is .*\(3,\)"),
        (lambda c: c["weights"].update({"head.bias": torch.zeros(10).half()}), "float16"),
        (lambda c: c["weights"].update({"other": torch.zeros(1)}), "other does not belong"),
        (lambda c: c["weights"].update({"head.bias": "text"}), "head.bias is missing"),
    ],
    ids=["missing", "shape", "dtype", "extra", "text"],
)
def test_weights_that_do_not_fit_the_spec_are_named(saved, change, message) -> None:
    with pytest.raises(FileError, match=message):
        Checkpoint.open(tampered(saved[0], change)).model(CPU)


def test_no_file_is_one_line(tmp_path) -> None:
    with pytest.raises(FileError, match="no checkpoint"):
        Checkpoint.open(tmp_path / "absent.pt")
    with pytest.raises(FileError, match="cannot read"):
        Checkpoint.open(tmp_path)


@pytest.mark.parametrize(
    ("bits", "hint"),
    [
        ({}, "device"),
        ({"device": "cpu"}, "threads"),
        ({"device": "cpu", "threads": 1_000_000}, "threads"),  # PyTorch crashes with so many
        ({"device": "cpu", "threads": 0}, "threads"),
        ({"device": "cpu", "threads": "1"}, "threads"),
        ({"device": "cpu", "threads": True}, "threads"),
        ({"device": "tpu", "threads": 1}, "device"),
        ({"device": "cpu", "threads": 1, "resumed": -1}, "resumed"),
        ({"device": "cpu", "threads": 1, "resumed": "often"}, "resumed"),
        ({"device": "cpu", "threads": 1, "resumed": None}, "resumed"),
        ({"device": "cpu", "threads": 1, "micro_batch": 0}, "micro_batch"),
        ({"device": "cpu", "threads": 1, "micro_batch": [1]}, "micro_batch"),
        ({"device": "cpu", "threads": 1, "micro_batch": 33}, "exceeds batch_size 32"),
        ({"device": "cpu", "threads": 1, "recompute": "yes"}, "recompute"),
        ({"device": "cpu", "threads": 1, "compiled": 1}, "compiled"),
        ({"device": "cpu", "threads": 1, "colour": "blue"}, "colour"),
        ([], "bits"),
        (None, "bits"),
    ],
)
def test_bits_that_no_run_has_are_refused_by_name(saved, bits, hint) -> None:
    with pytest.raises(FileError, match=f"a damaged checkpoint .*bits.*{hint}|{hint}") as raised:
        Checkpoint.open(tampered(saved[0], lambda c: c.update(bits=bits)))
    assert "\n" not in str(raised.value)


def test_bits_of_an_earlier_vitbench_have_defaults_for_what_they_lack(saved) -> None:
    bits = {"device": "cpu", "threads": 2}

    assert Checkpoint.open(tampered(saved[0], lambda c: c.update(bits=bits))).bits == Bits(**bits)


RECORD = {"epoch": 1, "train_loss": 1.0, "train_top1_pct": 1.0, "val_loss": 1.0,
          "val_top1_pct": 1.0, "lr": 0.1, "train_time_s": 1.0, "img_per_s": 1.0}  # fmt: skip


@pytest.mark.parametrize(
    "history",
    [
        [{**RECORD, "lr_halvings": 10**9}],  # 2 to its power is no number
        [{**RECORD, "lr_halvings": -1}],
        [{**RECORD, "train_time_s": -1.0}],
        [{**RECORD, "val_loss": float("nan")}],
        [{**RECORD, "val_loss": float("inf")}],
        [{**RECORD, "epoch": 2}],
        [RECORD, RECORD],
        [RECORD, {**RECORD, "epoch": 2}],  # the spec has one
        "history",
        None,
    ],
)
def test_a_history_that_no_run_has_is_refused(saved, history) -> None:
    with pytest.raises(FileError, match="a damaged checkpoint"):
        Checkpoint.open(tampered(saved[0], lambda c: c.update(history=history)))


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (float("nan"), "weight head.bias is NaN"),
        (float("inf"), "overflow"),
        (3e38, "overflow"),
        (-3e38, "overflow"),
    ],
)
def test_weights_that_are_no_numbers_to_compute_with_are_named(saved, value, hint) -> None:
    path = tampered(saved[0], lambda c: c["weights"]["head.bias"].fill_(value))

    with pytest.raises(FileError, match=hint) as raised:
        Checkpoint.open(path).model(CPU)
    assert "damaged" not in str(raised.value)
    with pytest.raises(FileError, match=hint):
        Checkpoint.open(path).resume(CPU)


@pytest.fixture
def stepped(tmp_path, tiny_fields):
    """A checkpoint whose optimisers have taken a step, and its state."""
    spec = build_spec(tiny_fields, {"train.optimizer": "muon", "train.epochs": 2})
    state = begin(spec, CPU)
    for parameter in state.model.parameters():
        parameter.grad = torch.full_like(parameter, 0.1)
    for optimizer in state.optimizers:
        optimizer.step()
        optimizer.param_groups[0]["lr"] *= 0.5  # as the schedule does
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, state, spec, BITS, complete=False)
    return path, state


def test_a_whole_state_is_resumed_as_it_was(stepped) -> None:
    path, state = stepped

    resumed = Checkpoint.open(path).resume(CPU)

    for one, two in zip(state.optimizers, resumed.optimizers, strict=True):
        before, after = one.state_dict(), two.state_dict()
        assert before["param_groups"] == after["param_groups"]
        for place, of_parameter in before["state"].items():
            for name, value in of_parameter.items():
                assert torch.equal(value, after["state"][place][name])


@pytest.mark.parametrize(
    "change",
    [
        lambda o: o.clear(),
        lambda o: o.pop(),
        lambda o: o.append({}),
        lambda o: o[0].clear(),
        lambda o: o[0].update(state=None),
        lambda o: o[0].update(param_groups=[]),
        lambda o: o[0].update(param_groups="groups"),
        lambda o: o[0]["param_groups"][0].update(lr=float("nan")),
        lambda o: o[0]["param_groups"][0].update(lr=-1.0),
        lambda o: o[0]["param_groups"][0].update(lr="fast"),
        lambda o: o[0]["param_groups"][0].update(initial_lr=1e9),
        lambda o: o[0]["param_groups"][0].update(momentum="much"),
        lambda o: o[0]["param_groups"][0].update(params=[0]),
        lambda o: o[1]["param_groups"][0].update(betas=(2.0, 3.0)),
        lambda o: o[0]["state"].update({99: {}}),
        lambda o: o[0]["state"].update({0: "state"}),
        lambda o: o[0]["state"][0].update(momentum_buffer=torch.zeros(3)),
        lambda o: o[0]["state"][0]["momentum_buffer"].fill_(float("nan")),
        lambda o: o[1]["state"][0]["exp_avg_sq"].fill_(float("inf")),
        lambda o: o[1]["state"][0]["step"].fill_(-1),
        lambda o: o[0]["param_groups"][0].pop("initial_lr"),
        lambda o: o[1]["param_groups"][0].pop("betas"),
        lambda o: o[1]["state"][0].update(exp_avg=5),
        lambda o: o[1]["state"][0].pop("exp_avg"),
        lambda o: o[1]["state"][0].update(exp_avg=torch.tensor(3.0)),
        lambda o: o[1]["state"][0].update(step=o[1]["state"][0]["exp_avg"]),
    ],
)
def test_a_state_that_no_optimiser_has_is_refused_before_a_step_is_taken(stepped, change) -> None:
    path = tampered(stepped[0], lambda c: change(c["optimizers"]))
    checkpoint = Checkpoint.open(path)

    for read in (checkpoint.check_resumable, lambda: checkpoint.resume(CPU)):
        with pytest.raises(FileError, match="optimisers'") as raised:
            read()
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("optimizers", ["state", [1], {"state": {}}])
def test_what_is_no_list_of_states_is_refused(saved, optimizers) -> None:
    with pytest.raises(FileError, match="optimizers is not a list"):
        Checkpoint.open(tampered(saved[0], lambda c: c.update(optimizers=optimizers)))


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.update(format="vitbench-checkpoint-2"),
        lambda c: c.update(versions={"vitbench": "99.0"}, bits={**c["bits"], "spin": 3}),
        lambda c: (c.update(versions={"vitbench": "99.0"}), c["spec"]["model"].update(colour=1)),
    ],
    ids=["format", "bits", "spec"],
)
def test_a_checkpoint_of_a_later_vitbench_is_not_called_damaged(saved, change) -> None:
    with pytest.raises(LaterVersionError, match="update vitbench") as raised:
        Checkpoint.open(tampered(saved[0], change))
    assert "damaged" not in str(raised.value)


@pytest.mark.parametrize(
    "loaded",
    [
        {"head.weight": torch.zeros(2)},
        {"state_dict": {"module.head.weight": torch.zeros(2)}, "epoch": 3},
    ],
)
def test_weights_of_another_library_are_sent_to_adopt(loaded, tmp_path) -> None:
    torch.save(loaded, tmp_path / "timm.pth")

    with pytest.raises(FileError, match=r"holds weights: .*vitbench\.adopt"):
        Checkpoint.open(tmp_path / "timm.pth")


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_a_pipe_or_a_device_is_no_checkpoint(make, tmp_path) -> None:
    make(tmp_path / "checkpoint.pt")

    with pytest.raises(FileError, match="is not a checkpoint: it is a pipe or a device"):
        Checkpoint.open(tmp_path / "checkpoint.pt")
