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
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from vitbench.comparison.estimates import OneRunEach, SeedPart, SeedsAndImages

Array = npt.NDArray[Any]


def accuracy_estimate(correct: Array) -> SeedsAndImages:
    """One variant's accuracy over seeds and images.

    The interval has four pseudo-images, two that are always right and two that never are (Agresti
    and Coull, American Statistician 52, 1998), so that it has a width where every answer is right.

    Args:
        correct: bool (S, n), correct predictions by seed and image; S >= 2.
    """
    sums = _Sums.of(correct)
    num_seeds, num_images = correct.shape
    image_sum, image_squares = sums.total + 2 * num_seeds, sums.by_image + 2 * num_seeds**2
    centre, image = _over_images(image_sum, image_squares, num_seeds, num_images, pseudo=4)
    value = 100 * sums.total / (num_seeds * num_images)
    return SeedsAndImages(value, centre, image, (_seed_part(sums),))


def difference_estimate(first: Array, second: Array) -> SeedsAndImages | OneRunEach:
    """The difference of two variants' accuracies, the first's minus the second's.

    Args:
        first: bool (S, n), correct predictions of the first, by seed and image.
        second: bool (R, n), those of the second, with the same images in the same order. S and R
            are both 1, or both larger.
    """
    return difference_estimates([first, second], [(0, 1)])[0]


def difference_estimates(
    correct: Sequence[Array], pairs: Iterable[tuple[int, int]]
) -> list[SeedsAndImages | OneRunEach]:
    """The differences of many pairs of variants, over the same images.

    Numbers of seeds may differ. The interval has two pseudo-images, of which each variant is right
    on one (Bonett and Price, J. Educ. Behav. Stat. 37, 2012, generalised to several seeds), so that
    it has a width where both are always right.

    Predictions are correct or not, 1 or 0, so all sums are integers, and those of a pair follow
    from the sums of its variants and their product by images.

    Args:
        correct: bool (S, n) per variant, correct predictions by seed and image.
        pairs: Indices in `correct` of the first and second of each pair.
    """
    variants = [_Sums.of(table) for table in correct]
    by_image = np.array([table.sum(axis=0) for table in correct], dtype=np.float64)  # (V, n)
    products = (by_image @ by_image.T).astype(np.int64).tolist()  # exact below 2^53
    estimates: list[SeedsAndImages | OneRunEach] = []
    for a, b in pairs:
        first, second = variants[a], variants[b]
        if first.num_seeds == second.num_seeds == 1:
            both = products[a][b]
            estimates.append(
                OneRunEach(both, first.total - both, second.total - both, first.num_images)
            )
            continue
        estimates.append(_difference(first, second, products[a][b]))
    return estimates


@dataclass(frozen=True)
class _Sums:
    """Sums over a table (S, n) of 0 and 1, as integers of Python, which do not overflow.

    Attributes:
        num_seeds: S.
        num_images: n.
        total: Sum of the table.
        by_image: Sum of the squared sums of images.
        by_seed: Sum of the squared sums of seeds.
    """

    num_seeds: int
    num_images: int
    total: int
    by_image: int
    by_seed: int

    @classmethod
    def of(cls, correct: Array) -> Self:
        """The sums of a table."""
        images = correct.sum(axis=0).astype(np.float64)
        seeds = correct.sum(axis=1).tolist()
        squares = sum(number**2 for number in seeds)
        num_seeds, num_images = correct.shape
        return cls(num_seeds, num_images, sum(seeds), int(images @ images), squares)


def _difference(first: _Sums, second: _Sums, product: int) -> SeedsAndImages:
    """The difference of two variants with several seeds each.

    Args:
        first: Sums of the first.
        second: Sums of the second.
        product: Sum over images of the product of their sums.
    """
    num_images, s, r = first.num_images, first.num_seeds, second.num_seeds
    total = r * first.total - s * second.total  # times S R, as everything that follows
    squares = r**2 * first.by_image + s**2 * second.by_image - 2 * s * r * product
    centre, image = _over_images(total, squares + 2 * (s * r) ** 2, s * r, num_images, pseudo=2)
    value = 100 * total / (s * r * num_images)
    return SeedsAndImages(value, centre, image, (_seed_part(first), _seed_part(second)))


def _over_images(
    total: int, squares: int, scale: int, num_images: int, pseudo: int
) -> tuple[float, float]:
    """Mean and variance of the mean over images, in points.

    Args:
        total: Sum over images and pseudo-images, times a scale.
        squares: Sum of squares, times the squared scale.
        scale: The scale.
        num_images: Images.
        pseudo: Pseudo-images.
    """
    num = num_images + pseudo
    if num_images == 1:  # a single image does not show how images vary
        return 100 * total / (scale * num), math.inf
    variance = 1e4 * (num * squares - total**2) / (scale**2 * num**2 * (num - 1))
    return 100 * total / (scale * num), variance


def _seed_part(sums: _Sums) -> SeedPart:
    """What the seeds of a variant contribute, in points^2: means times 100, variances times 100^2.

    The noise of single predictions is the residual of the two-way layout of seeds and images.
    """
    s, n = sums.num_seeds, sums.num_images
    measured = 1e4 * (s * sums.by_seed - sums.total**2) / (s**2 * (s - 1) * n**2)
    if n == 1:
        return SeedPart(measured, 0.0, s)
    # Residual sum of squares, times S n. Squares of 0 and 1 are what they are.
    residual = s * n * sums.total - n * sums.by_image - s * sums.by_seed + sums.total**2
    noise = 1e4 * residual / ((s * n) ** 2 * (s - 1) * (n - 1))
    return SeedPart(measured, noise, s)
