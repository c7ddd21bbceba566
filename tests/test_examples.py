"""The files in examples/ do what they say."""

import json
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from vitbench.cli.main import main
from vitbench.runs.results import find_results, read_results
from vitbench.runs.schema import StudyResults, unpack_classes

EXAMPLES = Path(__file__).parent.parent / "examples"
REPORT = (EXAMPLES / "cifar10" / "RESULTS.md").read_text(encoding="utf-8")
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
    saved = json.loads(results.read_text())
    labels = unpack_classes(saved["test_labels"], 1000)
    predicted = [unpack_classes(run["predicted"], 1000) for run in saved["runs"]]
    wrong = [i for i, label in enumerate(labels) if all(run[i] != label for run in predicted)]
    assert f"all 3 models are wrong on {len(wrong)} test images ({len(wrong) / 10:.1f} %)" in out
    assert " ".join(map(str, wrong[:10])) in out


def test_a_position_of_ones_own_is_known_to_workers_and_in_the_report(capsys) -> None:
    study = {
        "name": "ramp", "title": "Ramp", "reference": "none", "base": {},
        "variants": [
            {"key": "none", "label": "None", "set": {"model.pos_embed": "none"}},
            {"key": "ramp", "label": "Ramp", "set": {"model.pos_embed": "ramp"}},
        ],
    }  # fmt: skip
    Path("ramp.yaml").write_text(json.dumps(study), encoding="utf-8")

    subprocess.run(
        [sys.executable, EXAMPLES / "own_position.py", "sweep", "ramp.yaml", *TINY, "--seeds", "1",
         "--jobs", "2"],
        check=True,
        capture_output=True,
    )  # fmt: skip

    assert main(["report"]) == 0
    assert "| Ramp |" in capsys.readouterr().out


def test_a_model_of_timm_is_explained(capsys) -> None:
    runpy.run_path(str(EXAMPLES / "explain_timm.py"), run_name="__main__")

    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "rollout", "relevance", "integrated-gradients",
    ]  # fmt: skip


def test_the_report_of_real_runs_follows_from_its_results(tmp_path, monkeypatch, capsys) -> None:
    """Trainings on CIFAR-10; a change of a report's sentences has to write it again."""
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
    assert report.count("is not significantly better than any other") == 4


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
    for page in ("findings.md", "recipes.md"):
        text = (EXAMPLES.parent / "docs" / page).read_text(encoding="utf-8")
        for label, row in table_of(shapes).items():
            if label != "Variant":
                assert f"| {label} |{row[2]}|" in text


@pytest.mark.parametrize("name", ["chance", "cifar10", "planted"])
def test_the_results_in_examples_are_whole(name, capsys) -> None:
    code = main(["check", str(EXAMPLES / name)])

    assert code == 0, capsys.readouterr().out


BY_TABLE = "Positional embedding with and without an extra table"


def test_the_numbers_of_the_findings_are_those_of_the_report() -> None:
    """README's sample and findings, and docs/findings.md, word by word."""
    readme = page_text("README.md")
    pages = {"README.md": readme, "docs/findings.md": page_text("docs/findings.md")}
    sections = {part.splitlines()[0]: part for part in REPORT.split("\n## ")}
    named = table_of(sections["Positional embedding"])
    published = table_of(sections["Positional embedding, as published"])
    patches = table_of(sections["Patch size"])
    equal = sections["Patch size at equal FLOPs"]
    differential = sections["Differential attention and patch size"]
    configurations = sections["Model configuration"]
    augmented = table_of(sections["Augmentation"])

    assert key_finding(sections["Positional embedding"]) in readme
    for label, with_table in LABELS.items():
        row = named[label]
        assert f"|{'|'.join([row[1], row[2], row[5], row[6], row[7]])}|" in readme
        assert f"| {label} |{row[2]}|{published[with_table][2]}|" in pages["docs/findings.md"]

    none = (
        f"{points_of(named['No position'])} below 1D learned ({range_below(named['No position'])})"
    )
    two = f"2x2 is {points_of(patches['2x2'])} above 4x4 ({range_above(patches['2x2'])})"
    row = table_of(equal)["8x8"]
    eight = f"8x8 is {points_of(row)} above 4x4 ({range_above(row)})"
    wide = difference(configurations, r"beats Config 3 by ")
    config = f"{wide[0]} points above Config 3"
    deviations = [table_of(differential)[row][2].split()[-1] for row in SPREADS]
    auto = f"{points_of(augmented['AutoAugment'])} below"
    for name, text in pages.items():
        for sentence in (none, two, eight, config, auto):
            assert sentence in text, (name, sentence)
        for deviation in deviations:
            assert deviation in text, (name, deviation)

    findings = pages["docs/findings.md"]
    rows = [line.split(" | ") for line in sections[BY_TABLE].splitlines()]
    changes = {
        row[0].removeprefix("| Position: ").split(" above ")[0]: (row[1], row[2])
        for row in rows
        if ", Extra table: " in row[0]
    }
    assert list(changes) == ["1D learned", "2D learned", "Sinusoidal"]
    for points, interval in changes.values():
        low, high = (end.removeprefix("-") for end in interval.split(" to ")[::-1])
        assert f"{points.removeprefix('-')} ({low} to {high})" in findings.replace(
            " points smaller", ""
        )
    assert f"{changes['1D learned'][0].removeprefix('-')} points smaller" in readme
    assert (
        f"8x8 is {points_of(patches['8x8'])} below 4x4 ({range_below(patches['8x8'])})" in findings
    )
    points, low, high = difference(equal, r"and 2x2 by ")
    assert f"{points} above 2x2 ({low} to {high})" in findings
    points, low, high = difference(differential, r"and Differential, 8x8 by ")
    assert f"8x8 is {points} points below 4x4 ({low} to {high}, five seeds)" in findings
    assert (
        "deviation is {} points with differential attention and {} with".format(*deviations)
        in findings
    )
    points, low, high = wide
    assert f"Config 2 is {points} points above Config 3 ({low} to {high})" in findings
    points, low, high = difference(configurations, r"and Base by ")
    assert f"{points} above the base ({low} to {high})" in findings
    strong = augmented["Strong: and colour, rotation"][5].strip().replace("(", "").rstrip(")")
    assert f"({strong.replace(' ', ', ', 1)};" in findings


def test_the_cost_of_the_example_is_that_of_its_results() -> None:
    """A training that several studies share counts once."""
    findings = page_text("docs/findings.md")
    (command,) = re.findall(
        r"vitbench sweep (pos-embed pos-embed-as\S+ [a-z -]+) --preset", findings
    )
    studies = [read_results(path) for path in find_results(EXAMPLES / "cifar10")]

    named = taken([results for results in studies if results.study.name in command.split()])
    number, hours = taken(studies)

    assert "({} trainings, {} hours of steps)".format(*named) in findings
    assert f"(in all {number} trainings, {hours} hours of steps)" in findings


def taken(studies: list[StudyResults]) -> tuple[int, str]:
    """Trainings of studies, and the hours of their steps."""
    seconds = {run.identity: run.train_time_s or 0.0 for results in studies for run in results.runs}
    return len(seconds), f"{sum(seconds.values()) / 3600:.1f}"


SPREADS = ("Differential, 4x4", "Plain, 4x4")
LABELS = {
    "No position": "The table alone",
    "1D learned": "The table + 1D learned",
    "2D learned": "The table + 2D learned",
    "Sinusoidal": "The table + sinusoidal",
}


def page_text(page: str) -> str:
    """The words of a page on one line; those of a quotation without its marks."""
    lines = (EXAMPLES.parent / page).read_text(encoding="utf-8").splitlines()
    return " ".join(" ".join(line.removeprefix("> ") for line in lines).split())


def key_finding(section: str) -> str:
    """The key finding of a section of the report."""
    (finding,) = re.findall(r"^\*\*Key finding\.\*\* (.*)$", section, flags=re.MULTILINE)
    return str(finding)


def difference(section: str, before: str) -> tuple[str, ...]:
    """Points and interval of a difference in the key finding of a section, after some words."""
    numbers = r"([\d.]+) points \((?:\D*95% CI )?([\d.]+) to ([\d.]+)"
    match = re.search(before + numbers, key_finding(section))
    assert match is not None
    return match.groups()


def points_of(row: list[str]) -> str:
    """The size of the difference in a row of a report's table."""
    return re.findall(r"[\d.]+", row[5])[0] + " points"


def range_above(row: list[str]) -> str:
    """The interval of a positive difference."""
    return "{} to {}".format(*re.findall(r"[\d.]+", row[5])[1:])


def range_below(row: list[str]) -> str:
    """The interval of a negative difference, as one of a positive."""
    return "{1} to {0}".format(*re.findall(r"[\d.]+", row[5])[1:])


def table_of(section: str) -> dict[str, list[str]]:
    """Rows of the first table of a section, by label."""
    cells = [line.split("|") for line in section.splitlines()]
    return {row[1].strip(" *"): row for row in cells if len(row) > 9}


@pytest.mark.parametrize("name", ["chance", "epochs"])
def test_other_studies_build_on_every_preset(name, capsys) -> None:
    for preset in ("default", "cpu", "smoke"):
        assert main(["sweep", str(EXAMPLES / f"{name}.yaml"), "--preset", preset, "--dry-run"]) == 0
    assert "inconclusive" not in capsys.readouterr().out
