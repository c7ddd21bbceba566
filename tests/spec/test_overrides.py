"""Fields laid over one another, and files that are read without trust."""

import json

import pytest

from vitbench.errors import FileError, UsageError
from vitbench.spec.overrides import build_spec, load_mapping, parse_assignments


def spec_of(*assignments: str):
    return build_spec(parse_assignments(assignments))


def test_values_are_read_as_yaml_and_later_ones_win() -> None:
    spec = spec_of("train.lr=1e-4", "train.grad_clip=null", "model.qkv_bias=no", "seed=1", "seed=2")

    assert (spec.train.lr, spec.train.grad_clip) == (1e-4, None)
    assert (spec.model.qkv_bias, spec.seed) == (False, 2)


def test_an_option_of_a_choice_is_set_by_its_dotted_name() -> None:
    assert spec_of("train.optimizer.lr=0.5").train.optimizer.options == {"lr": 0.5}
    assert spec_of("model.pos_embed.std=1").model.pos_embed[0].options == {"std": 1.0}
    assert spec_of("data.augmentation={name: baseline, padding: 2}").data.augmentation.options == {
        "padding": 2
    }


def test_a_choice_named_anew_keeps_no_option_of_the_old_one() -> None:
    spec = build_spec(
        {"train.optimizer": {"name": "muon", "lr": 0.5}}, {"train.optimizer": "adamw"}
    )
    again = build_spec({"train.optimizer": {"name": "muon", "lr": 0.5}},
                       {"train.optimizer": {"name": "muon", "momentum": 0.9}})  # fmt: skip

    assert spec.train.optimizer.options == {}
    assert again.train.optimizer.options == {"momentum": 0.9}


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("model.patch_size=5", "patch_size 5 does not divide img_size 32: use 1, 2, 4, 8, 16"),
        ("model.num_heads=7", "num_heads 7 does not divide embed_dim 256: use 1, 2, 4, 8, 16, 32"),
        ("data.val_size=5001", "val_size 5001 is not class-balanced: use a multiple of 10"),
        ("data.val_size=50000", "batch_size 128 is over the 0 training images"),
        ("train.optimizer.lr=fast", "optimizer muon: lr is 'fast': it takes a number"),
        ("train.optimizer.lr=true", "it takes a number"),
        ("data.augmentation={name: baseline, padding: 1.5}", "it takes a whole number"),
        ("data.augmentation={name: baseline, pad: 1}", "did you mean 'padding'"),
        ("data.augmentation=[none]", "give a name"),
        ("train.epochs=2.5", "train.epochs is 2.5"),
        ("train.label_smoothing=1", "train.label_smoothing is 1: input should be less than 1"),
        ("data.mean=[1, 2]", "data.mean"),
        ("train.optimizr=adamw", "did you mean 'train.optimizer'"),
        ("patch_size=4", "did you mean 'model.patch_size'"),
    ],
)  # fmt: skip
def test_a_value_that_will_not_do_is_told_with_what_would(assignment, message) -> None:
    with pytest.raises(UsageError) as raised:
        spec_of(assignment)

    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_spec_file_is_yaml_or_json(tmp_path) -> None:
    spec = build_spec({"seed": 4, "model.pos_embed": {"name": "learned-1d", "std": 1}})
    (tmp_path / "spec.json").write_text(json.dumps(spec.to_json()))
    (tmp_path / "spec.yaml").write_text("seed: 4\nmodel: {pos_embed: {name: learned-1d, std: 1}}\n")

    for name in ("spec.json", "spec.yaml"):
        assert build_spec(load_mapping(tmp_path / name, "spec")).identity == spec.identity


BOMB = "a: &a [x, x]\n" + "\n".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 9)}]" for i in range(9)
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"- a list\n", "mapping"),
        (b"", "mapping"),
        (b"just words", "mapping"),
        (b"\xff\xfe\x00\x01", "not text"),
        (b"a: [1, 2", "line 1"),
        (b"a: !!python/object/apply:os.system ['touch exploded']", "not readable"),
        (BOMB.encode(), "not readable"),
        (b"[" * 100_000, "not readable"),
        (b"x: " + b"y" * 2_000_000, "over 1,000,000 bytes"),
    ],
    ids=["list", "empty", "words", "binary", "broken", "code", "bomb", "deep", "large"],
)
def test_a_hostile_file_is_one_line_and_runs_nothing(
    content, message, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "spec.yaml"
    path.write_bytes(content)

    with pytest.raises(FileError, match=message) as raised:
        load_mapping(path, "spec")

    assert "\n" not in str(raised.value)
    assert not (tmp_path / "exploded").exists()


def test_deep_json_is_refused_too(tmp_path) -> None:
    path = tmp_path / "spec.json"
    path.write_text("[" * 100_000)

    with pytest.raises(FileError, match="not readable"):
        load_mapping(path, "spec")
