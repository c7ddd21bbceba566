"""Explanations: maps of the patches that a prediction depends on, one method each.

A method takes a model, normalised images (B, C, H, W) on its device and a class per image (B,), and
returns a map over the patches (B, rows, cols), larger where the image supports the class. Scales
differ between methods; only the order of patches is comparable. To add one, write it here and add
its row in registry.py: it is then drawn beside the others, and its faithfulness is measured.

For signed weights, as in differential attention, absolute values are used unless a gradient gives a
sign. Occlusion covers one patch at a time, as deletion does, so its faithfulness score is favoured.
"""

import torch
from torch import Tensor

from vitbench.attention import saliency
from vitbench.attention.heads import maps_over_patches
from vitbench.attention.relevance import gradient_rollout, relevance
from vitbench.attention.rollout import rollout
from vitbench.attention.trace import evaluating, images_at_once, trace
from vitbench.model.vit import VisionTransformer
from vitbench.registry import EXPLANATIONS


def explain(name: str, model: VisionTransformer, inputs: Tensor, classes: Tensor) -> Tensor:
    """The maps of a method for any number of images, a few at a time.

    Args:
        name: Name of the method.
        model: The model; its mode and its gradients are not changed.
        inputs: Normalised images (N, C, H, W) on its device.
        classes: The class of each map (N,).

    Returns:
        (N, rows, cols) on the CPU.

    Raises:
        UnknownNameError: There is no such method.
    """
    method = EXPLANATIONS.get(name)
    at_once = images_at_once(model)
    parts = zip(inputs.split(at_once), classes.split(at_once), strict=True)
    with evaluating(model):
        return torch.cat([method(model, *part).detach().cpu() for part in parts])


def last_attention(model: VisionTransformer, inputs: Tensor, classes: Tensor) -> Tensor:  # noqa: ARG001
    """Attention of the class token in the last layer, mean of heads (ViT, arXiv:2010.11929)."""
    with torch.no_grad():
        last = trace(model, inputs).weights[-1].abs().mean(dim=1)
    return _over_patches(model, last)


def attention_rollout(model: VisionTransformer, inputs: Tensor, classes: Tensor) -> Tensor:  # noqa: ARG001
    """Attention rollout (Abnar and Zuidema, arXiv:2005.00928)."""
    with torch.no_grad():
        weights = torch.stack(trace(model, inputs).weights)
    return _over_patches(model, rollout(weights))


def attention_gradient_rollout(model: VisionTransformer, inputs: Tensor, classes: Tensor) -> Tensor:
    """Rollout of attention times its gradient (after Chefer et al., arXiv:2012.09838)."""
    return _over_patches(model, gradient_rollout(*weights_and_gradients(model, inputs, classes)))


def attention_relevance(model: VisionTransformer, inputs: Tensor, classes: Tensor) -> Tensor:
    """Generic relevance of attention (Chefer et al., arXiv:2103.15679)."""
    joint = relevance(*weights_and_gradients(model, inputs, classes))
    # The part of a patch in itself is not informative.
    itself = torch.eye(joint.shape[-1]).to(joint)
    return _over_patches(model, joint - itself)


def grad_cam(model: VisionTransformer, inputs: Tensor, classes: Tensor) -> Tensor:
    """Grad-CAM on the last tokens that affect the logits separately (arXiv:1610.02391).

    With a class token these are the normalised inputs of the last block: later tokens reach it only
    through attention. Without one they are the outputs of the last block, which are averaged.
    """
    first = model.cls_token is not None
    *blocks, last = model.layers()
    with torch.no_grad():
        tokens = model.embed(inputs)
        for block in blocks if first else (*blocks, last):
            tokens = block(tokens, model.pos_embed)
        features = last.norm1(tokens) if first else tokens  # (B, T, D)
    with torch.enable_grad():
        features = features.requires_grad_()
        after = features
        if first:
            after = tokens + last.attn(features, model.pos_embed)
            after = after + last.mlp(last.norm2(after))
        asked = model.classify(after).gather(1, classes[:, None]).sum()
        (gradient,) = torch.autograd.grad(asked, features)
    patches, slopes = features.detach()[:, first:], gradient[:, first:]
    channels = slopes.mean(dim=1, keepdim=True)  # (B, 1, D), a weight per channel
    maps: Tensor = (patches * channels).sum(dim=-1).clamp(min=0)
    placed: Tensor = maps.unflatten(1, model.patch_embed.grid)
    return placed


def size_of_gradient(model: VisionTransformer, inputs: Tensor, classes: Tensor) -> Tensor:
    """Magnitude of the input gradient, summed over a patch (Simonyan et al., arXiv:1312.6034)."""
    gradient = saliency.input_gradient(model, inputs, classes)
    return saliency.over_patches(gradient.abs(), model.patch_embed.grid)


def integrated(model: VisionTransformer, inputs: Tensor, classes: Tensor) -> Tensor:
    """Integrated gradients from the mean colour (Sundararajan et al., arXiv:1703.01365)."""
    gradient = saliency.integrated_gradients(model, inputs, classes)
    return saliency.over_patches(gradient, model.patch_embed.grid)


def covered(model: VisionTransformer, inputs: Tensor, classes: Tensor) -> Tensor:
    """Decrease of the logit when a patch is covered (Zeiler and Fergus, arXiv:1311.2901)."""
    return saliency.occlusion(model, inputs, classes, model.patch_embed.grid)


def weights_and_gradients(
    model: VisionTransformer, inputs: Tensor, classes: Tensor
) -> tuple[Tensor, Tensor]:
    """Attention weights and the gradients of one logit, both (L, B, H, T, T)."""
    with torch.enable_grad():
        # The weights need a graph even if no parameter requires gradients.
        seen = trace(model, inputs.detach().requires_grad_())
        gradients = torch.autograd.grad(seen.of_classes(classes).sum(), seen.weights)
    return torch.stack(seen.weights).detach(), torch.stack(gradients)


def _over_patches(model: VisionTransformer, weights: Tensor) -> Tensor:
    """The attention of the class token, or without one the mean over patches, as a map."""
    return maps_over_patches(weights, model.patch_embed.grid, model.cls_token is not None)
