"""Intervals of means over seeds, or over seeds and images: widths, degrees of freedom, p-values."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri, stdtrit

SMALLEST_P = 1e-12


def half_width(image: Any, noise: Any, seed: Any, df: Any, alpha: float) -> Any:
    """Half-width of an interval of a mean over seeds and images; arrays or numbers.

    The root of max(z^2 V, z^2 (V - W) + t^2 P): the image part is estimated from thousands of
    images, the seed part from a few seeds, so only the latter uses Student's t; W is contained in V
    and P and counted once. It is never narrower than the images alone allow.

    Args:
        image: V.
        noise: W.
        seed: P.
        df: Degrees of freedom of P.
        alpha: Error level.
    """
    z = -ndtri(alpha / 2)
    t = np.where(np.isinf(df), z, -stdtrit(np.where(np.isinf(df), 1.0, df), alpha / 2))
    images_alone = np.maximum(np.subtract(image, noise), 0.0)
    return np.sqrt(np.maximum(z**2 * image, z**2 * images_alone + t**2 * seed))


def welch_df(parts: list[float], num_seeds: int) -> float:
    """Degrees of freedom of a sum of variances (Welch, Biometrika 1947); inf if all are 0."""
    squares = sum(part**2 for part in parts)
    return (num_seeds - 1) * sum(parts) ** 2 / squares if squares > 0 else math.inf


def welch_interval(
    first: npt.NDArray[Any], second: npt.NDArray[Any], alpha: float
) -> tuple[float, float]:
    """Welch's interval for the difference of two means over seeds (S,), without images."""
    parts = [float(values.var(ddof=1)) / len(values) for values in (first, second)]
    df = welch_df(parts, len(first))
    t = -float(ndtri(alpha / 2) if math.isinf(df) else stdtrit(df, alpha / 2))
    half = t * math.sqrt(sum(parts))
    middle = float(first.mean() - second.mean())
    return middle - half, middle + half


def smallest_alpha(rejects: Callable[[float], bool]) -> float:
    """The smallest alpha at which a test rejects, if it rejects at every larger one."""
    if rejects(SMALLEST_P):
        return SMALLEST_P
    low, high = math.log(SMALLEST_P), 0.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if rejects(math.exp(middle)) else (middle, high)
    return math.exp(high)
