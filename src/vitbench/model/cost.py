"""The cost of a model: parameters, and nominal FLOPs at 2 per multiply-add."""

from dataclasses import dataclass

import torch

from vitbench.config.experiment import ExperimentSpec
from vitbench.model.vit import build_model
from vitbench.registry import ATTENTIONS


@dataclass(frozen=True)
class TrainingCost:
    """Cost of a model and of a training with it.

    Attributes:
        num_params: Trainable parameters.
        forward_flop: FLOPs of one image through the whole network, matrix products alone.
        train_flop: FLOPs of the whole training, a backward pass being two forward passes;
            validation and test are left out.
    """

    num_params: int
    forward_flop: int
    train_flop: int


def cost_of(spec: ExperimentSpec) -> TrainingCost:
    """Cost of an experiment; the model is built without memory.

    Raises:
        UsageError: The model cannot be built.
    """
    with torch.device("meta"):
        model = build_model(spec)
    forward = forward_flop(spec)
    steps = spec.data.train_size // spec.train.batch_size * spec.train.epochs
    return TrainingCost(
        num_params=sum(p.numel() for p in model.parameters()),
        forward_flop=forward,
        train_flop=3 * forward * steps * spec.train.batch_size,
    )


def forward_flop(spec: ExperimentSpec) -> int:
    """FLOPs of a forward pass of one image: its matrix products, 2 per multiply-add.

    Norms, softmax, GELU, biases and additions are not counted, as is usual.
    """
    model, data = spec.model, spec.data
    dim = model.embed_dim
    patches = (data.img_size // model.patch_size) ** 2
    tokens = patches + model.class_token
    embed = patches * dim * data.in_chans * model.patch_size**2
    products = tokens * dim * (4 * dim + 2 * model.mlp_dim)  # qkv, proj, fc1, fc2
    kind = ATTENTIONS.get(model.attention.name)
    attention = tokens * tokens * dim * (1 + kind.value_products)  # scores, and weighted values
    return 2 * (embed + model.depth * (products + attention) + dim * data.num_classes)
