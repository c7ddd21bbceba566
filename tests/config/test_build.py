"""Fields laid over one another, and files that are read without trust."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vitbench.config.build import build_spec, field_names, load_mapping, parse_assignments
from vitbench.config.experiment import ExperimentSpec
from vitbench.errors import FileError, UsageError
from vitbench.registry import AUGMENTATIONS, POSITIONS


def spec_of(*assignments: str) -> ExperimentSpec:
    return build_spec(parse_assignments(assignments))


def test_values_are_read_as_yaml() -> None:
    spec = spec_of("train.lr=1e-4", "train.grad_clip=null", "model.qkv_bias=no", "seed=2")

    assert (spec.train.lr, spec.train.grad_clip) == (1e-4, None)
    assert (spec.model.qkv_bias, spec.seed) == (False, 2)


@pytest.mark.parametrize("assignments", [
    ["seed=1", "seed=2"],
    ["train.optimizer=adamw", "train.optimizer.name=muon"],
    ["train.optimizer={name: adamw, beta1: 0.8}", "train.optimizer.beta1=0.9"],
])  # fmt: skip
def test_two_values_of_one_field_are_refused(assignments) -> None:
    with pytest.raises(UsageError, match="twice"):
        spec_of(*assignments)


def test_the_same_value_twice_is_one_value() -> None:
    assert spec_of("seed=1", "seed=1").seed == 1


@pytest.mark.parametrize("choice", ["train.optimizer=adamw", "train.optimizer.name=adamw"])
def test_an_option_before_its_choice_is_not_lost(choice) -> None:
    assert spec_of("train.optimizer.beta1=0.5", choice) == spec_of(
        choice, "train.optimizer.beta1=0.5"
    )
    assert spec_of("train.optimizer.beta1=0.5", choice).train.optimizer.options == {"beta1": 0.5}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e1", 10), ("10.0", 10), ("+7", 7), ("0x10", 16), ("0o10", 8), ("0", 0), ("1.5e+1", 15),
        ("7 # seven", 7),
    ],
)  # fmt: skip
def test_a_whole_number_may_be_written_in_any_way_of_yaml_1_2(text, value) -> None:
    assert spec_of(f"seed={text}").seed == value


@pytest.mark.parametrize(
    ("assignment", "reason"),
    [
        ("seed=010", "the leading 0"),
        ("seed=08", "the leading 0"),
        ("seed=-007", "the leading 0"),
        ("train.lr=00.1", "the leading 0"),
        ("seed=1:30", "base-60"),
        ("seed=190:20:30", "base-60"),
        ("seed=1_000", "others for text"),
        ("train.lr=0.000_1", "others for text"),
        ("seed=0b11", "others for text"),
        ("seed=!!int 3", "tags (!!int) are not allowed"),
        ("seed=&a 3", "aliases (*) are not allowed"),
        ("seed=*a", "aliases (*) are not allowed"),
        ("train={<<: {lr: 1}}", "merge keys (<<)"),
        ("train.grad_clip=# none", "the value is empty"),
        ("train.grad_clip=---", "the value is empty"),
        ("train.optimizer={name: adamw, name: muon}", "duplicate key 'name'"),
        ("model.depth=true", "true and false are not valid here"),
        ("data.mean=[true, 0.5, 0.5]", "true and false are not valid here"),
        ("seed=9007199254740993.0", "all digits"),
        ("data.augmentation=off", "unknown augmentation 'off'"),
        ("model.pos_embed=no", "unknown position 'no'"),
        ("seed=2024-01-31", "seed is '2024-01-31'"),
        ("model.depth.=1", "a part of its name is empty; did you mean 'model.depth'?"),
        ("model..depth=1", "a part of its name is empty; did you mean 'model.depth'?"),
        (".depth=1", "a part of its name is empty; did you mean 'model.depth'?"),
        (".=1", "a part of its name is empty"),
        ("model.depth.size=1", "model.depth has no parts"),
        ("model.depth\u200b=1", "unknown field"),
        ("model. depth=1", "unknown field"),
    ],
)  # fmt: skip
def test_what_could_be_misread_is_refused_with_the_reason(assignment, reason) -> None:
    with pytest.raises(UsageError) as raised:
        spec_of(assignment)

    assert reason in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_option_of_a_choice_is_set_by_its_dotted_name() -> None:
    assert spec_of("train.optimizer.lr=0.5").train.optimizer.options == {"lr": 0.5}
    assert spec_of("model.pos_embed.std=1").model.pos_embed[0].options == {"std": 1.0}
    assert spec_of("data.augmentation={name: baseline, padding: 2}").data.augmentation.options == {
        "padding": 2
    }


def test_options_of_a_choice_add_up_until_it_is_named_anew() -> None:
    fast, nesterov = {"train.optimizer.lr": 0.5}, {"train.optimizer.momentum": 0.9}
    named = {"train.optimizer": {"name": "muon", "momentum": 0.8}}

    assert build_spec(fast, nesterov).train.optimizer.options == {"lr": 0.5, "momentum": 0.9}
    assert build_spec(fast, named).train.optimizer.options == {"momentum": 0.8}
    assert build_spec(fast, {"train.optimizer": "muon"}).train.optimizer.options == {}
    assert build_spec(fast, {"train.optimizer": "adamw"}).train.optimizer.options == {}


def test_nested_and_dotted_fields_are_one_thing() -> None:
    nested = {"model": {"depth": 3, "pos_embed": {"name": "learned-1d", "std": 1}}}
    dotted = {"model.depth": 3, "model.pos_embed.std": 1}

    assert build_spec(nested) == build_spec(dotted)


POSITION_NAMES = ", ".join(POSITIONS.names())
AUGMENTATION_NAMES = ", ".join(AUGMENTATIONS.names())


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        # sizes that do not go together
        (
            "model.patch_size=5",
            "patch_size 5 does not divide img_size 32: use 1, 2, 4, 8, 16 or 32",
        ),
        (
            "model.num_heads=7",
            "model: num_heads 7 does not divide embed_dim 256: use 1, 2, 4, 8, 16, 32 or 64",
        ),
        ("model.mlp_ratio=0.001", "model: mlp_ratio 0.001 leaves the MLP without channels: "
                                  "increase it"),
        (
            "data.val_size=5001",
            "val_size 5001 is not class-balanced: use a multiple of 10, such as 5000",
        ),
        (
            "data.val_size=50000",
            "batch_size 128 exceeds the 0 training images that val_size 50000 leaves of cifar10: "
            "reduce one",
        ),
        # values out of range, or of another kind
        ("model.depth=0", "model.depth is 0: input should be greater than 0"),
        ("train.label_smoothing=1", "train.label_smoothing is 1: input should be less than 1"),
        ("train.lr=.nan", "train.lr is nan: input should be a finite number"),
        ("train.batch_size=null", "train.batch_size is None: input should be a valid integer"),
        ("seed=-1", "seed is -1: input should be greater than or equal to 0"),
        ("train.precision=16", "train.precision is 16: input should be 'auto', 'fp32' or 'bf16'"),
        ("data.mean=[.nan, 1, 1]", "data.mean.0 is nan: input should be a finite number"),
        ("data.mean=[127, 1, 1]", "data.mean.0 is 127: input should be less than or equal to 1"),
        (
            "train.grad_clip=1e+30",
            "train.grad_clip is 1e+30: input should be less than or equal to 1000000",
        ),
        # names
        (
            "model.pos_embed=lerned-1d",
            f"unknown position 'lerned-1d': choose from {POSITION_NAMES}; "
            "did you mean 'learned-1d'?",
        ),
        (
            "model.pos_embed=[]",
            "a list of positions is empty: name at least one, or 'none'",
        ),
        (
            "data.augmentation=[none]",
            f"augmentation ['none']: give a name ({AUGMENTATION_NAMES}) or a mapping with name and "
            "options",
        ),
        ("train.optimizr=adamw", "unknown field 'train.optimizr'; did you mean 'train.optimizer'?"),
        ("patch_size=4", "unknown field 'patch_size'; did you mean 'model.patch_size'?"),
        ("data.val-size=9", "unknown field 'data.val-size'; did you mean 'data.val_size'?"),
        ("zzz=4", "unknown field 'zzz': vitbench train --help lists the fields"),
        # options of choices
        ("train.optimizer.lr=fast", "optimizer muon: lr is 'fast': it takes a number"),
        ("train.optimizer.lr=true", "optimizer muon: lr is True: it takes a number"),
        ("train.optimizer.lr=.inf", "optimizer muon: lr is inf: it takes a number"),
        (
            "data.augmentation.padding=1.5",
            "augmentation baseline: padding is 1.5: it takes a whole number",
        ),
        (
            "data.augmentation.pading=1",
            "unknown option 'pading' of augmentation baseline: choose from padding; "
            "did you mean 'padding'?",
        ),
        (
            "data.dataset.size=1",
            "unknown option 'size' of data set cifar10: it has none",
        ),
        # the form itself
        ("model.depth", "--set 'model.depth': write key=value, such as model.depth=4"),
        ("model.depth=", "--set 'model.depth=': write key=value, such as model.depth=4"),
        ("=4", "--set '=4': write key=value, such as model.depth=4"),
        ("seed=[1", "--set 'seed=[1': the value is not YAML"),
        ("train.optimizer={1: 2}", "field 1: names of fields are text"),
    ],
    ids=lambda value: value if "=" in value else "",
)  # fmt: skip
def test_a_value_that_will_not_do_is_told_with_what_would(assignment, message) -> None:
    with pytest.raises(UsageError) as raised:
        spec_of(assignment)

    assert str(raised.value) == message


@pytest.mark.parametrize(
    "assignment",
    [
        "seed=2024-13-45",
        f"seed={'9' * 5000}",
        f"seed={'[' * 5000}",
        f"model.pos_embed{'.a' * 3000}=1",
        "seed=!!python/object/apply:os.getcwd []",
        "seed=[&a [x, x], *a]",
    ],
    ids=["date", "digits", "brackets", "dots", "code", "alias"],
)
def test_a_hostile_value_is_one_line(assignment) -> None:
    with pytest.raises(UsageError) as raised:
        spec_of(assignment)

    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 300


@pytest.mark.parametrize("section", ["model", "train", "data"])
def test_a_section_is_no_field_and_tells_those_inside(section) -> None:
    with pytest.raises(UsageError, match=f"'{section}' is a section: set one of") as raised:
        spec_of(f"{section}=4")

    assert all(
        name in str(raised.value) for name in field_names() if name.startswith(f"{section}.")
    )


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([*field_names(), "model", "data", "train"]), VALUES)
def test_any_value_of_any_field_is_taken_or_refused_in_one_line(name, value) -> None:
    refused = ""
    try:
        spec = build_spec({name: value})
    except UsageError as error:
        refused = str(error)

    assert "\n" not in refused
    assert refused or build_spec(spec.to_json()) == spec


def test_a_spec_file_is_yaml_or_json(tmp_path) -> None:
    spec = build_spec({"seed": 4, "model.pos_embed": {"name": "learned-1d", "std": 1}})
    (tmp_path / "spec.json").write_text(json.dumps(spec.to_json()))
    (tmp_path / "spec.yaml").write_text("seed: 4\nmodel: {pos_embed: {name: learned-1d, std: 1}}\n")

    for name in ("spec.json", "spec.yaml"):
        assert build_spec(load_mapping(tmp_path / name, "spec")).identity == spec.identity


@pytest.mark.parametrize(("name", "message"), [
    ("absent.yaml", "no spec file {path}"),
    ("folder.yaml", "cannot read spec file {path}: Is a directory"),
    ("file.yaml/below.yaml", "cannot read spec file {path}: Not a directory"),
])  # fmt: skip
def test_a_file_that_is_not_there_is_named(name, message, tmp_path) -> None:
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "file.yaml").touch()

    with pytest.raises(FileError) as raised:
        load_mapping(tmp_path / name, "spec")

    assert str(raised.value) == message.format(path=tmp_path / name)


# Ten lines, each nine times the one before: a billion words once every alias is followed.
BOMB = "a: &a [x, x]\n" + "\n".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 9)}]" for i in range(9)
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"- a list\n", "is not a spec: it must be a mapping of fields"),
        (b"", "is not a spec"),
        (b"just words", "is not a spec"),
        (b"\xff\xfe\x00\x01", "it is UTF-16: save it as UTF-8"),
        ("seed: 1".encode("utf-16-le"), "it is UTF-16: save it as UTF-8"),
        (b"name: \xff", "it is not text in UTF-8"),
        (b"\x00\x01\x02", "not a readable spec"),
        (b"a: [1, 2", "line 1: not a readable spec"),
        (b"seed: 1\n a: 2", "line 2: not a readable spec"),
        (b"a: !!python/object/apply:os.system ['touch exploded']", "not a readable spec"),
        (BOMB.encode(), "line 1: not a readable spec: anchors (&)"),
        (b"a: &d {epochs: 1}\ntrain:\n  <<: *d", "line 1: not a readable spec: anchors (&)"),
        (b"train:\n  <<: {lr: 1}", "line 2: not a readable spec: anchors (&), merge keys (<<)"),
        (b"seed: 1\n---\nseed: 2", "line 2: not a readable spec: there is a second document"),
        (b"train:\n\tlr: 1", "line 2: not a readable spec: a tab, where YAML allows only spaces"),
        (
            b"seed: 1\ntrain: {epochs: 010}",
            "line 2: not a readable spec: 010: some readers take the leading 0 for an octal number",
        ),
        (b"1: 2\n0x1: 3", "line 2: not a readable spec: duplicate key '0x1'"),
        (b"[" * 100_000, "not a readable spec"),
        (b"a: " * 100_000, "not a readable spec"),
        (b"x: " + b"y" * 2_000_000, "has more than 1,000,000 bytes"),
        (b"train:\n  lr: 1\n  lr: 2", "duplicate key 'lr': keep one"),
        (b"? [a, b]\n: 1", "not a readable spec"),
    ],
    ids=["list", "empty", "words", "utf-16", "utf-16 unmarked", "not utf-8", "control", "open",
         "indent", "code",
         "bomb", "anchor", "merge key", "documents", "tab", "leading zero", "one number twice",
         "deep lists", "deep mappings", "large", "repeated", "a list as key"],
)  # fmt: skip
def test_a_hostile_file_is_one_line_and_runs_nothing(
    content, message, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "spec.yaml"
    path.write_bytes(content)

    with pytest.raises(FileError) as raised:
        load_mapping(path, "spec")

    assert message in str(raised.value)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, '{"seed": 1', "NaN", "[]"])
def test_hostile_json_is_refused_too(text, tmp_path) -> None:
    path = tmp_path / "spec.json"
    path.write_text(text)

    with pytest.raises(FileError, match=r"spec\.json.*(not a readable|is not a) spec"):
        load_mapping(path, "spec")


@pytest.mark.parametrize("name", ["spec.yaml", "spec.json"])
def test_a_file_as_windows_saves_it_is_read(name, tmp_path) -> None:
    content = b'\xef\xbb\xbf{"seed": 4,\r\n "train": {"lr": 0.5}}\r\n'
    (tmp_path / name).write_bytes(content)

    assert load_mapping(tmp_path / name, "spec") == {"seed": 4, "train": {"lr": 0.5}}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        ("hello", "line 1 is not JSON"),
        ('{"seed": 1,\n x}', "line 2 is not JSON"),
        ('{"seed": NaN}', "NaN is not JSON"),
    ],
)
def test_what_is_no_json_is_said_to_be_none(text, reason, tmp_path) -> None:
    (tmp_path / "spec.json").write_text(text)

    with pytest.raises(FileError, match=f"not a readable spec: {reason}"):
        load_mapping(tmp_path / "spec.json", "spec")


@pytest.mark.parametrize(
    "layer",
    [
        {"model": {"depth": 2}, "model.depth": 3},
        {"train.optimizer": "adamw", "train": {"optimizer": {"name": "muon"}}},
        {"model": {"depth.": 2}},
        {"model.": {"depth": 2}},
        {"": 1},
    ],
)
def test_a_field_in_two_places_or_without_a_name_is_refused(layer) -> None:
    with pytest.raises(UsageError, match=r"twice|a part of its name is empty"):
        build_spec(layer)


def test_a_key_twice_in_json_is_refused(tmp_path) -> None:
    path = tmp_path / "spec.json"
    path.write_text('{"train": {"lr": 0.1, "lr": 0.2}}')

    with pytest.raises(FileError, match="duplicate key 'lr'"):
        load_mapping(path, "spec")


def test_a_path_with_a_nul_is_no_file() -> None:
    with pytest.raises(FileError, match="cannot read spec file"):
        load_mapping(Path("spec\0.yaml"), "spec")


def test_a_standard_deviation_of_zero_would_divide_by_it() -> None:
    with pytest.raises(UsageError, match="greater than 0"):
        build_spec({"data.std": [0.2, 0, 0.2]})


def test_a_name_of_many_dots_is_no_field() -> None:
    with pytest.raises(UsageError) as raised:
        build_spec({".".join("a" * 3000): 1})

    assert len(str(raised.value)) < 300
