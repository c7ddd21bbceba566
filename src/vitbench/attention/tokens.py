"""Tokens layer by layer: norms, outliers, and what can be decoded from them."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from vitbench.attention.trace import images_at_once, trace
from vitbench.model.vit import VisionTransformer


@torch.no_grad()
def tokens_by_layer(model: VisionTransformer, inputs: Tensor, at_once: int | None = None) -> Tensor:
    """Tokens of every layer, on the CPU.

    Args:
        model: The model.
        inputs: Normalised images (N, C, H, W) on its device.
        at_once: Images whose attention is in memory at a time; default: as many as fit.

    Returns:
        (L + 1, N, T, D): the embedded tokens, then those after each block.
    """
    parts = [
        torch.stack(trace(model, part).tokens).cpu()
        for part in inputs.split(at_once or images_at_once(model))
    ]
    return torch.cat(parts, dim=1)


def patch_norms(tokens: Tensor, class_token: bool) -> Tensor:
    """Norms of patch tokens (..., T, D), (..., N), without the class token."""
    lengths: Tensor = tokens[..., class_token:, :].norm(dim=-1)
    return lengths


def outlier_share(norms: Tensor, factor: float = 2.0) -> Tensor:
    """Share of tokens with a norm far above the median.

    Large models store global information in a few background patches, whose norms are several times
    those of others (Darcet et al., arXiv:2309.16588, who use a fixed threshold).

    Args:
        norms: Norms (L, ...).
        factor: An outlier exceeds this multiple of the median of its layer.

    Returns:
        0 to 1 for each layer (L,).
    """
    flat = norms.flatten(1)
    return (flat > factor * flat.median(dim=1, keepdim=True).values).double().mean(dim=1)


@torch.no_grad()
def logit_lens(model: VisionTransformer, tokens: Tensor) -> Tensor:
    """The logits of the model's own norm and head after each layer.

    nostalgebraist, "interpreting GPT: the logit lens" (2020).

    Args:
        model: The model.
        tokens: (L + 1, N, T, D) of `tokens_by_layer`.

    Returns:
        Logits (L + 1, N, classes) on the CPU; the last are the model's own.
    """
    device = model.head.weight.device
    return torch.stack([model.classify(layer.to(device)).cpu() for layer in tokens])


@dataclass(frozen=True)
class LinearProbe:
    """A linear classifier of features.

    Attributes:
        mean: Mean of the training features (D,).
        scale: Their standard deviation (D,).
        head: Maps standardised features to logits.
    """

    mean: Tensor
    scale: Tensor
    head: nn.Linear

    def logits(self, features: Tensor) -> Tensor:
        """Logits (N, classes) of features (N, D)."""
        logits: Tensor = self.head(((features - self.mean) / self.scale).float()).detach()
        return logits


def fit_probe(
    features: Tensor, labels: Tensor, num_classes: int, penalty: float = 1e-3
) -> LinearProbe:
    """Fit a linear probe (Alain and Bengio, arXiv:1610.01644): logistic regression by L-BFGS.

    Args:
        features: (N, D); they are standardised.
        labels: (N,).
        num_classes: Classes.
        penalty: Factor of the sum of squared weights, added to the mean loss.
    """
    mean, scale = features.mean(dim=0), features.std(dim=0).clamp(min=1e-6)
    inputs = (features - mean) / scale
    head = nn.Linear(features.shape[1], num_classes)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    optimizer = torch.optim.LBFGS(head.parameters(), max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = (
            functional.cross_entropy(head(inputs), labels) + penalty * head.weight.square().sum()
        )
        value.backward()
        return value

    with torch.enable_grad():
        optimizer.step(loss)
    return LinearProbe(mean, scale, head)


def position_readout(
    fitted_on: Tensor, scored_on: Tensor, grid: tuple[int, int], penalty: float = 1e-3
) -> tuple[float, float]:
    """How well a linear map decodes a patch's row and column from its token.

    Ridge regression, as Islam et al. (arXiv:2001.08248) do for convolutional networks.

    Args:
        fitted_on: Patch tokens (N, rows * cols, D) of some images.
        scored_on: Those of other images (M, rows * cols, D).
        grid: Rows and columns of patches.
        penalty: Factor of the mean square of features, on the diagonal.

    Returns:
        R2 of row and column on the other images: 1 is exact, 0 is no information; 0 for a grid with
        one row or column.
    """
    features, others = (
        _with_constant(tokens.double().flatten(0, 1)) for tokens in (fitted_on, scored_on)
    )
    places = torch.stack(torch.meshgrid(*(torch.arange(n) for n in grid), indexing="ij"), dim=-1)
    places = places.flatten(0, 1).double()  # (rows * cols, 2)
    targets, truth = (places.repeat(len(tokens), 1) for tokens in (fitted_on, scored_on))
    products = features.T @ features / len(features)
    ridge = penalty * products.diagonal().mean() * torch.eye(len(products), dtype=torch.double)
    weights = torch.linalg.solve(products + ridge, features.T @ targets / len(features))
    errors = (others @ weights - truth).square().mean(dim=0)
    spread = truth.var(dim=0, unbiased=False)
    row, col = (1 - errors / spread).where(spread > 0, torch.zeros(2).double()).tolist()
    return row, col


def _with_constant(features: Tensor) -> Tensor:
    """Features (N, D) with a column of ones."""
    return torch.cat([features, torch.ones_like(features[:, :1])], dim=1)
