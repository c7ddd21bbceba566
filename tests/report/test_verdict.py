"""The sentences say what the comparisons say, and no more."""

import pytest

from vitbench.config.build import build_spec
from vitbench.config.study import Variant, load_study
from vitbench.report.conditions import held_sentence, varied_sentence
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
        "seeds, p < 0.0001)."
    )
    assert 5 < low < 10 < high < 15
    assert pair.p_adjusted < 0.0001


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


def test_variants_without_a_shared_seed_are_not_compared(study_results) -> None:
    results = study_results({"learned-1d": [None, 60.0], "none": [62.0, None]})

    assert finding(results) == "No position reached 62.00 % (1 seed); nothing is compared."
    assert verdicts(results)["none"] == "not compared"


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

    assert words.endswith(f"±3 needs about {pair.seeds_needed()} seeds")
    assert 3 < (pair.seeds_needed() or 0) < 100


def test_a_difference_may_be_real_and_too_small_to_matter(study_results) -> None:
    study = load_study("pos-embed").model_copy(update={"margin_pct": 5.0})
    results = study_results(
        {"none": [50.0, 50.1, 49.9], "learned-1d": [52.0, 52.1, 51.9],
         "learned-2d": [52.1, 52.0, 51.9]}, study=study
    )  # fmt: skip

    assert verdicts(results)["none"] == "worse, by less than 5 points"
    assert verdicts(results)["learned-2d"] == "equivalent within 5 points"


def claims(results) -> list[str]:
    return [claim.verdict for claim in build_section(results).claims]


def test_conclusions_of_the_document_are_judged(study_results) -> None:
    """They are: learned-2d above all others, and none above sinusoidal."""
    high, low, lower = [70.0, 70.1, 69.9], [60.0, 60.1, 59.9], [50.0, 50.1, 49.9]
    holds = {"learned-2d": high, "none": low, "learned-1d": low, "sinusoidal": lower}
    fails = {"learned-2d": low, "none": lower, "learned-1d": high, "sinusoidal": low}
    unclear = {"learned-2d": low, "none": low, "learned-1d": low}

    assert claims(study_results(holds)) == ["holds", "holds"]
    assert claims(study_results(fails)) == ["does not hold", "does not hold"]
    assert claims(study_results(unclear)) == ["cannot tell", "cannot tell"]


def test_a_conclusion_may_name_several_better_ones(study_results) -> None:
    study = load_study("pos-embed")
    last = study.claims[0].model_copy(
        update={"better": ["none", "learned-1d"], "worse": ["sinusoidal"]}
    )
    study = study.model_copy(update={"claims": [last]})
    high, low, middle = [70.0, 70.1, 69.9], [60.0, 60.1, 59.9], [65.0, 65.1, 64.9]

    def judged(**accuracies):
        by_key = {key.replace("_", "-"): values for key, values in accuracies.items()}
        return build_section(study_results(by_key, study=study)).claims[0]

    holds = judged(none=high, learned_1d=middle, sinusoidal=low)
    assert holds.verdict == "holds"
    assert "No position vs Sinusoidal: +10.00 points" in holds.reason
    assert "; 1D learned vs Sinusoidal: +5.00 points" in holds.reason
    assert judged(none=high, learned_1d=low, sinusoidal=middle).verdict == "does not hold"
    assert judged(none=high, learned_1d=low, sinusoidal=low).verdict == "cannot tell"
    missing = judged(none=high, sinusoidal=low)
    assert missing.verdict == "cannot tell"
    assert missing.reason.endswith("; 1D learned and Sinusoidal cannot be compared")


def test_what_is_equivalent_is_not_better(study_results) -> None:
    study = load_study("pos-embed").model_copy(update={"margin_pct": 5.0})
    same = [60.0, 60.1, 59.9]
    accuracies = {variant.key: same for variant in study.variants}

    section = build_section(study_results(accuracies, study=study))

    assert [claim.verdict for claim in section.claims] == ["does not hold", "does not hold"]
    assert "equivalent within 5 points" in section.claims[1].reason


def test_one_seed_judges_nothing(study_results) -> None:
    results = study_results({"learned-2d": [70.0], "none": [60.0], "learned-1d": [60.0],
                             "sinusoidal": [50.0]})  # fmt: skip

    assert claims(results) == ["cannot tell", "cannot tell"]


def test_what_was_varied_is_not_said_to_be_held(study_results) -> None:
    results = study_results(CLEAR)

    assert varied_sentence(results) == "Varied: model.pos_embed."
    assert held_sentence(results) == (
        "The same for all: width 256, depth 6, 8 heads, MLP ratio 4, patch size 4, baseline "
        "augmentation, muon, batch size 128 and 50 epochs."
    )


def test_choices_with_options_are_held_with_their_options(study_results) -> None:
    base = build_spec(
        {"model.pos_embed": ["none", {"name": "learned-1d", "std": 1}], "train.optimizer.lr": 0.5,
         "data.augmentation": "none", "train.epochs": 1}
    )  # fmt: skip
    results = study_results({}, study=load_study("patch-size"), base=base.to_json())

    held = held_sentence(results)

    assert "none + learned-1d (std 1.0) positions" in held
    assert "muon (lr 0.5)" in held
    assert "no augmentation" in held
    assert held.endswith(" and 1 epoch.")
    assert "patch" not in held


def test_a_study_of_one_variant_varies_nothing(study_results) -> None:
    alone = {"name": "own", "title": "Own", "variants": [{"key": "base", "label": "Base"}]}

    assert varied_sentence(study_results({}, study=alone)) == "Nothing is varied."


def many(study_results, number: int, **changes):
    """A study of many variants, each half a point above the one before."""
    variants = [Variant(key=f"v{i}", label=f"V{i}", set={}) for i in range(number)]
    study = load_study("pos-embed").model_copy(
        update={"variants": variants, "reference": None, "claims": []}
    )
    seeds = {f"v{i}": [20 + i / 2, 20.1 + i / 2] for i in range(number)}
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
