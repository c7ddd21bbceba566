"""Whatever validates can be built and trained; whatever does not is refused in a line."""

import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vitbench.data.datasets import load_images
from vitbench.data.split import train_val_split
from vitbench.errors import UsageError
from vitbench.model.cost import cost_of
from vitbench.registry import ATTENTIONS, AUGMENTATIONS, OPTIMIZERS, POSITIONS, SCHEDULES
from vitbench.spec.experiment import ExperimentSpec
from vitbench.spec.overrides import build_spec, field_names
from vitbench.spec.study import StudySpec, parse_study
from vitbench.training.fit import StepDone, begin, fit

CPU = torch.device("cpu")
SHARES = st.floats(0, 0.9)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
TINY = {
    "data.dataset": st.just("shapes"),
    "data.val_size": st.just(2900),
    "data.augmentation": st.sampled_from(AUGMENTATIONS.names()),
    "data.mean": st.none() | st.just([0.1, 0.5, 0.9]),
    "data.std": st.none() | st.lists(st.floats(0.01, 2), min_size=3, max_size=3),
    "model.patch_size": st.sampled_from([8, 16, 32]),
    "model.embed_dim": st.sampled_from([4, 8, 12, 24]),
    "model.depth": st.integers(1, 3),
    "model.num_heads": st.sampled_from([1, 2, 3, 4]),
    "model.mlp_ratio": st.floats(0.1, 3),
    "model.qkv_bias": st.booleans(),
    "model.class_token": st.booleans(),
    "model.pos_embed": st.lists(st.sampled_from(POSITIONS.names()), min_size=1, max_size=3),
    "model.attention": st.sampled_from(ATTENTIONS.names()),
    "model.drop_rate": SHARES,
    "model.attn_drop_rate": SHARES,
    "model.drop_path_rate": SHARES,
    "model.init": st.sampled_from(["fan-in", "trunc-normal"]),
    "train.epochs": st.integers(1, 3),
    "train.batch_size": st.integers(1, 100),
    "train.optimizer": st.sampled_from(OPTIMIZERS.names()),
    "train.lr": st.floats(1e-6, 1e-2),
    "train.weight_decay": st.floats(0, 1),
    "train.weight_decay_on": st.sampled_from(["matrices", "all"]),
    "train.schedule": st.sampled_from(SCHEDULES.names()),
    "train.warmup_fraction": SHARES,
    "train.label_smoothing": SHARES,
    "train.grad_clip": st.none() | st.floats(0.01, 10),
    "train.on_divergence": st.sampled_from(["stop", "halve-lr"]),
    "train.precision": st.sampled_from(["auto", "fp32"]),
    "seed": st.integers(0, 2**63 - 1),
}


def or_refused(do):
    """What something gives; None where it is refused, which must be in one plain line."""
    refused = None
    try:
        return do()
    except UsageError as error:
        refused = str(error)
    assert refused
    assert refused.isprintable()
    return None


def test_every_field_is_drawn() -> None:
    assert set(TINY) == set(field_names())


@settings(max_examples=60, deadline=None)
@given(st.fixed_dictionaries(TINY))
def test_what_validates_is_built_and_takes_a_step(fields) -> None:
    built = or_refused(lambda: build_spec(fields))
    state = or_refused(lambda: begin(built, CPU)) if built else None
    if built is None or state is None:  # heads or positions that do not fit the width
        return
    spec = built
    train, val = train_val_split(load_images(spec.data, "train", None), spec.data.val_size)
    step = next(fit(state, spec, train, val))

    assert isinstance(step, StepDone)
    assert step.loss is not None
    assert math.isfinite(step.loss)
    assert cost_of(spec).num_params == sum(p.numel() for p in state.model.parameters())
    assert ExperimentSpec.model_validate(spec.to_json()).identity == spec.identity


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(field_names())), JSON)
def test_a_field_takes_a_value_or_refuses_it_in_a_line(field, value) -> None:
    spec = or_refused(lambda: build_spec({field: value}))

    assert spec is None or ExperimentSpec.model_validate(spec.to_json()) == spec


STUDY = {"name": "x", "title": "X", "variants": [{"key": "a", "label": "A", "set": {}}]}


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(StudySpec.model_fields)), JSON)
def test_a_study_takes_a_value_or_refuses_it_in_a_line(field, value) -> None:
    or_refused(lambda: parse_study({**STUDY, field: value}, "mine.yaml"))
