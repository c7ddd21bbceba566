"""What must answer at once imports nothing heavy, in a fresh interpreter."""

import subprocess
import sys

import pytest

HEAVY = {"torch", "torchvision", "numpy", "scipy", "matplotlib", "wandb", "pandas", "timm"}
LOOK = "; import sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"


def imported_by(code: str, folder) -> set[str]:
    """Packages in sys.modules after some code."""
    done = subprocess.run(
        [sys.executable, "-c", code + LOOK], cwd=folder, capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["train", "--help"], ["sweep", "--help"], ["studies"], ["presets"], ["report"]],
    ids=" ".join,
)
def test_commands_that_train_nothing_import_nothing_heavy(
    arguments, tmp_path, study_results
) -> None:
    (tmp_path / "results").mkdir()
    file = tmp_path / "results" / "pos_embed_results.json"
    file.write_text(study_results({"none": [61.0, 62.0]}).model_dump_json())

    packages = imported_by(f"from vitbench.cli.main import main; main({arguments})", tmp_path)

    assert "vitbench" in packages
    assert not packages & HEAVY


def test_the_look_can_fail(tmp_path) -> None:
    assert "torch" in imported_by("import vitbench; vitbench.build_model", tmp_path)


def test_every_public_name_is_there_and_no_other() -> None:
    import vitbench

    for name in vitbench.__all__:
        assert getattr(vitbench, name).__name__ == name
    assert sorted(vitbench._HOMES) == sorted(vitbench.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        vitbench.nothing  # noqa: B018
