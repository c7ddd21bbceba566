"""The files in examples/ do what they say."""

import re
import runpy
import shutil
import sys
from pathlib import Path

import pytest

from vitbench.cli.main import main
from vitbench.runs.results import find_results, read_results
from vitbench.runs.schema import StudyResults

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


def test_a_model_of_timm_is_explained(capsys) -> None:
    runpy.run_path(str(EXAMPLES / "explain_timm.py"), run_name="__main__")

    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "rollout", "relevance", "integrated-gradients",
    ]  # fmt: skip


def test_the_report_of_real_runs_follows_from_its_results(tmp_path, monkeypatch, capsys) -> None:
    """Trainings on CIFAR-10; whoever changes what a report says writes it anew."""
    shutil.copytree(EXAMPLES / "cifar10", tmp_path / "cifar10")
    monkeypatch.chdir(tmp_path / "cifar10")

    code = main(["report", "results", "--figures", "figures", "--check", "RESULTS.md"])

    assert code == 0, capsys.readouterr().out


def test_the_same_model_twice_was_not_told_apart(tmp_path, monkeypatch, capsys) -> None:
    """Real runs at two sets of six seeds, on CIFAR-10 and on `shapes`."""
    shutil.copytree(EXAMPLES / "chance", tmp_path / "chance")
    monkeypatch.chdir(tmp_path / "chance")

    code = main(["report", ".", "--check", "RESULTS.md"])

    assert code == 0, capsys.readouterr().out
    report = (EXAMPLES / "chance" / "RESULTS.md").read_text(encoding="utf-8")
    assert report.count("is not shown to be better than any other") == 4


def test_what_was_planted_was_found(tmp_path, monkeypatch, capsys) -> None:
    """A second epoch on CIFAR-10, and positions on `shapes`, which cannot be learned without."""
    shutil.copytree(EXAMPLES / "planted", tmp_path / "planted")
    monkeypatch.chdir(tmp_path / "planted")

    code = main(["report", ".", "--check", "RESULTS.md"])

    assert code == 0, capsys.readouterr().out
    report = (EXAMPLES / "planted" / "RESULTS.md").read_text(encoding="utf-8")
    rows = [[cell.strip(" *") for cell in line.split("|")] for line in report.splitlines()]
    verdicts = {row[1]: row[7] for row in rows if len(row) > 9}
    assert verdicts["2 epochs"] == "better"
    assert verdicts["No position"] == "worse"
    (shapes,) = [part for part in report.split("\n## ") if part.startswith("Positional")]
    for text in (EXAMPLES.parent / "README.md", EXAMPLES.parent / "docs" / "recipes.md"):
        for label, row in table_of(shapes).items():
            if label != "Variant":
                assert f"| {label} |{row[2]}|" in text.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["chance", "cifar10", "planted"])
def test_the_results_in_examples_are_whole(name, capsys) -> None:
    code = main(["check", str(EXAMPLES / name)])

    assert code == 0, capsys.readouterr().out


def test_the_tables_in_readme_are_those_of_the_report() -> None:
    readme = (EXAMPLES.parent / "README.md").read_text(encoding="utf-8")
    report = (EXAMPLES / "cifar10" / "RESULTS.md").read_text(encoding="utf-8")

    sections = {part.splitlines()[0]: part for part in report.split("\n## ")}
    named = sections["Positional embedding"]
    published = sections["Positional embedding, as published"]
    (finding,) = re.findall(r"^\*\*Key finding\.\*\* (.*)$", named, flags=re.MULTILINE)
    assert finding in " ".join(line.removeprefix("> ") for line in readme.splitlines())
    rows, on_top = table_of(named), table_of(published)
    for label, with_table in LABELS.items():
        row = rows[label]
        shown = "|".join([row[1], row[2], row[5], row[6], row[7]])
        assert f"|{shown}|" in readme
        assert f"| {label} |{row[2]}|{on_top[with_table][2]}|" in readme
    patches = table_of(sections["Patch size"])
    points, low, high = re.findall(r"[\d.]+", patches["2x2"][5])
    assert f"2x2 is {points} points above 4x4 ({low} to {high})" in " ".join(readme.split())
    points, low, high = re.findall(r"[\d.]+", patches["8x8"][5])
    assert f"they are {points} points below ({high} to {low})" in " ".join(readme.split())
    equal = sections["Patch size at equal FLOPs"]
    points, low, high = re.findall(r"[\d.]+", table_of(equal)["8x8"][5])
    assert f"{points} points above 4x4 ({low} to {high}) and" in " ".join(readme.split())
    points, low, high = found(equal, r"and 2x2 by ([\d.]+) points \(([\d.]+) to ([\d.]+)")
    assert f"{points} above 2x2 ({low} to {high})" in " ".join(readme.split())
    differential = sections["Differential attention and patch size"]
    points, low, high = found(
        differential, r"and Differential, 8x8 by ([\d.]+) points \(([\d.]+) to ([\d.]+)"
    )
    assert f"8x8 is {points} points below 4x4 ({low} to {high}, five" in " ".join(readme.split())
    spread = [table_of(differential)[row][2].split()[-1] for row in SPREADS]
    assert "spread by {} points with 4x4 where those of plain attention spread by {}".format(
        *spread
    ) in " ".join(readme.split())
    configurations = sections["Model configuration"]
    points, low, high = found(
        configurations,
        r"beats Config 3 by ([\d.]+) points \(sim\D+95% CI ([\d.]+) to ([\d.]+)",
    )
    assert f"Config 2 is {points} points above Config 3 ({low} to {high})" in " ".join(
        readme.split()
    )
    points, low, high = found(configurations, r"and Base by ([\d.]+) points \(([\d.]+) to ([\d.]+)")
    assert f"{points} above the base ({low} to {high})" in " ".join(readme.split())
    augmented = table_of(sections["Augmentation"])
    points, low, high = re.findall(r"[\d.]+", augmented["AutoAugment"][5])
    assert f"{points} points below them ({high} to {low}," in " ".join(readme.split())
    strong = augmented["Strong: and colour, rotation"][5].strip().replace("(", "").rstrip(")")
    assert f"({strong.replace(' ', ', ', 1)};" in " ".join(readme.split())


def test_what_the_example_took_is_what_its_results_say() -> None:
    """A training that several studies share counts once."""
    readme = " ".join((EXAMPLES.parent / "README.md").read_text(encoding="utf-8").split())
    (command,) = re.findall(r"vitbench sweep (pos-embed pos-embed-as\S+ [a-z -]+) --preset", readme)
    studies = [read_results(path) for path in find_results(EXAMPLES / "cifar10")]

    first = taken([one for one in studies if one.study.name in command.split()])
    number, hours = taken(studies)

    assert "({} trainings, {} hours of steps)".format(*first) in readme
    assert f"(in all {number} trainings, {hours} hours of steps)" in readme


def taken(studies: list[StudyResults]) -> tuple[int, str]:
    """Trainings of studies, and the hours of their steps."""
    seconds = {run.identity: run.train_time_s or 0.0 for one in studies for run in one.runs}
    return len(seconds), f"{sum(seconds.values()) / 3600:.1f}"


SPREADS = ("Differential, 4x4", "Plain, 4x4")
LABELS = {
    "No position": "The table alone",
    "1D learned": "The table + 1D learned",
    "2D learned": "The table + 2D learned",
    "Sinusoidal": "The table + sinusoidal",
}


def found(section: str, pattern: str) -> tuple[str, ...]:
    """What a pattern's groups match in the key finding of a section."""
    (finding,) = re.findall(r"^\*\*Key finding\.\*\* (.*)$", section, flags=re.MULTILINE)
    match = re.search(pattern, finding)
    assert match is not None
    return match.groups()


def table_of(section: str) -> dict[str, list[str]]:
    """Rows of the first table of a section, by label."""
    cells = [line.split("|") for line in section.splitlines()]
    return {row[1].strip(" *"): row for row in cells if len(row) > 9}


@pytest.mark.parametrize("name", ["chance", "epochs"])
def test_other_studies_build_on_every_preset(name, capsys) -> None:
    for preset in ("default", "cpu", "smoke"):
        assert main(["sweep", str(EXAMPLES / f"{name}.yaml"), "--preset", preset, "--dry-run"]) == 0
    assert "inconclusive" not in capsys.readouterr().out
