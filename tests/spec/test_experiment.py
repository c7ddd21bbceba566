"""What identifies a run, and what leaves its identity alone."""

from typing import Annotated

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from vitbench.registry import ATTENTIONS, AUGMENTATIONS, POSITIONS, SCHEDULES
from vitbench.spec.experiment import ExperimentSpec
from vitbench.spec.model import ModelSpec
from vitbench.spec.overrides import build_spec
from vitbench.spec.presets import PRESETS

# Golden: it may never change. A field's default that was changed, or a field that is written
# although it is at its default, makes every run that anyone has trained another run.
DEFAULT_IDENTITY = "6672a5eab30160a73c7fb8458308c8d644578deca406c515d0f70c6a977755d6"

SPECS = st.fixed_dictionaries(
    {},
    optional={
        "model.patch_size": st.sampled_from([1, 2, 4, 8, 16, 32]),
        "model.depth": st.integers(1, 30),
        "model.embed_dim": st.sampled_from([64, 128, 256]),
        "model.mlp_ratio": st.floats(0.5, 8),
        "model.pos_embed": st.lists(st.sampled_from(POSITIONS.names()[:5]), min_size=1, max_size=3),
        "model.attention": st.sampled_from(ATTENTIONS.names()),
        "data.augmentation": st.sampled_from(AUGMENTATIONS.names()),
        "data.val_size": st.integers(1, 4000).map(lambda n: n * 10),
        "train.lr": st.floats(1e-6, 1),
        "train.schedule": st.sampled_from(SCHEDULES.names()),
        "train.optimizer": st.builds(lambda lr: {"name": "muon", "lr": lr}, st.floats(1e-4, 1)),
        "train.grad_clip": st.none() | st.floats(0.1, 10),
        "seed": st.integers(0, 2**63 - 1),
    },
)


def test_the_identity_of_the_default_experiment_never_changes() -> None:
    assert ExperimentSpec().identity == DEFAULT_IDENTITY


def test_a_new_field_at_its_default_leaves_identities_alone() -> None:
    class LaterModelSpec(ModelSpec):
        registers: Annotated[int, Field(ge=0)] = 0

    class LaterSpec(ExperimentSpec):
        model: LaterModelSpec = LaterModelSpec()

    assert LaterSpec().identity == ExperimentSpec().identity
    assert LaterSpec(model={"registers": 4}).identity != ExperimentSpec().identity


@settings(max_examples=60, deadline=None)
@given(SPECS)
def test_a_spec_survives_its_json(fields) -> None:
    spec = build_spec(fields)

    again = build_spec(spec.to_json())

    assert again == spec
    assert again.identity == spec.identity


@settings(max_examples=60, deadline=None)
@given(SPECS, SPECS)
def test_two_specs_have_one_identity_if_they_are_equal_and_two_if_not(one, two) -> None:
    first, second = build_spec(one), build_spec(two)

    assert (first.identity == second.identity) == (first == second)


def test_how_a_choice_is_written_does_not_matter() -> None:
    ways = [
        "learned-1d",
        "learned_1d",
        ["learned-1d"],
        {"name": "learned-1d"},
        {"name": "learned-1d", "std": 0.02},
        [{"name": "learned-1d", "std": "2e-2"}],
    ]

    assert len({build_spec({"model.pos_embed": way}).identity for way in ways}) == 1
    assert build_spec({"model.pos_embed": {"name": "learned-1d", "std": 1}}).identity not in {
        build_spec({"model.pos_embed": way}).identity for way in ways
    }


def test_seeds_are_replicates_of_one_base() -> None:
    one, two = ExperimentSpec(seed=1), ExperimentSpec(seed=2)

    assert one.identity != two.identity
    assert one.base_identity == two.base_identity == ExperimentSpec().identity


def test_raised_semantics_make_other_runs() -> None:
    class Later(ExperimentSpec):
        semantics = 2

    assert Later().identity != ExperimentSpec().identity


def test_a_spec_is_frozen_and_takes_no_field_that_it_has_not() -> None:
    with pytest.raises(ValidationError):
        ExperimentSpec().seed = 3  # type: ignore[misc]
    with pytest.raises(ValidationError):
        ExperimentSpec.model_validate({"colour": 1})


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_the_documents_base_in_shape(name) -> None:
    model = build_spec(PRESETS[name].fields).model

    assert (model.depth, model.num_heads, model.patch_size, model.class_token) == (6, 8, 4, True)
    assert [position.name for position in model.pos_embed] == ["learned-1d"]


def test_the_document_preset_is_what_the_document_did() -> None:
    """AdamW, 1e-3, decay 0.01 on all, no warm-up, cosine by epoch, 50 epochs of 128, fp32."""
    spec = build_spec(PRESETS["document"].fields)

    assert (spec.model.embed_dim, spec.model.mlp_ratio, spec.model.qkv_bias) == (256, 4, False)
    train = spec.train
    assert (train.optimizer.name, train.lr, train.weight_decay) == ("adamw", 1e-3, 0.01)
    assert (train.weight_decay_on, train.warmup_fraction) == ("all", 0)
    assert (train.schedule.name, train.epochs, train.batch_size) == ("cosine-by-epoch", 50, 128)
    assert (train.label_smoothing, train.precision) == (0, "fp32")
    assert spec.data.std == (0.2023, 0.1994, 0.2010)
    assert spec.data.augmentation.name == "baseline"


def test_folder_names_are_readable_and_tell_every_run_apart() -> None:
    spec = build_spec(PRESETS["cpu"].fields, {"model.pos_embed": ["none", "sincos-2d"], "seed": 3})

    assert spec.folder_name.startswith("cifar10-p4-d96x6h8-none+sincos-2d-baseline-e5-s3-")
    assert spec.folder_name.endswith(spec.identity[:10])
