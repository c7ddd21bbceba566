"""Whatever validates can be built and trained; whatever does not is refused in a line."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vitbench.config.build import build_spec, field_names
from vitbench.config.experiment import ExperimentSpec
from vitbench.config.study import StudySpec, parse_study
from vitbench.data.datasets import load_images
from vitbench.data.split import train_val_split
from vitbench.entries import Registry
from vitbench.errors import UsageError
from vitbench.model.cost import cost_of
from vitbench.registry import (
    ATTENTIONS,
    AUGMENTATIONS,
    FIELDS,
    OPTIMIZERS,
    POSITIONS,
    SCHEDULES,
)
from vitbench.training.fit import Diverged, StepDone, begin, fit

CPU = torch.device("cpu")
SHARES = st.floats(0, 0.9)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


def choices(registry: Registry) -> st.SearchStrategy:
    """A name of a registry, with any of its options anywhere in their ranges."""

    def with_options(name: str) -> st.SearchStrategy:
        entry = registry.entry(name)
        options = {
            option: st.integers(*entry.ranges[option]) if kind is int
            else st.floats(*entry.ranges[option])
            for option, (kind, _) in entry.options.items()
        }  # fmt: skip
        return st.fixed_dictionaries({"name": st.just(name)}, optional=options)

    return st.sampled_from(registry.names()).flatmap(with_options)


TINY = {
    "data.dataset": st.just("shapes"),
    "data.val_size": st.just(2900),
    "data.augmentation": choices(AUGMENTATIONS),
    "data.mean": st.none() | st.just([0.1, 0.5, 0.9]),
    "data.std": st.none() | st.lists(st.floats(0.01, 2), min_size=3, max_size=3),
    "model.patch_size": st.sampled_from([8, 16, 32]),
    "model.embed_dim": st.sampled_from([4, 8, 12, 24]),
    "model.depth": st.integers(1, 3),
    "model.num_heads": st.sampled_from([1, 2, 3, 4]),
    "model.mlp_ratio": st.floats(0.1, 3),
    "model.qkv_bias": st.booleans(),
    "model.class_token": st.booleans(),
    "model.pos_embed": st.lists(choices(POSITIONS), min_size=1, max_size=3),
    "model.attention": choices(ATTENTIONS),
    "model.drop_rate": SHARES,
    "model.attn_drop_rate": SHARES,
    "model.drop_path_rate": SHARES,
    "model.init": st.sampled_from(["fan-in", "trunc-normal"]),
    "train.epochs": st.integers(1, 3),
    "train.batch_size": st.integers(1, 100),
    "train.optimizer": choices(OPTIMIZERS),
    "train.lr": st.floats(1e-6, 1e-2),
    "train.weight_decay": st.floats(0, 1),
    "train.weight_decay_on": st.sampled_from(["matrices", "all"]),
    "train.schedule": choices(SCHEDULES),
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


ENDS = [
    (field, name, option, end)
    for field, registry in FIELDS.items()
    for name in registry.names()
    for option, ends in registry.entry(name).ranges.items()
    for end in ends
]


@pytest.mark.parametrize(("field", "name", "option", "end"), ENDS)
def test_an_option_goes_to_the_ends_of_its_range_and_no_further(
    field, name, option, end, tiny_fields
) -> None:
    spec = build_spec(tiny_fields, {field: {"name": name, option: end}})
    low, high = FIELDS[field].entry(name).ranges[option]
    beyond = end - 1 if end == low else end + 1

    train, val = train_val_split(load_images(spec.data, "train", None), spec.data.val_size)
    first, second, *_ = itertools.islice(fit(begin(spec, CPU), spec, train, val), 2)
    assert isinstance(first, StepDone)
    assert isinstance(second, StepDone | Diverged)  # a rate of 1000 is the user's
    with pytest.raises(UsageError, match=f"{option} is .*: it takes {low:g} to {high:g}"):
        build_spec(tiny_fields, {field: {"name": name, option: beyond}})


def test_any_number_that_json_can_hold_is_refused_in_a_line() -> None:
    with pytest.raises(UsageError, match=r"padding is 999.*: it takes 0 to 32"):
        build_spec({"data.augmentation": {"name": "baseline", "padding": int("9" * 400)}})


STUDY = {"name": "x", "title": "X", "variants": [{"key": "a", "label": "A", "set": {}}]}


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(StudySpec.model_fields)), JSON)
def test_a_study_takes_a_value_or_refuses_it_in_a_line(field, value) -> None:
    or_refused(lambda: parse_study({**STUDY, field: value}, "mine.yaml"))
