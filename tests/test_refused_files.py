"""Refused files, command by command: plain lines on stderr, and nothing is written or changed.

A row is a command line, or a file's name and content, and a word that the message must contain.
All files are in `world`, a folder made once. Options without files: test_refused_options.py.
"""

import io
import json
import os
import pickle
import socket
import tarfile
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import torch

from vitbench.cli.main import main
from vitbench.config.build import build_spec
from vitbench.config.study import load_study
from vitbench.runs.experiment import RunOptions, RunRequest, run_experiment
from vitbench.runs.schema import StudyResults, StudyRun, pack_classes
from vitbench.training.bits import Bits
from vitbench.training.checkpoint import FORMAT, save_checkpoint
from vitbench.training.fit import begin

LONG = "x" * 10_000
DIGITS = "9" * 5_000
CPU_RUN = ["train", "--preset", "cpu", "--device", "cpu", "--wandb", "disabled", "--quiet"]
SMOKE = ["--preset", "smoke", "--dry-run"]  # what is not refused ends in seconds

TRAIN = [
    (["train", "--out", "a_file", *SMOKE], "is a file"),
    (["train", "--out", "a_file/below", *SMOKE], "is a file"),
    (["train", "--out", "fifo", *SMOKE], "is a file"),
    (["train", "--out", "/dev/null", *SMOKE], "is a file"),
    (["train", "--out", "dangling", *SMOKE], "dangling"),
    (["train", "--out", "loop", *SMOKE], "loop"),
    (["train", "--out", "", *SMOKE], "empty"),
    (["train", "--out", "a\0b", *SMOKE], "a character that paths cannot have"),
    (["train", "--out", LONG, *SMOKE], "too long"),
    (["train", "--out", f"new/{LONG}", *SMOKE], "too long"),
    (["train", "--out", "a/" * 5_000, *SMOKE], "too long"),
    (["train", "--out", "\ud800", *SMOKE], "paths cannot have"),
    (["train", "--spec", ""], "empty"),
    (["train", "--spec", "absent.yaml"], "absent.yaml"),
    (["train", "--spec", "."], "cannot read"),
    (["train", "--spec", "empty"], "cannot read"),
    (["train", "--spec", "a_file/spec.yaml"], "cannot read"),
    (["train", "--spec", "dangling"], "no spec file"),
    (["train", "--spec", "loop"], "cannot read"),
    (["train", "--spec", "socket"], "cannot read"),
    (["train", "--spec", "/dev/null"], "must be a mapping"),
    (["train", "--spec", "/dev/zero"], "bytes"),
    (["train", "--spec", "/dev/full"], "bytes"),
    (["train", "--spec", "/proc/self/mem"], "cannot read"),  # unreadable, even for root
    (["train", "--spec", LONG], "too long"),
    (["train", "--spec", "a\0.yaml"], "paths cannot have"),
    (["train", "--spec", "run/checkpoint.pt"], "checkpoint.pt"),
    (["train", "--spec", "pos-embed"], "no spec file"),
]

# Several --set that do not go together.
SET_TOGETHER = [
    (["model.embed_dim=12", "model.num_heads=5"], "use 1, 2, 3, 4, 6 or 12"),
    (["model.embed_dim=9", "model.num_heads=3", "model.pos_embed=learned-2d"], "learned-2d"),
    (["model.embed_dim=6", "model.num_heads=2", "model.pos_embed=sincos-2d"], "sincos-2d"),
    (["model.embed_dim=9", "model.num_heads=3", "model.pos_embed=sinusoidal"], "sinusoidal"),
    (["model.embed_dim=9", "model.num_heads=3", "model.attention=differential"], "halves"),
    (["data.augmentation=none", "data.augmentation.padding=2"], "it has none"),
    (["data.augmentation=baseline", "data.augmentation.padding=1.5"], "a whole number"),
    (["model.pos_embed=[none, learned-1d]", "model.pos_embed.std=1"], "in the list"),
    (["data.val_size=3190", "train.batch_size=20"], "batch_size"),
    (["seed=1", "seed=x"], "gives seed twice"),
]  # fmt: skip

SWEEP = [
    (["sweep", f"{LONG}.yaml"], "cannot read study file"),
    (["sweep", "a\0.yaml"], "cannot read study file"),
    (["sweep", "absent.yaml"], "no study file absent.yaml"),
    (["sweep", "../pos-embed"], "no study file"),
    (["sweep", "empty/"], "cannot read"),
    (["sweep", "/dev/zero"], "bytes"),
    (["sweep", "dangling.yaml"], "no study file"),
    (["sweep", "pos-embed", "patch-size", "--only", "none", *SMOKE], "2x2"),
    (["sweep", "pos-embed", "--results-dir", "a_file", *SMOKE], "is a file"),
    (["sweep", "pos-embed", "--results-dir", "a_file/x", *SMOKE], "is a file"),
    (["sweep", "pos-embed", "--results-dir", "dangling", *SMOKE], "broken link"),
    (["sweep", "pos-embed", "--results-dir", "", *SMOKE], "empty"),
    (["sweep", "pos-embed", "--results-dir", LONG, *SMOKE], "too long"),
    (["sweep", "pos-embed", "--runs-dir", "a_file", *SMOKE], "is a file"),
    (["sweep", "pos-embed", "--runs-dir", "fifo", *SMOKE], "is a file"),
    (["sweep", "pos-embed", "--runs-dir", "", *SMOKE], "empty"),
    (["sweep", "pos-embed", "--results-dir", "broken_results", *SMOKE], "not a results file"),
    (["sweep", "pos-embed", "--seed-list", "1_0", *SMOKE], "0,1,7"),
    (["sweep", "pos-embed", "--seed-list", "٣", *SMOKE], "0,1,7"),  # an Arabic-Indic 3
    (["sweep", "pos-embed", "--seed-list", DIGITS, *SMOKE], "0,1,7"),
    (["sweep", "pos-embed", "--tune", "model.num_heads=3,8", *SMOKE], "num_heads"),
    (["sweep", "pos-embed", "--tune", "train.lr=1e-3,1e-2", "--seed-list", "1000000", *SMOKE],
     "choose another"),
    (["sweep", "pos-embed", "--set", "model.embed_dim=9", "--set", "model.num_heads=3", *SMOKE],
     "learned-2d"),
]  # fmt: skip

VISUALIZE = [
    (["visualize", "", "run"], "rollout"),
    (["visualize", "rolout", "run"], "did you mean 'rollout'"),
    (["visualize", "Rollout", "run"], "did you mean 'rollout'"),
    (["visualize", LONG, "run"], "rollout"),
    (["visualize", "run", "rollout"], "rollout"),
    *((["visualize", kind, "absent.pt"], "absent.pt")
      for kind in ("rollout", "pos-embed", "last-layer", "layers", "curves", "all")),
    *((["visualize", kind, "a_file"], "not a vitbench checkpoint")
      for kind in ("rollout", "pos-embed", "last-layer", "layers", "curves", "all")),
    *((["visualize", kind, "good_results.json"], "use curves or compare")
      for kind in ("rollout", "pos-embed", "last-layer", "layers")),
    (["visualize", "curves", "untrained.pt"], "no finished epoch"),
    (["visualize", "pos-embed", "no_position.pt"], "position"),
    (["visualize", "rollout", ""], "empty"),
    (["visualize", "rollout", "\0"], "paths cannot have"),
    (["visualize", "rollout", LONG], "too long"),
    (["visualize", "rollout", "empty"], "empty/checkpoint.pt"),
    (["visualize", "rollout", "fifo"], "a pipe or a device"),
    (["visualize", "rollout", "socket"], "a pipe or a device"),
    (["visualize", "rollout", "/dev/zero"], "a pipe or a device"),
    (["visualize", "rollout", "/dev/full"], "a pipe or a device"),
    (["visualize", "rollout", "/dev/null"], "a pipe or a device"),
    (["visualize", "rollout", "/proc/self/mem"], "not a vitbench checkpoint"),
    (["visualize", "rollout", "dangling"], "dangling"),
    (["visualize", "rollout", "loop"], "loop"),
    (["visualize", "rollout", "run/spec.json"], "not a results file"),
    (["visualize", "rollout", "run/predictions.npz"], "not a vitbench checkpoint"),
    (["visualize", "curves", "fifo.json"], "a pipe or a device"),
    (["visualize", "rollout", "run", "run"], "same run"),
    (["visualize", "curves", "run", "run/checkpoint.pt"], "same run"),
    (["visualize", "rollout", "run", "absent.pt"], "absent.pt"),
    (["visualize", "rollout", "run", "--images", "0"], "--images 0"),
    (["visualize", "rollout", "run", "--images", "101"], "1 to 100"),
    (["visualize", "rollout", "run", "--images", "-1"], "1 to 100"),
    (["visualize", "rollout", "run", "--images", "five"], "--images"),
    (["visualize", "rollout", "run", "--images", "2", "--indices", "1"], "exclude each other"),
    (["visualize", "rollout", "run", "--indices", ""], "0,5,7"),
    (["visualize", "rollout", "run", "--indices", "a"], "0,5,7"),
    (["visualize", "rollout", "run", "--indices", "1;2"], "0,5,7"),
    (["visualize", "rollout", "run", "--indices", LONG], "0,5,7"),
    (["visualize", "rollout", "run", "--indices", "٣"], "0,5,7"),
    (["visualize", "rollout", "run", "--indices", "1,1"], "different"),
    (["visualize", "rollout", "run", "--indices", "-1"], "from 0 up"),
    (["visualize", "rollout", "run", "--indices", "1000"], "0 to 999"),
    (["visualize", "rollout", "run", "--indices", DIGITS], "0,5,7"),
    (["visualize", "rollout", "run", "--indices", str(2**64)], "0 to 999"),
    (["visualize", "rollout", "run", "--indices", ",".join(map(str, range(101)))], "100"),
    (["visualize", "rollout", "run", "--fusion", "sum"], "mean, max, min"),
    (["visualize", "rollout", "run", "--fusion", "Mean"], "did you mean 'mean'"),
    (["visualize", "rollout", "run", "--fusion", ""], "mean, max or min"),
    (["visualize", "rollout", "run", "--discard", "1"], "0 to 0.99"),
    (["visualize", "rollout", "run", "--discard", "-0.1"], "0 to 0.99"),
    (["visualize", "rollout", "run", "--discard", "nan"], "0 to 0.99"),
    (["visualize", "rollout", "run", "--discard", "1e400"], "0 to 0.99"),
    (["visualize", "rollout", "run", "--discard", "half"], "--discard"),
    (["visualize", "last-layer", "run", "--layer", "2"], "layers 0 to 1"),
    (["visualize", "last-layer", "run", "--layer", "-1"], "layers 0 to 1"),
    (["visualize", "last-layer", "run", "--layer", "first"], "--layer"),
    (["visualize", "all", "run", "--layer", DIGITS], "--layer"),
    (["visualize", "rollout", "run", "--out", "a_file"], "is a file"),
    (["visualize", "rollout", "run", "--out", "a_file/x"], "is a file"),
    (["visualize", "rollout", "run", "--out", ""], "empty"),
    (["visualize", "rollout", "run", "--out", LONG], "too long"),
    (["visualize", "rollout", "run", "--out", "/dev/full"], "is a file"),
    (["visualize", "rollout", "run", "--device", "tpu"], "cpu, cuda, mps"),
    (["visualize", "rollout", "run", "--wandb", "yes"], "offline"),
    (["visualize", "curves", "run", "--name", "../../evil"], "--name"),
    (["visualize", "curves", "run", "--name", ""], "--name"),
    (["visualize", "curves", "run", "--name", "."], "--name"),
    (["visualize", "curves", "run", "--name", "a\n"], "--name"),
    (["visualize", "curves", "run", "--name", "a/b"], "--name"),
    (["visualize", "curves", "run", "--name", "\x1b[31m"], "--name"),
    (["visualize", "curves", "run", "--name", LONG], "--name"),
    (["visualize", "rollout", "cifar.pt"], "no CIFAR-10 archive"),
    (["visualize", "rollout", "cifar.pt", "--data-dir", "a_file"], "CIFAR-10"),
    (["visualize", "rollout", "cifar.pt", "--data-dir", "wrong_batches"], "wrong MD5"),
]  # fmt: skip

REPORT = [
    (["report"], "no results folder"),
    (["report", "absent.json"], "absent.json"),
    (["report", ""], "empty"),
    (["report", "\0"], "paths cannot have"),
    (["report", LONG], "too long"),
    (["report", "a_file"], "not a results file"),
    (["report", "empty"], "in empty"),
    (["report", "--results-dir", "empty"], "in empty"),
    (["report", "--results-dir", "a_file"], "not a results file"),
    (["report", "--results-dir", "absent"], "no results folder absent"),
    (["report", "--results-dir", ""], "empty"),
    (["report", "good_results.json", "absent.json"], "absent.json"),
    (["report", "dangling"], "dangling"),
    (["report", "loop"], "loop"),
    (["report", "fifo.json"], "a pipe or a device"),
    (["report", "/dev/null"], "a pipe or a device"),
    (["report", "/dev/zero"], "a pipe or a device"),
    (["report", "/proc/self/mem"], "cannot read"),
    (["report", "run/checkpoint.pt"], "not a results file"),
    (["report", "run/spec.json"], "not a results file"),
    (["report", "run/result.json"], "not a results file"),
    (["report", "good_results.json", "--check", "a_file", "--out", "b"], "writes nothing"),
    (["report", "good_results.json", "--check", "a_file", "--methods"], "writes nothing"),
    (["report", "good_results.json", "--check", "nowhere.md"], "no report nowhere.md"),
    (["report", "good_results.json", "--check", "empty"], "cannot read report"),
    (["report", "good_results.json", "--check", ""], "empty"),
    (["report", "good_results.json", "--check", "fifo"], "a pipe or a device"),
    (["report", "good_results.json", "--check", "/dev/zero"], "a pipe or a device"),
    (["report", "good_results.json", "--check", "run/predictions.npz"], "is not a report"),
    (["report", "flat.json", "--methods"], "were not recorded"),
    (["report", "good_results.json", "--out", "empty"], "is a folder"),
    (["report", "good_results.json", "--out", ""], "empty"),
    (["report", "good_results.json", "--out", "a_file/x.md"], "is a file"),
    (
        ["report", "good_results.json", "--out", "fifo"],
        "a pipe or a device",
    ),  # it would be replaced
    (["report", "good_results.json", "--out", f"{LONG}.md"], "too long"),
    (["report", "good_results.json", "--figures", "a_file"], "is a file"),
    (["report", "good_results.json", "--figures", ""], "empty"),
    (["report", "good_results.json", "--figures", LONG], "too long"),
    (["report", "good_results.json", "--visualizations", "\0"], "paths cannot have"),
    (["report", "good_results.json", "--audit=2"], "--audit"),
]

DIFF = [
    (["diff", "", ""], "is empty"),
    (["diff", "\0", "\0"], "no run folder"),
    (["diff", LONG, LONG], "too long"),
    (["diff", "nowhere", "either"], "no run folder nowhere"),
    (["diff", "run", "nowhere"], "no run folder nowhere"),
    (["diff", "empty", "empty"], "not a complete run"),
    (["diff", "a_file", "run"], "not a complete run"),
    (["diff", "loop", "run"], "loop"),
    (["diff", "damaged_run", "run"], "damaged"),
    (["diff", "bare_run", "run"], "no predictions"),
    (["diff", "absent_results.json:none", "learned-1d"], "no results file"),
    (["diff", "absent_results.json", "learned-1d"], ":VARIANT"),
    (["diff", "good_results.json", "none"], "good_results.json:VARIANT"),
    (["diff", "good_results.json:", "none"], "learned-1d"),
    (["diff", "good_results.json:non", "none"], "did you mean 'none'"),
    (["diff", "good_results.json:none", "learned1d"], "did you mean 'learned-1d'"),
    (["diff", "good_results.json:none", "good_results.json:learned1d"], "'learned-1d'"),
    (["diff", "good_results.json:none", LONG], "too long"),
    (["diff", f"good_results.json:{LONG}", "none"], "learned-1d"),
    (["diff", "good_results.json:none", "sinusoidal"], "no predictions"),
    (["diff", "good_results.json:none", "../run"], "no run folder ../run"),
    (["diff", "\0.json:none", "none"], "cannot read"),
    (["diff", f"{LONG}.json:none", "none"], "cannot read"),
    (["diff", "flat.json:sinusoidal", "none"], "no predictions"),
    (["diff", "fifo.json:none", "none"], "a pipe or a device"),
    (["diff", "good_results.json:none", "good_results.json:learned-1d", "--jsn"], "--json"),
]

CHECK = [
    (["check", "absent"], "absent"),
    (["check", "empty"], "empty"),
    (["check", "a_file"], "a_file"),
    (["check", LONG], "too long"),
    (["check", "fifo"], "nothing to check"),
    (["check", "fifo.json"], "nothing to check"),
    (["check", "/dev/zero"], "nothing to check"),
    (["check", "loop"], "loop"),
    (["runs", "list", "--runs-dir", "a_file"], "a_file"),
    (["runs", "list", "--runs-dir", ""], "empty"),
]

STUDIES = [
    (["studies", "show", ""], "is empty"),
    (["studies", "show", "nothing"], "unknown study"),
    (["studies", "show", "posembed"], "did you mean 'pos-embed'"),
    (["studies", "show", "absent.yaml"], "no study file"),
    (["studies", "show", "empty/"], "cannot read"),
    (["studies", "show", "/dev/zero"], "is a pipe or a device"),
    (["studies", "show", "../../etc/passwd"], "study file"),
    (["studies", "show", LONG], "pos-embed"),
    (["studies", "show", "a/\0"], "cannot read"),
    (["studies", "new", ""], "is empty"),
    (["studies", "new", "Mine"], "lower-case letters"),
    (["studies", "new", "../evil"], "study name"),
    (["studies", "new", "a/b"], "study name"),
    (["studies", "new", "a\n"], "study name"),
    (["studies", "new", "-a"], "--help"),
    (["studies", "new", "."], "study name"),
    (["studies", "new", LONG], "60"),
    (["studies", "new", "\x1b[31m"], "study name"),
    (["studies", "new", "pos-embed"], "built-in"),
    (["studies", "new", "there"], "exists already"),
]

DATA = [
    ([*CPU_RUN, "--data-dir", "nowhere.tar.gz"], "nowhere.tar.gz"),
    ([*CPU_RUN, "--data-dir", "a_file"], "CIFAR-10"),
    ([*CPU_RUN, "--data-dir", "a_file/x"], "CIFAR-10"),
    ([*CPU_RUN, "--data-dir", ""], "empty"),
    ([*CPU_RUN, "--data-dir", "\0"], "paths cannot have"),
    ([*CPU_RUN, "--data-dir", LONG], "too long"),
    ([*CPU_RUN, "--data-dir", "empty"], "no network to download it"),
    ([*CPU_RUN, "--data-dir", "other.tar.gz"], "cifar-10-python.tar.gz"),
    ([*CPU_RUN, "--data-dir", "wrong_batches"], "wrong MD5"),
    ([*CPU_RUN, "--data-dir", "short_batches"], "wrong MD5"),
    ([*CPU_RUN, "--data-dir", "broken_archive"], "is damaged"),
    ([*CPU_RUN, "--data-dir", "broken_archive/cifar-10-python.tar.gz"], "is damaged"),
    ([*CPU_RUN, "--data-dir", "archive_folder/cifar-10-python.tar.gz"], "no CIFAR-10 in"),
    ([*CPU_RUN, "--data-dir", "dangling"], "CIFAR-10"),
    ([*CPU_RUN, "--data-dir", "fifo"], "CIFAR-10"),
]

NESTED = 400_000
SPEC_FILES = {
    "none.yaml": (b"", "must be a mapping"),
    "null.yaml": (b"null", "must be a mapping"),
    "list.yaml": (b"- seed: 1\n", "must be a mapping"),
    "number.yaml": (b"4", "must be a mapping"),
    "words.yaml": (b"just words", "must be a mapping"),
    "tab.yaml": (b"train:\n\tlr: 1\n", "line 2"),
    "open.yaml": (b"train: {lr: 1\n", "not a readable"),
    "alias.yaml": (b"data: &a {val_size: 10}\ntrain: *a\n", "not a readable"),
    "cycle.yaml": (b"train: &a {lr: *a}\n", "not a readable"),
    "bomb.yaml": (b"a: &a [x]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b]\n", "not a readable"),
    "repeated.yaml": (b"seed: 1\nseed: 2\n", "duplicate key"),
    "repeated_below.yaml": (b"train:\n  lr: 1\n  lr: 1\n", "duplicate key"),
    "code.yaml": (b"seed: !!python/object/apply:os.system ['touch exploded']", "not a readable"),
    "name.yaml": (b"seed: !!python/name:os.system\n", "not a readable"),
    "binary.yaml": (b"seed: !!binary |\n  R0lG\n", "tags (!!binary) are not allowed"),
    "set.yaml": (b"train: !!set {lr}\n", "tags (!!set) are not allowed"),
    "two.yaml": (b"seed: 1\n---\nseed: 2\n", "not a readable"),
    "date.yaml": (b"seed: 2024-13-45\n", "seed is '2024-13-45'"),
    "merge.yaml": (b"<<: {seed: x}\n", "merge keys (<<)"),
    "latin1.yaml": ("seed: é".encode("latin1"), "not text"),
    "utf16.yaml": ("seed: 1".encode("utf-16"), "save it as UTF-8"),
    "nul.yaml": (b"seed: 1\0", "not a readable"),
    "escape.yaml": (b'"\\e[31mseed": 1\n', "unknown field"),
    "long_key.yaml": (b"x" * 900 + b": 1\n", "unknown field"),
    "number_key.yaml": (b"1: 2\n", "names of fields are text"),
    "deep_number_key.yaml": (b"train: {1: 2}\n", "names of fields are text"),
    "null_key.yaml": (b"~: 2\n", "names of fields are text"),
    "path_key.yaml": (b"../x: 1\n", "a part of its name is empty"),
    "unknown.yaml": (b"train: {learning_rate: 1}\n", "unknown field 'train.learning_rate'"),
    "unknown_top.yaml": (b"trian: {lr: 1}\n", "did you mean 'train'"),
    "section.yaml": (b"train: 4\n", "train"),
    "section_list.yaml": (b"train: [lr]\n", "train"),
    "value.yaml": (b"train: {lr: fast}\n", "valid number"),
    "deep.yaml": (b"[" * NESTED, "not a readable"),
    "deep_mapping.yaml": (b"{a: " * (NESTED // 4), "not a readable"),
    "deep.json": (b'{"a":' * (NESTED // 4), "not a readable"),
    "very_deep.json": (b"[" * 1_000_000, "not a readable"),
    "huge.yaml": (b"# " + b"x" * 2_000_000, "bytes"),
    "huge.json": (b" " * 1_000_001, "bytes"),
    "list.json": (b"[]", "must be a mapping"),
    "cut.json": (b'{"seed": 1', "line 1"),
    "repeated.json": (b'{"seed": 1, "seed": 1}', "duplicate key"),
    "nan.json": (b'{"train": {"lr": NaN}}', "NaN is not JSON"),
    "infinity.json": (b'{"train": {"lr": 1e400}}', "finite"),
    "digits.json": (b'{"seed": ' + b"9" * 5_000 + b"}", "not a readable"),
    "surrogate.json": (b'{"\\ud800": 1}', "a name is"),
    "comment.json": (b'{"seed": 1} # one', "not a readable"),
    "yaml.json": (b"seed: 1\n", "not a readable"),
    "study.yaml": (b"name: a\nvariants: []\n", "unknown field"),
}

HEAD = "name: own\ntitle: Own\n"
ONE = "{key: a, label: A}"
TWO = f"variants: [{ONE}, {{key: b, label: B}}]\n"
STUDY_FILES = {
    "s_none.yaml": ("", "must be a mapping"),
    "s_list.yaml": ("- text\n", "is not a study"),
    "s_tab.yaml": (f"{HEAD}variants:\n\t- {ONE}\n", "line 4"),
    "s_alias.yaml": (f"{HEAD}variants: [&a {ONE}, *a]\n", "not a readable"),
    "s_repeated.yaml": (f"{HEAD}name: b\nvariants: [{ONE}]\n", "duplicate key"),
    "s_code.yaml": (f"{HEAD}variants: !!python/object/apply:os.getcwd []\n", "not a readable"),
    "s_no_variants.yaml": (HEAD, "'variants' is missing"),
    "s_empty_variants.yaml": (f"{HEAD}variants: []\n", "at least 1"),
    "s_null_variants.yaml": (f"{HEAD}variants:\n", "valid list"),
    "s_mapping_variants.yaml": (f"{HEAD}variants: {{a: {ONE}}}\n", "valid list"),
    "s_no_name.yaml": (f"title: Own\nvariants: [{ONE}]\n", "'name' is missing"),
    "s_no_title.yaml": (f"name: own\nvariants: [{ONE}]\n", "'title' is missing"),
    "s_no_key.yaml": (f"{HEAD}variants: [{{label: A}}]\n", "key' is missing"),
    "s_no_label.yaml": (f"{HEAD}variants: [{{key: a}}]\n", "label' is missing"),
    "s_name_path.yaml": (f"name: ../x\ntitle: Own\nvariants: [{ONE}]\n", "name is '../x'"),
    "s_name_upper.yaml": (f"name: Own\ntitle: Own\nvariants: [{ONE}]\n", "name is 'Own'"),
    "s_name_newline.yaml": (f'name: "own\\n"\ntitle: Own\nvariants: [{ONE}]\n', "name is"),
    "s_name_long.yaml": (f"name: {LONG}\ntitle: Own\nvariants: [{ONE}]\n", "60"),
    "s_name_nul.yaml": (f'name: "a\\0"\ntitle: Own\nvariants: [{ONE}]\n', "name is"),
    "s_key_path.yaml": (f"{HEAD}variants: [{{key: ../x, label: A}}]\n", "key is '../x'"),
    "s_key_dots.yaml": (f"{HEAD}variants: [{{key: .., label: A}}]\n", "key is '..'"),
    "s_key_slash.yaml": (f"{HEAD}variants: [{{key: a/b, label: A}}]\n", "key is 'a/b'"),
    "s_key_empty.yaml": (f"{HEAD}variants: [{{key: '', label: A}}]\n", "key is ''"),
    "s_key_null.yaml": (f"{HEAD}variants: [{{key: ~, label: A}}]\n", "key is None"),
    "s_key_look_alike.yaml": (f"{HEAD}variants: [{{key: nоne, label: A}}]\n", "key is"),
    "s_key_long.yaml": (f"{HEAD}variants: [{{key: {LONG}, label: A}}]\n", "60"),
    "s_label_empty.yaml": (f"{HEAD}variants: [{{key: a, label: ''}}]\n", "label is ''"),
    "s_label_long.yaml": (f"{HEAD}variants: [{{key: a, label: {LONG}}}]\n", "2000"),
    "s_two_keys.yaml": (f"{HEAD}variants: [{ONE}, {ONE}]\n", "two variants have the key 'a'"),
    "s_results_path.yaml": (f"{HEAD}results: ../../x\n{TWO}", "results is '../../x'"),
    "s_results_empty.yaml": (f"{HEAD}results: ''\n{TWO}", "results is ''"),
    "s_reference.yaml": (f"{HEAD}reference: c\n{TWO}", "choose from a, b"),
    "s_reference_near.yaml": (f"{HEAD}reference: aa\n{TWO}", "did you mean 'a'"),
    "s_budget.yaml": (f"{HEAD}budget: time\n{TWO}", "'epochs' or 'flops'"),
    "s_margin.yaml": (f"{HEAD}margin_pct: 0\n{TWO}", "greater than 0"),
    "s_margin_nan.yaml": (f"{HEAD}margin_pct: .nan\n{TWO}", "margin_pct"),
    "s_margin_large.yaml": (f"{HEAD}margin_pct: 1e400\n{TWO}", "margin_pct"),
    "s_extra.yaml": (f"{HEAD}referance: a\n{TWO}", "did you mean 'reference'"),
    "s_variant_extra.yaml": (f"{HEAD}variants: [{{key: a, label: A, sets: {{}}}}]\n", "'set'"),
    "s_offset.yaml": (f"{HEAD}variants: [{{key: a, label: A, seed_offset: -1}}]\n", "seed_offset"),
    "s_published.yaml": (f"{HEAD}variants: [{{key: a, label: A, published_pct: 101}}]\n", "100"),
    "s_claim_unknown.yaml": (f"{HEAD}{TWO}claims: [{{text: T, better: a, worse: c}}]\n", "a, b"),
    "s_claim_better.yaml": (f"{HEAD}{TWO}claims: [{{text: T, better: c, worse: a}}]\n", "a, b"),
    "s_claim_itself.yaml": (f"{HEAD}{TWO}claims: [{{text: T, better: a, worse: a}}]\n", "itself"),
    "s_claim_list.yaml": (f"{HEAD}{TWO}claims: [{{text: T, better: a, worse: []}}]\n", "worse"),
    "s_claim_none_better.yaml": (
        f"{HEAD}{TWO}claims: [{{text: T, better: [], worse: a}}]\n",
        "claims.0.better is []: value should have at least 1 item",
    ),
    "s_claim_odd_key.yaml": (
        f"{HEAD}{TWO}claims: [{{text: T, better: [a, x/y], worse: b}}]\n",
        "claims.0.better.1 is 'x/y'",
    ),
    "s_claim_mapping.yaml": (
        f"{HEAD}{TWO}claims: [{{text: T, better: {{a: b}}, worse: b}}]\n",
        "claims.0.better.0 is",
    ),
    "s_claim_empty.yaml": (f"{HEAD}{TWO}claims: [{{}}]\n", "is missing"),
    "s_claim_text.yaml": (f"{HEAD}{TWO}claims: [{{text: '', better: a, worse: b}}]\n", "text"),
    "s_notes.yaml": (f"{HEAD}notes: one\n{TWO}", "notes"),
    "s_base_unknown.yaml": (f"{HEAD}base: {{train.rl: 1}}\n{TWO}", "did you mean 'train.lr'"),
    "s_base_list.yaml": (f"{HEAD}base: [train.lr]\n{TWO}", "base"),
    "s_base_value.yaml": (f"{HEAD}base: {{train.lr: -1}}\n{TWO}", "greater than 0"),
    "s_base_section.yaml": (f"{HEAD}base: {{train: {{lr: 1}}}}\n{TWO}", "is a section"),
    "s_set_unknown.yaml": (
        f"{HEAD}variants: [{{key: a, label: A, set: {{depth: 1}}}}]\n", "'model.depth'"),
    "s_set_hostile.yaml": (f"{HEAD}variants: [{{key: a, label: A, set: {{../x: 1}}}}]\n", "../x"),
    "s_set_number.yaml": (f"{HEAD}variants: [{{key: a, label: A, set: {{1: 1}}}}]\n", "set"),
    "s_set_list.yaml": (f"{HEAD}variants: [{{key: a, label: A, set: [seed]}}]\n", "set"),
    "s_set_value.yaml": (
        f"{HEAD}variants: [{{key: a, label: A, set: {{model.depth: 0}}}}]\n", "variant a"),
    "s_set_together.yaml": (
        f"{HEAD}variants: [{{key: a, label: A, set: {{model.num_heads: 7}}}}]\n", "variant a"),
    "s_set_data.yaml": (
        f"{HEAD}variants: [{{key: a, label: A, set: {{data.dataset: cifar10}}}}]\n", "data set"),
    "s_times_word.yaml": (
        f"{HEAD}variants: [{{key: a, label: A, set: {{model.depth: {{times: x}}}}}}]\n", "4/3"),
    "s_times_zero.yaml": (
        f"{HEAD}variants: [{{key: a, label: A, set: {{model.depth: {{times: 1/0}}}}}}]\n", "4/3"),
    "s_times_part.yaml": (
        f"{HEAD}variants: [{{key: a, label: A, set: {{model.depth: {{times: 1.3}}}}}}]\n",
        "whole number"),
    "s_times_nan.yaml": (
        f"{HEAD}variants: [{{key: a, label: A, set: {{train.lr: {{times: .nan}}}}}}]\n", "4/3"),
    "s_times_large.yaml": (
        f"{HEAD}variants: [{{key: a, label: A, set: {{train.lr: {{times: 1e300}}}}}}]\n", "4/3"),
    "s_times_choice.yaml": (
        f"{HEAD}variants: [{{key: a, label: A, set: {{model.pos_embed: {{times: 2}}}}}}]\n",
        "cannot be multiplied"),
    "s_budget_epochs.yaml": (
        f"{HEAD}budget: flops\nvariants: [{{key: a, label: A, set: {{train.epochs: 2}}}}]\n",
        "train.epochs"),
    "s_cut.json": ('{"name": "own"', "line 1"),
    "s_yaml.json": (f"{HEAD}{TWO}", "not a readable"),
    "s_two.yaml": (f"{HEAD}{TWO}---\n{HEAD}{TWO}", "not a readable"),
}  # fmt: skip

# Flat ones, and whole ones with a piece put in the place of another.
RESULTS_FILES = {
    "r_empty.json": (b"", "not a results file"),
    "r_list.json": (b"[]", "not a results file"),
    "r_null.json": (b"null", "not a results file"),
    "r_mapping.json": (b"{}", "not a results file"),
    "r_text.json": (b"# Results\n", "not a results file"),
    "r_binary.json": (b"\xff\xfe\x00", "not a results file"),
    "r_deep.json": (b"[" * NESTED, "not a results file"),
    "r_deep_mapping.json": (b'{"study":' * (NESTED // 4), "not a results file"),
    "r_flat_unknown.json": (b'{"mine": 50}', "not a results file"),
    "r_flat_words.json": (b'{"sinusoidal": "50"}', "not a results file"),
    "r_flat_nan.json": (b'{"sinusoidal": NaN}', "not a results file"),
    "r_flat_large.json": (b'{"sinusoidal": 101}', "not a results file"),
    "r_flat_negative.json": (b'{"sinusoidal": -1}', "not a results file"),
    "r_flat_huge.json": (b'{"sinusoidal": 1e400}', "not a results file"),
    "r_flat_true.json": (b'{"sinusoidal": true}', "not a results file"),
}
RESULTS_CHANGES = {
    "r_version.json": ('"schema_version":1', '"schema_version":2', "schema_version"),
    "r_study.json": ('"study":{', '"study":7,"x":{', "study"),
    "r_status.json": ('"status":"done"', '"status":"fine"', "diverged"),
    "r_accuracy.json": ('"test_top1_pct":', '"test_top1_pct":101,"x":', "test_top1_pct"),
    "r_num_test.json": ('"num_test":1000', '"num_test":0', "num_test"),
    "r_labels.json": ('"test_labels":"', '"test_labels":"x', "labels are damaged"),
    "r_answers.json": ('"predicted":"', '"predicted":"!', "damaged"),
    "r_seed.json": ('"seed":0', '"seed":0.5', "seed"),
    "r_dataset.json": ('"dataset":"shapes"', '"dataset":["shapes"]', "dataset"),
    "r_spec.json": ('"depth":2', '"depth":"two"', "depth"),
    "r_key.json": ('"key":"none"', '"key":"../x"', "key"),
    "r_semantics.json": ('"semantics":1', '"semantics":2', "semantics"),
}


NORM = "blocks.0.norm1.weight"


def saved(content: object) -> bytes:
    """What `torch.save` writes."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def changed(good: bytes, **fields: object) -> bytes:
    """A checkpoint with other fields."""
    return saved({**torch.load(io.BytesIO(good), weights_only=True), **fields})


def with_spec(good: bytes, section: str, **fields: object) -> bytes:
    """A checkpoint with other fields in a section of its spec."""
    spec = torch.load(io.BytesIO(good), weights_only=True)["spec"]
    return changed(good, spec={**spec, section: {**spec[section], **fields}})


def with_weight(good: bytes, name: str, weight: object) -> bytes:
    """A checkpoint with another weight."""
    weights = torch.load(io.BytesIO(good), weights_only=True)["weights"]
    return changed(good, weights={**weights, name: weight})


# Each from the bytes of a good one.
CHECKPOINT_FILES = {
    "c_empty.pt": (lambda _: b"", "not a vitbench checkpoint"),
    "c_text.pt": (lambda _: b"weights", "not a vitbench checkpoint"),
    "c_cut.pt": (lambda good: good[: len(good) // 2], "damaged vitbench checkpoint"),
    "c_turned.pt": (lambda good: good[::-1], "not a vitbench checkpoint"),
    "c_pickle.pt": (lambda _: pickle.dumps({"format": FORMAT}), "damaged vitbench checkpoint"),
    "c_bomb.pt": (lambda _: saved(os.system), "not a vitbench checkpoint"),
    "c_list.pt": (lambda _: saved([1, 2]), "not a vitbench checkpoint"),
    "c_tensor.pt": (lambda _: saved(torch.zeros(3)), "not a vitbench checkpoint"),
    "c_format.pt": (lambda good: changed(good, format="vitbench-checkpoint-0"), FORMAT),
    "c_no_spec.pt": (lambda good: changed(good, spec=None), "damaged"),
    "c_seed.pt": (lambda good: changed(good, spec={"seed": -1}), "seed is -1"),
    "c_data.pt": (lambda good: with_spec(good, "data", dataset="x"), "shapes"),
    "c_deeper.pt": (lambda good: with_spec(good, "model", depth=3), "blocks.2"),
    "c_heads.pt": (lambda good: with_spec(good, "model", num_heads=3), "num_heads"),
    "c_no_weights.pt": (lambda good: changed(good, weights={}), "is missing"),
    "c_weights.pt": (lambda good: changed(good, weights=[1]), "damaged"),
    "c_shape.pt": (lambda good: with_weight(good, NORM, torch.ones(3)), NORM),
    "c_dtype.pt": (lambda good: with_weight(good, NORM, torch.ones(16).half()), NORM),
    "c_number.pt": (lambda good: with_weight(good, NORM, 3), NORM),
    "c_more.pt": (lambda good: with_weight(good, "extra", torch.ones(1)), "extra"),
    "c_history.pt": (lambda good: changed(good, history=[{"epoch": 0}]), "damaged"),
    "c_no_history.pt": (lambda good: changed(good, history=3), "damaged"),
    "c_bits.pt": (lambda good: changed(good, bits=3), "damaged"),
}

WRONG = [
    *TRAIN,
    *(
        (["train", *SMOKE, *(word for one in given for word in ("--set", one))], hint)
        for given, hint in SET_TOGETHER
    ),
    *((["train", "--spec", name, *SMOKE], hint) for name, (_, hint) in SPEC_FILES.items()),
    *SWEEP,
    *((["sweep", name, *SMOKE], hint) for name, (_, hint) in STUDY_FILES.items()),
    *VISUALIZE,
    *((["visualize", "layers", name], hint) for name, (_, hint) in CHECKPOINT_FILES.items()),
    *REPORT,
    *((["report", name], hint) for name, (_, hint) in RESULTS_FILES.items()),
    *((["report", name], hint) for name, (_, _, hint) in RESULTS_CHANGES.items()),
    *((["visualize", "curves", name], hint) for name, (_, hint) in RESULTS_FILES.items()),
    *DIFF,
    *CHECK,
    *STUDIES,
    *DATA,
]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder with every file that the requests name; they are made once and must stay so."""
    folder = tmp_path_factory.mktemp("world")
    fields = {
        "data.dataset": "shapes", "data.val_size": 100, "data.augmentation": "none",
        "model.embed_dim": 16, "model.depth": 2, "model.num_heads": 2, "model.patch_size": 8,
        "train.batch_size": 500, "train.epochs": 1,
    }  # fmt: skip
    result = run_experiment(
        RunRequest(build_spec(fields), folder / "run", RunOptions(device="cpu"))
    )
    _write_runs(folder, fields)
    _write_results(folder, build_spec(fields), result)
    _write_data(folder)
    for name, (content, _) in {**SPEC_FILES, **RESULTS_FILES}.items():
        (folder / name).write_bytes(content)
    for name, (text, _) in STUDY_FILES.items():
        (folder / name).write_text(text)
    (folder / "a_file").write_text("text\n")
    (folder / "there.yaml").write_text(f"{HEAD}{TWO}")
    (folder / "empty").mkdir()
    for name in ("dangling", "dangling.yaml"):
        (folder / name).symlink_to("nowhere")
    (folder / "loop").symlink_to("loop")
    for name in ("fifo", "fifo.json"):
        os.mkfifo(folder / name)
    with socket.socket(socket.AF_UNIX) as listener, pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)  # the path of a socket must be short
        listener.bind("socket")
    return folder


def _write_runs(folder: Path, fields: dict[str, object]) -> None:
    """Run folders and checkpoints beside the good ones in `run`."""
    good = (folder / "run" / "checkpoint.pt").read_bytes()
    for name, (made_of, _) in CHECKPOINT_FILES.items():
        (folder / name).write_bytes(made_of(good))
    others = {
        "untrained.pt": {},
        "no_position.pt": {"model.pos_embed": "none"},
        "cifar.pt": {"data.dataset": "cifar10"},
    }
    for name, changes in others.items():
        spec = build_spec(fields, changes)
        state, bits = begin(spec, torch.device("cpu")), Bits(device="cpu", threads=1)
        save_checkpoint(folder / name, state, spec, bits, complete=True)
    for name in ("damaged_run", "bare_run"):
        (folder / name).mkdir()
    (folder / "damaged_run" / "result.json").write_text("{")
    (folder / "bare_run" / "result.json").write_bytes((folder / "run" / "result.json").read_bytes())


def _write_results(folder: Path, base, result) -> None:
    """A good results file of two variants, and those that differ from it in a piece."""
    runs = [StudyRun(**result.model_dump(), variant=variant) for variant in ("none", "learned-1d")]
    good = StudyResults(
        study=load_study("pos-embed"), preset="smoke", base=base.to_json(),
        base_identity=base.base_identity, dataset="shapes", num_test=1000,
        test_labels=pack_classes(bytes(sorted(list(range(10)) * 100))), runs=runs,
    )  # fmt: skip
    labels = [run.model_copy(update={"test_labels_sha256": None}) for run in runs]
    text = good.model_copy(update={"runs": labels}).model_dump_json()
    (folder / "good_results.json").write_text(text)
    for name, (old, new, _) in RESULTS_CHANGES.items():
        assert old in text, name
        (folder / name).write_text(text.replace(old, new, 1))
    (folder / "flat.json").write_text(json.dumps({"sinusoidal": 60.0, "no_pos_embed": 61.0}))
    broken = folder / "broken_results" / "shapes"
    broken.mkdir(parents=True)
    (broken / "positional_embedding_results.json").write_text("{")


def _write_data(folder: Path) -> None:
    """What is not CIFAR-10."""
    batches = ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5")
    for name, there in (("wrong_batches", batches), ("short_batches", batches[:1])):
        (folder / name).mkdir()
        for batch in (*there, "test_batch", "batches.meta"):
            (folder / name / batch).write_bytes(pickle.dumps({"data": [], "labels": []}))
    (folder / "other.tar.gz").write_bytes(b"x")
    (folder / "archive_folder" / "cifar-10-python.tar.gz").mkdir(parents=True)
    (folder / "broken_archive").mkdir()
    with tarfile.open(folder / "broken_archive" / "cifar-10-python.tar.gz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("../../evil"))


@pytest.fixture
def in_world(world, monkeypatch):
    """The world as working folder, with no CIFAR-10 and no network."""

    def no_network(*_, **__):
        raise urllib.error.URLError("no network in a test")

    monkeypatch.chdir(world)
    monkeypatch.setenv("VITBENCH_DATA", "nowhere/cifar-10-python.tar.gz")
    monkeypatch.setattr(urllib.request, "urlopen", no_network)
    return world


def state_of(folder: Path) -> dict[str, tuple[int, ...]]:
    """What is in a folder: kind, size and time of every file, at any depth.

    Not the time of folders: a data folder is locked before its archive is tried.
    """
    found = {}
    for path in folder.rglob("*"):
        stat = path.lstat()
        is_folder = path.is_dir() and not path.is_symlink()
        found[str(path)] = (stat.st_mode, stat.st_size, 0 if is_folder else stat.st_mtime_ns)
    return found


def test_there_are_many_and_none_twice() -> None:
    requests = [" ".join(arguments) for arguments, _ in WRONG]
    assert len(requests) >= 250
    assert len(set(requests)) == len(requests)


@pytest.mark.parametrize(
    ("arguments", "hint"), WRONG, ids=[ascii(" ".join(words))[1:61] for words, _ in WRONG]
)
def test_a_refused_file_gets_plain_lines_and_nothing_is_written(
    arguments, hint, capsys, in_world
) -> None:
    before = state_of(in_world.parent)

    code = main(list(arguments))

    out, err = capsys.readouterr()
    assert code == 2, err
    assert out == ""
    assert 1 <= len(err.splitlines()) <= 3
    assert max(map(len, err.splitlines())) <= 500
    assert all(character.isprintable() or character == "\n" for character in err)
    assert hint.lower() in err.lower()
    assert "Traceback" not in err
    assert "╭" not in err
    assert state_of(in_world.parent) == before
