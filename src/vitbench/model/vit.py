"""VisionTransformer: the forward pass on one screen.

Modules have timm's names, so that weights can be copied and logits compared.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import cast

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from vitbench.config.experiment import ExperimentSpec
from vitbench.config.model import ModelSpec
from vitbench.config.seeds import derive_seed
from vitbench.model.attention import AttentionSettings
from vitbench.model.block import NORM_EPS, Block
from vitbench.model.dropout import Dropout, current_generator, same_draws
from vitbench.model.patch import PatchEmbed
from vitbench.model.position import PositionSum, TokenLayout, build_positions
from vitbench.registry import ATTENTIONS, POSITIONS


class VisionTransformer(nn.Module):
    """A Vision Transformer for small images (Dosovitskiy et al., arXiv:2010.11929), pre-norm.

    Args:
        spec: Sizes and choices.
        img_size: Side of an image in pixels.
        in_chans: Channels of an image.
        num_classes: Number of classes.

    Attributes:
        recompute: Whether to recompute activations in the backward pass.

    Raises:
        UsageError: A position or an attention kind does not fit the sizes.
    """

    recompute = False

    def __init__(self, spec: ModelSpec, img_size: int, in_chans: int, num_classes: int) -> None:
        super().__init__()
        dim = spec.embed_dim
        self.patch_embed = PatchEmbed(img_size, spec.patch_size, in_chans, dim)
        self.cls_token = nn.Parameter(torch.empty(1, 1, dim)) if spec.class_token else None
        self.pos_drop = Dropout(spec.drop_rate)
        kind = ATTENTIONS.get(spec.attention.name)
        self.blocks = nn.ModuleList(
            Block(
                dim,
                kind(
                    AttentionSettings(
                        dim,
                        spec.num_heads,
                        layer,
                        spec.qkv_bias,
                        spec.attn_drop_rate,
                        spec.drop_rate,
                    ),
                    **spec.attention.options,
                ),
                spec.mlp_dim,
                spec.drop_rate,
                spec.drop_path_rate * layer / max(spec.depth - 1, 1),
            )
            for layer in range(spec.depth)
        )
        self.norm = nn.LayerNorm(dim, eps=NORM_EPS)
        self.head = nn.Linear(dim, num_classes)
        self._init_weights(spec.init)
        # Positions last, so that their draws do not change the initial weights of the rest.
        layout = TokenLayout(self.patch_embed.grid, dim, spec.num_heads, spec.class_token)
        self.pos_embed = build_positions(spec.pos_embed, layout)

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) to logits (B, classes)."""
        tokens = self.embed(images)
        *blocks, last = self.layers()
        recompute = self.recompute and torch.is_grad_enabled()
        for block in blocks:
            if recompute:
                tokens = _recomputed(block, tokens, self.pos_embed)
            else:
                tokens = block(tokens, self.pos_embed)
        # Of the last block's output only the class token is used.
        tokens = last(tokens, self.pos_embed, None if self.cls_token is None else 1)
        return self.classify(tokens)

    def embed(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) to tokens with positions (B, T, D), the class token first if any."""
        tokens = self.pos_embed(self.patch_embed(images))  # (B, N, D)
        if self.cls_token is not None:
            placed = self.pos_embed.class_token()
            cls_token = self.cls_token if placed is None else self.cls_token + placed
            tokens = torch.cat([cls_token.expand(len(tokens), -1, -1), tokens], dim=1)
        return self.pos_drop(tokens)

    def classify(self, tokens: Tensor) -> Tensor:
        """The last block's tokens (B, T, D) to logits (B, classes)."""
        if self.cls_token is not None:
            # Norms act per token: the other tokens are not needed.
            return self.head(self.norm(tokens[:, 0]))
        return self.head(self.norm(tokens).mean(dim=1))

    def layers(self) -> Iterator[Block]:
        """The blocks in their order."""
        return cast(Iterator[Block], iter(self.blocks))

    def _init_weights(self, init: str) -> None:
        """Draw weights; biases are zero, norms are the identity."""
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                if init == "trunc-normal":
                    nn.init.trunc_normal_(module.weight, std=0.02)
                else:
                    nn.init.normal_(module.weight, std=module.weight[0].numel() ** -0.5)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        if self.cls_token is not None:
            nn.init.normal_(self.cls_token, std=0.02)


def _recomputed(block: Block, tokens: Tensor, position: PositionSum) -> Tensor:
    """The output of a block, which is recomputed in the backward pass."""
    if torch.compiler.is_compiling() or current_generator() is None:
        recomputed = checkpoint(block, tokens, position, use_reentrant=False)
    else:
        recomputed = checkpoint(
            block,
            tokens,
            position,
            use_reentrant=False,
            preserve_rng_state=False,  # of the default generator, which is not used here
            context_fn=same_draws,
        )
    return cast(Tensor, recomputed)


def build_model(spec: ExperimentSpec) -> VisionTransformer:
    """The model of an experiment with its initial weights, on the current default device.

    The weights depend only on the seed and the fields of the model. The caller's generators are not
    changed.

    Raises:
        UsageError: A position or an attention kind does not fit the sizes.
    """
    data = spec.data
    with torch.random.fork_rng(devices=[]):
        # torch.manual_seed would also reseed the generators of all GPUs.
        torch.default_generator.manual_seed(derive_seed(spec.seed, "init"))
        return VisionTransformer(spec.model, data.img_size, data.in_chans, data.num_classes)


def shapes_of(spec: ExperimentSpec) -> VisionTransformer:
    """The model of an experiment without memory, for the shapes of its weights; do not change it.

    It is cached, because many runs have the same model.

    Raises:
        UsageError: A position or an attention kind does not fit the sizes.
    """
    model, data = spec.model, spec.data
    kinds = (
        ATTENTIONS.get(model.attention.name),
        *(POSITIONS.get(p.name) for p in model.pos_embed),
    )
    sizes = data.img_size, data.in_chans, data.num_classes
    return _without_memory(model.model_dump_json(), kinds, sizes)


@lru_cache(maxsize=16)
def _without_memory(
    fields: str,
    kinds: tuple[object, ...],  # noqa: ARG001 (part of the cache key)
    sizes: tuple[int, int, int],
) -> VisionTransformer:
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        return VisionTransformer(ModelSpec.model_validate_json(fields), *sizes)
