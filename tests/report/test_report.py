"""What a report says, from results whose numbers are known."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from vitbench.registry import FORMATS
from vitbench.report.formats import escape
from vitbench.report.tables import build_report, build_section, study_rows

THREE_SEEDS = {"none": [50.0, 53.0, 56.0], "learned-1d": [60.0, 59.0, 64.0]}


def rendered(*studies, **arguments) -> str:
    return FORMATS.get("markdown")(build_report(studies, **arguments))


def test_a_row_has_mean_and_standard_deviation_over_seeds(study_results) -> None:
    """50, 53, 56: mean 53; squared deviations 9 + 0 + 9 over n - 1 = 2 give 9, s.d. 3."""
    row = study_rows(study_results(THREE_SEEDS))[0]

    assert (row.mean_pct, row.sd_pct) == (53, pytest.approx(3))
    assert "| No position | 53.00 ± 3.00 | 3 | 1,000 | 0.002 | 60 s | 69.21 |" in rendered(
        study_results(THREE_SEEDS)
    )


def test_one_seed_has_no_standard_deviation(study_results) -> None:
    (row, *_) = study_rows(study_results({"none": [61.5]}))

    assert row.sd_pct is None
    assert "| No position | 61.50 | 1 |" in rendered(study_results({"none": [61.5]}))


def test_the_finding_is_computed_and_never_says_better(study_results) -> None:
    """Seed by seed learned-1d is 10, 6 and 8 points above none, which has no reference's role."""
    finding = build_section(study_results(THREE_SEEDS)).finding

    assert "The highest mean is 1D learned's, 61.00 % (3 seeds)" in finding
    assert "+8.00 points against No position, the next" in finding
    assert "above it in 3 of 3 seeds, from +6.00 to +10.00" in finding
    assert "better" not in rendered(study_results(THREE_SEEDS)).lower()


def test_a_finding_compares_with_the_reference_on_the_seeds_that_both_have(study_results) -> None:
    accuracies = {"learned-1d": [60.0, 10.0], "learned-2d": [62.0]}

    finding = build_section(study_results(accuracies)).finding

    assert "+2.00 points against 1D learned, the reference" in finding
    assert "One run each cannot tell such a difference from chance" in finding


def test_failed_and_missing_runs_are_named_and_not_averaged(study_results) -> None:
    results = study_results({"none": [50.0, None, 52.0], "learned-1d": [60.0, 61.0, 62.0],
                             "learned-2d": [63.0]})  # fmt: skip

    row = study_rows(results)[0]
    text = rendered(results)

    assert row.accuracy_by_seed == {0: 50.0, 2: 52.0}
    assert "No position: failed: seed 1." in text
    assert "none, seed 1 failed: disk full." in text
    assert "2D learned: missing: seeds 1 and 2." in text
    assert "Sinusoidal: missing: seeds 0, 1 and 2." in text


def test_a_diverged_run_is_counted_and_not_averaged(study_results) -> None:
    results = study_results({"none": [50.0, 51.0]})
    wild = results.runs[1].model_copy(
        update={"status": "diverged", "test_top1_pct": None, "reason": "the loss was nan"}
    )
    results = results.model_copy(update={"runs": [results.runs[0], wild]})

    assert study_rows(results)[0].accuracy_by_seed == {0: 50.0}
    assert "No position: diverged: seed 1." in rendered(results)


def test_mixed_devices_threads_and_test_sets_are_named(study_results) -> None:
    results = study_results({"none": [50.0, 51.0]})
    other = results.runs[1].model_copy(
        update={"threads": 8, "device_name": "B", "test_labels_sha256": "11"}
    )
    text = rendered(results.model_copy(update={"runs": [results.runs[0], other]}))

    assert "Mixed threads: 2 and 8." in text
    assert "Mixed device: cpu (A processor) and cpu (B)." in text
    assert "different test sets" in text


def test_the_documents_numbers_are_shown_for_its_own_data_set_alone(study_results) -> None:
    assert "Document in %, one run" in rendered(study_results(THREE_SEEDS))
    assert "69.21" not in rendered(study_results(THREE_SEEDS, dataset="shapes"))


def test_studies_come_in_the_documents_order_whatever_the_files(study_results) -> None:
    ours = study_results(THREE_SEEDS)
    first = ours.model_copy(
        update={"study": ours.study.model_copy(update={"name": "patch-size", "title": "Patches"})}
    )

    text = rendered(ours, first)

    assert text.index("## Patches") < text.index("## Positional embedding")


NASTY = "a|b *c* _d_ `e` <script> [f](g) # h\n| i | $x$ & __j__"


def test_nasty_labels_leave_the_table_its_columns(study_results) -> None:
    results = study_results(THREE_SEEDS)
    variants = [results.study.variants[0].model_copy(update={"label": NASTY}),
                *results.study.variants[1:]]  # fmt: skip
    study = results.study.model_copy(update={"variants": variants, "title": NASTY})

    text = rendered(results.model_copy(update={"study": study}))

    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1
    assert "<script>" not in text
    assert escape("model.pos_embed") == "model.pos_embed"
    assert escape("_x_") == r"\_x\_"


def test_pictures_are_linked_relative_to_the_report(tmp_path, study_results) -> None:
    pictures = [tmp_path / "visualizations" / "rollout" / f"image {i}.png" for i in range(2)]

    text = rendered(study_results(THREE_SEEDS), pictures=pictures, beside=tmp_path / "docs")

    assert "![image 0](../visualizations/rollout/image%200.png)" in text
    assert "[image 1](../visualizations/rollout/image%201.png)" in text


def test_a_report_passes_a_markdown_linter(tmp_path, study_results) -> None:
    pictures = [tmp_path / "pictures" / "rollout.png"]
    report = tmp_path / "RESULTS.md"
    report.write_text(
        rendered(
            study_results({"none": [50.0, None], "learned-1d": [60.0, 61.0]}),
            pictures=pictures,
            beside=tmp_path,
        )
    )

    done = subprocess.run(
        [Path(sys.executable).parent / "pymarkdown", "-d", "line-length", "scan", report],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "")


def test_a_study_without_a_good_run_says_so(study_results) -> None:
    assert "No run has ended well yet." in rendered(study_results({"none": [None]}))
    assert "No run has ended well yet." in rendered(study_results({}))
