"""The images on which two sides differ, and confusion matrices."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vitbench.comparison.predictions import Classes


@dataclass(frozen=True)
class Disagreement:
    """An image that one side classifies correctly in more seeds than the other.

    Attributes:
        image: Its index in the test set.
        right: Number of seeds of each side that classify it correctly.
        mistaken_for: The most frequent wrong class of the other side; the first one of a tie.
    """

    image: int
    right: tuple[int, int]
    mistaken_for: int


def most_different(
    first: Sequence[Classes], second: Sequence[Classes], labels: Classes, count: int
) -> list[Disagreement]:
    """The images on which the first side is correct in more seeds, largest gap first.

    Args:
        first: Predictions (n,) of the first side, one array per seed.
        second: Predictions of the second side, for the same seeds.
        labels: True classes (n,).
        count: Maximum number of images; ties are in the order of the test set.
    """
    a, b = np.stack(first), np.stack(second)  # each (S, n)
    right = np.stack([(predicted == labels).sum(axis=0) for predicted in (a, b)])  # (2, n)
    gap = right[0] - right[1]
    order = np.argsort(-gap, kind="stable")[:count]
    return [
        Disagreement(
            int(image),
            (int(right[0, image]), int(right[1, image])),
            int(np.bincount(b[b[:, image] != labels[image], image]).argmax()),
        )
        for image in order
        if gap[image] > 0
    ]


def confusion(
    predictions: Sequence[Classes], labels: Classes, num_classes: int
) -> npt.NDArray[np.float64]:
    """Confusion matrix: how often each class is predicted for each true class.

    Args:
        predictions: Predictions (n,), one array per seed.
        labels: True classes (n,).
        num_classes: Number of classes.

    Returns:
        (true class, predicted class), % of the images of the true class, mean over seeds; NaN for
        a class without images.
    """
    counts = np.zeros((num_classes, num_classes))
    for predicted in predictions:
        np.add.at(counts, (labels, predicted), 1)
    with np.errstate(invalid="ignore"):
        shares: npt.NDArray[np.float64] = 100 * counts / counts.sum(axis=1, keepdims=True)
    return shares
