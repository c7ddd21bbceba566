"""The ViT against other implementations with the same weights, and its initial weights."""

import pytest
import timm.models.vision_transformer
import torch
import torchvision.models.vision_transformer
from torch import Tensor

from vitbench.config.build import build_spec
from vitbench.model.position import PositionSum
from vitbench.model.vit import VisionTransformer, build_model

IMAGES = torch.randn(5, 3, 32, 32, generator=torch.Generator().manual_seed(0))
SMALL = {"embed_dim": 24, "depth": 3, "num_heads": 4}
SIZES = [  # each with another number of tokens, blocks, heads or channels
    {**SMALL, "patch_size": 4},
    {**SMALL, "patch_size": 8},
    {"embed_dim": 30, "depth": 1, "num_heads": 5, "patch_size": 8, "mlp_ratio": 1.5},
]


def drawn(**fields: object) -> VisionTransformer:
    """A model with every parameter drawn, biases and norms too, so that none can be forgotten."""
    spec = build_spec({f"model.{name}": value for name, value in fields.items()})
    model = build_model(spec).eval()
    generator = torch.Generator().manual_seed(1)
    for parameter in model.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator) * 0.2
    return model


def assert_same_logits(ours: VisionTransformer, theirs: torch.nn.Module) -> None:
    with torch.no_grad():
        logits = ours(IMAGES)
        torch.testing.assert_close(logits, theirs.eval()(IMAGES), atol=1e-5, rtol=0)
    assert logits.std() > 0.1  # five images and ten classes that differ: zeros would agree too


def norm_eps(model: torch.nn.Module) -> list[float]:
    """What each norm adds to a variance before it divides by its root."""
    return [layer.eps for layer in model.modules() if isinstance(layer, torch.nn.LayerNorm)]


@pytest.mark.parametrize("sizes", SIZES, ids=["patch 4", "patch 8", "narrow MLP"])
@pytest.mark.parametrize("qkv_bias", [True, False])
@pytest.mark.parametrize("class_token", [True, False])
def test_logits_equal_timms_with_the_same_weights(sizes, qkv_bias, class_token) -> None:
    ours = drawn(**sizes, qkv_bias=qkv_bias, class_token=class_token)
    theirs = timm.models.vision_transformer.VisionTransformer(
        img_size=32,
        num_classes=10,
        qkv_bias=qkv_bias,
        class_token=class_token,
        global_pool="token" if class_token else "avg",
        fc_norm=False,  # norm each token, then take the mean; timm can do it the other way round
        **sizes,
    )
    weights = ours.state_dict()
    weights["pos_embed"] = weights.pop("pos_embed.0.table")
    theirs.load_state_dict(weights)  # strict: all names are timm's

    assert_same_logits(ours, theirs)
    assert norm_eps(ours) == norm_eps(theirs)  # too small to show in logits


def as_torchvision(name: str) -> str:
    """Our name of a weight as torchvision's."""
    for ours, theirs in (
        ("patch_embed.proj", "conv_proj"),
        ("cls_token", "class_token"),
        ("pos_embed.0.table", "encoder.pos_embedding"),
        ("attn.qkv.weight", "self_attention.in_proj_weight"),
        ("attn.qkv.bias", "self_attention.in_proj_bias"),
        ("attn.proj", "self_attention.out_proj"),
        ("norm1", "ln_1"),
        ("norm2", "ln_2"),
        ("mlp.fc1", "mlp.0"),
        ("mlp.fc2", "mlp.3"),
        ("head", "heads.head"),
    ):
        name = name.replace(ours, theirs)
    if name.startswith("blocks."):
        _, layer, rest = name.split(".", 2)
        return f"encoder.layers.encoder_layer_{layer}.{rest}"
    return f"encoder.ln.{name.removeprefix('norm.')}" if name.startswith("norm.") else name


@pytest.mark.parametrize("sizes", SIZES, ids=["patch 4", "patch 8", "narrow MLP"])
def test_logits_equal_torchvisions_with_the_same_weights(sizes) -> None:
    ours = drawn(**sizes)
    theirs = torchvision.models.vision_transformer.VisionTransformer(
        image_size=32,
        patch_size=sizes["patch_size"],
        num_layers=sizes["depth"],
        num_heads=sizes["num_heads"],
        hidden_dim=sizes["embed_dim"],
        mlp_dim=int(sizes["embed_dim"] * sizes.get("mlp_ratio", 4)),
        num_classes=10,
    )
    theirs.load_state_dict({as_torchvision(n): w for n, w in ours.state_dict().items()})

    assert_same_logits(ours, theirs)


def initial(**fields: object) -> dict[str, Tensor]:
    """Initial weights of a small experiment with some fields changed."""
    sizes = {"model.embed_dim": 24, "model.depth": 2, "model.num_heads": 4}
    return build_model(build_spec(sizes, fields)).state_dict()


@pytest.mark.parametrize("attention", ["softmax", "differential", "differential-published"])
def test_only_the_class_token_needs_the_end_of_the_last_block(attention) -> None:
    """Logits and gradients are those of a pass that takes every token to the end."""
    model = drawn(**SMALL, attention=attention)
    tokens = model.embed(IMAGES)
    for block in model.layers():
        tokens = block(tokens, model.pos_embed)
    whole = model.classify(tokens)
    whole.square().sum().backward()
    expected = {name: p.grad for name, p in model.named_parameters()}
    model.zero_grad()

    logits = model(IMAGES)
    logits.square().sum().backward()

    torch.testing.assert_close(logits, whole, atol=1e-5, rtol=0)
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.grad, expected[name], atol=1e-4, rtol=1e-4)


def test_initial_weights_are_a_function_of_the_seed() -> None:
    one, same, other = initial(seed=0), initial(seed=0), initial(seed=1)

    assert all(torch.equal(one[name], same[name]) for name in one)
    for name in ("patch_embed.proj.weight", "cls_token", "blocks.1.mlp.fc2.weight", "head.weight"):
        assert not torch.equal(one[name], other[name])


@pytest.mark.parametrize("position", ["none", "learned-2d", "sinusoidal", ["learned-1d"] * 2])
def test_another_position_leaves_all_other_initial_weights_as_they_were(position) -> None:
    one, other = initial(), initial(**{"model.pos_embed": position})

    shared = [name for name in one if not name.startswith("pos_embed")]
    assert shared == [name for name in other if not name.startswith("pos_embed")]
    assert all(torch.equal(one[name], other[name]) for name in shared)


@pytest.mark.parametrize(
    "fields", [{"data.augmentation": "none"}, {"train.lr": 0.5}, {"model.drop_rate": 0.5}], ids=str
)
def test_what_is_not_of_the_weights_leaves_them_as_they_were(fields) -> None:
    one, other = initial(), initial(**fields)

    assert all(torch.equal(one[name], other[name]) for name in one)


def test_building_a_model_neither_reads_nor_moves_the_callers_generator() -> None:
    torch.manual_seed(1)
    one, before = initial(), torch.get_rng_state()
    torch.manual_seed(2)
    other = initial()
    torch.manual_seed(1)

    assert all(torch.equal(one[name], other[name]) for name in one)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    ("init", "spread"),
    [("fan-in", lambda inputs: inputs**-0.5), ("trunc-normal", lambda _inputs: 0.02)],
)
def test_initial_matrices_have_the_spread_that_the_spec_names(init, spread) -> None:
    model = build_model(build_spec({"model.embed_dim": 96, "model.init": init}))

    block = model.blocks[2]
    layers = {model.patch_embed.proj: 3 * 4 * 4, block.attn.qkv: 96, block.mlp.fc2: 4 * 96}
    for layer, inputs in layers.items():
        assert layer.weight.std().item() == pytest.approx(spread(inputs), rel=0.05)
        assert layer.bias.abs().max() == 0
    assert model.cls_token.std().item() == pytest.approx(0.02, rel=0.25)  # of 96 numbers


def test_dropout_and_drop_path_act_in_training_alone() -> None:
    plain = drawn(**SMALL)
    for rate in ("drop_rate", "attn_drop_rate", "drop_path_rate"):
        model = drawn(**SMALL, **{rate: 0.5})
        with torch.no_grad():
            assert torch.equal(model(IMAGES), plain(IMAGES))
            model.train()
            assert not torch.equal(model(IMAGES), model(IMAGES))


@pytest.mark.parametrize(
    ("rate", "timms"), [("drop_rate", "proj_drop_rate"), ("attn_drop_rate", "attn_drop_rate")]
)
def test_dropout_in_blocks_acts_where_timms_does_and_on_the_same_numbers(rate, timms) -> None:
    """From one state of the generator both draw the same: a place more or less would show."""
    sizes = {**SMALL, "patch_size": 8, "class_token": False}  # all tokens go to the end
    ours = drawn(**sizes, **{rate: 0.3}).train()
    ours.pos_drop.rate = 0.0  # timm's draws in another order: its tokens lie otherwise in memory
    theirs = timm.models.vision_transformer.VisionTransformer(
        img_size=32, num_classes=10, global_pool="avg", fc_norm=False, **sizes, **{timms: 0.3}
    ).train()
    weights = ours.state_dict()
    weights["pos_embed"] = weights.pop("pos_embed.0.table")
    theirs.load_state_dict(weights)

    logits = []
    for model in (ours, theirs):
        torch.manual_seed(0)
        logits.append(model(IMAGES))

    torch.testing.assert_close(*logits, atol=1e-5, rtol=0)
    assert (logits[0] - ours.eval()(IMAGES)).abs().max() > 1e-3


def test_placed_tokens_are_dropped_too() -> None:
    model = drawn(**SMALL, drop_rate=0.3)
    with torch.no_grad():
        whole, dropped = model.embed(IMAGES), model.train().embed(IMAGES)

    zero = dropped == 0
    assert zero.float().mean().item() == pytest.approx(0.3, abs=0.03)
    torch.testing.assert_close(dropped[~zero], whole[~zero] / 0.7)


@pytest.mark.parametrize("silent", ["attn.proj", "mlp.fc2"])
def test_drop_path_leaves_out_each_branch_by_itself(silent) -> None:
    """With the other branch at zero an image's tokens stay as they were, or move twice as far."""
    block = drawn(**SMALL, drop_path_rate=0.5).blocks[2]
    for parameter in block.get_submodule(silent).parameters():
        parameter.data.zero_()
    tokens = torch.randn(200, 5, 24, generator=torch.Generator().manual_seed(0))
    nowhere = PositionSum([])

    with torch.no_grad():
        moved = block(tokens, nowhere) - tokens
        torch.manual_seed(0)
        in_training = block.train()(tokens, nowhere) - tokens

    stayed = (in_training == 0).all(dim=(1, 2))
    assert 70 < stayed.sum() < 130
    torch.testing.assert_close(in_training[~stayed], 2 * moved[~stayed], atol=1e-4, rtol=1e-4)


def test_drop_path_rises_linearly_and_keeps_the_mean() -> None:
    model = build_model(build_spec({"model.drop_path_rate": 0.4, "model.depth": 5}))
    rates = [block.drop_path.rate for block in model.blocks]
    assert rates == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])

    torch.manual_seed(0)
    dropped = model.blocks[4].drop_path.train()(torch.ones(20_000, 2, 3))
    assert dropped.unique().tolist() == pytest.approx([0, 1 / 0.6])
    assert dropped.mean().item() == pytest.approx(1, abs=0.02)
    assert torch.equal(dropped.amin(dim=(1, 2)), dropped.amax(dim=(1, 2)))  # an image as a whole


def test_images_of_other_sizes_and_channels_have_their_own_model() -> None:
    model = VisionTransformer(build_spec().model, img_size=28, in_chans=1, num_classes=7)

    assert model(torch.zeros(2, 1, 28, 28)).shape == (2, 7)
