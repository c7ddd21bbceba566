"""Every vitbench command that README and docs/commands.md show is run, or its dry run is."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from vitbench.cli.main import main

ROOT = Path(__file__).parent.parent
PAGES = ["README.md", "CONTRIBUTING.md", *(f"docs/{page.name}" for page in ROOT.glob("docs/*.md"))]


def text_of(page: str) -> str:
    """The text of a page, by its path from the repository's root."""
    return (ROOT / page).read_text(encoding="utf-8")


def commands_of(page: str) -> list[str]:
    """The vitbench commands in a page's shell blocks, in their order."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", text_of(page), flags=re.MULTILINE | re.DOTALL)
    return [
        re.split(r' > (?=[^"]*$)', command)[0].strip()
        for block in blocks
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


def test_pages_show_the_commands_of_the_product() -> None:
    for page in ("README.md", "docs/commands.md"):
        for verb in ("train", "sweep", "visualize", "report", "diff", "studies", "runs", "check"):
            assert any(line.startswith(f"vitbench {verb}") for line in commands_of(page)), page


def test_readme_is_short_enough_to_be_read() -> None:
    assert len(text_of("README.md").split()) <= 1300


def needs_cifar10(words: list[str]) -> bool:
    """Whether a command reads CIFAR-10's images, which not every machine has."""
    return "examples/cifar10/model" in words


@pytest.mark.parametrize("page", ["README.md", "docs/commands.md"])
def test_the_commands_of_a_page_run(page, tmp_path, monkeypatch, capsys) -> None:
    """In their order, in one folder; a training of minutes is tried as its dry run.

    Steps are timed of a tiny model: no time is judged here.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    Path("examples").symlink_to(ROOT / "examples")
    for command in commands_of(page):
        words = shlex.split(command)[1:]
        if words in MEASURED:  # in test_bench.py, once is slow enough
            continue
        if needs_cifar10(words) and "VITBENCH_DATA" not in os.environ:
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
def test_the_presets_of_the_page_of_commands_exist(name) -> None:
    assert f"| `{name}` |" in text_of("docs/commands.md")


def test_the_position_of_the_contributing_guide_works(tmp_path) -> None:
    """Its class and its row, put into a copy of the package, are in the help and train."""
    guide = text_of("CONTRIBUTING.md")
    (code,) = re.findall(r"^```python\n(.*?)^```$", guide, flags=re.MULTILINE | re.DOTALL)
    (row,) = re.findall(r'^"ramp": Row.*$', guide, flags=re.MULTILINE)
    package = tmp_path / "src" / "vitbench"
    shutil.copytree(ROOT / "src" / "vitbench", package)
    positions, registry = package / "model" / "position.py", package / "registry.py"
    positions.write_text(f"{positions.read_text()}\n\n{code}")
    head, tail = registry.read_text().split('    "position",\n    {\n')
    registry.write_text(f'{head}    "position",\n    {{\n        {row}\n{tail}')

    def vitbench(*arguments: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "vitbench", *arguments],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(package.parent), "WANDB_MODE": "disabled"},
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    assert "One of ramp, none, learned-1d" in " ".join(vitbench("train", "--help").split())
    words = ["train", "--preset", "smoke", "--epochs", "1", *TINY]
    assert "test accuracy" in vitbench(*words, "--set", "model.pos_embed={name: ramp, std: 0.1}")


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files_that_exist(page) -> None:
    for link in re.findall(r"\]\((?!http)([^)#]+)", text_of(page)):
        assert ((ROOT / page).parent / link).exists(), link
