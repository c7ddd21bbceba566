"""The files in examples/ do what they say."""

import runpy
import sys
from pathlib import Path

import pytest

from vitbench.cli.main import main

EXAMPLES = Path(__file__).parent.parent / "examples"
TINY = ["--preset", "smoke", "--wandb", "disabled", "--device", "cpu", "--epochs", "1",
        *(f"--set={field}" for field in ("model.embed_dim=16", "model.depth=2",
                                         "model.num_heads=2", "model.patch_size=8"))]  # fmt: skip


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_the_spec_is_an_experiment(capsys) -> None:
    code = main(["train", "--spec", str(EXAMPLES / "spec.yaml"), "--dry-run"])

    assert code == 0
    assert "learned-2d+learned-1d" in capsys.readouterr().out


def test_the_study_is_swept_and_read_in_python(tmp_path, monkeypatch, capsys) -> None:
    assert main(["sweep", str(EXAMPLES / "learning_rate.yaml"), *TINY, "--seeds", "1"]) == 0
    results = tmp_path / "results" / "shapes" / "learning-rate_results.json"
    capsys.readouterr()

    monkeypatch.setattr(sys, "argv", ["read_results.py", str(results)])
    runpy.run_path(str(EXAMPLES / "read_results.py"), run_name="__main__")

    out = capsys.readouterr().out
    assert "half                 seed 0" in out
    assert "all 3 models give the same answer on" in out
