"""Vision Transformers of timm and torchvision as ours: the same weights, the same logits.

So that what looks into our models looks into theirs. Neither library is imported: a model is known
by its parts.
"""

import re

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from vitbench.errors import UsageError
from vitbench.model.vit import VisionTransformer
from vitbench.spec.model import ModelSpec
from vitbench.spec.overrides import explain

TOLERANCE = 1e-3  # of the largest logit
# torchvision's name of a part, and timm's, which is ours.
TORCHVISION = (
    (r"^conv_proj\.", "patch_embed.proj."),
    (r"^class_token$", "cls_token"),
    (r"^encoder\.pos_embedding$", "pos_embed"),
    (r"^encoder\.layers\.encoder_layer_(\d+)\.", r"blocks.\1."),
    (r"^encoder\.ln\.", "norm."),
    (r"\.self_attention\.in_proj_", ".attn.qkv."),
    (r"\.self_attention\.out_proj\.", ".attn.proj."),
    (r"\.ln_([12])\.", r".norm\1."),
    (r"\.mlp\.(linear_1|0)\.", ".mlp.fc1."),
    (r"\.mlp\.(linear_2|3)\.", ".mlp.fc2."),
    (r"^heads\.head\.", "head."),
)


def adopt(model: nn.Module) -> VisionTransformer:
    """A VisionTransformer of timm or torchvision as ours, in evaluation mode on its device.

    Its logits on random images are compared with ours, and are the same to a thousandth: a GELU by
    its tanh formula passes, another activation does not.

    Args:
        model: Images of its own size to logits. Dropout is left out.

    Raises:
        UsageError: It is another architecture: parts that ours does not have, or other logits.
    """
    weights = _timms_names(model)
    try:
        ours = _build(model, weights)
    except ValidationError as error:
        raise UsageError(f"not a plain ViT: {explain(error, ModelSpec)}") from None
    position = weights.pop("pos_embed", None)
    if position is not None:
        weights["pos_embed.0.table"] = position
    try:
        ours.load_state_dict(weights)
    except RuntimeError as error:
        lines = str(error).splitlines()
        raise UsageError(f"not a plain ViT: {' '.join(lines[1:])[:300].strip()}") from None
    like = next(model.parameters())
    if like.dtype not in (torch.float32, torch.float64):
        raise UsageError(f"a model in {like.dtype} cannot be compared closely: give it in float32")
    ours = ours.to(like.device, like.dtype).eval()
    try:
        _check_logits(ours, model)
    except (RuntimeError, AssertionError) as error:
        what = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UsageError(f"{type(model).__name__} takes no square images as ours: {what}") from None
    return ours


def _timms_names(model: nn.Module) -> dict[str, Tensor]:
    """Weights by timm's names."""
    names = dict(model.named_parameters())
    if "conv_proj.weight" in names:
        renamed = {}
        for name, weight in names.items():
            for theirs, ours in TORCHVISION:
                name = re.sub(theirs, ours, name)
            renamed[name] = weight
        names = renamed
    for needed in ("patch_embed.proj.weight", "blocks.0.attn.qkv.weight", "head.weight"):
        if needed not in names:
            raise UsageError(
                f"{type(model).__name__} is no Vision Transformer of timm or torchvision: "
                f"it has no {needed}"
            )
    return {name: weight.detach() for name, weight in names.items()}


def _build(model: nn.Module, weights: dict[str, Tensor]) -> VisionTransformer:
    """A model of ours of the same sizes."""
    dim, in_chans, patch_size, _ = weights["patch_embed.proj.weight"].shape
    mlp_dim = weights["blocks.0.mlp.fc1.weight"].shape[0]
    class_token = "cls_token" in weights
    position = weights.get("pos_embed")
    if position is None:
        raise UsageError("its positions are not a table that is added to the tokens")
    side = round((position.shape[1] - class_token) ** 0.5)
    spec = ModelSpec(
        patch_size=patch_size,
        embed_dim=dim,
        depth=1 + max(int(name.split(".")[1]) for name in weights if name.startswith("blocks.")),
        num_heads=_num_heads(model),
        mlp_ratio=(mlp_dim + 0.5) / dim,  # which is cut to a whole number of channels
        qkv_bias="blocks.0.attn.qkv.bias" in weights,
        class_token=class_token,
    )
    return VisionTransformer(spec, side * patch_size, in_chans, weights["head.weight"].shape[0])


def _num_heads(model: nn.Module) -> int:
    """Heads of the first attention that says how many it has."""
    for module in model.modules():
        if isinstance(num := getattr(module, "num_heads", None), int):
            return num
    raise UsageError(f"{type(model).__name__} does not say how many heads it has (num_heads)")


@torch.no_grad()
def _check_logits(ours: VisionTransformer, model: nn.Module) -> None:
    """Raise UsageError where the two answer differently."""
    side = ours.patch_embed.grid[0] * ours.patch_embed.proj.kernel_size[0]
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(2, ours.patch_embed.proj.in_channels, side, side, generator=generator)
    images = images.to(ours.head.weight)
    was_training = model.training
    # A GPU's convolutions round to TF32 unless told not to, and ours is a product.
    with torch.backends.cudnn.flags(allow_tf32=False):
        expected = model.eval()(images)
    model.train(was_training)
    if not expected.any():
        raise UsageError(
            f"{type(model).__name__} answers 0 to everything, so it cannot be compared: its head "
            "is not trained"
        )
    apart = (ours(images) - expected).abs().max() / expected.abs().max()
    if not apart < TOLERANCE:
        raise UsageError(
            f"{type(model).__name__} answers otherwise than a plain ViT of its weights: "
            "it has a part that vitbench's model does not have"
        )
