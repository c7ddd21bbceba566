"""The ViT against other implementations with the same weights, and its initial weights."""

import pytest
import timm.models.vision_transformer
import torch
import torchvision.models.vision_transformer
from torch import Tensor, nn

from vitbench.model.vit import VisionTransformer, build_model
from vitbench.spec.overrides import build_spec

IMAGES = torch.randn(5, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def small(**fields: object) -> VisionTransformer:
    """A small model with every parameter drawn, biases and norms too."""
    spec = build_spec(
        {"model.embed_dim": 24, "model.depth": 3, "model.num_heads": 4},
        {f"model.{name}": value for name, value in fields.items()},
    )
    model = build_model(spec).eval()
    generator = torch.Generator().manual_seed(1)
    for parameter in model.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator) * 0.2
    return model


@pytest.mark.parametrize("patch_size", [4, 8])
@pytest.mark.parametrize("qkv_bias", [True, False])
@pytest.mark.parametrize("class_token", [True, False])
def test_logits_equal_timms_with_the_same_weights(patch_size, qkv_bias, class_token) -> None:
    ours = small(patch_size=patch_size, qkv_bias=qkv_bias, class_token=class_token)
    theirs = timm.models.vision_transformer.VisionTransformer(
        img_size=32,
        patch_size=patch_size,
        embed_dim=24,
        depth=3,
        num_heads=4,
        num_classes=10,
        qkv_bias=qkv_bias,
        class_token=class_token,
        global_pool="token" if class_token else "avg",
        fc_norm=False,  # ours, too, norms each token and then takes the mean
    ).eval()
    weights = ours.state_dict()
    weights["pos_embed"] = weights.pop("pos_embed.0.table")
    theirs.load_state_dict(weights)  # strict: all names are timm's

    with torch.no_grad():
        torch.testing.assert_close(ours(IMAGES), theirs(IMAGES), atol=1e-5, rtol=0)


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


@pytest.mark.parametrize("patch_size", [4, 8])
def test_logits_equal_torchvisions_with_the_same_weights(patch_size) -> None:
    ours = small(patch_size=patch_size)
    theirs = torchvision.models.vision_transformer.VisionTransformer(
        image_size=32,
        patch_size=patch_size,
        num_layers=3,
        num_heads=4,
        hidden_dim=24,
        mlp_dim=96,
        num_classes=10,
    ).eval()
    theirs.load_state_dict({as_torchvision(n): w for n, w in ours.state_dict().items()})

    with torch.no_grad():
        torch.testing.assert_close(ours(IMAGES), theirs(IMAGES), atol=1e-5, rtol=0)


def test_initial_weights_are_a_function_of_the_seed() -> None:
    one, same, other = (build_model(build_spec({"seed": seed})).state_dict() for seed in (0, 0, 1))

    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["head.weight"], other["head.weight"])


def test_another_position_leaves_all_other_initial_weights_as_they_were() -> None:
    learned, none = (
        build_model(build_spec({"model.pos_embed": name})).state_dict()
        for name in ("learned-1d", "none")
    )

    assert set(learned) - set(none) == {"pos_embed.0.table"}
    assert all(torch.equal(learned[name], none[name]) for name in none)


def test_building_a_model_draws_nothing_from_the_callers_generator() -> None:
    before = torch.get_rng_state()
    build_model(build_spec())
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(("init", "std"), [("fan-in", 96**-0.5), ("trunc-normal", 0.02)])
def test_initial_matrices_have_the_spread_that_the_spec_names(init, std) -> None:
    model = build_model(build_spec({"model.embed_dim": 96, "model.init": init}))

    assert model.blocks[2].attn.qkv.weight.std().item() == pytest.approx(std, rel=0.05)
    assert model.blocks[2].attn.qkv.bias.abs().max() == 0


def test_dropout_and_drop_path_act_in_training_alone() -> None:
    model = small(drop_rate=0.3, attn_drop_rate=0.3, drop_path_rate=0.5)

    with torch.no_grad():
        assert torch.equal(model(IMAGES), model(IMAGES))
        model.train()
        assert not torch.equal(model(IMAGES), model(IMAGES))


def test_drop_path_rises_linearly_and_keeps_the_mean() -> None:
    model = build_model(build_spec({"model.drop_path_rate": 0.4, "model.depth": 5}))
    rates = [block.drop_path.rate for block in model.blocks]
    assert rates == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])

    torch.manual_seed(0)
    dropped: Tensor = model.blocks[4].drop_path.train()(torch.ones(20_000, 1, 1))
    assert dropped.unique().tolist() == pytest.approx([0, 1 / 0.6])
    assert dropped.mean().item() == pytest.approx(1, abs=0.02)


def test_images_of_other_sizes_and_channels_have_their_own_model() -> None:
    model = VisionTransformer(build_spec().model, img_size=28, in_chans=1, num_classes=7)

    assert model(torch.zeros(2, 1, 28, 28)).shape == (2, 7)
    assert isinstance(model.head, nn.Linear)
