"""Cost against PyTorch's own counter, and by hand."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from vitbench.config.build import build_spec
from vitbench.model.cost import cost_of, forward_flop
from vitbench.model.vit import VisionTransformer, build_model

SPECS = [
    {},
    {"model.patch_size": 8, "model.depth": 2, "model.class_token": False},
    {"model.patch_size": 16, "model.embed_dim": 36, "model.num_heads": 3, "model.mlp_ratio": 1.5},
    {"model.qkv_bias": False, "model.pos_embed": ["learned-2d", "sinusoidal"]},
    {"data.dataset": "shapes", "data.val_size": 100, "model.pos_embed": "none", "model.depth": 1},
    {"model.patch_size": 8, "model.depth": 2, "model.attention": "differential"},
    {"model.patch_size": 8, "model.depth": 2, "model.attention": "differential-published"},
]
TINY = {
    "model.patch_size": 16,
    "model.embed_dim": 8,
    "model.num_heads": 2,
    "model.depth": 1,
    "model.mlp_ratio": 2,
}


def counted(forward: Callable[[Tensor], Tensor]) -> int:
    """FLOPs of an image; the counter knows the plain products, not each fused kernel."""
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), counter:
        forward(torch.zeros(1, 3, 32, 32))
    return counter.get_total_flops()


def whole_network(model: VisionTransformer, images: Tensor) -> Tensor:
    """A forward pass in which every token goes through every block, read or not."""
    tokens = model.embed(images)
    for block in model.layers():
        tokens = block(tokens, model.pos_embed)
    return model.classify(tokens)


@pytest.mark.parametrize("fields", SPECS)
def test_flops_and_parameters_are_those_of_the_real_model(fields) -> None:
    spec = build_spec(fields)
    model = build_model(spec).eval()

    assert forward_flop(spec) == counted(lambda images: whole_network(model, images))
    assert cost_of(spec).num_params == sum(p.numel() for p in model.parameters())


def test_what_the_last_block_need_not_do_is_not_done() -> None:
    """Of 65 tokens 64 skip the last block's queries, output and MLP; the count stays nominal."""
    spec = build_spec({"model.depth": 2, "model.embed_dim": 64, "model.mlp_ratio": 2})
    model = build_model(spec).eval()
    dim, tokens = 64, 65
    saved = 2 * (tokens - 1) * (dim * dim + 2 * dim * 2 * dim + 2 * tokens * dim)

    assert counted(model) == forward_flop(spec) - saved


def test_flops_of_a_tiny_model_by_hand() -> None:
    """32 px, patch 16: 4 patches and a class token are 5 tokens of 8 channels.

    Patches 4 * (16 * 16 * 3) * 8 = 24,576 multiply-adds; a block's matrices
    5 * (3 + 1 + 2 + 2) * 8 * 8 = 2,560, scores and values 2 * 5 * 5 * 8 = 400; the head
    8 * 10 = 80. In all 27,616, twice that in FLOP. A training step costs three forward passes.
    """
    spec = build_spec(TINY, {"train.epochs": 2, "train.batch_size": 100})

    cost = cost_of(spec)

    assert cost.forward_flop == 55_232
    assert cost.train_flop == 3 * 55_232 * 2 * 45_000


def test_images_that_fill_no_batch_are_not_paid_for() -> None:
    """45,000 images in batches of 128 are 351 steps, 44,928 images."""
    cost = cost_of(build_spec(TINY, {"train.epochs": 1, "train.batch_size": 128}))

    assert cost.train_flop == 3 * cost.forward_flop * 44_928


def test_parameters_of_a_tiny_model_by_hand() -> None:
    """Patches 768 * 8 + 8 = 6,152; class token 8; positions 5 * 8 = 40.

    The block: two norms 2 * 16 = 32, qkv 8 * 24 + 24 = 216, proj 8 * 8 + 8 = 72, MLP
    8 * 16 + 16 + 16 * 8 + 8 = 280, in all 600. The last norm 16, the head 8 * 10 + 10 = 90.
    """
    assert cost_of(build_spec(TINY)).num_params == 6_152 + 8 + 40 + 600 + 16 + 90


def test_a_model_too_large_for_any_memory_has_a_cost() -> None:
    spec = build_spec({"model.embed_dim": 65_536, "model.depth": 24})

    assert cost_of(spec).num_params == pytest.approx(24 * 12 * 65_536**2, rel=1e-3)
