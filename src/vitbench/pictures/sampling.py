"""The number of test images for the scores of `visualize all`, so that it ends within a minute.

It follows from the cost of a score with the model, not from a clock, so the same model gives the
same pictures on every machine. A single kind uses FULL images.
"""

from vitbench.attention.faithfulness import STEPS
from vitbench.config.experiment import ExperimentSpec
from vitbench.model.cost import forward_flop
from vitbench.registry import EXPLANATIONS

FULL = 500
LEAST = 5
FITTED_ON = 500  # validation images of probes
# FLOP budget of each kind. Two cores compute about 60 GFLOP/s, so 1e12 take about 17 seconds.
BUDGETS = {
    "explanations": 0.4e12,
    "sanity": 0.6e12,
    "heads": 0.05e12,
    "ablation": 0.15e12,
    "tokens": 0.1e12,
    "sensitivity": 0.1e12,
}
# Softmax, copies and other work per weight, in FLOP.
FLOP_OF_A_WEIGHT = 200
GRADIENT = 3  # a forward and a backward pass, in forward passes
INTEGRATION = 20  # points of integrated gradients


def sample_size(kind: str, spec: ExperimentSpec) -> int:
    """Test images of a kind in `all`: as many as its budget allows, LEAST to FULL, in fives."""
    model = spec.model
    patches = (spec.data.img_size // model.patch_size) ** 2
    tokens = patches + model.class_token
    weights = model.depth * model.num_heads * tokens**2
    forward = forward_flop(spec) + FLOP_OF_A_WEIGHT * weights
    size = int(BUDGETS[kind] / (forward * _passes(kind, patches, model.depth, model.num_heads)))
    return max(LEAST, min(FULL, size // 5 * 5))


def _passes(kind: str, patches: int, depth: int, num_heads: int) -> int:
    """Approximate number of forward passes per image."""
    # Two maps of attention, four of a gradient, integrated gradients, and occlusion.
    maps = 2 + 4 * GRADIENT + INTEGRATION * GRADIENT + patches + 1
    return {
        "explanations": maps + (len(EXPLANATIONS.names()) + 2) * (2 * STEPS - 1),
        "sanity": maps * (depth + 3),
        "heads": 5,
        "ablation": depth * num_heads + 3 * depth + 2,
        "tokens": 5,
        "sensitivity": 10,
    }[kind]
