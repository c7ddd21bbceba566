"""The sentences say what the rows say, and no more."""

import re
from statistics import fmean

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vitbench.report.rows import study_rows
from vitbench.report.tables import build_section
from vitbench.report.verdict import held_sentence, varied_sentence
from vitbench.spec.overrides import build_spec
from vitbench.spec.study import load_study

THREE_SEEDS = {"none": [50.0, 53.0, 56.0], "learned-1d": [60.0, 59.0, 64.0]}


def finding(results) -> str:
    return build_section(results).finding


def test_a_finding_by_hand(study_results) -> None:
    """learned-1d is the reference and the highest, so the next is what it is compared with: seed by
    seed it is 10, 6 and 8 points above, 8 on average; 61 is the mean of 60, 59 and 64.
    """
    assert finding(study_results(THREE_SEEDS)) == (
        "The highest mean is 1D learned's, 61.00 % (3 seeds). "
        "That is +8.00 points against No position, the next: "
        "above it in 3 of 3 seeds, from +6.00 to +10.00. "
        "How sure that is, means alone do not say."
    )


def test_seeds_that_disagree_are_counted(study_results) -> None:
    """Differences -1, 4 and 3: the mean is 2, above in two of three."""
    text = finding(study_results({"learned-1d": [61.0, 60.0, 60.0], "none": [60.0, 64.0, 63.0]}))

    assert "+2.00 points against 1D learned, the reference" in text
    assert "above it in 2 of 3 seeds, from -1.00 to +4.00" in text


def test_only_the_seeds_that_both_have_are_compared(study_results) -> None:
    """Over all its seeds the reference has 35 %; on the shared seed 0 it has 60 %."""
    text = finding(study_results({"learned-1d": [60.0, 10.0], "learned-2d": [62.0]}))

    assert "The highest mean is 2D learned's, 62.00 % (1 seed)." in text
    assert "+2.00 points against 1D learned, the reference: one seed" in text
    assert "One run each cannot tell such a difference from chance." in text


def test_variants_without_a_shared_seed_are_not_compared(study_results) -> None:
    text = finding(study_results({"learned-1d": [None, 60.0], "none": [62.0, None]}))

    assert "It shares no seed with 1D learned, the reference, so they are not compared." in text
    assert "points" not in text


def test_one_variant_alone_is_compared_with_nothing(study_results) -> None:
    assert finding(study_results({"none": [60.0, 61.0]})) == (
        "No position reached 60.50 % (2 seeds); there is nothing to compare it with."
    )


@pytest.mark.parametrize("accuracies", [{}, {"none": [None]}])
def test_a_study_without_a_good_run_says_so(accuracies, study_results) -> None:
    assert finding(study_results(accuracies)) == "No run has ended well yet."


def test_a_variant_with_a_diverged_seed_is_counted_and_not_ranked(study_results, changed) -> None:
    """What is left of it are its lucky seeds."""
    results = study_results({"none": [90.0, 91.0, 92.0], "learned-1d": [60.0, 61.0, 62.0],
                             "learned-2d": [58.0, 58.0, 58.0]})  # fmt: skip

    text = finding(changed(results, seed=0, status="diverged", test_top1_pct=None))

    assert "The highest mean is 1D learned's, 61.00 % (3 seeds)." in text
    assert "No position diverged in 1 of 3 seeds and is not ranked." in text


def test_a_dearer_winner_is_told_with_its_price(study_results) -> None:
    results = study_results(THREE_SEEDS)
    runs = [
        run.model_copy(update={"train_flop": 3 * 10**12}) if run.variant == "learned-1d" else run
        for run in results.runs
    ]

    text = finding(results.model_copy(update={"runs": runs}))

    assert "against No position, the next, at 3 times the training FLOPs:" in text
    assert "FLOP" not in finding(results)


ACCURACIES = st.lists(st.floats(0, 100), min_size=3, max_size=3)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.fixed_dictionaries(dict.fromkeys(("none", "learned-1d", "sinusoidal"), ACCURACIES)))
def test_the_numbers_of_a_finding_are_those_of_its_rows(study_results, accuracies) -> None:
    results = study_results(accuracies)
    rows = {row.label: row for row in study_rows(results)}

    said = re.match(
        r"The highest mean is (?P<best>.+)'s, (?P<mean>[\d.]+) % \(3 seeds\)\. "
        r"That is (?P<points>[+-][\d.]+) points against (?P<other>.+), the (reference|next): "
        r"above it in (?P<above>\d) of 3 seeds, from (?P<low>[+-][\d.]+) to (?P<high>[+-][\d.]+)\.",
        finding(results),
    )

    best, other = rows[said["best"]], rows[said["other"]]
    differences = [best.accuracy_by_seed[seed] - other.accuracy_by_seed[seed] for seed in range(3)]
    assert best.mean_pct == max(fmean(by_seed) for by_seed in accuracies.values())
    assert said["mean"] == f"{best.mean_pct:.2f}"
    assert said["points"] == f"{fmean(differences):+.2f}"
    assert (said["low"], said["high"]) == (f"{min(differences):+.2f}", f"{max(differences):+.2f}")
    assert int(said["above"]) == sum(difference > 0 for difference in differences)
    assert "better" not in finding(results)


def test_what_was_varied_is_not_said_to_be_held(study_results) -> None:
    results = study_results(THREE_SEEDS)

    assert varied_sentence(results) == "Varied: model.pos_embed."
    assert held_sentence(results) == (
        "Held: dim 256, depth 6, 8 heads, MLP ratio 4, patch 4, baseline augmentation, muon, "
        "batch 128 and 50 epochs, of which the last counts."
    )


def test_choices_with_options_are_held_with_their_options(study_results) -> None:
    base = build_spec(
        {"model.pos_embed": ["none", {"name": "learned-1d", "std": 1}], "train.optimizer.lr": 0.5}
    )
    results = study_results({}, study=load_study("patch-size"), base=base.to_json())

    held = held_sentence(results)

    assert "none + learned-1d (std 1.0) positions" in held
    assert "muon (lr 0.5)" in held
    assert "patch" not in held


def test_a_study_of_one_variant_varies_nothing(study_results) -> None:
    alone = {"name": "own", "title": "Own", "variants": [{"key": "base", "label": "Base"}]}

    assert varied_sentence(study_results({}, study=alone)) == "Nothing is varied."
