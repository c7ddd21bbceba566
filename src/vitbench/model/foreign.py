"""Vision Transformers of timm and torchvision as ours: the same weights, the same logits.

So that what looks into our models looks into theirs. Neither library is imported: a model is known
by its parts.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from vitbench.config.build import explain
from vitbench.config.model import ModelSpec
from vitbench.errors import UsageError, first_line
from vitbench.model.vit import VisionTransformer

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
# What DataParallel, DistributedDataParallel, AveragedModel and timm's ModelEmaV2 call the model
# that they wrap, and what torch.compile does.
WRAPPED = ("module", "_orig_mod")
BLOCK = re.compile(r"^blocks\.(\d{1,4})\.")
PREFIX = re.compile(r"^((module|_orig_mod|model)\.)+")  # `model.` is Lightning's
INSIDE = ("state_dict", "model_state_dict", "state_dict_ema", "model")  # of a training's checkpoint
# Parts that a plain ViT does not have: in a parameter's name, and what they are called.
UNKNOWN_PARTS = {
    r"^fc_norm\.": "a norm after the mean over tokens (fc_norm, of global_pool='avg')",
    r"^reg_token$": "register tokens (reg_tokens)",
    r"^dist_token$|^head_dist\.": "a distillation token (DeiT)",
    r"\.ls[12]\.gamma$|\.gamma_[12]$": "layer scale (init_values)",
    r"\.attn\.[qk]_norm\.": "norms of queries and keys (qk_norm)",
    r"\.attn\.norm\.|\.mlp\.norm\.": "a norm inside its blocks (scale_attn_norm, scale_mlp_norm)",
    r"\.attn\.(relative_position_bias_table|rel_pos\.)": "relative positions",
    r"^norm_pre\.": "a norm before its blocks (pre_norm)",
    r"^patch_embed\.norm\.": "a norm of its patches",
    r"^attn_pool\.": "attention pooling (global_pool='map')",
}


def adopt(model: nn.Module | Mapping[str, Any], num_heads: int | None = None) -> VisionTransformer:
    """A VisionTransformer of timm or torchvision as ours, in evaluation mode on its device.

    Its logits on random images are compared with ours, and are the same to a thousandth: a GELU by
    its tanh formula passes, another activation does not.

    A state dict has shapes alone: it is taken as a plain ViT's where every part of it is one, and
    nothing compares its logits. An activation other than GELU is not seen.

    Args:
        model: Images of its own size to logits, in a wrapper (DataParallel, torch.compile, an
            average of weights) or not; or its state dict. Dropout is left out.
        num_heads: Heads of each layer; a state dict does not say how many, a model does.

    Raises:
        UsageError: It is another architecture: parts that ours does not have, or other logits.
    """
    if isinstance(model, Mapping):
        weights = _timms_names(_state_dict(model), "the state dict")
        if num_heads is None:
            dim = weights["blocks.0.attn.qkv.weight"].shape[-1]
            raise UsageError(
                "a state dict does not say how many heads its model has: give num_heads, a divisor "
                f"of {dim}, as adopt(weights, num_heads={max(1, dim // 64)})"
            )
        return _with_weights(weights, num_heads).eval()
    model = _unwrapped(model)
    kind = type(model).__name__
    weights = _timms_names(dict(model.named_parameters()), kind)
    heads = _num_heads(model)
    if num_heads not in (None, heads):
        raise UsageError(f"{kind} has {heads} heads, not {num_heads}: leave num_heads out")
    ours = _with_weights(weights, heads).eval()
    try:
        _check_logits(ours, model)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"{kind} takes no square images as ours: {first_line(error)}") from None
    return ours


def _unwrapped(model: nn.Module) -> nn.Module:
    """The model inside any number of wrappers."""
    while True:
        parts = dict(model.named_children())  # torch.compile's has the attributes of its inner one
        if "patch_embed" in parts or "conv_proj" in parts:
            return model
        inner = next((parts[name] for name in WRAPPED if name in parts), None)
        if inner is None:
            return model
        model = inner


def _state_dict(loaded: Mapping[str, Any]) -> dict[str, Tensor]:
    """The weights of a state dict, or of the checkpoint of a training that has one inside."""
    inside = [loaded[name] for name in INSIDE if isinstance(loaded.get(name), Mapping)]
    if inside and not any(isinstance(value, Tensor) for value in loaded.values()):
        loaded = inside[0]
    named = {PREFIX.sub("", str(name)): value for name, value in loaded.items()}
    return {
        name: value
        for name, value in named.items()
        if isinstance(value, Tensor) and name != "n_averaged"  # AveragedModel's count
    }


def _with_weights(weights: dict[str, Tensor], num_heads: int) -> VisionTransformer:
    """A model of ours with such weights, of their type and on their device."""
    like = weights["head.weight"]
    if like.dtype not in (torch.float32, torch.float64):
        raise UsageError(f"a model in {like.dtype} cannot be compared closely: give it in float32")
    try:
        ours = _build(weights, num_heads)
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
    return ours.to(like.device, like.dtype)


def _timms_names(names: dict[str, Tensor], whose: str) -> dict[str, Tensor]:
    """Weights by timm's names.

    Raises:
        UsageError: They are of another architecture.
    """
    if "conv_proj.weight" in names:
        renamed = {}
        for name, weight in names.items():
            for theirs, ours in TORCHVISION:
                name = re.sub(theirs, ours, name)
            renamed[name] = weight
        names = renamed
    needed = {
        "patch_embed.proj.weight": 4,
        "blocks.0.attn.qkv.weight": 2,
        "blocks.0.mlp.fc1.weight": 2,
        "head.weight": 2,
    }
    for name, axes in needed.items():
        if name not in names:
            raise UsageError(
                f"{whose} is no Vision Transformer of timm or torchvision: it has no {name}"
            )
        if names[name].ndim != axes:
            raise UsageError(f"not a plain ViT: {name} has {names[name].ndim} axes, not {axes}")
    if parts := _unknown_parts(names):
        raise UsageError(
            f"not a plain ViT: it has {' and '.join(parts)}, which vitbench's model does not have"
        )
    return {name: weight.detach() for name, weight in names.items()}


def _unknown_parts(names: Iterable[str]) -> list[str]:
    """What a model has that a plain ViT does not, in words."""
    return [
        words
        for pattern, words in UNKNOWN_PARTS.items()
        if any(re.search(pattern, name) for name in names)
    ]


def _build(weights: dict[str, Tensor], num_heads: int) -> VisionTransformer:
    """A model of ours of the same sizes."""
    dim, in_chans, patch_size, _ = weights["patch_embed.proj.weight"].shape
    mlp_dim = weights["blocks.0.mlp.fc1.weight"].shape[0]
    class_token = "cls_token" in weights
    position = weights.get("pos_embed")
    if position is None or position.ndim != 3:
        raise UsageError("its positions are not a table that is added to the tokens")
    places = position.shape[1]
    side = round(max(places - class_token, 0) ** 0.5)
    if class_token and side**2 != places - 1 and round(places**0.5) ** 2 == places:
        raise UsageError(
            "not a plain ViT: its class token has no position (no_embed_class), which vitbench's "
            "model does not have"
        )
    if side**2 != places - class_token or not side:
        raise UsageError(f"it has {places} positions: those of no square image")
    spec = ModelSpec(
        patch_size=patch_size,
        embed_dim=dim,
        depth=1 + max(int(found[1]) for name in weights if (found := BLOCK.match(name))),
        num_heads=num_heads,
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
