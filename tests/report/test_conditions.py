"""What was varied and what was the same."""

from vitbench.config.build import build_spec
from vitbench.config.study import load_study
from vitbench.report.conditions import held_sentence, varied_sentence

CLEAR = {"none": [50.0, 50.5, 49.5], "learned-1d": [60.0, 60.4, 59.6]}


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
