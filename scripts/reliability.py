"""Real faults on real processes: what is lost? The table of docs/reliability.md.

    python scripts/reliability.py              all of it, about half an hour of a CPU
    python scripts/reliability.py kill crowd   some of it

Each fault befalls `vitbench sweep` of a tiny study, one thread a process. What is kept then is
compared with a sweep that nothing befell: weights, answers and losses, bit for bit. The exit code
is 1 where anything was lost.
"""

import argparse
import json
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import stats

from vitbench.errors import VitbenchError
from vitbench.runs.results import read_results
from vitbench.runs.verify import verify_run
from vitbench.study.verify import verify_results

STUDY = """\
name: two
title: Two
variants:
  - {key: none, label: None, set: {model.pos_embed: none}}
  - {key: learned, label: Learned, set: {model.pos_embed: learned-1d}}
"""
FIELDS = (
    "model.embed_dim=16", "model.depth=2", "model.num_heads=2", "model.patch_size=8",
    "train.batch_size=32", "data.val_size=100", "data.augmentation=baseline",
)  # fmt: skip
SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143}
WARM_UP = 20  # epochs after which memory is to be constant


@dataclass(frozen=True)
class Row:
    """A fault and what came of it.

    Attributes:
        fault: What befell the process.
        times: How often.
        found: What was seen.
        lost: How often something was lost, or went otherwise than it should.
    """

    fault: str
    times: int
    found: str
    lost: int


class Place:
    """A folder with the study, in which sweeps are begun.

    Args:
        folder: The folder, empty.
        seeds: Seeds of each variant.
        epochs: Epochs of each run.
    """

    def __init__(self, folder: Path, seeds: int = 2, epochs: int = 6) -> None:
        folder.mkdir()
        (folder / "two.yaml").write_text(STUDY)
        self.folder = folder
        self.results = folder / "results" / "shapes" / "two_results.json"
        self._arguments = (
            "sweep", "two.yaml", "--preset", "smoke", "--seeds", str(seeds),
            "--epochs", str(epochs), "--device", "cpu", *(f"--set={field}" for field in FIELDS),
        )  # fmt: skip

    def sweep(self, *more: str, **arguments: Any) -> subprocess.Popen[str]:
        """Begin the sweep, without W&B unless told otherwise."""
        environment = {**os.environ, "OMP_NUM_THREADS": "1", **arguments.pop("env", {})}
        command = (sys.executable, "-m", "vitbench", *self._arguments, *(more or OFF))
        return subprocess.Popen(
            command, cwd=self.folder, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **arguments,
        )  # fmt: skip

    def epochs(self) -> int:
        """Finished epochs of all runs."""
        files = self.folder.glob("runs/*/history.jsonl")
        return sum(file.read_bytes().count(b"\n") for file in files)

    def end(self) -> dict[str, Any]:
        """What a finished sweep left."""
        kept: dict[str, Any] = {}
        for run in json.loads(self.results.read_text())["runs"]:
            file = self.results.parent / run["run_folder"] / "checkpoint.pt"
            weights = torch.load(file, weights_only=True)["weights"]
            kept[f"{run['variant']} {run['seed']}"] = (
                {name: weight.numpy().tobytes() for name, weight in weights.items()},
                run["predicted"],
                [record["train_loss"] for record in run["history"]],
            )
        return kept


OFF = ("--wandb", "disabled")


def unbroken(folder: Path) -> dict[str, Any]:
    """What the sweep leaves that nothing befalls."""
    place = Place(folder / "unbroken")
    _, err = place.sweep().communicate()
    if not place.results.exists():
        raise SystemExit(f"the sweep failed: {err}")
    return place.end()


def kill(folder: Path, whole: dict[str, Any], rng: random.Random) -> Row:
    """Kill -9 at random moments, forty times, over as many sweeps as it takes."""
    kills = lost_epochs = differing = sweeps = 0
    while kills < 40:
        sweeps += 1
        place, finished = Place(folder / f"kill-{sweeps}"), 0
        while True:
            process = place.sweep()
            try:
                process.communicate(timeout=rng.uniform(3, 12) if kills < 40 else None)
                break
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                kills += 1
                lost_epochs += max(0, finished - place.epochs())
                finished = place.epochs()
        differing += place.end() != whole
    found = f"{sweeps} sweeps to their end, finished epochs lost {lost_epochs}, ends that differ"
    return Row("kill -9 at a random moment", kills, f"{found} {differing}", lost_epochs + differing)


def stop(folder: Path, whole: dict[str, Any], rng: random.Random) -> Row:
    """Ctrl-C and SIGTERM at random moments in training."""
    seconds, wrong, differing = [], 0, 0
    for number in range(20):
        place, which = Place(folder / f"stop-{number}"), list(SIGNALS)[number % 2]
        process = place.sweep()
        while process.poll() is None and place.epochs() < 1:
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 1.5))
        began = time.monotonic()
        process.send_signal(which)
        _, err = process.communicate()
        seconds.append(time.monotonic() - began)
        said = "the same command goes on" in err.splitlines()[-1] and "Traceback" not in err
        wrong += process.returncode != SIGNALS[which] or not said
        place.sweep().communicate()
        differing += place.end() != whole
    found = f"gone after {max(seconds):.1f} s at most, wrong endings {wrong}, ends that differ"
    return Row("Ctrl-C, SIGTERM", 20, f"{found} {differing}", wrong + differing)


def full(folder: Path, whole: dict[str, Any], rng: random.Random) -> Row:
    """No file may exceed a size for a while, as on a disk that is full."""
    wrong = torn = differing = 0
    for number in range(10):
        place, most = Place(folder / f"full-{number}"), rng.randrange(200, 110_000)
        process = place.sweep(
            preexec_fn=lambda most=most: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        )
        _, err = process.communicate()
        wrong += process.returncode != 1 or "make room" not in err.splitlines()[-1]
        torn += len(list(place.folder.rglob("*.part")))
        torn += sum(
            not finding.is_note
            for run in place.folder.glob("runs/*")
            for finding in verify_run(run)
            if (run / "spec.json").exists()
        )
        place.sweep().communicate()
        differing += place.end() != whole
    found = f"half files {torn}, wrong endings {wrong}, ends that differ {differing}"
    return Row("a full disk, then room again", 10, found, torn + wrong + differing)


def crowd(folder: Path, _whole: dict[str, Any], _rng: random.Random) -> Row:
    """Eight processes on one sweep of thirty runs, and a reader who looks all the while."""
    place = Place(folder / "crowd", seeds=15, epochs=1)
    processes = [place.sweep() for _ in range(8)]
    looks = invalid = 0
    while any(process.poll() is None for process in processes):
        if place.results.exists():
            looks += 1
            try:
                read_results(place.results)
            except VitbenchError:
                invalid += 1
        time.sleep(0.02)
    errs = [process.communicate()[1] for process in processes]
    trained = sum(err.count(": epoch 1/1") for err in errs)
    bad = sum(process.returncode != 0 for process in processes)
    runs = len(json.loads(place.results.read_text())["runs"])
    shares = sorted(err.count(": epoch 1/1") for err in errs)
    found = (
        f"30 runs recorded {runs}, trained {trained} (a process {shares[0]} to {shares[-1]}); "
        f"{looks} looks at the results, invalid {invalid}"
    )
    lost = abs(runs - 30) + abs(trained - 30) + invalid + bad
    return Row("eight processes at once", 8, found, lost)


def tracker(folder: Path, whole: dict[str, Any], _rng: random.Random) -> Row:
    """W&B absent, silent, and killed in the middle."""
    differing, seconds = 0, {}
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(50)
        servers = {"absent": 9, "silent": silent.getsockname()[1]}
        for name, port in servers.items():
            place = Place(folder / f"wandb-{name}")
            server = {
                "WANDB_BASE_URL": f"http://127.0.0.1:{port}", "WANDB_API_KEY": "0" * 40,
            }  # fmt: skip
            began = time.monotonic()
            process = place.sweep("--wandb", "online", env=server)
            process.communicate()
            seconds[name] = time.monotonic() - began
            differing += process.returncode != 0 or place.end() != whole
    place = Place(folder / "wandb-killed")
    process = place.sweep("--wandb", "offline")
    while process.poll() is None and place.epochs() < 2:
        time.sleep(0.01)
    subprocess.run(["pkill", "-9", "-P", str(process.pid), "-f", "wandb-core"], check=False)
    _, err = process.communicate()
    differing += process.returncode != 0 or "Traceback" in err or place.end() != whole
    times = ", ".join(f"{name} {took:.0f} s" for name, took in seconds.items())
    found = f"ends that differ {differing}; four runs took with the server {times}"
    return Row("W&B's server absent or silent, its process killed", 3, found, differing)


def flip(folder: Path, _whole: dict[str, Any], rng: random.Random) -> Row:
    """Single flipped bits in the files of a finished sweep: does `vitbench check` see them?"""
    place = Place(folder / "flip", seeds=1, epochs=2)
    place.sweep().communicate()
    run = next(place.folder.glob("runs/*"))
    files = [run / name for name in ("checkpoint.pt", "predictions.npz", "result.json")]
    seen = dict.fromkeys([*files, place.results], 0)
    times = 100
    for file in seen:
        content = file.read_bytes()
        for _ in range(times):
            changed = bytearray(content)
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
            file.write_bytes(changed)
            found = [*verify_run(run), *verify_results(place.results)]
            seen[file] += bool(found)
        file.write_bytes(content)
    words = ", ".join(f"{file.name} {number}" for file, number in seen.items())
    return Row(f"a flipped bit, {times} in each file", times * len(seen), f"found: {words}", 0)


def leak(folder: Path, _whole: dict[str, Any], _rng: random.Random) -> Row:
    """Memory, open files and threads over 200 epochs."""
    place = Place(folder / "leak", seeds=1, epochs=200)
    process = place.sweep("--wandb", "offline", "--only", "none")
    proc = Path(f"/proc/{process.pid}")
    samples, last = [], 0
    while process.poll() is None:
        epochs = place.epochs()
        if epochs > last:
            last = epochs
            try:
                fields = dict(
                    line.split(":", 1) for line in (proc / "status").read_text().splitlines()
                )
                memory = int(fields["VmRSS"].split()[0]) / 1024
                files = len(list((proc / "fd").iterdir()))
                samples.append((epochs, memory, files, int(fields["Threads"])))
            except (OSError, KeyError):
                break
        time.sleep(0.02)
    process.communicate()
    late = np.array([sample for sample in samples if WARM_UP < sample[0] < 200])
    fit = stats.linregress(late[:, 0], late[:, 1])
    low, high = (1000 * (fit.slope + sign * 1.96 * fit.stderr) for sign in (-1, 1))
    files, threads = (sorted(set(late[:, column].astype(int))) for column in (2, 3))
    found = (
        f"memory {late[0, 1]:.0f} MiB after {int(late[0, 0])} epochs, {late[-1, 1]:.0f} after "
        f"{int(late[-1, 0])}, slope {low:.0f} to {high:.0f} KiB an epoch; open files "
        f"{files[0]} to {files[-1]}, threads {threads[0]} to {threads[-1]}"
    )
    return Row("200 epochs", 1, found, int(late[-1, 1] - late[0, 1] > 20))


FAULTS: dict[str, Callable[[Path, dict[str, Any], random.Random], Row]] = {
    "kill": kill, "stop": stop, "full": full, "crowd": crowd, "tracker": tracker, "flip": flip,
    "leak": leak,
}  # fmt: skip


def main() -> int:
    """Run the script."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("faults", nargs="*", metavar="FAULT", help=", ".join(FAULTS))
    parser.add_argument("--seed", type=int, default=0, help="Of the random moments.")
    arguments = parser.parse_args()
    names = arguments.faults or list(FAULTS)
    if unknown := [name for name in names if name not in FAULTS]:
        parser.error(f"unknown fault {unknown[0]}: choose from {', '.join(FAULTS)}")
    torch.set_num_threads(1)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        whole = unbroken(Path(folder))
        for name in names:
            began = time.monotonic()
            rows.append(FAULTS[name](Path(folder), whole, random.Random(arguments.seed)))
            print(f"{name}: {rows[-1]} ({time.monotonic() - began:.0f} s)", flush=True)
    print("\n| fault | how often | what was seen | lost |\n| :--- | ---: | :--- | ---: |")
    for row in rows:
        print(f"| {row.fault} | {row.times} | {row.found} | {row.lost} |")
    return 1 if any(row.lost for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
