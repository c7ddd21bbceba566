"""Reports for programs and papers: read back by the programs that will read them."""

import csv
import io
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitbench.registry import FORMATS
from vitbench.report.formats.latex import escape
from vitbench.report.sections import build_report
from vitbench.runs.results import read_results

DOCS = Path(__file__).parents[2] / "docs" / "report-json.md"
FACTORIAL = DOCS.parents[1] / "examples/cifar10/results/positional_embedding_by_table_results.json"
THREE_SEEDS = {"none": [50.0, 53.0, 56.0], "learned-1d": [60.0, 59.0, 64.0]}
HOSTILE = [
    r"\input{/etc/passwd}",
    r"$\write18{touch hacked}$",
    "two\nlines\r\n\\end{tabular}",
    "\x1b[31mred\x1b[0m \x9b31m \u202eturned",
    "[2pt] * a & b \\\\ c % d # e _ f ~ g ^ h { i } j",
    "| a | <script>alert(1)</script> *b* `c`",
    "=HYPERLINK(1)",
    "?` -- ''quoted'' \"so\" ± ◆ é ŵ 中 \N{GRINNING FACE}",
]
needs_tex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex on PATH")


def rendered(name: str, *studies) -> str:
    return FORMATS.get(name)(build_report(studies))


def lines_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def compiled(text: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    """A paper around these tables, through pdflatex with its shell shut, halting at any error."""
    paper = rf"\documentclass{{article}}\usepackage{{booktabs}}\begin{{document}}{text}"
    (folder / "paper.tex").write_text(paper + r"\end{document}", encoding="ascii")
    return subprocess.run(
        ["pdflatex", "-no-shell-escape", "-halt-on-error", "-interaction=nonstopmode", "paper.tex"],
        cwd=folder,
        capture_output=True,
        timeout=60,
    )


def test_csv_has_a_line_for_each_study_and_variant_with_the_rows_own_numbers(study_results) -> None:
    results = study_results(THREE_SEEDS)
    section = build_report([results]).sections[0]

    lines = lines_of(rendered("csv", results, study_results(THREE_SEEDS, dataset="shapes")))

    assert [(line["dataset"], line["variant"]) for line in lines] == [
        (dataset, variant.key)
        for dataset in ("cifar10", "shapes")
        for variant in results.study.variants
    ]
    none, row = lines[0], section.rows[0]
    low, high = row.against.interval
    assert float(none["test_top1_pct"]) == row.mean_pct == 53
    assert float(none["difference_low_pct"]) == low
    assert float(none["difference_high_pct"]) == high
    assert (none["verdict"], none["within_margin"], none["on_front"]) == ("worse", "false", "false")
    assert (none["num_seeds"], none["num_params"], none["published_pct"]) == ("3", "1000", "69.21")
    assert lines[1]["verdict"] == "reference"
    assert lines[4]["published_pct"] == ""


def test_csv_leaves_empty_what_is_not_known(study_results) -> None:
    line = lines_of(rendered("csv", study_results({"none": [50.0, 51.0]})))[2]

    assert line["verdict"] == "not compared"
    empty = [name for name, value in line.items() if value == ""]
    assert empty == [
        "test_top1_pct", "sd_pct", "interval_low_pct", "interval_high_pct", "difference_pct",
        "difference_low_pct", "difference_high_pct", "p_adjusted", "within_margin", "num_params",
        "forward_flop", "train_flop", "train_time_s",
        "peak_memory_bytes",
    ]  # fmt: skip


@pytest.mark.parametrize("words", ["=1+1", "+1", "-1", "@x", "\t=1", " \n=1", "\uff1d1"])
def test_no_text_is_a_formula_to_a_spreadsheet_and_numbers_stay_numbers(
    words, study_results, with_words
) -> None:
    line = lines_of(rendered("csv", with_words(study_results(THREE_SEEDS), words)))[0]

    assert line["label"] == "'" + words.strip()
    assert float(line["difference_pct"]) < 0


def test_json_says_what_the_report_says(study_results) -> None:
    results = study_results({"none": [50.0, None, 56.0], "learned-1d": [60.0, 59.0, 64.0]})
    section = build_report([results]).sections[0]

    (study,) = json.loads(rendered("json", results))["studies"]

    (pair,) = section.compared.pairs
    none, learned, *_ = study["rows"]
    assert none["seeds"] == [
        {"seed": 0, "test_top1_pct": 50.0},
        {"seed": 2, "test_top1_pct": 56.0},
    ]
    assert (none["failed_seeds"], none["missing_seeds"]) == ([1], [])
    assert learned["verdict"] == "reference"
    assert study["pairs"] == [
        {
            "first": "none", "second": "learned-1d", "method": "seeds and images",
            "difference_pct": pair.difference_pct, "difference_low_pct": pair.interval[0],
            "difference_high_pct": pair.interval[1], "p_adjusted": pair.p_adjusted,
            "verdict": pair.verdict, "within_margin": pair.within_margin, "margin_pct": 0.5,
            "seeds": [0, 2], "num_seeds": [2, 3], "seeds_needed": list(pair.seeds_needed()),
            "num_pairs": 1,
        }
    ]  # fmt: skip
    assert study["finding"] == section.finding
    assert study["limits"] == list(section.limits)
    assert [claim["verdict"] for claim in study["claims"]] == [c.verdict for c in section.claims]


def test_json_foresees_no_seeds_from_one(study_results) -> None:
    (study,) = json.loads(rendered("json", study_results({"none": [50.0], "learned-1d": [60.0]})))[
        "studies"
    ]

    assert (study["pairs"][0]["method"], study["pairs"][0]["seeds_needed"]) == (
        "one run each",
        None,
    )


def test_the_document_of_json_names_every_field_and_no_other(study_results) -> None:
    document = json.loads(rendered("json", study_results(THREE_SEEDS)))
    study = document["studies"][0]
    factorial = json.loads(rendered("json", read_results(FACTORIAL)))["studies"][0]
    objects = {
        "The document": document,
        "A study": study,
        "A row": study["rows"][0],
        "A seed": study["rows"][0]["seeds"][0],
        "A pair": study["pairs"][0],
        "An effect": factorial["effects"][0],
        "A claim": study["claims"][0],
        "A fact": study["how"][0],
    }
    _, *chapters = re.split(r"^## ", DOCS.read_text(encoding="utf-8"), flags=re.MULTILINE)
    described = {
        chapter.partition("\n")[0]: re.findall(r"^\| `(\w+)`", chapter, flags=re.MULTILINE)
        for chapter in chapters
    }

    assert described == {name: list(fields) for name, fields in objects.items()}


def test_only_what_the_document_says_may_be_null_is(study_results) -> None:
    text = DOCS.read_text(encoding="utf-8")
    may_be = set(re.findall(r"^\| `(\w+)` \| [^|]+ \| (?!never )", text, flags=re.MULTILINE))
    nulls = set()

    def walk(value) -> None:
        for name, inner in value.items():
            if inner is None:
                nulls.add(name)
            for child in inner if isinstance(inner, list) else []:
                if isinstance(child, dict):
                    walk(child)

    walk(json.loads(rendered("json", study_results({"none": [50.0], "learned-1d": [None]}))))
    walk(json.loads(rendered("json", study_results({"none": [50.0], "learned-1d": [51.0]}))))

    assert nulls == may_be - {"published_pct", "reference_study"}  # which this study has


@pytest.mark.parametrize("words", HOSTILE)
@pytest.mark.parametrize("name", FORMATS.names())
def test_no_format_lets_a_control_character_through(name, words, study_results, with_words) -> None:
    text = rendered(name, with_words(study_results(THREE_SEEDS), words))

    assert all(c.isprintable() or c == "\n" for c in text)


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_leave_csv_its_lines_and_json_its_words(
    words, study_results, with_words
) -> None:
    results = with_words(study_results(THREE_SEEDS), words)

    assert len(rendered("csv", results).splitlines()) == 1 + 4
    assert {len(line) for line in lines_of(rendered("csv", results))} == {24}
    assert json.loads(rendered("json", results))["studies"][0]["rows"][0]["label"] == words


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        (r"\input{/etc/passwd}", r"\textbackslash{}input\{/etc/passwd\}"),
        (r"$\write18{}", r"\$\textbackslash{}write18\{\}"),
        ("a\nb\x1b[0m", "a b {[}0m"),
        ("50% & #1_2 ~^", r"50\% \& \#1\_2 \textasciitilde{}\textasciicircum{}"),
        ("a < b > c | d", r"a \textless{} b \textgreater{} c \textbar{} d"),
        ("± ◆ ≤", r"$\pm$ $\diamond$ $\leq$"),
        ("[2pt] *", "{[}2pt{]} {*}"),
        ("é ü ç", r"\'{e} \"{u} \c{c}"),
        ("e\N{COMBINING ACUTE ACCENT}", r"\'{e}"),
        ("中", "{[}U+4E2D{]}"),
        ("--- ''", "-{}-{}- '{}'"),
        ("write-up, Wilson's", "write-up, Wilson's"),
    ],
)
def test_latex_shows_text_as_it_is(text, escaped) -> None:
    assert escape(text) == escaped


@given(st.text())
def test_escaped_text_is_ascii_and_holds_no_command_but_ours(text) -> None:
    escaped = escape(text)

    assert escaped.isascii()
    assert escaped.isprintable()
    known = r"\\text[a-z]+\{\}|\\[{}$&#_%]|\\(?:ss|o|O|ae|AE|l|L|ldots)\{\}"
    accents = r"\\[`'^~=.\"uvHcr]\{\w\}"
    symbols = r"\$(?:\\[a-z]+|\^\\circ)\$"
    rest = re.sub(f"{symbols}|{known}|{accents}", "", escaped)
    assert not re.search(r"[\\$&#_%~^<>|]", rest)
    depth = 0
    for character in rest:
        depth += (character == "{") - (character == "}")
        assert depth in (0, 1)
    assert depth == 0


def test_each_study_has_a_table_with_its_own_label(study_results) -> None:
    three = study_results(THREE_SEEDS)
    elsewhere = three.model_copy(update={"dataset": "s/{h}apes"})

    text = rendered("latex", three, three, elsewhere)

    assert text.startswith("% In the preamble: \\usepackage{booktabs}\n")
    assert re.findall(r"\\label\{(.*)\}", text) == [
        "tab:pos-embed", "tab:pos-embed-2", "tab:pos-embed-s-h-apes",
    ]  # fmt: skip
    assert text.count(r"\caption{Positional embedding") == 3
    assert text.count(r"\bottomrule") == 6


def test_latex_keeps_the_columns_of_a_row_whatever_its_words(study_results, with_words) -> None:
    for words in HOSTILE:
        text = rendered("latex", with_words(study_results(THREE_SEEDS), words))

        rows = [line for line in text.splitlines() if line.endswith(r"\tabularnewline")]
        assert len(rows) == 2 * (1 + 4)
        columns = [len(re.findall(r"(?<!\\)&", row)) + 1 for row in rows]
        assert columns == [7] * 5 + [5] * 5


def test_latex_marks_the_best_and_writes_minus_signs(study_results) -> None:
    text = rendered("latex", study_results(THREE_SEEDS))

    assert r"\textbf{1D learned}" in text
    assert r"\textbf{No position}" not in text
    assert r"$-$8.00 ($-$" in text
    assert r"53.00 $\pm$ 3.00" in text


@needs_tex
def test_latex_compiles_and_no_line_is_wider_than_the_page(tmp_path, study_results) -> None:
    five = {v.key: [50.0, 53.0, 56.0] for v in study_results({}).study.variants}

    done = compiled(rendered("latex", study_results(five)), tmp_path)

    assert done.returncode == 0, done.stdout.decode(errors="replace")
    assert b"Overfull" not in done.stdout


@needs_tex
def test_hostile_words_compile_to_text(tmp_path, study_results, with_words) -> None:
    studies = [with_words(study_results(THREE_SEEDS), words) for words in HOSTILE]

    done = compiled(rendered("latex", *studies), tmp_path)

    assert done.returncode == 0, done.stdout.decode(errors="replace")
    assert b"/etc/passwd" not in done.stdout  # files that TeX opens are in its log
    assert not (tmp_path / "hacked").exists()
