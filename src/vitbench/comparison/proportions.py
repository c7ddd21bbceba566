"""Proportions of images: Wilson's interval of one, and McNemar's exact test of a pair."""

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


def mcnemar_exact(first_only: int, second_only: int) -> float:
    """McNemar's exact two-sided p; 1 if the two never differ."""
    fewer, both = min(first_only, second_only), first_only + second_only
    return min(1.0, 2 * float(bdtr(fewer, both, 0.5))) if both else 1.0
