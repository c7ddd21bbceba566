"""Real processes, really stopped: what is finished is kept, and the same bits come out."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

STUDY = """\
name: two
title: Two
variants:
  - {key: none, label: None, set: {model.pos_embed: none}}
  - {key: learned, label: Learned, set: {model.pos_embed: learned-1d}}
"""
FIELDS = (
    "model.embed_dim=16", "model.depth=2", "model.num_heads=2", "model.patch_size=8",
    "train.batch_size=32", "train.epochs=3", "data.val_size=100", "data.augmentation=baseline",
)  # fmt: skip
SWEEP = [
    sys.executable, "-m", "vitbench", "sweep", "two.yaml", "--preset", "smoke", "--seeds", "1",
    "--device", "cpu", "--wandb", "disabled", *(f"--set={field}" for field in FIELDS),
]  # fmt: skip
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def sweep(folder: Path, *more: str, **arguments: Any) -> subprocess.Popen[str]:
    (folder / "two.yaml").write_text(STUDY)
    return subprocess.Popen(
        [*SWEEP, *more], cwd=folder, env=ENVIRONMENT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, **arguments,
    )  # fmt: skip


def wait_for(condition, process: subprocess.Popen[str]) -> None:
    """Wait until something is there; the process must not have ended before."""
    deadline = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def wait_until_gone(group: int) -> None:
    """Wait until no process of a group is left."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail("a process is left")


def epochs_of(folder: Path, variant: str) -> int:
    lines = [f.read_text() for f in folder.glob(f"runs/*-{variant}-*/history.jsonl")]
    return sum(text.count("\n") for text in lines)


def end_of(folder: Path) -> dict[str, object]:
    """What a finished sweep left: weights, answers and losses of each run."""
    file = folder / "results" / "shapes" / "two_results.json"
    runs = json.loads(file.read_text())["runs"]
    left: dict[str, object] = {}
    for run in runs:
        checkpoint = torch.load(
            file.parent / run["run_folder"] / "checkpoint.pt", weights_only=True
        )
        weights = {name: w.numpy().tobytes() for name, w in checkpoint["weights"].items()}
        losses = [record["train_loss"] for record in run["history"]]
        left[run["variant"]] = (weights, run["predicted"], losses)
    return left


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory) -> dict[str, object]:
    folder = tmp_path_factory.mktemp("unbroken")
    process = sweep(folder)
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert "Two" in out
    return end_of(folder)


MOMENTS = {
    "in the first epoch": lambda folder: any(folder.glob("runs/*/spec.json")),
    "after an epoch": lambda folder: epochs_of(folder, "none") >= 1,
    "in the second run": lambda folder: epochs_of(folder, "learned-1d") >= 1,
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_sweep_called_again_ends_in_the_same_bits(moment, unbroken, tmp_path) -> None:
    process = sweep(tmp_path)
    wait_for(lambda: MOMENTS[moment](tmp_path), process)
    process.kill()
    process.communicate()
    kept = epochs_of(tmp_path, "none") + epochs_of(tmp_path, "learned-1d")

    again = sweep(tmp_path)
    _, err = again.communicate()

    assert again.returncode == 0, err
    trained_now = err.count("epoch ") - err.count("after epoch")
    assert trained_now == 6 - kept  # what was finished was not done again
    assert end_of(tmp_path) == unbroken


def test_two_sweeps_at_once_share_the_work_and_train_nothing_twice(unbroken, tmp_path) -> None:
    both = [sweep(tmp_path), sweep(tmp_path)]
    errs = [process.communicate()[1] for process in both]

    assert [process.returncode for process in both] == [0, 0], errs
    trained = [err.count("epoch ") - err.count("after epoch") for err in errs]
    assert sum(trained) == 6
    assert end_of(tmp_path) == unbroken


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"]
)
def test_an_interrupted_sweep_says_in_a_line_how_to_go_on(number, code, unbroken, tmp_path) -> None:
    process = sweep(tmp_path)
    wait_for(lambda: epochs_of(tmp_path, "none") >= 1, process)
    process.send_signal(number)
    out, err = process.communicate()

    assert process.returncode == code
    assert out == ""
    assert "run the same command again to resume" in err.splitlines()[-1]
    assert "Traceback" not in err

    again = sweep(tmp_path)
    again.communicate()
    assert again.returncode == 0
    assert end_of(tmp_path) == unbroken


def test_ctrl_c_ends_all_processes_of_a_sweep_and_the_same_command_goes_on(
    unbroken, tmp_path
) -> None:
    process = sweep(tmp_path, "--jobs", "2", start_new_session=True)
    wait_for(lambda: epochs_of(tmp_path, "none") >= 1, process)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
    _, err = process.communicate()

    assert process.returncode == 130
    assert "run the same command again to resume" in err.splitlines()[-1]
    assert "Traceback" not in err
    wait_until_gone(process.pid)

    again = sweep(tmp_path, "--jobs", "2")
    again.communicate()
    assert again.returncode == 0
    assert end_of(tmp_path) == unbroken  # one process or two: the same bits


def test_workers_end_with_a_sweep_that_is_killed(unbroken, tmp_path) -> None:
    process = sweep(tmp_path, "--jobs", "2", start_new_session=True)
    wait_for(lambda: epochs_of(tmp_path, "none") >= 1, process)
    process.kill()
    process.communicate()  # its pipes are the workers' too: they are closed when all are gone

    wait_until_gone(process.pid)
    again = sweep(tmp_path)
    again.communicate()
    assert end_of(tmp_path) == unbroken


def test_a_wandb_process_that_is_killed_in_a_run_stops_nothing(unbroken, tmp_path) -> None:
    (tmp_path / "two.yaml").write_text(STUDY)
    offline = ["offline" if word == "disabled" else word for word in SWEEP]
    process = subprocess.Popen(
        offline, cwd=tmp_path, env=ENVIRONMENT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    wait_for(lambda: epochs_of(tmp_path, "none") >= 1, process)
    killed = subprocess.run(
        ["pkill", "-9", "-P", str(process.pid), "-f", "wandb-core"], check=False
    )
    _, err = process.communicate()

    assert killed.returncode == 0
    assert process.returncode == 0, err
    assert "Traceback" not in err
    assert err.count("tracking stopped, training continues") >= 1
    assert end_of(tmp_path) == unbroken


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_whoever_asks_twice_does_not_wait_and_loses_nothing(number, unbroken, tmp_path) -> None:
    process = sweep(tmp_path)
    wait_for(lambda: epochs_of(tmp_path, "none") >= 1, process)
    process.send_signal(number)
    process.send_signal(number)
    _, err = process.communicate()

    assert process.returncode == 128 + number
    assert "Traceback" not in err

    again = sweep(tmp_path)
    again.communicate()
    assert again.returncode == 0
    assert end_of(tmp_path) == unbroken


def test_a_disk_that_is_full_is_one_line_and_with_room_it_goes_on(unbroken, tmp_path) -> None:
    """No file may exceed 60 kB, less than a checkpoint: what a full disk does, on any system."""
    process = sweep(
        tmp_path, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
    )
    out, err = process.communicate()
    left = [path.name for path in tmp_path.rglob("*") if path.is_file()]

    assert (process.returncode, out) == (1, "")
    assert len(err.splitlines()) == 1
    assert "checkpoint.pt: File too large; everything finished is kept" in err
    assert not any(name.endswith((".pt", ".part")) for name in left)

    again = sweep(tmp_path)
    _, err = again.communicate()
    assert again.returncode == 0, err
    assert end_of(tmp_path) == unbroken


def test_a_run_that_memory_is_refused_fails_by_name_and_the_others_go_on(tmp_path) -> None:
    """One of the model's matrices alone takes 13 GB."""
    (tmp_path / "two.yaml").write_text(
        STUDY.replace(
            "model.pos_embed: none",
            "model.embed_dim: 32768",
        )
    )
    process = subprocess.Popen(
        SWEEP, cwd=tmp_path, env=ENVIRONMENT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (10 * 2**30, 10 * 2**30)),
    )  # fmt: skip
    _, err = process.communicate()

    assert process.returncode == 1
    (line,) = [line for line in err.splitlines() if line.startswith("vitbench:")]
    assert "none, seed 0 failed: out of memory" in line
    assert "smaller model" in line
    runs = json.loads((tmp_path / "results" / "shapes" / "two_results.json").read_text())["runs"]
    assert {run["variant"]: run["status"] for run in runs} == {"none": "failed", "learned": "done"}


SHORT_OF_MEMORY = """
import resource, sys
from pathlib import Path
import torch, torchvision
from vitbench.cli.main import run
in_use = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
most = in_use + 900 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (most, most))
run()
"""


def test_a_batch_that_memory_is_too_small_for_is_taken_in_parts_and_it_is_told(tmp_path) -> None:
    """A batch of 1,000 images of 257 tokens keeps over 1 GB for its backward pass."""
    fields = {
        "model.patch_size": 2, "model.embed_dim": 64, "model.depth": 2, "model.num_heads": 1,
        "train.batch_size": 1000, "data.val_size": 1900,
    }  # fmt: skip
    words = [
        "train", "--preset", "smoke", "--device", "cpu", "--wandb", "disabled", "--epochs", "1",
        "--json", *(f"--set={name}={value}" for name, value in fields.items()),
    ]  # fmt: skip

    def call(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", SHORT_OF_MEMORY, *words, *more],
            # The limit is of addresses, and glibc reserves some for each thread that allocates.
            cwd=tmp_path, env={**ENVIRONMENT, "MALLOC_ARENA_MAX": "1"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    done = call()
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["micro_batch"] <= 500  # how far it goes down depends on the allocator
    assert f"continues with {result['micro_batch']} images at a time" in done.stderr
    assert result["status"] == "done"

    fixed = call("--micro-batch", "1000", "--set", "seed=1")  # who names a number gets it or none
    assert fixed.returncode == 1
    (line,) = fixed.stderr.splitlines()
    assert "out of memory" in line
    assert "--micro-batch" in line


def test_a_reader_that_leaves_early_is_no_error(tmp_path) -> None:
    process = subprocess.run(
        f"{sys.executable} -m vitbench train --help | head -1",
        shell=True, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert process.stdout.startswith("Usage")
    assert process.stderr == ""
