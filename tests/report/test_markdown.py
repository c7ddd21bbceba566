"""A report as a reader of the rendered page sees it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from vitbench.config.study import load_study
from vitbench.registry import FORMATS
from vitbench.report.formats.markdown import escape
from vitbench.report.numbers import difference_words, interval_words, p_words
from vitbench.report.reference import URL
from vitbench.report.sections import build_report

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
         "Verdict", "Parameters", "GFLOP", "Time", "Reference study in %, one run"],
        ["No position", "53.00 ± 3.00", interval_words(none.interval), "3",
         difference_words(none.against), p_words(none.against.p_adjusted), "worse",
         "1,000", "0.002", "60 s", "69.21"],
        ["1D learned", "61.00 ± 2.65", interval_words(learned.interval), "3", "-", "-",
         "reference", "1,000", "0.002 ◆", "60 s", "69.47"],
        ["2D learned", "-", "-", "0", "-", "-", "no successful run", "-", "-", "-", "69.79"],
        ["Sinusoidal", "-", "-", "0", "-", "-", "no successful run", "-", "-", "-", "68.81"],
    ]  # fmt: skip


def test_the_reference_study_is_named_once_with_its_link(study_results) -> None:
    positions = study_results(THREE_SEEDS)
    study = load_study("augmentation")
    runs = [
        run.model_copy(update={"variant": study.variants[0].key})
        for run in positions.runs
        if run.variant == "none"
    ]

    text = rendered(positions, positions.model_copy(update={"study": study, "runs": runs}))

    assert text.count("| Reference study in %, one run |") == 2
    assert text.count('["Vision Transformer (ViT) Analysis" (2025)](https://github.com/') == 1
    assert text.count(URL) == 1
    assert "document" not in text.lower()


@pytest.mark.parametrize("name", ["patch-size", "pos-embed", "hyperparams", "augmentation",
                                  "pos-embed-as-published"])  # fmt: skip
@pytest.mark.parametrize("form", FORMATS.names())
def test_a_report_of_another_data_set_says_nothing_of_the_reference_study(
    form, name, study_results
) -> None:
    study = load_study(name)
    accuracies = {variant.key: [60.0, 61.0, 62.0] for variant in study.variants}
    here, elsewhere = (
        FORMATS.get(form)(build_report([study_results(accuracies, dataset=dataset, study=study)]))
        for dataset in ("cifar10", "shapes")
    )
    named = re.compile("reference study['. ]|published_pct\": [0-9]|shaoncvit", re.IGNORECASE)

    assert named.search(here) or form == "csv"
    assert not named.search(elsewhere)


def test_claims_are_those_of_the_reference_study_where_its_numbers_are(study_results) -> None:
    ours = shown(rendered(study_results(THREE_SEEDS)))
    others = shown(rendered(study_results(THREE_SEEDS, dataset="shapes")))

    assert "The reference study's conclusions." in ours
    assert "Claims." in others
    assert "The reference study's conclusions." not in others


def test_one_seed_makes_nothing_better(study_results) -> None:
    results = study_results({"none": [50.0, None], "learned-1d": [60.0, 61.0]})
    quiet = results.model_copy(
        update={"study": results.study.model_copy(update={"published_notes": [], "claims": []})}
    )
    said = "This does not show which choice is better."

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
    heading = "Problems."
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
    assert all(" ".join(note.split()) in blocks for note in results.study.published_notes)


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


def test_time_says_how_it_was_measured_where_that_differs(study_results) -> None:
    """Its words are none of markdown's, whatever a device is called."""
    results = study_results(THREE_SEEDS)
    how = {"none": (1, 2), "learned-1d": (2, 1)}
    runs = [
        run.model_copy(
            update=dict(zip(("threads", "concurrent_runs"), how[run.variant], strict=True))
        )
        for run in results.runs
    ]
    mixed = results.model_copy(update={"runs": runs})
    same = [run.model_copy(update={"concurrent_runs": 2}) for run in results.runs]
    named = [
        run.model_copy(update={"device_name": "a|b *c* `d` <e>"}) if run.seed else run
        for run in results.runs
    ]

    none, learned, *_ = table(rendered(mixed))[1:]
    assert (none[9], learned[9]) == ("60 s (1 thread, 2 in parallel)", "60 s (2 threads, alone)")
    assert "It was measured in different ways" in rendered(mixed)
    assert "; parallel runs 1 and 2." in rendered(mixed)
    equal = rendered(results.model_copy(update={"runs": same}))
    assert table(equal)[1][9] == "60 s"
    assert "; parallel runs 2." in equal
    assert "It was measured in different ways" not in equal
    strange = table(rendered(results.model_copy(update={"runs": named})))
    assert {len(row) for row in strange} == {11}
    assert strange[1][9] == "60 s (A processor and a b c d e)"
