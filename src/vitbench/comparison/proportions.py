"""Proportions of images: Wilson's interval of one, Newcombe's of a pair, McNemar's exact test."""

import math

from scipy.special import bdtr, ndtri

from vitbench.comparison.multiplicity import LEVEL


def wilson(right: int, num_images: int, alpha: float = LEVEL) -> tuple[float, float]:
    """Wilson's interval of a share (J. Am. Stat. Assoc. 22, 1927), in points."""
    z = -float(ndtri(alpha / 2))
    share = right / num_images
    centre = share + z**2 / (2 * num_images)
    spread = z * math.sqrt(share * (1 - share) / num_images + (z / (2 * num_images)) ** 2)
    scale = 100 / (1 + z**2 / num_images)
    return max(0.0, (centre - spread) * scale), min(100.0, (centre + spread) * scale)


def newcombe(
    first: int, second: int, both: int | None, num_images: int, alpha: float
) -> tuple[float, float]:
    """Newcombe's square-and-add interval of the difference of two shares, in points.

    Statistics in Medicine 17, 1998: method 10 of the paper on independent shares (pages 873 to
    890), and of that on paired ones (pages 2635 to 2650), without its correction of phi, which
    changes the ends by less than 0.05 points for 1,000 images.

    Args:
        first: Images that the first classified correctly.
        second: Images that the second classified correctly.
        both: Images that both did; None if the images of the two are not the same.
        num_images: Images of each.
        alpha: Error level.
    """
    phi = 0.0 if both is None else _phi(first, second, both, num_images)
    p, q = 100 * first / num_images, 100 * second / num_images
    p_low, p_high = wilson(first, num_images, alpha)
    q_low, q_high = wilson(second, num_images, alpha)
    below = _root(p - p_low, q_high - q, phi)
    above = _root(p_high - p, q - q_low, phi)
    return p - q - below, p - q + above


def undetected_failure_rate(num_seeds: int) -> float:
    """The largest share of failing seeds that a number of seeds without failure does not exclude.

    At a level of 5 %: with this share, all seeds are alike in 5 % of studies.
    """
    return 1.0 - float(LEVEL ** (1 / num_seeds))


def mcnemar_exact(first_only: int, second_only: int) -> float:
    """McNemar's exact two-sided p (Psychometrika 12, 1947); 1 if the two never differ."""
    fewer, both = min(first_only, second_only), first_only + second_only
    return min(1.0, 2 * float(bdtr(fewer, both, 0.5))) if both else 1.0


def _phi(first: int, second: int, both: int, num_images: int) -> float:
    """Correlation of being right; 0 if one of the two is always right or never."""
    variances = first * (num_images - first) * second * (num_images - second)
    return (num_images * both - first * second) / math.sqrt(variances) if variances else 0.0


def _root(one: float, other: float, phi: float) -> float:
    """Length of the difference of two correlated deviations."""
    return math.sqrt(max(one**2 + other**2 - 2 * phi * one * other, 0.0))
