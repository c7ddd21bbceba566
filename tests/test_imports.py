"""What must answer at once imports nothing heavy, in a fresh interpreter."""

import subprocess
import sys

import pytest

import vitbench

HEAVY = {"torch", "torchvision", "numpy", "scipy", "matplotlib", "wandb", "pandas", "timm"}
FOR_TERMINALS = {"rich", "markdown_it", "tqdm"}
LOOK = "import sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"


def imported_by(code: str, folder) -> set[str]:
    """Packages in sys.modules after some code."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{LOOK}"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["train", "--help"],
        ["sweep", "--help"],
        ["studies"],
        ["presets"],
    ],
    ids=" ".join,
)
def test_commands_that_tell_something_import_nothing_heavy(arguments, tmp_path) -> None:
    packages = imported_by(
        f"from vitbench.cli.main import main\nassert main({arguments}) == 0", tmp_path
    )

    assert "vitbench" in packages
    assert not packages & (HEAVY | FOR_TERMINALS)


def test_a_report_imports_numpy_and_a_part_of_scipy(tmp_path, study_results) -> None:
    """`scipy.stats` alone takes longer than all the rest."""
    results = tmp_path / "results" / "pos_embed_results.json"
    results.parent.mkdir()
    results.write_text(study_results({"none": [61.0, 62.0]}).model_dump_json())

    packages = imported_by(
        "from vitbench.cli.main import main\nassert main(['report']) == 0\n"
        "import sys; assert 'scipy.stats' not in sys.modules",
        tmp_path,
    )

    assert packages & HEAVY == {"numpy", "scipy"}


@pytest.mark.parametrize(
    "module",
    ["cli.main", "config.study", "registry", "runs.schema", "runs.results", "study.request"],
)
def test_modules_that_reports_are_made_with_import_nothing_heavy(module, tmp_path) -> None:
    assert not imported_by(f"import vitbench.{module}", tmp_path) & HEAVY


def test_the_look_can_fail(tmp_path) -> None:
    packages = imported_by("import vitbench.model.vit", tmp_path)

    assert {"torch", "numpy"} <= packages & HEAVY


def test_every_public_name_is_there_and_no_other() -> None:
    for name in vitbench.__all__:
        assert getattr(vitbench, name).__name__ == name
    assert sorted(vitbench._HOMES) == sorted(vitbench.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        vitbench.nothing  # noqa: B018
