"""Saliency of pixels for any differentiable model, as baselines for attention maps.

All return maps (B, C, H, W) or (B, rows, cols), larger where the image supports the class.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

AT_ONCE = 500  # images per forward pass
GRADIENTS_AT_ONCE = 200  # and with a backward pass
Model = Callable[[Tensor], Tensor]  # normalised images (B, C, H, W) to logits (B, classes)


def input_gradient(model: Model, inputs: Tensor, classes: Tensor) -> Tensor:
    """The gradient of one logit with respect to every pixel (Simonyan et al., arXiv:1312.6034).

    Args:
        model: Images to logits.
        inputs: Normalised images (B, C, H, W).
        classes: The class of each map (B,).

    Returns:
        (B, C, H, W), with sign.
    """
    inputs = inputs.detach().requires_grad_()
    with torch.enable_grad():
        asked = model(inputs).gather(1, classes[:, None]).sum()
        (gradient,) = torch.autograd.grad(asked, inputs)
    return gradient


def integrated_gradients(
    model: Model, inputs: Tensor, classes: Tensor, blank: float = 0.0, num_steps: int = 20
) -> Tensor:
    """Integrated gradients from a blank image (Sundararajan et al., arXiv:1703.01365).

    The integral uses the Gauss-Legendre rule; its values sum to the difference of the logit between
    the image and the blank image, up to the error of that rule.

    Args:
        model: Images to logits.
        inputs: Normalised images (B, C, H, W).
        classes: The class of each map (B,).
        blank: Value of the blank image; 0 is the data set's mean colour.
        num_steps: Points of the integral.

    Returns:
        (B, C, H, W), with sign.
    """
    places, weights = np.polynomial.legendre.leggauss(num_steps)  # on -1 to 1
    places, weights = ((places + 1) / 2).tolist(), (weights / 2).tolist()
    difference = inputs - blank
    total = torch.zeros_like(inputs)
    # Several points in each forward pass, so that batches are full.
    several = max(1, GRADIENTS_AT_ONCE // len(inputs))
    for start in range(0, num_steps, several):
        some = places[start : start + several]
        along = torch.cat([blank + place * difference for place in some])
        gradients = input_gradient(model, along, classes.repeat(len(some)))
        for weight, gradient in zip(weights[start:], gradients.chunk(len(some)), strict=False):
            total += weight * gradient
    return total * difference


@torch.no_grad()
def occlusion(
    model: Model, inputs: Tensor, classes: Tensor, grid: tuple[int, int], blank: float = 0.0
) -> Tensor:
    """Decrease of a logit when a patch is covered (Zeiler and Fergus, arXiv:1311.2901).

    Args:
        model: Images to logits.
        inputs: Normalised images (B, C, H, W).
        classes: The class of each map (B,).
        grid: Rows and columns of patches, which divide the image.
        blank: What covers a patch; 0 is the data set's mean colour.

    Returns:
        (B, rows, cols), with sign.
    """
    rows, cols = grid
    height, width = inputs.shape[-2] // rows, inputs.shape[-1] // cols
    whole = model(inputs).gather(1, classes[:, None]).squeeze(1)  # (B,)
    falls = []
    several = max(1, AT_ONCE // len(inputs))  # patches: few images alone take as long
    for some in torch.arange(rows * cols).split(several):
        covered = inputs.repeat(len(some), 1, 1, 1, 1)  # (K, B, C, H, W)
        for one, patch in zip(covered, some.tolist(), strict=True):
            down, right = patch // cols * height, patch % cols * width
            one[..., down : down + height, right : right + width] = blank
        asked = classes.repeat(len(some))[:, None]
        left = model(covered.flatten(0, 1)).gather(1, asked).unflatten(0, (len(some), -1))
        falls.append(whole - left.squeeze(2))  # (K, B)
    placed: Tensor = torch.cat(falls).T.unflatten(1, grid)
    return placed


def over_patches(pixels: Tensor, grid: tuple[int, int]) -> Tensor:
    """Sum pixels (B, C, H, W) over channels and over each patch: (B, rows, cols)."""
    rows, cols = grid
    of_patches = pixels.sum(dim=1).unflatten(2, (cols, -1)).unflatten(1, (rows, -1))
    # (B, rows, P, cols, P)
    sums: Tensor = of_patches.sum(dim=(2, 4))
    return sums
