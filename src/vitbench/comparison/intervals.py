"""Degrees of freedom, and p-values by inversion of intervals."""

import math
from collections.abc import Callable, Sequence

SMALLEST_P = 1e-12


def welch_df(parts: Sequence[tuple[float, int]]) -> float:
    """Degrees of freedom of a sum of variances of means (Welch, Biometrika 34, 1947).

    Args:
        parts: The variance of each mean, and the number of values that it is a mean of.

    Returns:
        At least those of the smallest part; inf if all variances are 0.
    """
    squares = sum(variance**2 / (number - 1) for variance, number in parts)
    return sum(variance for variance, _ in parts) ** 2 / squares if squares > 0 else math.inf


def smallest_alpha(rejects: Callable[[float], bool]) -> float:
    """The smallest alpha at which a test rejects, if it rejects at every larger one."""
    if rejects(SMALLEST_P):
        return SMALLEST_P
    low, high = math.log(SMALLEST_P), 0.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if rejects(math.exp(middle)) else (middle, high)
    return math.exp(high)
