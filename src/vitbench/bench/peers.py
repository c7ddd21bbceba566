"""The same ViT as others build it, one registered function each: a spec in, a module out.

Each gives logits of images as ours does. Every one is asked for the same network, and whatever its
library does beside that is noted here.
"""

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from torch import Tensor, nn

from vitbench.config.experiment import ExperimentSpec
from vitbench.errors import UsageError
from vitbench.model.vit import build_model
from vitbench.registry import PEERS

NEAR = 1e-3  # parameters of a peer may differ by this share


def installed_peers() -> list[str]:
    """Names of the peers whose packages are here."""
    return [name for name in PEERS.names() if find_spec(package_of(name)) is not None]


def package_of(name: str) -> str:
    """The package that a peer is imported from."""
    return name.replace("-", "_")


def version_of(name: str) -> str:
    """The installed version of a peer."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "?"


def build_peer(name: str, spec: ExperimentSpec) -> nn.Module:
    """A peer's model of an experiment, its own initial weights.

    Raises:
        UnknownNameError: There is no such peer.
        UsageError: It is not installed, or cannot be the same network.
    """
    build: Callable[[ExperimentSpec], nn.Module] = PEERS.get(name)
    _check_plain(spec, name)
    if find_spec(package_of(name)) is None:
        raise UsageError(f"--against {name}: not installed; pip install 'vitbench[bench]'")
    model = build(spec)
    ours, theirs = (sum(p.numel() for p in m.parameters()) for m in (build_model(spec), model))
    if abs(theirs - ours) > NEAR * ours:
        raise UsageError(
            f"--against {name}: {theirs:,} parameters where ours has {ours:,}: not the same network"
        )
    return model


def _check_plain(spec: ExperimentSpec, name: str) -> None:
    """Raise UsageError where a spec asks for what not every peer has."""
    model = spec.model
    plain = {
        "model.pos_embed": [choice.name for choice in model.pos_embed] == ["learned-1d"],
        "model.attention": model.attention.name == "softmax",
        "model.class_token": model.class_token,
        "model.qkv_bias": model.qkv_bias,
        "model.drop_rate": model.drop_rate == 0,
        "model.attn_drop_rate": model.attn_drop_rate == 0,
        "model.drop_path_rate": model.drop_path_rate == 0,
    }
    odd = [field for field, as_all in plain.items() if not as_all]
    if odd:
        raise UsageError(f"--against {name}: it has nothing like this {odd[0]}; leave it as it is")


def timm(spec: ExperimentSpec) -> nn.Module:
    """PyTorch Image Models' VisionTransformer."""
    from timm.models.vision_transformer import VisionTransformer

    model, data = spec.model, spec.data
    return VisionTransformer(  # type: ignore[no-any-return]
        img_size=data.img_size,
        patch_size=model.patch_size,
        in_chans=data.in_chans,
        num_classes=data.num_classes,
        embed_dim=model.embed_dim,
        depth=model.depth,
        num_heads=model.num_heads,
        mlp_ratio=model.mlp_ratio,
    )


def torchvision(spec: ExperimentSpec) -> nn.Module:
    """Torchvision's VisionTransformer; images of three channels."""
    from torchvision.models.vision_transformer import VisionTransformer

    model, data = spec.model, spec.data
    if data.in_chans != 3:
        raise UsageError("--against torchvision: its ViT takes three channels alone")
    return VisionTransformer(  # type: ignore[no-any-return]
        image_size=data.img_size,
        patch_size=model.patch_size,
        num_layers=model.depth,
        num_heads=model.num_heads,
        hidden_dim=model.embed_dim,
        mlp_dim=model.mlp_dim,
        num_classes=data.num_classes,
    )


class _Logits(nn.Module):
    """A model of transformers whose output is the logits alone."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.model(pixel_values=images).logits
        return logits


def transformers(spec: ExperimentSpec) -> nn.Module:
    """Hugging Face's ViTForImageClassification, with fused attention (SDPA)."""
    from transformers import ViTConfig, ViTForImageClassification

    model, data = spec.model, spec.data
    config = ViTConfig(
        image_size=data.img_size,
        patch_size=model.patch_size,
        num_channels=data.in_chans,
        hidden_size=model.embed_dim,
        num_hidden_layers=model.depth,
        num_attention_heads=model.num_heads,
        intermediate_size=model.mlp_dim,
        num_labels=data.num_classes,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        attn_implementation="sdpa",
    )
    return _Logits(ViTForImageClassification(config))


def vit_pytorch(spec: ExperimentSpec) -> nn.Module:
    """Lucidrains' ViT, made the same network: biases of q, k and v, no norms at the patches."""
    from vit_pytorch import ViT

    model, data = spec.model, spec.data
    vit = ViT(
        image_size=data.img_size,
        patch_size=model.patch_size,
        num_classes=data.num_classes,
        dim=model.embed_dim,
        depth=model.depth,
        heads=model.num_heads,
        dim_head=model.embed_dim // model.num_heads,
        mlp_dim=model.mlp_dim,
        channels=data.in_chans,
        pool="cls",
    )
    rearrange, _, project, _ = vit.to_patch_embedding
    vit.to_patch_embedding = nn.Sequential(rearrange, project)
    for attention, _ in vit.transformer.layers:
        attention.to_qkv = nn.Linear(model.embed_dim, 3 * model.embed_dim)
    return vit  # type: ignore[no-any-return]
