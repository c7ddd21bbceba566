"""Means over images with intervals."""

from dataclasses import dataclass

import torch
from scipy import stats
from torch import Tensor

from vitbench.comparison.proportions import wilson


@dataclass(frozen=True)
class Mean:
    """A mean over images with its interval.

    Attributes:
        value: The mean.
        low: Lower end of the interval.
        high: Upper end.
        num_images: Number of images.
    """

    value: float
    low: float
    high: float
    num_images: int


def mean_over_images(values: Tensor, alpha: float = 0.05, num_tests: int = 1) -> Mean:
    """The mean of values (N,), one per image, with Student's interval for new images.

    Args:
        values: One number an image; where two things are compared, their difference.
        alpha: Chance that an interval misses, 0.05 for 95 %.
        num_tests: Intervals that must hold together. Bonferroni's method holds for any values;
            Sidak's, which `comparison` uses, is proven for normal ones.

    Returns:
        The mean and its interval; with a single image it is infinite.
    """
    values = values.double()
    num = len(values)
    mean = values.mean().item()
    if num == 1:
        return Mean(mean, float("-inf"), float("inf"), 1)
    error = values.std().item() / num**0.5
    half = error * float(stats.t.ppf(1 - alpha / num_tests / 2, num - 1))
    return Mean(mean, mean - half, mean + half, num)


def share_of_images(right: Tensor) -> Mean:
    """The share of images for which something holds (N,), with Wilson's 95 % interval.

    Student's interval of a share has width 0 at 0 % and 100 %, and covers too little nearby.
    """
    num, held = len(right), int(right.sum())
    low, high = wilson(held, num)  # in %
    return Mean(held / num, low / 100, high / 100, num)


def pearson(first: Tensor, second: Tensor) -> Tensor:
    """Correlation of rows (N, M) of two tensors, (N,); 0 if a row is constant."""
    first, second = (x.double() - x.double().mean(dim=1, keepdim=True) for x in (first, second))
    scale = first.norm(dim=1) * second.norm(dim=1)
    correlation: Tensor = (first * second).sum(dim=1) / scale.clamp(min=1e-12)
    return correlation


def spearman(first: Tensor, second: Tensor) -> Tensor:
    """Rank correlation of rows (N, M) of two tensors, (N,); ties get the mean rank."""
    ranked = (torch.from_numpy(stats.rankdata(x.numpy(), axis=1)) for x in (first, second))
    return pearson(*ranked)
