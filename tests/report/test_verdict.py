"""Verdicts say what the intervals say."""

from vitbench.config.study import load_study
from vitbench.report.sections import build_section
from vitbench.report.verdict import verdict_words


def verdicts(results) -> dict[str, str]:
    section = build_section(results)
    return {row.key: verdict_words(row, results, section.compared) for row in section.rows}


def test_a_verdict_says_what_its_interval_says(study_results) -> None:
    said = verdicts(
        study_results(
            {"none": [50.0, 50.5, 49.5], "learned-1d": [60.0, 60.4, 59.6],
             "learned-2d": [70.0, 70.2, 69.8], "sinusoidal": [60.3, 60.2, 60.1]}
        )
    )  # fmt: skip

    assert said["none"] == "worse"
    assert said["learned-1d"] == "reference"
    assert said["learned-2d"] == "better"
    assert said["sinusoidal"].startswith("inconclusive: ±")


def test_an_inconclusive_verdict_says_how_many_seeds_it_would_take(study_results) -> None:
    study = load_study("pos-embed").model_copy(update={"margin_pct": 3.0})
    results = study_results(
        {"none": [50.0, 54.0, 52.0], "learned-1d": [53.0, 51.0, 51.0]}, study=study
    )
    pair = build_section(results).compared.between("none", "learned-1d")
    assert pair is not None

    words = verdicts(results)["none"]

    low, high = pair.seeds_needed()
    assert words.endswith(f"±3 needs {low} to {high} seeds")
    assert 3 < low < high < 300


def test_a_difference_may_be_real_and_too_small_to_matter(study_results) -> None:
    study = load_study("pos-embed").model_copy(update={"margin_pct": 5.0})
    results = study_results(
        {"none": [50.0, 50.1, 49.9], "learned-1d": [52.0, 52.1, 51.9],
         "learned-2d": [52.1, 52.0, 51.9]}, study=study
    )  # fmt: skip

    assert verdicts(results)["none"] == "worse, by less than 5 points"
    assert verdicts(results)["learned-2d"] == (
        "equivalent within 5 points, unless seeds fail (up to 63% may)"
    )
