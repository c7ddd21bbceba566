"""Requirements on results, in Python and on the command line."""

import pytest

from vitbench.cli.main import main
from vitbench.errors import UnknownNameError, UsageError
from vitbench.report.requirements import parse_requirement, unmet
from vitbench.report.sections import build_report

SEEDS = {
    "none": [50.0, 50.5, 49.5],
    "learned-1d": [60.0, 60.4, 59.6],
    "learned-2d": [60.1, 60.4, 59.5],
    "sinusoidal": [70.0, None, None],
}


@pytest.fixture
def not_shown(study_results):
    def ask(*texts: str, **changes) -> list[str]:
        results = study_results(SEEDS, **changes)
        return unmet(build_report([results]), [parse_requirement(text) for text in texts])

    return ask


@pytest.mark.parametrize(
    "text",
    ["learned-1d > none", "1D learned > No position", "pos-embed: learned-2d > none",
     "  learned-1d   >   none "],
)  # fmt: skip
def test_what_is_shown_is_met(text, not_shown) -> None:
    assert not_shown(text) == []


@pytest.mark.parametrize("text", ["none > learned-1d", "learned-1d > learned-2d",
                                  "learned-1d within learned-2d"])  # fmt: skip
def test_what_is_not_shown_is_named_with_its_interval(text, not_shown) -> None:
    (line,) = not_shown("learned-1d > none", text)

    assert line.startswith(f"{text}: not shown, ")
    assert " to " in line


def test_a_margin_may_be_required(study_results) -> None:
    results = study_results(SEEDS)
    study = results.study.model_copy(update={"margin_pct": 5.0})
    report = build_report([results.model_copy(update={"study": study})])

    assert unmet(report, [parse_requirement("learned-1d within learned-2d")]) == []
    assert len(unmet(report, [parse_requirement("learned-1d within none")])) == 1


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("learned-1d", UsageError, "write 'A > B' or 'A within B'"),
        ("learned-1d < none", UsageError, "write 'A > B'"),
        ("learned-1d > nono", UnknownNameError, "none"),
        ("patch: none > learned-1d", UnknownNameError, "pos-embed"),
        ("none > none", UsageError, "with itself"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_can(text, error, words, not_shown) -> None:
    with pytest.raises(error, match=words):
        not_shown(text)


def test_variants_of_several_studies_need_the_study(study_results) -> None:
    first, second = study_results(SEEDS), study_results(SEEDS)
    renamed = second.study.model_copy(update={"name": "other"})
    report = build_report([first, second.model_copy(update={"study": renamed})])

    with pytest.raises(UsageError, match="STUDY"):
        unmet(report, [parse_requirement("learned-1d > none")])
    assert unmet(report, [parse_requirement("other: learned-1d > none")]) == []


def test_the_command_line_exits_with_3_and_still_writes_the_report(
    study_results, tmp_path, capsys
) -> None:
    path, out = tmp_path / "a_results.json", tmp_path / "r.md"
    path.write_text(study_results(SEEDS).model_dump_json(), encoding="utf-8")
    asked = ["report", str(path), "--out", str(out), "--require", "learned-1d > none"]

    assert main(asked) == 0
    assert main([*asked, "--require", "none > learned-1d"]) == 3

    assert "none > learned-1d: not shown, -10.00" in capsys.readouterr().err
    assert out.read_text(encoding="utf-8").startswith("# Results")
