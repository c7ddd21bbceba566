"""Convert Vision Transformers of timm and torchvision: the same weights, the same logits.

Then all analyses work on them. Neither library is imported: a model is recognised by its parts.
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
# torchvision's name of a part, and timm's, which vitbench uses.
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
# Attributes in which DataParallel, DistributedDataParallel, AveragedModel, timm's ModelEmaV2 and
# torch.compile keep the wrapped model.
WRAPPED = ("module", "_orig_mod")
BLOCK = re.compile(r"^blocks\.(\d{1,4})\.")
PREFIX = re.compile(r"^((module|_orig_mod|model)\.)+")  # `model.` is from Lightning
INSIDE = (
    "state_dict",
    "model_state_dict",
    "state_dict_ema",
    "model",
)  # in a checkpoint of a training
# Parts that a plain ViT does not have: pattern of parameter names, and description.
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
    """Convert a VisionTransformer of timm or torchvision, in evaluation mode on its device.

    The logits on random images are compared and agree to a thousandth: a GELU with the tanh formula
    passes, another activation does not.

    A state dict has only shapes: it is accepted if every part belongs to a plain ViT, and no logits
    are compared. An activation other than GELU is not detected.

    Args:
        model: The model, with or without a wrapper (DataParallel, torch.compile, an average of
            weights); or its state dict. Dropout is ignored.
        num_heads: Heads of each layer; required for a state dict.

    Raises:
        UsageError: It is another architecture: unknown parts, or other logits.
    """
    if isinstance(model, Mapping):
        weights = _timms_names(_state_dict(model), "the state dict")
        if num_heads is None:
            dim = weights["blocks.0.attn.qkv.weight"].shape[-1]
            raise UsageError(
                "a state dict does not contain the number of heads: give num_heads, a divisor of "
                f"{dim}, such as adopt(weights, num_heads={max(1, dim // 64)})"
            )
        return _with_weights(weights, num_heads).eval()
    model = _unwrapped(model)
    kind = type(model).__name__
    weights = _timms_names(dict(model.named_parameters()), kind)
    heads = _num_heads(model)
    if num_heads not in (None, heads):
        raise UsageError(f"{kind} has {heads} heads, not {num_heads}: omit num_heads")
    ours = _with_weights(weights, heads).eval()
    try:
        _check_logits(ours, model)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"{kind} takes no square images as ours: {first_line(error)}") from None
    return ours


def _unwrapped(model: nn.Module) -> nn.Module:
    """The model inside any number of wrappers."""
    while True:
        parts = dict(model.named_children())  # a compiled model has the attributes of its inner one
        if "patch_embed" in parts or "conv_proj" in parts:
            return model
        inner = next((parts[name] for name in WRAPPED if name in parts), None)
        if inner is None:
            return model
        model = inner


def _state_dict(loaded: Mapping[str, Any]) -> dict[str, Tensor]:
    """The weights of a state dict, or of a training checkpoint that contains one."""
    inside = [loaded[name] for name in INSIDE if isinstance(loaded.get(name), Mapping)]
    if inside and not any(isinstance(value, Tensor) for value in loaded.values()):
        loaded = inside[0]
    named = {PREFIX.sub("", str(name)): value for name, value in loaded.items()}
    return {
        name: value
        for name, value in named.items()
        if isinstance(value, Tensor) and name != "n_averaged"  # the counter of AveragedModel
    }


def _with_weights(weights: dict[str, Tensor], num_heads: int) -> VisionTransformer:
    """A vitbench model with these weights, with their dtype and device."""
    like = weights["head.weight"]
    if like.dtype not in (torch.float32, torch.float64):
        raise UsageError(
            f"a model in {like.dtype} cannot be compared precisely: convert it to float32"
        )
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
    """Weights with timm's names.

    Raises:
        UsageError: They belong to another architecture.
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
                f"{whose} is not a Vision Transformer of timm or torchvision: it has no {name}"
            )
        if names[name].ndim != axes:
            raise UsageError(f"not a plain ViT: {name} has {names[name].ndim} axes, not {axes}")
    if parts := _unknown_parts(names):
        raise UsageError(
            f"not a plain ViT: it has {' and '.join(parts)}, which vitbench's model does not have"
        )
    return {name: weight.detach() for name, weight in names.items()}


def _unknown_parts(names: Iterable[str]) -> list[str]:
    """Parts of a model that a plain ViT does not have, in words."""
    return [
        words
        for pattern, words in UNKNOWN_PARTS.items()
        if any(re.search(pattern, name) for name in names)
    ]


def _build(weights: dict[str, Tensor], num_heads: int) -> VisionTransformer:
    """A vitbench model with the same sizes."""
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
        raise UsageError(f"it has {places} positions, which do not form a square image")
    spec = ModelSpec(
        patch_size=patch_size,
        embed_dim=dim,
        depth=1 + max(int(found[1]) for name in weights if (found := BLOCK.match(name))),
        num_heads=num_heads,
        mlp_ratio=(mlp_dim + 0.5) / dim,  # truncated to a whole number of channels
        qkv_bias="blocks.0.attn.qkv.bias" in weights,
        class_token=class_token,
    )
    return VisionTransformer(spec, side * patch_size, in_chans, weights["head.weight"].shape[0])


def _num_heads(model: nn.Module) -> int:
    """Number of heads of the first attention that has one."""
    for module in model.modules():
        if isinstance(num := getattr(module, "num_heads", None), int):
            return num
    raise UsageError(f"{type(model).__name__} has no attribute num_heads")


@torch.no_grad()
def _check_logits(ours: VisionTransformer, model: nn.Module) -> None:
    """Raise UsageError if the logits differ."""
    side = ours.patch_embed.grid[0] * ours.patch_embed.proj.kernel_size[0]
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(2, ours.patch_embed.proj.in_channels, side, side, generator=generator)
    images = images.to(ours.head.weight)
    was_training = model.training
    # By default a GPU's convolutions round to TF32, and vitbench's matrix product does not.
    with torch.backends.cudnn.flags(allow_tf32=False):
        expected = model.eval()(images)
    model.train(was_training)
    if not expected.any():
        raise UsageError(
            f"{type(model).__name__} gives only zeros, so it cannot be compared: its head is not "
            "trained"
        )
    apart = (ours(images) - expected).abs().max() / expected.abs().max()
    if not apart < TOLERANCE:
        raise UsageError(
            f"{type(model).__name__} gives other logits than a plain ViT with its weights: it has "
            "a part that vitbench's model does not have"
        )
