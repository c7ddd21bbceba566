"""Attention statistics of a model, and their correlation with accuracy."""

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
    """Attention statistics per image and layer, averaged over heads.

    Args:
        model: The model.
        inputs: Normalised images (N, C, H, W) on its device.

    Returns:
        By name, each (N, L): `distance_px`, mean attention distance; `entropy_share`, entropy of
        attention divided by its maximum log T, comparable between patch sizes; `class_token_share`
        of the patches' attention, if there is a class token.
    """
    patch_size = inputs.shape[-1] // model.patch_embed.grid[1]
    names = ["distance_px", "entropy_share"]
    names += ["class_token_share"] if model.cls_token is not None else []

    def measures(seen: Capture) -> Tensor:
        most = math.log(seen.weights.shape[-1]) or 1.0  # a single token has no entropy
        of_all = [
            mean_distance(seen.weights, seen.grid, seen.class_token, patch_size),
            entropy(seen.weights) / most,
        ]
        of_all += [class_token_share(seen.weights)] if seen.class_token else []
        return torch.stack(of_all).mean(dim=-1).permute(2, 0, 1)  # (M, L, B, H) to (B, M, L)

    return dict(zip(names, over_images(model, inputs, measures).unbind(dim=1), strict=True))


@dataclass(frozen=True)
class Correlation:
    """The correlation of two measures of runs.

    Attributes:
        value: Pearson's r, -1 to 1.
        interval: Its 95 % interval, or None for too few points.
        num: Number of points.
    """

    value: float
    interval: tuple[float, float] | None
    num: int


@dataclass(frozen=True)
class Association:
    """Two measures of a study's runs, between its variants and within them.

    Attributes:
        between: Over the means of variants; None for fewer than three.
        within: Over runs without the effects of their variant and of their seed: whether runs with
            more of one measure have more of the other. None without a degree of freedom.
    """

    between: Correlation | None
    within: Correlation | None


def association(
    runs: Mapping[str, tuple[Sequence[float], Sequence[float]]], seeds: Mapping[str, Sequence[int]]
) -> Association:
    """The correlation of two measures over the runs of a study.

    Runs of a variant are not independent, so between variants each counts once. Runs of a seed are
    not independent either, since they share data order and part of their initial weights. So within
    variants only what is left without the effects of variants and of seeds counts, with as many
    degrees of freedom.

    Args:
        runs: Two lists per variant, such as attention distance and accuracy, one number per run.
        seeds: The seeds of those runs.
    """
    means = np.array([(np.mean(x), np.mean(y)) for x, y in runs.values()]).reshape(-1, 2)
    values = np.concatenate([np.array(of_variant).T for of_variant in runs.values()])  # (n, 2)
    variant = [name for name, (x, _) in runs.items() for _ in x]
    effects = np.hstack(
        [_indicators(variant), _indicators([s for name in runs for s in seeds[name]])]
    )
    rest = values - effects @ np.linalg.lstsq(effects, values, rcond=None)[0]
    freedom = len(values) - int(np.linalg.matrix_rank(effects)) - 1
    return Association(
        _correlation(means, len(means) - 2) if len(means) > 2 else None,
        _correlation(rest, freedom) if freedom >= 1 else None,
    )


def _indicators(groups: Sequence[object]) -> np.ndarray:
    """A column (n, G) for each group: 1 for its members, 0 for others."""
    distinct = list(dict.fromkeys(groups))
    return np.array([[group == other for other in distinct] for group in groups], dtype=float)


def _correlation(pairs: np.ndarray, freedom: int) -> Correlation | None:
    """Pearson's r of pairs (n, 2) with Fisher's interval; None if one is constant."""
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
        values: One per seed.
        least: Lower limit of possible means, which truncates the interval.
        most: Upper limit.
    """
    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, None
    half = float(stats.t.ppf(0.975, len(values) - 1)) * float(stats.sem(values))
    return mean, (max(mean - half, least), min(mean + half, most))
