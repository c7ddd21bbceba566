"""The key finding says what the comparisons say, and no more."""

import pytest

from vitbench.config.study import Variant, load_study
from vitbench.report.numbers import p_words
from vitbench.report.sections import build_section
from vitbench.report.verdict import verdict_words

CLEAR = {"none": [50.0, 50.5, 49.5], "learned-1d": [60.0, 60.4, 59.6]}


def finding(results) -> str:
    return build_section(results).finding


def verdicts(results) -> dict[str, str]:
    section = build_section(results)
    return {row.key: verdict_words(row, results, section.compared) for row in section.rows}


def with_costs(results, **train_flop: int):
    runs = [
        run.model_copy(update={"train_flop": train_flop[run.variant.replace("-", "_")]})
        for run in results.runs
    ]
    return results.model_copy(update={"runs": runs})


def test_a_winner_is_told_with_its_interval_and_its_seeds(study_results) -> None:
    section = build_section(study_results(CLEAR))
    pair = section.compared.between("learned-1d", "none")
    assert pair is not None
    low, high = pair.interval

    assert section.finding == (
        f"1D learned beats No position by 10.00 points (95% CI {low:.2f} to {high:.2f}, 3 "
        f"seeds, p {p_words(pair.p_adjusted)})."
    )
    assert 5 < low < 10 < high < 15
    assert pair.p_adjusted < 0.001


def test_a_dearer_winner_is_told_with_its_price(study_results) -> None:
    results = study_results(CLEAR)

    dear = finding(with_costs(results, none=10**12, learned_1d=3 * 10**12))
    cheap = finding(with_costs(results, none=10**12, learned_1d=5 * 10**11))

    assert dear.endswith(") at 3x the training cost.")
    assert cheap.endswith(") at 0.5x the training cost.")
    assert "cost" not in finding(results)


def test_costs_that_differ_by_next_to_nothing_are_said_to_be_about_the_same(study_results) -> None:
    nearly = with_costs(study_results(CLEAR), none=1_000_000, learned_1d=1_004_000)
    same = with_costs(study_results(CLEAR), none=1_000_000, learned_1d=1_000_000)

    assert finding(nearly).endswith(" at about the same training cost.")
    assert "cost" not in finding(same)


def test_what_is_not_told_apart_is_said_with_what_it_may_be(study_results) -> None:
    section = build_section(
        study_results({**CLEAR, "learned-2d": [60.1, 60.5, 59.9], "sinusoidal": [55.0, 55.3, 54.6]})
    )
    pair = section.compared.between("learned-2d", "learned-1d")
    assert pair is not None
    low, high = pair.interval

    assert section.finding.startswith("2D learned beats Sinusoidal by 5.20 points (95% CI ")
    assert (
        "It is not significantly different from 1D learned (+0.17 points, 95% CI "
        f"{low:+.2f} to {high:+.2f})."
    ) in section.finding
    assert "Other significant differences: 1D learned above Sinusoidal, 1D learned above No " in (
        section.finding
    )


def test_nothing_found_is_not_called_the_same(study_results) -> None:
    text = finding(study_results({"none": [50.0, 52.0, 51.0], "learned-1d": [51.0, 50.0, 51.5]}))

    assert text.startswith(
        "No position has the highest mean, 51.00 %, but is not significantly better than any other "
        "variant. It is not significantly different from 1D learned (+0.17 points, 95% CI "
    )
    assert "no difference" not in text.lower()
    assert "equal" not in text.lower()


def test_one_seed_compares_checkpoints(study_results) -> None:
    apart = finding(study_results({"none": [50.0], "learned-1d": [60.0]}))
    close = finding(study_results({"none": [50.0], "learned-1d": [50.1]}))

    assert apart == (
        "One seed each, so this compares trained models, not choices: 1D learned is more "
        "accurate than No position by 10.00 points (p < 0.0001). Other seeds may give another "
        "result."
    )
    assert close == (
        "One seed each, so this compares trained models, not choices: 1D learned has the "
        "highest accuracy, but is not significantly more accurate than any other."
    )


def test_only_the_seeds_that_both_have_are_compared(study_results) -> None:
    """Over all its seeds the reference has 35 %; on the shared seed 0 it has 60 %."""
    section = build_section(study_results({"learned-1d": [60.0, 10.0], "learned-2d": [62.0]}))

    pair = section.compared.between("learned-2d", "learned-1d")
    assert pair is not None
    assert (pair.seeds, pair.difference_pct) == ((0,), pytest.approx(2))


def test_runs_without_a_shared_seed_are_compared_as_models(study_results) -> None:
    results = study_results({"learned-1d": [None, 60.0], "none": [62.0, None]})

    assert finding(results).startswith("One seed each, so this compares trained models")
    assert verdicts(results)["none"] == "checkpoints differ"


def test_one_variant_alone_is_compared_with_nothing(study_results) -> None:
    assert finding(study_results({"none": [60.0, 61.0]})) == (
        "No position reached 60.50 % (2 seeds); there is nothing to compare it with."
    )


@pytest.mark.parametrize("accuracies", [{}, {"none": [None]}])
def test_a_study_without_a_good_run_says_so(accuracies, study_results) -> None:
    assert finding(study_results(accuracies)) == "No run has finished successfully yet."


def test_a_variant_with_a_diverged_seed_is_counted_and_not_compared(study_results, changed) -> None:
    """What is left of it are its lucky seeds."""
    results = study_results({"none": [90.0, 91.0, 92.0], "learned-1d": [60.0, 61.0, 62.0],
                             "learned-2d": [50.0, 50.0, 50.0]})  # fmt: skip
    results = changed(results, seed=0, status="diverged", test_top1_pct=None)

    assert "1D learned beats 2D learned" in finding(results)
    assert "No position: diverged in 1 of 3 seeds, so it is not compared." in finding(results)
    assert verdicts(results)["none"] == "diverged in 1 of 3 seeds: no verdict"


def many(study_results, number: int, **changes):
    """A study of many variants, each half a point above the one before."""
    variants = [Variant(key=f"v{i}", label=f"V{i}", set={}) for i in range(number)]
    study = load_study("pos-embed").model_copy(
        update={"variants": variants, "reference": None, "claims": []}
    )
    seeds = {f"v{i}": [20 + i / 2, 20.1 + i / 2, 19.9 + i / 2] for i in range(number)}
    return study_results(seeds, study=study, **changes)


def test_of_many_variants_a_sentence_names_a_few_and_counts_the_others(study_results) -> None:
    """60 variants have 1,770 pairs; nobody reads them all in one sentence."""
    section = build_section(many(study_results, 60))

    better = [pair for pair in section.compared.pairs if pair.verdict in ("better", "worse")]
    with_best = [pair for pair in better if "v59" in (pair.first, pair.second)]
    assert len(better) > 500
    assert f" and {len(better) - len(with_best) - 20:,} more." in section.finding
    assert len(section.finding) < 5000
    for row in section.rows[1:]:
        turned = section.compared.between("v0", row.key)
        assert turned is not None
        assert turned.difference_pct == -row.against.difference_pct
