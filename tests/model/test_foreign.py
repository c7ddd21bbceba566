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
        (torch.nn.Linear(2, 2), "no Vision Transformer"),
        (timms(init_values=0.1), "not a plain ViT"),
        (timms(no_embed_class=True), "not a plain ViT"),
        (timms(class_token=False, global_pool="max", fc_norm=False), "answers otherwise"),
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
