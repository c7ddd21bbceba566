"""What identifies a run, and what leaves its identity alone."""

from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from vitbench import registry
from vitbench.config.build import build_spec, field_names
from vitbench.config.experiment import ExperimentSpec
from vitbench.config.model import ModelSpec
from vitbench.config.presets import PRESETS

# Golden: none of these may ever change. With another hash, the runs that people have trained are
# not found again.
DEFAULT_IDENTITY = "6672a5eab30160a73c7fb8458308c8d644578deca406c515d0f70c6a977755d6"
CHANGED = {
    "data.augmentation": {"name": "baseline", "padding": 2},
    "data.std": [0.2023, 0.1994, 0.2010],
    "model.depth": 12,
    "model.mlp_ratio": 3,
    "model.pos_embed": ["learned-1d", {"name": "learned-2d", "std": 1}],
    "model.qkv_bias": False,
    "train.optimizer": "adamw",
    "train.lr": 3e-4,
    "train.grad_clip": None,
    "seed": 2**53 + 1,
}
CHANGED_IDENTITY = "434b9b919c77f72369a2e4bbea11d034d241e423cfb7e43264f5b8490414ef7c"
# A field at its default is left out of the hash: with another default the same hash would mean
# another training. Here is each field's default, and another value. Presets may be retuned, these
# may not; a new field is added.
FIELDS = {
    "data.dataset": ("cifar10", "shapes"),
    "data.val_size": (5000, 500),
    "data.augmentation": ("baseline", "none"),
    "data.mean": (None, [0.5, 0.5, 0.5]),
    "data.std": (None, [0.5, 0.5, 0.5]),
    "model.patch_size": (4, 8),
    "model.embed_dim": (256, 128),
    "model.depth": (6, 7),
    "model.num_heads": (8, 4),
    "model.mlp_ratio": (4.0, 3.5),
    "model.qkv_bias": (True, False),
    "model.class_token": (True, False),
    "model.pos_embed": (["learned-1d"], ["none"]),
    "model.attention": ("softmax", "differential"),
    "model.drop_rate": (0.0, 0.1),
    "model.attn_drop_rate": (0.0, 0.1),
    "model.drop_path_rate": (0.0, 0.1),
    "model.init": ("fan-in", "trunc-normal"),
    "train.epochs": (50, 51),
    "train.batch_size": (128, 64),
    "train.optimizer": ("muon", "adamw"),
    "train.lr": (1e-3, 2e-3),
    "train.weight_decay": (0.05, 0.0),
    "train.weight_decay_on": ("matrices", "all"),
    "train.schedule": ("cosine", "linear"),
    "train.warmup_fraction": (0.1, 0.0),
    "train.label_smoothing": (0.1, 0.0),
    "train.grad_clip": (1.0, None),
    "train.precision": ("auto", "fp32"),
    "train.on_divergence": ("stop", "halve-lr"),
    "seed": (0, 1),
}
# The same holds for the options of what a spec names; a new option is added.
OPTIONS = {
    "DATASETS": {},
    "AUGMENTATIONS": {
        "baseline": {"padding": 4},
        "strong": {"padding": 4, "jitter": 0.2, "degrees": 15.0},
        "cutout": {"padding": 4, "size": 16, "fill": 122},
        "random-erasing": {
            "padding": 4, "chance": 0.5, "least": 0.02, "most": 0.33, "ratio": 3.3,
        },
        "autoaugment": {"padding": 4},
    },
    "POSITIONS": {"learned-1d": {"std": 0.02}, "learned-2d": {"std": 0.02}},
    "ATTENTIONS": {},
    "OPTIMIZERS": {
        "adamw": {"beta1": 0.9, "beta2": 0.999},
        "muon": {
            "lr": 0.01, "weight_decay": 0.01, "momentum": 0.95, "beta1": 0.9, "beta2": 0.98,
        },
    },
    "SCHEDULES": {"cosine": {"final": 0.0}, "linear": {"final": 0.0}},
}  # fmt: skip


def at(tree: dict[str, Any], name: str) -> Any:
    """The value of a dotted name."""
    for part in name.split("."):
        tree = tree[part]
    return tree


def test_golden_identities_never_change() -> None:
    assert ExperimentSpec().identity == DEFAULT_IDENTITY
    assert build_spec(CHANGED).identity == CHANGED_IDENTITY


def test_golden_defaults_never_change() -> None:
    spec = ExperimentSpec().to_json()

    assert {name: at(spec, name) for name in field_names()} == {
        name: default for name, (default, _) in FIELDS.items()
    }


@pytest.mark.parametrize("kind", OPTIONS)
def test_golden_options_never_change(kind) -> None:
    choices = getattr(registry, kind)
    options = {name: choices.entry(name).options for name in choices.names()}

    assert {
        name: {option: default for option, (_, default) in of_it.items()}
        for name, of_it in options.items()
        if of_it
    } == OPTIONS[kind]


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_is_part_of_the_identity(name) -> None:
    _, other = FIELDS[name]
    # No section is at its defaults alone: that it is there at all would make another hash.
    base = build_spec({"data.val_size": 1000, "model.patch_size": 2, "train.batch_size": 32})

    changed = build_spec(base.to_json(), {name: other})

    assert at(changed.to_json(), name) == other
    assert changed.identity != base.identity


def test_a_new_field_at_its_default_leaves_identities_alone() -> None:
    class LaterModelSpec(ModelSpec):
        registers: Annotated[int, Field(ge=0)] = 0

    class LaterSpec(ExperimentSpec):
        model: LaterModelSpec = LaterModelSpec()

    tree = build_spec(CHANGED).to_json()
    assert LaterSpec().identity == DEFAULT_IDENTITY
    assert LaterSpec.model_validate(tree).identity == CHANGED_IDENTITY
    assert LaterSpec(model={"registers": 4}).identity != DEFAULT_IDENTITY


SPECS = st.fixed_dictionaries(
    {},
    optional={
        "model.patch_size": st.sampled_from([1, 2, 4, 8, 16, 32]),
        "model.depth": st.integers(1, 30),
        "model.embed_dim": st.sampled_from([64, 128, 256]),
        "model.mlp_ratio": st.floats(0.5, 8),
        "model.class_token": st.booleans(),
        "model.pos_embed": st.lists(
            st.sampled_from(registry.POSITIONS.names()), min_size=1, max_size=3
        ),
        "model.attention": st.sampled_from(registry.ATTENTIONS.names()),
        "data.augmentation": st.sampled_from(registry.AUGMENTATIONS.names())
        | st.builds(lambda n: {"name": "baseline", "padding": n}, st.integers(0, 8)),
        "data.val_size": st.integers(1, 4000).map(lambda n: n * 10),
        "data.mean": st.none() | st.lists(st.floats(0.1, 1), min_size=3, max_size=3),
        "train.lr": st.floats(1e-6, 1),
        "train.schedule": st.sampled_from(registry.SCHEDULES.names()),
        "train.optimizer": st.builds(lambda lr: {"name": "muon", "lr": lr}, st.floats(1e-4, 1)),
        "train.grad_clip": st.none() | st.floats(0.1, 10),
        "seed": st.integers(0, 2**63 - 1),
    },
)


@settings(max_examples=60, deadline=None)
@given(SPECS)
def test_a_spec_survives_its_json(fields) -> None:
    spec = build_spec(fields)

    for again in (build_spec(spec.to_json()), ExperimentSpec.model_validate_json(
        spec.model_dump_json()
    )):  # fmt: skip
        assert again == spec
        assert again.identity == spec.identity


@settings(max_examples=60, deadline=None)
@given(SPECS, SPECS)
def test_two_specs_have_one_identity_if_they_are_equal_and_two_if_not(one, two) -> None:
    first, second = build_spec(one), build_spec(two)

    assert (first.identity == second.identity) == (first == second)


POSITION = [
    "learned-1d",
    "learned_1d",
    ["learned-1d"],
    {"name": "learned-1d"},
    {"name": "learned-1d", "std": 0.02},
    [{"name": "learned-1d", "std": "2e-2"}],
]
CROP = [
    {"name": "baseline", "padding": 2},
    {"padding": 2.0, "name": "baseline"},
    {"padding": "2"},  # an option alone is one of the default's
]


@pytest.mark.parametrize(
    ("field", "ways"),
    [
        ("model.pos_embed", POSITION),
        ("data.augmentation", CROP),
        ("data.augmentation", ["cutout", {"name": "cutout"}, {"name": "cutout", "size": 16}]),
        ("model.mlp_ratio", [3, 3.0, "3"]),
        ("train.lr", [3e-4, "3e-4", 0.0003]),
    ],
)
def test_how_a_value_is_written_does_not_matter(field, ways) -> None:
    assert len({build_spec({field: way}).identity for way in ways}) == 1


def test_an_option_off_its_default_is_another_run() -> None:
    wide = build_spec({"model.pos_embed": {"name": "learned-1d", "std": 1}})

    assert wide.identity != DEFAULT_IDENTITY
    assert wide.to_json()["model"]["pos_embed"] == [{"name": "learned-1d", "std": 1.0}]


def test_the_order_of_positions_is_kept() -> None:
    """Rotations follow one another, so another order may be another model."""
    there, back = (
        build_spec({"model.pos_embed": names})
        for names in (["learned-1d", "sinusoidal"], ["sinusoidal", "learned-1d"])
    )

    assert there.identity != back.identity


def test_seeds_are_replicates_of_one_base() -> None:
    one, two = ExperimentSpec(seed=1), ExperimentSpec(seed=2)

    assert one.identity != two.identity
    assert one.base_identity == two.base_identity == DEFAULT_IDENTITY
    assert build_spec(CHANGED).base_identity not in (CHANGED_IDENTITY, DEFAULT_IDENTITY)


def test_raised_semantics_make_other_runs() -> None:
    class Later(ExperimentSpec):
        semantics = 2

    assert Later().identity != DEFAULT_IDENTITY


def test_a_spec_is_frozen_and_takes_no_field_that_it_has_not() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        ExperimentSpec().seed = 3
    with pytest.raises(ValidationError, match="Extra inputs"):
        ExperimentSpec.model_validate({"colour": 1})


def test_every_field_says_what_it_is() -> None:
    assert [name for name, description in field_names().items() if not description] == []


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
    assert (train.label_smoothing, train.grad_clip, train.precision) == (0, None, "fp32")
    assert spec.data.std == (0.2023, 0.1994, 0.2010)
    assert spec.data.augmentation.name == "baseline"


def test_folder_names_are_readable_and_tell_every_run_apart() -> None:
    sizes = {"model.embed_dim": 96, "train.epochs": 5}  # no preset's: those may be retuned
    spec = build_spec({**sizes, "model.pos_embed": ["none", "sincos-2d"], "seed": 3})

    assert spec.folder_name.startswith("cifar10-p4-d96x6h8-none+sincos-2d-baseline-e5-s3-")
    assert spec.folder_name.endswith(spec.identity[:10])
    assert spec.with_seed(4).folder_name != spec.folder_name
