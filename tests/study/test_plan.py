import pytest

from vitbench.config.build import build_spec
from vitbench.config.study import load_study, parse_study
from vitbench.errors import UsageError
from vitbench.study.plan import plan_study, run_flop, runs_to_train
from vitbench.study.seeds import Seeds


def plan(tmp_path, tiny_fields, study=None, seeds=(0, 1, 2), only=()):
    return plan_study(
        study or load_study("pos-embed"), build_spec(tiny_fields), "smoke", Seeds(seeds), only,
        tmp_path / "results", tmp_path / "runs",
    )  # fmt: skip


def test_runs_go_round_the_variants_seed_by_seed(tmp_path, tiny_fields) -> None:
    """A sweep that is stopped early is then a whole study with fewer seeds."""
    planned = plan(tmp_path, tiny_fields, seeds=(4, 1))

    assert [(run.spec.seed, run.variant.key) for run in planned.runs] == [
        (seed, key) for seed in (4, 1) for key in ("none", "learned-1d", "learned-2d", "sinusoidal")
    ]


def test_a_run_that_two_studies_share_is_trained_once(tmp_path, tiny_fields) -> None:
    plans = [
        plan(tmp_path, tiny_fields, load_study(name), seeds=(0,))
        for name in ("pos-embed", "patch-size")
    ]

    shared = {r.spec.identity for r in plans[0].runs} & {r.spec.identity for r in plans[1].runs}

    assert len(shared) == 1  # patch 8 with learned-1d, the tiny base itself
    assert len(runs_to_train(plans)) == 4 + 3 - 1


def test_a_variant_that_cannot_be_built_is_a_wrong_request_and_no_file_is_made(
    tmp_path, tiny_fields
) -> None:
    study = parse_study(
        {
            "name": "odd",
            "title": "Odd",
            "variants": [
                {"key": "odd", "label": "Odd", "set": {"model.embed_dim": 9, "model.num_heads": 3,
                                                      "model.pos_embed": "sinusoidal"}}
            ],
        },
        "odd.yaml",
    )  # fmt: skip

    with pytest.raises(UsageError, match="sinusoidal splits embed_dim"):
        plan(tmp_path, tiny_fields, study)
    assert list(tmp_path.iterdir()) == []


def test_only_takes_some_variants_once_each(tmp_path, tiny_fields) -> None:
    planned = plan(tmp_path, tiny_fields, seeds=(0,), only=["sinusoidal", "none", "sinusoidal"])

    assert [run.variant.key for run in planned.runs] == ["sinusoidal", "none"]


def test_cost_of_a_run_is_three_forward_passes_a_trained_image_and_one_a_tested_image(
    tiny_fields,
) -> None:
    spec = build_spec(tiny_fields, {"train.epochs": 2})
    from vitbench.model.cost import forward_flop

    steps = spec.data.train_size // spec.train.batch_size
    images = 3 * 2 * steps * spec.train.batch_size + 2 * spec.data.val_size + spec.data.test_size
    assert run_flop(spec) == images * forward_flop(spec)
