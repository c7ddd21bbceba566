"""Feed our readers damaged and hostile files: nothing but errors of ours may come out.

    python scripts/fuzz_readers.py                 ten minutes
    python scripts/fuzz_readers.py --minutes 1     a first look
    python scripts/fuzz_readers.py --file results --seed 4711    one case, with its traceback

A tiny study is swept; then its files, and a spec and a study in YAML, are mutated one at a time:
bits flipped, parts cut, doubled or overwritten; values of a JSON or YAML file replaced by others,
some nasty; members of an archive mutated and packed again with right checksums. Each reader then
reads what came of it, within bounds of time and memory. The exit code is 1 where anything else than
an error of ours came out.
"""

import argparse
import copy
import io
import json
import os
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml

from vitbench.cli.main import main as vitbench
from vitbench.comparison.audit import audit
from vitbench.comparison.diff import compare_sides
from vitbench.comparison.pairs import compare_study
from vitbench.comparison.sides import open_side
from vitbench.config.build import build_spec, load_mapping
from vitbench.config.data import DataSpec
from vitbench.config.study import load_study
from vitbench.data.datasets import load_images
from vitbench.errors import VitbenchError
from vitbench.registry import FORMATS
from vitbench.report.methods import methods
from vitbench.report.sections import build_report
from vitbench.runs.catalogue import catalogue
from vitbench.runs.folder import RunFolder
from vitbench.runs.results import read_results
from vitbench.runs.verify import verify_checkpoint, verify_run
from vitbench.study.variants import variant_specs
from vitbench.study.verify import verify_results
from vitbench.training.checkpoint import Checkpoint

SWEEP = (
    "sweep", "pos-embed", "--preset", "smoke", "--epochs", "1", "--seeds", "2", "--quiet",
    "--device", "cpu", "--wandb", "disabled", "--set", "data.val_size=100",
    "--set", "model.embed_dim=16", "--set", "model.depth=1", "--set", "model.num_heads=2",
    "--set", "model.patch_size=8", "--set", "train.batch_size=100",
)  # fmt: skip
STUDY = """\
name: mine
title: Mine
base: {model.depth: 2}
variants:
  - {key: base, label: Base, set: {}}
  - {key: wide, label: Wide, set: {model.embed_dim: {times: 3/2}, data.augmentation: cutout}}
claims:
  - {text: Wide is better., better: wide, worse: base}
reference: base
margin_pct: 0.5
notes: [A note.]
"""
NASTY: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**63, 10**30, -0.0, 1e308, -1e-308, float("nan"), float("inf"),
    "", "none", "../../etc/passwd", "\x00", "\x1b[2J\x1b]0;x\x07", "\u202e", "a" * 5000, "|", "<b>",
    r"\input{/etc/passwd}", "=1+1", [], {}, [[]], [None], {"name": "none"}, {"": ""}, [0] * 1000,
    {"times": "1/0"}, {"times": 1e300}, "9" * 400,
)  # fmt: skip
MOST_S = 20
MOST_BYTES = 12 * 2**30


@dataclass(frozen=True)
class Target:
    """A kind of file.

    Attributes:
        file: The file, whole.
        read: Reads a mutated copy, which stands in its place.
    """

    file: Path
    read: Callable[[Path], object]


def targets(folder: Path) -> dict[str, Target]:
    """Files of each kind, made in a folder, and their readers."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        if vitbench(list(SWEEP)) != 0:
            raise SystemExit("the sweep that makes the files failed")
    finally:
        os.chdir(before)
    (folder / "study.yaml").write_text(STUDY)
    (run, *_) = sorted((folder / "runs").iterdir())
    spec = json.loads((run / "spec.json").read_text())
    (folder / "spec.yaml").write_text(yaml.safe_dump(spec))
    (folder / "flat.json").write_text(json.dumps({"1d_learned": 69.47, "sinusoidal": 68.81}))
    (folder / "data.tar.gz").write_bytes(os.urandom(5000))
    results = folder / "results" / "shapes" / "positional_embedding_results.json"
    return {
        "checkpoint": Target(run / "checkpoint.pt", _read_checkpoint),
        "result": Target(run / "result.json", _read_run),
        "history": Target(run / "history.jsonl", _read_run),
        "spec of a run": Target(run / "spec.json", _read_run),
        "predictions": Target(run / "predictions.npz", _read_run),
        "results": Target(results, _read_results),
        "flat results": Target(folder / "flat.json", _read_results),
        "spec": Target(folder / "spec.yaml", lambda path: build_spec(load_mapping(path, "spec"))),
        "study": Target(folder / "study.yaml", _read_study),
        "archive": Target(folder / "data.tar.gz", _read_archive),
    }


def _read_checkpoint(path: Path) -> None:
    verify_checkpoint(path)
    verify_run(path.parent)
    Checkpoint.open(path).model(torch.device("cpu"))


def _read_run(path: Path) -> None:
    folder = RunFolder(path.parent)
    verify_run(folder.path)
    catalogue(folder.path.parent, [])
    side = open_side(str(folder.path))
    compare_sides(side, side)
    folder.read_result()


def _read_results(path: Path) -> None:
    verify_results(path)
    catalogue(path.parents[2] / "runs", [])
    results = read_results(path)
    audit(results, compare_study(results))
    report = build_report([results])
    for name in FORMATS.names():
        FORMATS.get(name)(report)
    if results.base:
        methods([results])
    for variant in results.study.variants[:2] if results.base else []:
        side = open_side(f"{path}:{variant.key}")
        compare_sides(side, side)


def _read_study(path: Path) -> None:
    study = load_study(str(path))
    variant_specs(study, build_spec(study.base), study.variants)


def _read_archive(path: Path) -> None:
    load_images(DataSpec(), "train", path)


def mutated(content: bytes, rng: random.Random) -> bytes:
    """A file's content with something wrong in it."""
    ways = [_flipped, _cut, _doubled, _overwritten]
    if content[:2] == b"PK":
        ways += [_repacked] * 4
    elif content[:1] in (b"{", b"[", b"d", b"n"):
        ways += [_replaced] * 8
    return rng.choice(ways)(content, rng)


def _flipped(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 10))):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _cut(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content))]


def _doubled(content: bytes, rng: random.Random) -> bytes:
    first, last = sorted(rng.randrange(len(content) + 1) for _ in range(2))
    return content[:last] + content[first:]


def _overwritten(content: bytes, rng: random.Random) -> bytes:
    place, length = rng.randrange(len(content)), rng.randrange(1, 50)
    return content[:place] + rng.randbytes(length) + content[place + length :]


def _repacked(content: bytes, rng: random.Random) -> bytes:
    """An archive of the same members, one of them mutated, all with right checksums."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w") as new:
        members = old.infolist()
        chosen = rng.choice(members)
        for one in members:
            inner = old.read(one)
            if one is chosen and inner:
                inner = rng.choice((_flipped, _cut, _doubled, _overwritten))(inner, rng)
            name = one.filename
            if one is chosen and rng.random() < 0.1:
                name = rng.choice(("../evil", "/tmp/evil", "a" * 300, "data.pkl"))
            new.writestr(zipfile.ZipInfo(name), inner, compress_type=one.compress_type)
    return buffer.getvalue()


def _replaced(content: bytes, rng: random.Random) -> bytes:
    """A tree with some of its values replaced, removed or moved."""
    is_json = content[:1] in (b"{", b"[")
    if b"\n{" in content.strip():  # a line of JSON each
        return b"".join(_replaced(line, rng) + b"\n" for line in content.splitlines())
    tree = json.loads(content) if is_json else yaml.safe_load(content)
    for _ in range(rng.choice((1, 1, 1, 3))):
        places = list(_places(tree))
        if not places:
            break
        parent, key = rng.choice(places)
        if rng.random() < 0.15:
            del parent[key]
        elif rng.random() < 0.3:
            other, its_key = rng.choice(places)
            parent[key] = copy.deepcopy(other[its_key])
        else:
            parent[key] = copy.deepcopy(rng.choice(NASTY))  # the next change may be inside it
    text = json.dumps(tree) if is_json else yaml.safe_dump(tree)
    return text.encode("utf-8", "surrogatepass")


def _places(tree: Any) -> Sequence[tuple[Any, Any]]:
    """Every value of a tree, as its parent and its key there."""
    found: list[tuple[Any, Any]] = []
    left = [tree]
    while left:
        here = left.pop()
        keys = here if isinstance(here, dict) else range(len(here))
        for key in keys:
            found.append((here, key))
            if isinstance(here[key], dict | list) and here[key]:
                left.append(here[key])
    return found


class TooSlow(BaseException):
    """A reader took longer than it may; no reader catches this."""


def outcome(target: Target, seed: int) -> BaseException | None:
    """What reading a mutated copy ended in; the whole file is put back."""
    whole = target.file.read_bytes()
    target.file.write_bytes(mutated(whole, random.Random(seed)))
    signal.signal(signal.SIGALRM, _too_slow)
    signal.alarm(MOST_S)
    try:
        target.read(target.file)
    except BaseException as error:
        return error
    else:
        return None
    finally:
        signal.alarm(0)
        target.file.write_bytes(whole)


def is_ours(error: BaseException | None) -> bool:
    """Whether it is no error, or one that a user is told in a line."""
    return error is None or isinstance(error, VitbenchError)


def _too_slow(_number: int, _frame: object) -> None:
    raise TooSlow(f"over {MOST_S} s")


def main() -> int:
    """Run the script."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--file", help="One kind of file alone.")
    parser.add_argument("--seed", type=int, help="One mutation alone, of --file.")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    with tempfile.TemporaryDirectory() as folder:
        kinds = targets(Path(folder))
        if arguments.seed is not None:
            error = outcome(kinds[arguments.file], arguments.seed)
            if error is not None:
                traceback.print_exception(error)
            return 0 if is_ours(error) else 1
        chosen = {arguments.file: kinds[arguments.file]} if arguments.file else kinds
        end = time.monotonic() + 60 * arguments.minutes
        read: Counter[str] = Counter()
        refused: Counter[str] = Counter()
        wrong: list[str] = []
        seed = 0
        while time.monotonic() < end:
            seed += 1
            for name, target in chosen.items():
                error = outcome(target, seed)
                read[name] += error is None
                refused[name] += error is not None
                if not is_ours(error):
                    if isinstance(error, KeyboardInterrupt):
                        return 130
                    wrong.append(f"--file '{name}' --seed {seed}: {error!r:.150}")
                    print(wrong[-1], flush=True)
    print("\n| file | mutations | read | refused |\n| :--- | ---: | ---: | ---: |")
    for name in chosen:
        print(f"| {name} | {read[name] + refused[name]:,} | {read[name]:,} | {refused[name]:,} |")
    print(f"\n{sum(read.values()) + sum(refused.values()):,} mutations, {len(wrong)} wrong endings")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
