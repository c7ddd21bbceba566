"""Calibration: confidence compared with accuracy."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from vitbench.comparison.predictions import Classes

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """Predictions binned by confidence (Guo et al., arXiv:1706.04599).

    Attributes:
        confidence: Mean confidence in each bin (bins,), NaN in an empty one.
        accuracy: Accuracy in each bin (bins,), likewise.
        num_images: Images in each bin (bins,).
    """

    confidence: Numbers
    accuracy: Numbers
    num_images: npt.NDArray[np.int64]

    @property
    def error(self) -> float:
        """Expected calibration error, 0 to 1: mean gap over bins, weighted by images."""
        gaps = np.abs(self.confidence - self.accuracy) * self.num_images
        return float(np.nansum(gaps) / self.num_images.sum())


def calibration(logits: npt.NDArray[np.float16], labels: Classes, bins: int = 15) -> Calibration:
    """Calibration of a model.

    Args:
        logits: (n, classes).
        labels: True classes (n,).
        bins: Bins of equal width from 0 to 1.
    """
    probabilities = softmax(logits.astype(np.float64), axis=1)
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    # A bin includes its upper edge and not its lower one, as in the paper.
    bin_indices = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    num_images = np.bincount(bin_indices, minlength=bins)
    with np.errstate(invalid="ignore"):
        return Calibration(
            np.bincount(bin_indices, confidence, bins) / num_images,
            np.bincount(bin_indices, correct, bins) / num_images,
            num_images,
        )
