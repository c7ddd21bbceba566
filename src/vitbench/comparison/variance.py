"""Variance components of accuracies and differences: seeds are replicates, test images are paired.

The quantity of interest is the expected accuracy, or the difference of two, over new seeds and new
images, for this training set and split. Two kinds of noise affect it, and a method with only one of
them covers too little (docs/statistics.md shows it by simulation):

- images: another test set would give another number. Shared difficulty of images cancels.
- seeds: another training would give another number. More images do not reduce this noise.

Arrays in, estimates out, in points (1 point = 1 % of the images): no files, no tables, no torch.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from vitbench.comparison.estimates import OneRunEach, SeedsAndImages
from vitbench.comparison.intervals import welch_df

Array = npt.NDArray[Any]


def accuracy_estimate(correct: Array) -> SeedsAndImages:
    """One variant's accuracy over seeds and images.

    Args:
        correct: bool (S, n), correct predictions by seed and image; S >= 2.
    """
    by_image, by_seed = correct.sum(axis=0).astype(np.float64), correct.sum(axis=1).tolist()
    sums = _Sums(sum(by_seed), sum(by_seed), int(by_image @ by_image), _square_sum(by_seed))
    return _estimate(correct.shape, sums, [sums])


def difference_estimate(first: Array, second: Array) -> SeedsAndImages | OneRunEach:
    """The difference of two variants' accuracies, the first's minus the second's.

    Args:
        first: bool (S, n), correct predictions of the first, by seed and image.
        second: Those of the second, with the same seeds and images in the same order.
    """
    return difference_estimates([first, second], [(0, 1)])[0]


def difference_estimates(
    correct: Sequence[Array], pairs: Iterable[tuple[int, int]]
) -> list[SeedsAndImages | OneRunEach]:
    """The differences of many pairs of variants, over the same seeds and images.

    Predictions are correct or not, 1 or 0, so all sums of a difference are integers that follow
    from the sums of two variants and their product. The products of all pairs are matrix products,
    so a pair needs no pass over its predictions.

    Args:
        correct: bool (S, n) per variant, correct predictions by seed and image.
        pairs: Indices in `correct` of the first and second of each pair.
    """
    shape = num_seeds, num_images = correct[0].shape
    by_image = np.array([table.sum(axis=0) for table in correct], dtype=np.float64)  # (V, n)
    by_seed = np.array([table.sum(axis=1) for table in correct], dtype=np.float64)  # (V, S)
    both_correct = np.zeros((len(correct), len(correct)))  # (V, V), images correct in both
    for seed in range(num_seeds):
        single = np.array([table[seed] for table in correct], dtype=np.float64)  # (V, n)
        both_correct += single @ single.T
    # As Python integers, which do not overflow; below 2^53 the sums above are exact.
    both, images, seeds = (
        products.astype(np.int64).tolist()
        for products in (both_correct, by_image @ by_image.T, by_seed @ by_seed.T)
    )
    variants = [
        _Sums(both[v][v], both[v][v], images[v][v], seeds[v][v]) for v in range(len(correct))
    ]
    estimates: list[SeedsAndImages | OneRunEach] = []
    for a, b in pairs:
        first, second = variants[a], variants[b]
        if num_seeds == 1:
            common = both[a][b]
            estimates.append(OneRunEach(first.total - common, second.total - common, num_images))
            continue
        sums = _Sums(
            first.total - second.total,
            first.squares + second.squares - 2 * both[a][b],
            first.by_image + second.by_image - 2 * images[a][b],
            first.by_seed + second.by_seed - 2 * seeds[a][b],
        )
        estimates.append(_estimate(shape, sums, [first, second]))
    return estimates


class _Sums(NamedTuple):
    """Sums over a table (S, n) of -1, 0 and 1.

    Attributes:
        total: Sum of the table.
        squares: Sum of its squares.
        by_image: Sum of the squared sums of images.
        by_seed: Sum of the squared sums of seeds.
    """

    total: int
    squares: int
    by_image: int
    by_seed: int


def _square_sum(numbers: Iterable[int]) -> int:
    return sum(number**2 for number in numbers)


def _estimate(shape: tuple[int, ...], sums: _Sums, variants: Sequence[_Sums]) -> SeedsAndImages:
    """Variance components of the mean of a table (S, n) of `variants`.

    In points: means times 100, variances times 100 squared.
    """
    num_seeds, num_images = shape
    total = sums.total**2
    # Two-way layout: residual sum of squares, times S n.
    residual = (
        num_seeds * num_images * sums.squares
        - num_images * sums.by_image
        - num_seeds * sums.by_seed
        + total
    )
    parts = [
        1e4 * (num_seeds * variant.by_seed - variant.total**2)
        / (num_seeds**2 * (num_seeds - 1) * num_images**2)
        for variant in variants
    ]  # fmt: skip
    squared = (num_seeds * num_images) ** 2
    image, noise = math.inf, 0.0  # a single image does not show how images vary
    if num_images > 1:
        image = 1e4 * (num_images * sums.by_image - total) / (squared * (num_images - 1))
        noise = 1e4 * residual / (squared * (num_seeds - 1) * (num_images - 1))
    return SeedsAndImages(
        value=100 * sums.total / (num_seeds * num_images),
        image=image,
        noise=noise,
        seed=sum(parts),
        df=welch_df(parts, num_seeds),
        num_seeds=num_seeds,
    )
