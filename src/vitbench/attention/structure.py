"""What a model's attention is like as a whole, and whether that goes with accuracy."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy import stats
from torch import Tensor

from vitbench.attention.capture import Capture, over_images
from vitbench.attention.heads import class_token_share, entropy, mean_distance
from vitbench.model.vit import VisionTransformer


def structure(model: VisionTransformer, inputs: Tensor) -> dict[str, Tensor]:
    """Measures of attention by layer, the mean over heads, of every image.

    Args:
        model: The model.
        inputs: Normalised images (N, C, H, W) on its device.

    Returns:
        By name, each (N, L): `distance_px`, mean attention distance; `entropy_share`, entropy of
        attention over the most that it could be, log T, so that models of other patches compare;
        `class_token_share`, of the patches' attention, where there is a class token.
    """
    patch_size = inputs.shape[-1] // model.patch_embed.grid[1]
    names = ["distance_px", "entropy_share"]
    names += ["class_token_share"] if model.cls_token is not None else []

    def measures(seen: Capture) -> Tensor:
        most = math.log(seen.weights.shape[-1]) or 1.0  # a token by itself has no entropy
        of_all = [
            mean_distance(seen.weights, seen.grid, seen.class_token, patch_size),
            entropy(seen.weights) / most,
        ]
        of_all += [class_token_share(seen.weights)] if seen.class_token else []
        return torch.stack(of_all).mean(dim=-1).permute(2, 0, 1)  # (M, L, B, H) to (B, M, L)

    return dict(zip(names, over_images(model, inputs, measures).unbind(dim=1), strict=True))


@dataclass(frozen=True)
class Correlation:
    """How two measures of runs go together.

    Attributes:
        value: Pearson's r, -1 to 1.
        interval: Its 95 % interval, or None where there are too few for one.
        num: Things that it is taken over.
    """

    value: float
    interval: tuple[float, float] | None
    num: int


@dataclass(frozen=True)
class Association:
    """Two measures of a study's runs, between its variants and within them.

    Attributes:
        between: Over the variants' means; None below three variants.
        within: Over runs, each variant's mean taken off: whether a seed with more of the one has
            more of the other. None below two degrees of freedom.
    """

    between: Correlation | None
    within: Correlation | None


def association(runs: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> Association:
    """Whether two measures go together over a study's runs.

    Runs of a variant are not independent of each other, so a variant counts once between variants,
    and within variants only what is left of a run without its variant's mean.

    Args:
        runs: For each variant two lists, as attention distance and accuracy, a number a run.
    """
    means = np.array([(np.mean(x), np.mean(y)) for x, y in runs.values()]).reshape(-1, 2)
    centred = np.concatenate(
        [np.array([x, y]).T - np.array([np.mean(x), np.mean(y)]) for x, y in runs.values()]
    )
    freedom = len(centred) - len(runs) - 1  # of a correlation with the variants partialled out
    return Association(
        _correlation(means, len(means) - 2) if len(means) > 2 else None,
        _correlation(centred, freedom) if freedom >= 1 else None,
    )


def _correlation(pairs: np.ndarray, freedom: int) -> Correlation | None:
    """Pearson's r of pairs (n, 2) with Fisher's interval; None where one does not vary."""
    x, y = (pairs - pairs.mean(axis=0)).T
    scale = math.sqrt((x @ x) * (y @ y))
    if not 1e-12 < scale < math.inf:
        return None
    r = min(max(float(x @ y) / scale, -1.0), 1.0)
    if freedom < 2 or abs(r) == 1:  # Fisher's standard error is 1 / sqrt(freedom - 1)
        return Correlation(r, None, len(pairs))
    half = float(stats.norm.ppf(0.975)) / math.sqrt(freedom - 1)
    low, high = (math.tanh(math.atanh(r) + side * half) for side in (-1, 1))
    return Correlation(r, (low, high), len(pairs))


def mean_and_interval(
    values: Sequence[float], least: float = -math.inf, most: float = math.inf
) -> tuple[float, tuple[float, float] | None]:
    """Mean over seeds and Student's 95 % interval; one seed has none.

    Args:
        values: One of each seed.
        least: The least that such a mean can be, where the interval ends.
        most: The most that it can be.
    """
    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, None
    half = float(stats.t.ppf(0.975, len(values) - 1)) * float(stats.sem(values))
    return mean, (max(mean - half, least), min(mean + half, most))
