"""Each variant's own best value, chosen on validation with a seed that no study run has."""

import pytest

from vitbench.config.build import build_spec
from vitbench.config.study import load_study, parse_study
from vitbench.errors import UsageError, VitbenchError
from vitbench.model.cost import cost_of
from vitbench.runs.schema import RunResult
from vitbench.study.tuning import TRIAL_SEED, Trial, choose, parse_tune, plan_trials


def result(val: float | None, status: str = "done") -> RunResult:
    return RunResult(identity="x", name="x", spec={}, seed=TRIAL_SEED, status=status, reason="why",
                     val_top1_pct=val, train_flop=10, train_time_s=2.0)  # fmt: skip


def trial(variant: str, value: float, tmp_path) -> Trial:
    return Trial(variant, value, build_spec(), tmp_path)


def test_a_field_and_its_values_are_read_and_checked() -> None:
    assert parse_tune("train.lr=1e-3, 2e-3,4e-3") == ("train.lr", [1e-3, 2e-3, 4e-3])
    assert parse_tune("train.optimizer=adamw,muon") == ("train.optimizer", ["adamw", "muon"])


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("train.lr", "write a field and its values"),
        ("train.lr=1e-3", "write a field and its values"),
        ("train.lr=1e-3,,2e-3", "write a field and its values"),
        ("=1,2", "write a field and its values"),
        ("train.rl=1,2", "unknown field 'train.rl'"),
        ("train.lr=1e-3,0.001", "a value is listed twice"),
        ("train.lr=1e-3,-1", "train.lr is -1"),
        ("train.lr=1e-3,fast", "train.lr is 'fast'"),
    ],
)
def test_what_cannot_be_tuned_is_one_line(asked, message) -> None:
    with pytest.raises(UsageError) as raised:
        parse_tune(asked)

    assert message in str(raised.value)


def test_every_variant_is_tried_with_every_value_at_a_seed_of_its_own(
    tiny_fields, tmp_path
) -> None:
    study = load_study("pos-embed")

    trials = plan_trials(study, build_spec(tiny_fields), "train.lr", [0.1, 0.2], [0, 1], tmp_path)

    assert [(t.variant, t.value) for t in trials] == [
        (variant.key, value) for variant in study.variants for value in (0.1, 0.2)
    ]
    assert {t.spec.seed for t in trials} == {TRIAL_SEED}
    assert all(t.spec.train.lr == t.value and t.to_train for t in trials)


def test_an_option_of_a_choice_is_tuned_with_the_choice_that_the_base_has(
    tiny_fields, tmp_path
) -> None:
    """At its default an option is left out of a spec, and cutout is not the default choice."""
    study = load_study("pos-embed")
    assert parse_tune("train.optimizer.lr=0.01,0.02")[1] == [0.01, 0.02]
    base = build_spec(tiny_fields, {"data.augmentation": "cutout"})

    field, values = parse_tune("data.augmentation.size=4,8")
    trials = plan_trials(study, base, field, values, [0], tmp_path)

    sizes = [trial.spec.data.augmentation.options["size"] for trial in trials]
    assert sizes == [4, 8] * len(study.variants)
    with pytest.raises(UsageError, match="size"):
        plan_trials(study, build_spec(tiny_fields), field, values, [0], tmp_path)


def test_trials_of_a_budget_of_flops_cost_the_same_whatever_is_tuned(tiny_fields, tmp_path) -> None:
    study = load_study("pos-embed").model_copy(update={"budget": "flops"})
    base = build_spec(tiny_fields, {"train.epochs": 20})

    trials = plan_trials(study, base, "model.depth", [1, 4], [0], tmp_path)

    for trial in trials:
        cost, asked = cost_of(trial.spec).train_flop, cost_of(base).train_flop
        assert abs(cost - asked) <= cost / trial.spec.train.epochs / 2
    assert len({trial.spec.train.epochs for trial in trials}) == 2
    with pytest.raises(UsageError, match=r"sets train\.epochs: this contradicts a budget of FLOPs"):
        plan_trials(study, base, "train.epochs", [5, 10], [0], tmp_path)


def test_a_field_that_a_variant_sets_is_not_tuned(tiny_fields, tmp_path) -> None:
    study = load_study("patch-size")

    with pytest.raises(UsageError, match="variant 2x2 of patch-size sets this field"):
        plan_trials(study, build_spec(tiny_fields), "model.patch_size", [2, 4], [0], tmp_path)
    with pytest.raises(UsageError, match="is reserved for the trials"):
        plan_trials(study, build_spec(tiny_fields), "train.lr", [1, 2], [TRIAL_SEED], tmp_path)


def test_the_best_on_validation_is_chosen_and_of_equals_the_first(tmp_path) -> None:
    ended = [
        (trial("a", 0.1, tmp_path), result(50.0)),
        (trial("a", 0.2, tmp_path), result(60.0)),
        (trial("a", 0.4, tmp_path), result(60.0)),
        (trial("b", 0.1, tmp_path), result(40.0)),
        (trial("b", 0.2, tmp_path), result(None, "diverged")),
        (trial("b", 0.4, tmp_path), result(99.0, "diverged")),
    ]

    tuned = choose("train.lr", [0.1, 0.2, 0.4], iter(ended))

    assert tuned.chosen == {"a": 0.2, "b": 0.1}
    assert tuned.val_top1_pct == {"a": [50.0, 60.0, 60.0], "b": [40.0, None, None]}
    assert (tuned.trials_flop, tuned.trials_time_s, tuned.seed) == (60, 12.0, TRIAL_SEED)


def test_trials_that_leave_nothing_to_choose_from_end_the_sweep(tmp_path) -> None:
    with pytest.raises(VitbenchError, match=r"a diverged with every value of train\.lr"):
        choose("train.lr", [0.1], iter([(trial("a", 0.1, tmp_path), result(None, "diverged"))]))
    with pytest.raises(VitbenchError, match=r"trial of a, train\.lr 0\.1: why"):
        choose("train.lr", [0.1], iter([(trial("a", 0.1, tmp_path), result(None, "failed"))]))


def test_a_study_of_the_same_field_with_options_is_not_tuned(tiny_fields, tmp_path) -> None:
    study = parse_study(
        {"name": "own", "title": "Own",
         "variants": [{"key": "a", "label": "A", "set": {"train.optimizer.lr": 0.1}}]},
        "own.yaml",
    )  # fmt: skip

    with pytest.raises(UsageError, match="sets this field"):
        plan_trials(study, build_spec(tiny_fields), "train.optimizer", ["muon"], [0], tmp_path)
