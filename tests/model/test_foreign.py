"""Models of timm and torchvision become ours, with the same logits, or are refused."""

import pytest
import timm
import torch
import torchvision

from vitbench import adopt
from vitbench.errors import UsageError

IMAGES = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
SIZES = {"img_size": 32, "patch_size": 8, "embed_dim": 24, "depth": 3, "num_classes": 7}


def timms(**changes):
    torch.manual_seed(0)
    return timm.models.vision_transformer.VisionTransformer(**{**SIZES, "num_heads": 4, **changes})


def torchvisions():
    torch.manual_seed(0)
    model = torchvision.models.VisionTransformer(
        image_size=32, patch_size=8, num_layers=3, num_heads=4, hidden_dim=24, mlp_dim=60,
        num_classes=7,
    )  # fmt: skip
    torch.nn.init.normal_(model.heads.head.weight)  # zeros as torchvision has it
    return model


@pytest.mark.parametrize(
    "model",
    [
        timms(),
        timms(qkv_bias=False, mlp_ratio=2),
        timms(class_token=False, global_pool="avg", fc_norm=False),
        timms(embed_dim=60, mlp_ratio=123.5 / 60),
        torchvisions(),
    ],
    ids=["timm", "timm, no bias", "timm, mean of patches", "timm, odd MLP", "torchvision"],
)
def test_an_adopted_model_has_the_same_logits(model) -> None:
    ours = adopt(model.train())

    assert model.training  # as it was
    with torch.no_grad():
        expected = model.eval()(IMAGES)
        torch.testing.assert_close(ours(IMAGES), expected, atol=1e-5, rtol=1e-4)
    assert expected.std() > 1e-3


@pytest.mark.parametrize(
    ("model", "hint"),
    [
        (torch.nn.Linear(2, 2), "not a Vision Transformer"),
        (timms(init_values=0.1), "not a plain ViT"),
        (timms(no_embed_class=True), "not a plain ViT"),
        (timms(class_token=False, global_pool="max", fc_norm=False), "gives other logits"),
        (timms(pos_embed="none"), "positions"),
        (timms(img_size=(16, 64)), "no square images"),
        (timms().bfloat16(), "float32"),
        (torchvision.models.VisionTransformer(32, 8, 1, 4, 24, 60), "head is not trained"),
    ],
    ids=[
        "no ViT",
        "layer scale",
        "no class position",
        "max pooling",
        "no positions",
        "not square",
        "bfloat16",
        "a head of zeros",
    ],
)
def test_what_is_another_architecture_is_refused(model, hint) -> None:
    with pytest.raises(UsageError, match=hint):
        adopt(model)


def averaged(model):
    return torch.optim.swa_utils.AveragedModel(model)


WRAPPERS = {
    "DataParallel": torch.nn.DataParallel,
    "AveragedModel": averaged,
    "ModelEmaV2": timm.utils.ModelEmaV2,
    "torch.compile": torch.compile,
    "torch.compile of DataParallel": lambda model: torch.compile(torch.nn.DataParallel(model)),
}


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
def test_a_wrapped_model_is_adopted_like_the_model_inside(wrap) -> None:
    plain = adopt(timms())

    ours = adopt(wrap(timms()))

    assert all(
        torch.equal(one, two)
        for one, two in zip(plain.state_dict().values(), ours.state_dict().values(), strict=True)
    )


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({"global_pool": "avg"}, "fc_norm"),
        ({"reg_tokens": 4}, "reg_tokens"),
        ({"init_values": 0.1}, "init_values"),
        ({"qk_norm": True}, "qk_norm"),
        ({"no_embed_class": True}, "no_embed_class"),
        ({"pre_norm": True}, "pre_norm"),
        ({"init_values": 0.1, "qk_norm": True}, r"init_values\) and .*qk_norm"),
    ],
)
def test_what_is_not_supported_is_named(changes, hint) -> None:
    with pytest.raises(UsageError, match=f"not a plain ViT: .*{hint}"):
        adopt(timms(**changes))
    with pytest.raises(UsageError, match=f"not a plain ViT: .*{hint}"):
        adopt(timms(**changes).state_dict(), num_heads=4)


@pytest.mark.parametrize(
    "saved",
    [
        lambda model: model.state_dict(),
        lambda model: torch.nn.DataParallel(model).state_dict(),
        lambda model: {"state_dict": torch.nn.DataParallel(model).state_dict(), "epoch": 3},
        lambda model: {"model": averaged(model).state_dict()},
        lambda model: {f"model.{name}": value for name, value in model.state_dict().items()},
    ],
    ids=["plain", "DataParallel", "in a checkpoint", "averaged", "Lightning"],
)
@pytest.mark.parametrize("library", [timms, torchvisions])
def test_a_state_dict_is_adopted_with_the_heads_that_are_named(saved, library) -> None:
    model = library()

    ours = adopt(saved(model), num_heads=4)

    with torch.no_grad():
        torch.testing.assert_close(ours(IMAGES), model.eval()(IMAGES), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("change", "num_heads", "hint"),
    [
        (lambda weights: weights, None, "give num_heads, a divisor of 24"),
        (lambda weights: weights, 5, "num_heads 5 does not divide"),
        (lambda _: {}, 4, "not a Vision Transformer"),
        (lambda _: {"a": 1, "b": "text"}, 4, "not a Vision Transformer"),
        (lambda weights: {**weights, "other": torch.zeros(2)}, 4, "not a plain ViT: .*other"),
        (
            lambda weights: {**weights, "pos_embed": torch.zeros(1, 14, 24)},
            4,
            "do not form a square image",
        ),
        (lambda weights: {**weights, "pos_embed": torch.zeros(3)}, 4, "positions"),
        (lambda weights: {**weights, "head.weight": torch.zeros(3)}, 4, "1 axes"),
    ],
)
def test_what_is_no_state_dict_of_a_plain_vit_is_refused(change, num_heads, hint) -> None:
    with pytest.raises(UsageError, match=hint):
        adopt(change(dict(timms().state_dict())), num_heads)


def test_a_model_that_says_how_many_heads_it_has_is_not_contradicted() -> None:
    with pytest.raises(UsageError, match="has 4 heads, not 3"):
        adopt(timms(), num_heads=3)
