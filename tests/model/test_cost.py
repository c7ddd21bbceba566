import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from vitbench.model.cost import cost_of, forward_flop
from vitbench.model.vit import build_model
from vitbench.spec.overrides import build_spec

SPECS = [
    {},
    {"model.patch_size": 8, "model.depth": 2, "model.class_token": False},
    {
        "model.embed_dim": 36,
        "model.num_heads": 3,
        "model.mlp_ratio": 1.5,
        "model.pos_embed": "none",
    },
    {"model.attention": "differential", "model.depth": 3},
    {"model.qkv_bias": False, "model.pos_embed": ["learned-2d", "sinusoidal"]},
]


@pytest.mark.parametrize("fields", SPECS)
def test_flops_and_parameters_are_those_of_the_real_model(fields) -> None:
    spec = build_spec(fields)
    model = build_model(spec).eval()

    counter = FlopCounterMode(display=False)  # it knows the plain products, not each fused kernel
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), counter:
        model(torch.zeros(1, 3, 32, 32))

    assert forward_flop(spec) == counter.get_total_flops()
    assert cost_of(spec).num_params == sum(p.numel() for p in model.parameters())


def test_flops_of_a_tiny_model_by_hand() -> None:
    """32 px, patch 16: 4 patches and a class token are 5 tokens of 8 channels.

    Patches 4 * (16 * 16 * 3) * 8 = 24,576 multiply-adds; a block's matrices
    5 * (3 + 1 + 2 + 2) * 8 * 8 = 2,560, scores and values 2 * 5 * 5 * 8 = 400; the head
    8 * 10 = 80. In all 27,616, twice that in FLOP.
    """
    spec = build_spec(
        {"model.patch_size": 16, "model.embed_dim": 8, "model.num_heads": 2, "model.depth": 1,
         "model.mlp_ratio": 2, "train.epochs": 2, "train.batch_size": 100}
    )  # fmt: skip

    cost = cost_of(spec)

    assert cost.forward_flop == 55_232
    assert cost.train_flop == 3 * 55_232 * 2 * 45_000
