"""Every vitbench command that README shows is run, as printed or as its dry run."""

import re
import shlex
from pathlib import Path

import pytest

from vitbench.cli.main import main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
COMMANDS = [
    command.split(" > ")[0].strip()
    for block in BLOCKS
    for line in block.splitlines()
    for command in line.split(" && ")
    if command.strip().startswith("vitbench ")
]
MEASURED = (
    ["bench", "data", "--quick"],
    ["bench", "startup", "--quick"],
    ["bench", "scaling", "--quick"],
)
TINY = ["--set=model.embed_dim=16", "--set=model.depth=2", "--set=model.num_heads=2",
        "--set=model.patch_size=8", "--set=train.batch_size=64"]  # fmt: skip


def test_readme_shows_the_commands_of_the_product() -> None:
    for verb in ("train", "sweep", "report", "studies", "presets"):
        assert any(command.startswith(f"vitbench {verb}") for command in COMMANDS)


def test_readmes_commands_run(tmp_path, monkeypatch, capsys) -> None:
    """In their order, in one folder; a training of minutes is tried as its dry run.

    Steps are timed of a tiny model: no time is judged here.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    for command in COMMANDS:
        words = shlex.split(command)[1:]
        if words in MEASURED:  # in test_bench.py, once is slow enough
            continue
        if words[0] in ("train", "sweep"):
            on_shapes = "smoke" in words
            words += TINY if on_shapes else [] if "--dry-run" in words else ["--dry-run"]
            words += ["--epochs=1"] if on_shapes else []
        if words[:2] == ["bench", "step"]:
            words += TINY
        code = main([*words])
        out, err = capsys.readouterr()
        assert code == 0, (command, err)
        assert out or {"--out", "--check"} & set(words), command


@pytest.mark.parametrize("name", ["default", "document", "cpu", "cpu-long", "smoke"])
def test_readmes_presets_are_those_there_are(name) -> None:
    assert f"| `{name}` |" in README


def test_readmes_own_position_is_one_that_works(tmp_path, monkeypatch, capsys) -> None:
    """The class that README adds, registered here, is in the help and trains."""
    import torch
    from torch import Tensor, nn

    from vitbench.model.position import Position, TokenLayout
    from vitbench.registry import POSITIONS

    (code,) = re.findall(r"^```python\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
    there = {"POSITIONS": POSITIONS, "Position": Position, "TokenLayout": TokenLayout,
             "torch": torch, "nn": nn, "Tensor": Tensor}  # fmt: skip
    exec(code, there)  # README's code, not a user's
    monkeypatch.chdir(tmp_path)

    assert main(["train", "--help"]) == 0
    assert "sincos-2d, ramp" in " ".join(capsys.readouterr().out.split())
    words = ["train", "--preset", "smoke", "--epochs", "1", "--wandb", "disabled", *TINY]
    assert main([*words, "--set", "model.pos_embed={name: ramp, std: 0.1}"]) == 0
    del POSITIONS._things["ramp"], POSITIONS._added["ramp"]


def test_links_lead_to_files_that_exist() -> None:
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / link).exists(), link
