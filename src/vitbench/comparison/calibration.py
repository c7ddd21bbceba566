"""Whether a model that is sure is right: confidence against accuracy."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from vitbench.comparison.pairs import Classes

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """Answers by how sure the model was (Guo et al., arXiv:1706.04599).

    Attributes:
        confidence: Mean probability of the answer in each bin (bins,), NaN in an empty one.
        accuracy: Share of right answers in each bin (bins,), likewise.
        num_images: Images in each bin (bins,).
    """

    confidence: Numbers
    accuracy: Numbers
    num_images: npt.NDArray[np.int64]

    @property
    def error(self) -> float:
        """Expected calibration error, 0 to 1: mean gap of the bins, weighted by their images."""
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
    sure = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    # A bin holds its upper edge and not its lower one, as in the paper.
    places = np.clip(np.ceil(sure * bins).astype(int) - 1, 0, bins - 1)
    num = np.bincount(places, minlength=bins)
    with np.errstate(invalid="ignore"):
        return Calibration(
            np.bincount(places, sure, bins) / num, np.bincount(places, right, bins) / num, num
        )
