"""`vitbench bench`: real measurements of tiny things. No time is judged here."""

import json
import sys

import pytest
import torch

from vitbench.bench.augmentation import AugmentationSpeed
from vitbench.bench.load import busy_processes
from vitbench.bench.peers import build_peer, installed_peers
from vitbench.bench.rounds import Median, Timed, in_turn, output_of, ratio
from vitbench.bench.scaling import Growth, exponent
from vitbench.cli.bench import _growth_table, _speeds_table
from vitbench.cli.main import main
from vitbench.config.build import build_spec
from vitbench.errors import VitbenchError
from vitbench.model.vit import build_model
from vitbench.registry import PEERS

TINY = {"model.embed_dim": 16, "model.depth": 2, "model.num_heads": 2, "model.patch_size": 8}
FIELDS = [f"--set={name}={value}" for name, value in {**TINY, "train.batch_size": 4}.items()]


def count(model: torch.nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("name", PEERS.names())
def test_a_peer_is_the_same_network(name) -> None:
    if name not in installed_peers():
        pytest.skip(f"{name} is not installed")
    spec = build_spec(TINY)
    peer = build_peer(name, spec)
    assert count(peer) == count(build_model(spec))
    logits = peer(torch.randn(3, 3, 32, 32))
    assert logits.shape == (3, 10)
    logits.sum().backward()
    assert all(p.grad is not None for p in peer.parameters())


def test_busy_processes_run_within_the_block_alone() -> None:
    with busy_processes(2) as processes:
        assert [process.poll() for process in processes] == [None, None]

    assert None not in [process.poll() for process in processes]


def test_steps_are_measured_beside_busy_processes(capsys) -> None:
    asked = ["--quick", "--against", "none", "--beside", "1", *FIELDS]
    assert main(["bench", "step", "--json", *asked]) == 0
    assert json.loads(capsys.readouterr().out)["beside"] == 1

    assert main(["bench", "step", "--against", "none", "--beside", "-1"]) == 2
    assert "--beside -1: give a number from 0 to 64" in capsys.readouterr().err


def test_contestants_begin_in_turn() -> None:
    called: list[str] = []

    def work(name: str):
        def do() -> int:
            called.append(name)
            return 2

        return do

    timed = in_turn({n: work(n) for n in "abc"}, 3, torch.device("cpu"))
    assert "".join(called) == "abc" + "abc" + "bca" + "cab"
    assert {len(one.seconds) for one in timed.values()} == {3}


def test_a_ratio_is_of_rounds_and_its_interval_of_order_statistics() -> None:
    ours = Timed((1.0, 2.0, 1.0, 1.0, 1.0, 1.0, 4.0))
    theirs = Timed((1.1, 2.4, 1.3, 1.4, 1.5, 1.6, 40.0))
    found = ratio(ours, theirs)
    assert found.median == pytest.approx(1.4)
    assert (found.low, found.high) == pytest.approx((1.1, 10.0))
    assert found.confidence_pct == pytest.approx(100 * (1 - 2 / 2**7))
    # of ten rounds one can be cut off each side: P(1 < X < 9) = 1 - 2 * 11 / 1024
    ten = ratio(Timed((1.0,) * 10), Timed(tuple(float(n) for n in range(1, 11))))
    assert (ten.low, ten.high) == (2.0, 9.0)
    assert ten.confidence_pct == pytest.approx(100 * (1 - 22 / 1024))


def test_steps_are_measured_against_peers(capsys) -> None:
    assert (
        main(["bench", "step", "--quick", "--json", "--against", "timm,torchvision", *FIELDS]) == 0
    )
    report = json.loads(capsys.readouterr().out)
    assert report["fastest_peer"] in ("timm", "torchvision")
    low, high = report["ratio_to_fastest_peer_interval"]
    assert 0 < low <= report["ratio_to_fastest_peer"] <= high
    ours, first, second = report["contestants"]
    assert ours["name"] == "vitbench"
    assert first["img_per_s"] >= second["img_per_s"] > 0
    assert len(ours["seconds"]) == 3
    flop = report["contestants"][0]["flop_per_s"]
    assert ours["share_of_peak"] == pytest.approx(flop / report["peak_flop_per_s"])
    assert report["spec"]["train"]["optimizer"] == "adamw"


def test_memory_and_what_an_epoch_costs_beyond_its_steps_are_measured(capsys) -> None:
    words = ["bench", "step", "--json", "--rounds", "5", "--against", "none", *FIELDS]
    assert main(words) == 0
    report = json.loads(capsys.readouterr().out)
    (ours,) = report["contestants"]
    assert ours["peak_memory_bytes"] > 50 * 2**20  # of a process of its own
    times = report["epoch_to_bare_steps"]
    assert 0 < times["low"] <= times["median"] <= times["high"]


def test_augmentation_and_waits_are_measured(capsys) -> None:
    assert main(["bench", "data", "--quick", "--json"]) == 0
    speeds = json.loads(capsys.readouterr().out)
    for speed in speeds:
        assert min(speed["img_per_s"].values()) > 0
        assert len(speed["against"]) == 2
    printed = _speeds_table([
        AugmentationSpeed(**{**speed, "against": {
            whose: Median(**times) for whose, times in speed["against"].items()
        }})
        for speed in speeds
    ])  # fmt: skip
    assert len(printed.splitlines()) == 1 + 3 * len(speeds)
    assert f"{speeds[0]['against']['DataLoader, 2 workers']['median']:.2f} times as fast" in printed
    assert main(["bench", "startup", "--quick"]) == 0
    assert "of which import torch" in capsys.readouterr().out


def test_growth_is_fitted(capsys) -> None:
    """Exponents of counts are exact; those of time are what the machine gives."""
    fields = [f"--set={name}={value}" for name, value in {**TINY, "train.batch_size": 8}.items()]
    assert main(["bench", "scaling", "--quick", "--json", *fields]) == 0
    grown = {one["size"]: one for one in json.loads(capsys.readouterr().out)}
    assert list(grown) == ["tokens", "width", "depth", "batch", "images", "runs"]
    for one in grown.values():
        assert one["exponent"]["low"] <= one["exponent"]["median"] <= one["exponent"]["high"]
        assert len(one["values"]) == len(one["seconds"]) == 3
    assert grown["tokens"]["values"] == [5, 17, 65]
    assert grown["batch"]["count_exponent"] == pytest.approx(1)
    assert grown["runs"]["count_exponent"] == pytest.approx(1)
    assert 1 < grown["width"]["count_exponent"] < 2
    printed = _growth_table(
        [Growth(**{**one, "exponent": Median(**one["exponent"])}) for one in grown.values()]
    )
    assert len(printed.splitlines()) == 1 + len(grown)
    assert f"{grown['width']['exponent']['median']:.2f} (" in printed


def test_a_measured_training_that_diverges_is_an_error_of_ours(capsys) -> None:
    wild = ["--set=train.lr=1000", "--set=train.optimizer={name: muon, lr: 1000}",
            "--set=train.grad_clip=null", "--set=train.warmup_fraction=0"]  # fmt: skip
    words = ["bench", "step", "--rounds", "5", "--against", "none", *FIELDS, *wild]
    assert main(words) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "diverged" in err
    assert len(err.splitlines()) == 1


def test_an_exponent_is_that_of_a_power() -> None:
    assert exponent([1, 2, 4, 8], [3 * size**1.5 for size in (1, 2, 4, 8)]) == pytest.approx(1.5)


def test_a_measured_process_that_fails_is_an_error_of_ours() -> None:
    with pytest.raises(VitbenchError, match=r"failed \(3\): no luck"):
        output_of([sys.executable, "-c", "import sys; print('no luck', file=sys.stderr); exit(3)"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["step", "--against", "tim"], "did you mean 'timm'"),
        (["step", "--rounds", "4"], "from 5 to 1000"),
        (["step", "--against", "timm", "--set", "model.pos_embed=none"], "model.pos_embed"),
        (["step", "--against", "timm", "--set", "model.attention=differential"], "model.attention"),
        (["data", "--batch-size", "0"], "from 1 to"),
        (["startup", "--rounds", "0"], "from 5 to 1000"),
    ],
)
def test_wrong_requests_are_refused_in_a_line(words, said, capsys) -> None:
    assert main(["bench", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert len(err.splitlines()) <= 3
