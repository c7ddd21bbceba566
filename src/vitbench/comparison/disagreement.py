"""On which images two trained things differ, and how they mistake one class for another."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vitbench.comparison.pairs import Classes


@dataclass(frozen=True)
class Disagreement:
    """An image that one side answers right in more seeds than the other.

    Attributes:
        image: Its number in the test set.
        right: How many seeds of each side are right.
        taken_for: What the other side mistakes it for most often; of equals the first class.
    """

    image: int
    right: tuple[int, int]
    taken_for: int


def most_different(
    first: Sequence[Classes], second: Sequence[Classes], labels: Classes, count: int
) -> list[Disagreement]:
    """The images that the first side answers right in the most seeds more than the second.

    Args:
        first: Its answers (n,), one array a seed.
        second: Those of the other, of the same seeds.
        labels: True classes (n,).
        count: How many images at most; those of equal difference come in the test set's order.

    Returns:
        None of them where the first is right in no seed more.
    """
    a, b = np.stack(first), np.stack(second)  # each (S, n)
    right = np.stack([(answers == labels).sum(axis=0) for answers in (a, b)])  # (2, n)
    more = right[0] - right[1]
    order = np.argsort(-more, kind="stable")[:count]
    return [
        Disagreement(
            int(image),
            (int(right[0, image]), int(right[1, image])),
            int(np.bincount(b[b[:, image] != labels[image], image]).argmax()),
        )
        for image in order
        if more[image] > 0
    ]


def confusion(
    answers: Sequence[Classes], labels: Classes, num_classes: int
) -> npt.NDArray[np.float64]:
    """How often each class is taken for each.

    Args:
        answers: Answers (n,), one array a seed.
        labels: True classes (n,).
        num_classes: Classes.

    Returns:
        (true class, answer), % of the true class's images, the mean over seeds; a class without
        images has NaN.
    """
    counts = np.zeros((num_classes, num_classes))
    for of_seed in answers:
        np.add.at(counts, (labels, of_seed), 1)
    with np.errstate(invalid="ignore"):
        shares: npt.NDArray[np.float64] = 100 * counts / counts.sum(axis=1, keepdims=True)
    return shares
