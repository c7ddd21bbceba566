"""Contrasts of several variants: sums of their accuracies with weights that add up to 0."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from vitbench.comparison.estimates import SeedsAndImages
from vitbench.comparison.variance import Array, accuracy_estimate


def contrast_estimate(correct: Sequence[Array], weights: Sequence[float]) -> SeedsAndImages:
    """A contrast of variants' accuracies, such as a difference of two differences.

    Images are paired and seeds are not, as for the difference of two variants, which is the
    contrast of weights 1 and -1.

    Args:
        correct: bool (S, n) per variant, correct predictions by seed and image; S >= 2 may differ.
        weights: One per variant; they add up to 0.
    """
    by_image = sum(
        weight * table.mean(axis=0) for table, weight in zip(correct, weights, strict=True)
    )
    largest = sum(map(abs, weights)) / 2  # of the contrast on one image
    with_pseudo = 100 * np.concatenate([np.asarray(by_image), [largest, -largest]])
    num = len(with_pseudo)
    parts = tuple(
        replace(part, measured=weight**2 * part.measured, noise=weight**2 * part.noise)
        for table, weight in zip(correct, weights, strict=True)
        for part in accuracy_estimate(table).parts
    )
    return SeedsAndImages(
        value=float(100 * np.mean(by_image)),
        centre=float(with_pseudo.mean()),
        image=float(with_pseudo.var(ddof=1) / num),
        parts=parts,
    )
