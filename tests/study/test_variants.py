"""Epochs of equal cost, and tuned values."""

import pytest

from vitbench.config.build import build_spec
from vitbench.config.presets import preset_fields
from vitbench.config.study import load_study, parse_study
from vitbench.errors import UsageError
from vitbench.model.cost import cost_of
from vitbench.runs.schema import TunedField
from vitbench.study.variants import fields_without_effect, variant_specs


def test_a_budget_of_flops_scales_epochs_to_the_references_cost() -> None:
    """To the epoch: what is off is at most half an epoch of the variant."""
    study = load_study("patch-size").model_copy(update={"budget": "flops"})
    base = build_spec(preset_fields("default"))

    specs = variant_specs(study, base, study.variants)

    asked = cost_of(base).train_flop  # the reference, 4x4, is the base
    assert specs["4x4"].train.epochs == base.train.epochs
    assert specs["2x2"].train.epochs < base.train.epochs < specs["8x8"].train.epochs
    for spec in specs.values():
        cost = cost_of(spec).train_flop
        assert abs(cost - asked) <= cost / spec.train.epochs / 2


def test_a_dear_variant_gets_an_epoch_at_least() -> None:
    study = load_study("patch-size").model_copy(update={"budget": "flops"})
    base = build_spec(preset_fields("default"), {"train.epochs": 1})

    assert variant_specs(study, base, study.variants)["2x2"].train.epochs == 1


def test_a_study_of_epochs_cannot_have_a_budget_of_flops() -> None:
    study = parse_study(
        {"name": "own", "title": "Own", "budget": "flops",
         "variants": [{"key": "a", "label": "A", "set": {"train.epochs": 2}}]},
        "own.yaml",
    )  # fmt: skip

    with pytest.raises(UsageError, match=r"variant a sets train\.epochs"):
        variant_specs(study, build_spec(), study.variants)


def test_a_tuned_value_is_each_variants_own() -> None:
    study = load_study("pos-embed")
    tuned = TunedField(
        field="train.lr", values=[0.1, 0.2], seed=1, chosen={"none": 0.1, "learned-1d": 0.2},
        val_top1_pct={}, trials_flop=0, trials_time_s=0,
    )  # fmt: skip

    specs = variant_specs(study, build_spec(), study.variants, [tuned])

    assert specs["none"].train.lr == 0.1
    assert specs["learned-1d"].train.lr == 0.2
    assert specs["sinusoidal"].train.lr == build_spec().train.lr


def test_a_field_has_no_effect_if_every_variant_replaces_it() -> None:
    """A factor is applied to the field of the base, so the field has an effect."""
    study = parse_study(
        {
            "name": "own", "title": "Own", "reference": "a",
            "variants": [
                {"key": "a", "label": "A",
                 "set": {"train.lr": 1e-3, "train.weight_decay": {"times": 2}}},
                {"key": "b", "label": "B",
                 "set": {"train.lr": 2e-3, "train.weight_decay": 0.1, "model.depth": 2}},
            ],
        },
        "own",
    )  # fmt: skip
    flat = {"train.lr": 1.0, "train.weight_decay": 1.0, "model.depth": 3, "data.val_size": 100}
    nested = {"train": {"lr": 1.0}, "model": {"depth": 3}}

    assert fields_without_effect(study, flat) == ["train.lr"]
    assert fields_without_effect(study, nested) == ["train.lr"]
