"""A report as a reader of the rendered page sees it."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from vitbench.registry import FORMATS
from vitbench.report.formats import escape
from vitbench.report.tables import build_report
from vitbench.report.words import difference_words, interval_words, p_words

THREE_SEEDS = {"none": [50.0, 53.0, 56.0], "learned-1d": [60.0, 59.0, 64.0]}
NASTY = "a|b *c* _d_ `e` <script> [f](g) # h\n| i | $x$ & __j__ ~~k~~ &lt; \\|"


def rendered(*studies, **arguments) -> str:
    return FORMATS.get("markdown")(build_report(studies, **arguments))


def shown(markdown: str) -> list[str]:
    """Text of every block that a reader sees, by a parser of CommonMark with tables."""
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown)
    return ["".join(c.content for c in t.children) for t in tokens if t.type == "inline"]


def table(markdown: str) -> list[list[str]]:
    """Cells of the first table, row by row, as a reader sees them."""
    rows: list[list[str]] = []
    for token in MarkdownIt("commonmark").enable("table").parse(markdown):
        if token.type == "table_close":
            break
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and rows:
            rows[-1].append("".join(child.content for child in token.children))
    return rows


def test_the_table_is_that_of_the_results(study_results) -> None:
    results = study_results(THREE_SEEDS)
    none, learned, *_ = build_report([results]).sections[0].rows

    assert table(rendered(results)) == [
        ["Variant", "Test accuracy in %", "95% interval", "Seeds", "Points above 1D learned", "p",
         "Verdict", "Parameters", "GFLOP", "Time", "Document in %, one run"],
        ["No position", "53.00 ± 3.00", interval_words(none.interval), "3",
         difference_words(none.against), p_words(none.against.p_adjusted), "worse",
         "1,000", "0.002", "60 s", "69.21"],
        ["1D learned", "61.00 ± 2.65", interval_words(learned.interval), "3", "-", "-",
         "reference", "1,000", "0.002 ◆", "60 s", "69.47"],
        ["2D learned", "-", "-", "0", "-", "-", "no run has ended well", "-", "-", "-", "69.79"],
        ["Sinusoidal", "-", "-", "0", "-", "-", "no run has ended well", "-", "-", "-", "68.81"],
    ]  # fmt: skip


def test_the_documents_numbers_are_shown_for_its_own_data_set_alone(study_results) -> None:
    ours = rendered(study_results(THREE_SEEDS))
    others = rendered(study_results(THREE_SEEDS, dataset="shapes"))

    assert "Document: the number of the write-up" in ours
    assert table(others)[0][-1] == "Time"
    assert "69.21" not in others
    assert "the write-up that" not in others
    assert "## Positional embedding on shapes" in others


def test_claims_are_called_the_documents_where_its_numbers_are(study_results) -> None:
    ours = shown(rendered(study_results(THREE_SEEDS)))
    others = shown(rendered(study_results(THREE_SEEDS, dataset="shapes")))

    assert "The document's conclusions." in ours
    assert "Claims." in others
    assert "The document's conclusions." not in others


def test_one_seed_makes_nothing_better(study_results) -> None:
    results = study_results({"none": [50.0, None], "learned-1d": [60.0, 61.0]})
    quiet = results.model_copy(
        update={"study": results.study.model_copy(update={"notes": [], "claims": []})}
    )
    said = "Nothing here says that a choice is better."

    text = rendered(quiet)

    assert said in text
    assert "better" not in text.replace(said, "").lower()


def test_the_finding_is_said_in_the_summary_and_in_its_section(study_results) -> None:
    results = study_results(THREE_SEEDS)
    report = build_report([results])

    blocks = shown(rendered(results))

    assert f"Positional embedding: {report.sections[0].finding}" in blocks
    assert f"Key finding. {report.sections[0].finding}" in blocks


def test_problems_are_listed_where_there_are_any(study_results) -> None:
    heading = "Not in these averages."
    whole = study_results({v.key: [50.0] for v in study_results({}).study.variants})
    failed = study_results({"none": [50.0, None]})

    assert heading not in shown(rendered(whole))
    blocks = shown(rendered(failed))
    assert blocks.index(heading) < blocks.index("No position: failed: seed 1.")
    assert "none, seed 1 failed: disk full." in blocks


def test_how_it_was_run_and_the_notes_are_told(study_results) -> None:
    results = study_results(THREE_SEEDS)

    blocks = shown(rendered(results))

    assert (
        "How it was run. preset default; data set cifar10, 10,000 test images; epochs 50; "
        "seeds 0, 1 and 2; device cpu (A processor); threads 2; precision fp32; versions torch 2.9."
    ) in blocks
    assert all(" ".join(note.split()) in blocks for note in results.study.notes)


@pytest.mark.parametrize("words", [NASTY, "- x", "1. x", "+ x", "# x", "> x", "---", "=", "__j__"])
def test_words_of_a_study_are_shown_as_they_are_and_leave_the_table_its_columns(
    words, study_results, with_words
) -> None:
    text = rendered(with_words(study_results({"none": [50.0], "sinusoidal": [51.0]}), words))

    plain = " ".join(words.split())
    assert {len(row) for row in table(text)} == {11}
    assert [row[0] for row in table(text)[1:]] == [plain] * 4
    assert shown(text).count(plain) == 1 + 4 + 1  # the title, the labels and the note
    assert shown(text).count(f"Points above {plain}") == 1
    assert "<script>" not in MarkdownIt("commonmark").enable("table").render(text)


@given(st.text("a1 _*-+.)(|\\`<>[]!#~&;:=$é", min_size=1).filter(str.strip))
def test_escaped_text_is_shown_as_it_is_in_cells_items_and_headings(text) -> None:
    plain = " ".join(text.split())

    assert shown(f"| {escape(text)} | x |\n| --- | --- |\n")[0] == plain
    assert shown(f"- {escape(text)}\n") == [plain]
    assert shown(f"## {escape(text)}\n") == [plain]


def test_names_of_fields_stay_readable_in_the_source() -> None:
    assert escape("model.pos_embed") == "model.pos_embed"


def test_pictures_are_shown_and_linked(tmp_path, study_results) -> None:
    pictures = [tmp_path / "visualizations" / "head_maps" / f"image ({i}).png" for i in range(2)]

    text = rendered(study_results(THREE_SEEDS), pictures=pictures, beside=tmp_path / "docs")

    html = MarkdownIt("commonmark").enable("table").render(text)
    assert "<strong>Head maps.</strong>" in html
    assert 'src="../visualizations/head_maps/image%20%280%29.png" alt="image (0)"' in html
    assert 'href="../visualizations/head_maps/image%20%281%29.png">image (1)</a>' in html


@pytest.mark.parametrize("words", [None, NASTY], ids=["plain", "nasty"])
def test_a_report_passes_a_markdown_linter(words, tmp_path, study_results, with_words) -> None:
    results = study_results({"none": [50.0, None], "learned-1d": [60.0, 61.0]})
    report = tmp_path / "RESULTS.md"
    report.write_text(
        rendered(
            results if words is None else with_words(results, words),
            pictures=[tmp_path / "pictures" / "rollout.png"],
            beside=tmp_path,
        )
    )

    done = subprocess.run(
        [Path(sys.executable).parent / "pymarkdown", "-d", "line-length", "scan", report],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, "")


def test_memory_has_a_column_where_it_was_measured(study_results, changed) -> None:
    results = changed(study_results(THREE_SEEDS), seed=1, peak_memory_bytes=1_640_000_000)

    (none, *_) = [row for row in table(rendered(results)) if row[0] == "No position"]

    assert "Memory" in table(rendered(results))[0]
    assert "1.6 GB" in none
    assert "Memory" not in table(rendered(study_results(THREE_SEEDS)))[0]
