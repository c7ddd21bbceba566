"""How large a difference is and how sure: runs are replicates, test images are paired.

The quantity of interest is the expected accuracy, or difference of two, over new seeds and new
images, for this training set and split. Two kinds of noise stand in its way, and a method that
knows one of them alone promises too much (docs/statistics.md has the proof by simulation):

- images: another test set would give another number. What is hard for both variants cancels.
- seeds: another training would give another number. More images do not help.

Arrays in, numbers out, in points (1 point = 1 % of the images): no files, no tables, no torch.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr, betaincinv, ndtri, stdtrit

Array = npt.NDArray[Any]
LEVEL = 0.05  # chance that any interval of a family misses; they are 95 % intervals together
SMALLEST_P = 1e-12


class Estimate(Protocol):
    """A number with its uncertainty, in points."""

    @property
    def value(self) -> float:
        """The number."""

    def interval(self, alpha: float) -> tuple[float, float]:
        """Lower and upper end; a true value lies outside with a chance of alpha."""

    def p_value(self) -> float:
        """Two-sided p of no difference: the smallest alpha whose interval leaves 0 out."""


@dataclass(frozen=True)
class SeedsAndImages:
    """A mean over two seeds or more and many images, and the parts of its variance.

    Attributes:
        value: The mean, in points.
        image: V, the variance that comes with the images, residual noise among it.
        noise: W, the part of V that is noise of single answers and shrinks with seeds too.
        seed: P, the variance that comes with the seeds, the same noise among it.
        df: Degrees of freedom of P.
        num_seeds: S.
    """

    value: float
    image: float
    noise: float
    seed: float
    df: float
    num_seeds: int

    def interval(self, alpha: float) -> tuple[float, float]:
        """The interval of `half_width` about the value."""
        half = self.half_width(alpha)
        return self.value - half, self.value + half

    def half_width(self, alpha: float) -> float:
        """Half the width of the interval that misses with a chance of alpha."""
        # As the function below, without arrays: a report of many variants asks a million times.
        z = -float(ndtri(alpha / 2))
        t = z if math.isinf(self.df) else -float(stdtrit(self.df, alpha / 2))
        of_images = max(self.image - self.noise, 0.0)
        return math.sqrt(max(z**2 * self.image, z**2 * of_images + t**2 * self.seed))

    def p_value(self) -> float:
        """The smallest alpha whose interval leaves 0 out, by bisection."""
        return smallest_alpha(lambda alpha: self.half_width(alpha) < abs(self.value))

    def with_seeds(self, num_seeds: int) -> "SeedsAndImages":
        """What to expect of more seeds or fewer, from the same variances."""
        fewer = self.num_seeds / num_seeds
        return SeedsAndImages(
            self.value,
            max(self.image - self.noise, 0.0) + min(self.image, self.noise) * fewer,
            self.noise * fewer,
            self.seed * fewer,
            self.df * (num_seeds - 1) / (self.num_seeds - 1),
            num_seeds,
        )


@dataclass(frozen=True)
class OneRunEach:
    """Two trained models on the same images; it says nothing of other seeds.

    McNemar's exact test, and the interval of the same test: Clopper and Pearson's for the share of
    the images that only the first got right, among those that just one of them did.

    Attributes:
        first_only: Images that only the first got right.
        second_only: Images that only the second got right.
        num_images: All images.
    """

    first_only: int
    second_only: int
    num_images: int

    @property
    def value(self) -> float:
        """Difference in points."""
        return 100 * (self.first_only - self.second_only) / self.num_images

    def interval(self, alpha: float) -> tuple[float, float]:
        """The differences that the exact test would not reject at alpha."""
        b, c = self.first_only, self.second_only
        low = float(betaincinv(b, c + 1, alpha / 2)) if b else 0.0
        high = float(betaincinv(b + 1, c, 1 - alpha / 2)) if c else 1.0
        scale = 100 * (b + c) / self.num_images
        return (2 * low - 1) * scale, (2 * high - 1) * scale

    def p_value(self) -> float:
        """McNemar's exact two-sided p (Psychometrika 1947), by the binomial distribution."""
        return mcnemar_exact(self.first_only, self.second_only)


@dataclass(frozen=True)
class TwoCounts:
    """Two numbers of right answers on as many images, of which nothing else is known.

    Newcombe's interval for two independent shares (Statistics in Medicine 17, 1998, method 10). It
    is wide where images are the same, for it cannot pair them.

    Attributes:
        first: Right answers of the first.
        second: Right answers of the second.
        num_images: Images of each.
    """

    first: int
    second: int
    num_images: int

    @property
    def value(self) -> float:
        """Difference in points."""
        return 100 * (self.first - self.second) / self.num_images

    def interval(self, alpha: float) -> tuple[float, float]:
        """Square-and-add of the two Wilson intervals."""
        p, q = 100 * self.first / self.num_images, 100 * self.second / self.num_images
        p_low, p_high = wilson(self.first, self.num_images, alpha)
        q_low, q_high = wilson(self.second, self.num_images, alpha)
        below, above = math.hypot(p - p_low, q_high - q), math.hypot(p_high - p, q - q_low)
        return self.value - below, self.value + above

    def p_value(self) -> float:
        """The smallest alpha whose interval leaves 0 out, by bisection."""

        def leaves_zero_out(alpha: float) -> bool:
            low, high = self.interval(alpha)
            return low > 0 or high < 0

        return smallest_alpha(leaves_zero_out)


def accuracy_estimate(correct: Array) -> SeedsAndImages:
    """One variant's accuracy over seeds and images.

    Args:
        correct: bool (S, n), whether the run of each seed was right on each image; S >= 2.
    """
    by_image, by_seed = correct.sum(axis=0).astype(np.float64), correct.sum(axis=1).tolist()
    sums = _Sums(sum(by_seed), sum(by_seed), int(by_image @ by_image), _square_sum(by_seed))
    return _estimate(correct.shape, sums, [sums])


def difference_estimate(first: Array, second: Array) -> SeedsAndImages | OneRunEach:
    """The difference of two variants' accuracies, the first's minus the second's.

    Args:
        first: bool (S, n), whether the first was right, by seed and image.
        second: The same of the second, the same seeds and images in the same order.
    """
    return difference_estimates([first, second], [(0, 1)])[0]


def difference_estimates(
    correct: Sequence[Array], pairs: Iterable[tuple[int, int]]
) -> list[SeedsAndImages | OneRunEach]:
    """The differences of many pairs of variants, all over the same seeds and images.

    Answers are right or wrong, 1 or 0, so all sums of a difference are whole numbers that follow
    from the sums of two variants and of their product. The products of all pairs are matrix
    products: a pair costs no pass over its answers.

    Args:
        correct: bool (S, n) for each variant, whether it was right, by seed and image.
        pairs: Places in `correct`, the first and the second of each pair.
    """
    shape = num_seeds, num_images = correct[0].shape
    by_image = np.array([table.sum(axis=0) for table in correct], dtype=np.float64)  # (V, n)
    by_seed = np.array([table.sum(axis=1) for table in correct], dtype=np.float64)  # (V, S)
    answers = np.zeros((len(correct), len(correct)))  # (V, V), how often both are right
    for seed in range(num_seeds):
        of_seed = np.array([table[seed] for table in correct], dtype=np.float64)  # (V, n)
        answers += of_seed @ of_seed.T
    # As whole numbers of Python, which do not overflow; below 2^53 the sums above are exact.
    both, images, seeds = (
        products.astype(np.int64).tolist()
        for products in (answers, by_image @ by_image.T, by_seed @ by_seed.T)
    )
    alone = [
        _Sums(both[one][one], both[one][one], images[one][one], seeds[one][one])
        for one in range(len(correct))
    ]
    found: list[SeedsAndImages | OneRunEach] = []
    for a, b in pairs:
        first, second = alone[a], alone[b]
        if num_seeds == 1:
            common = both[a][b]
            found.append(OneRunEach(first.total - common, second.total - common, num_images))
            continue
        sums = _Sums(
            first.total - second.total,
            first.squares + second.squares - 2 * both[a][b],
            first.by_image + second.by_image - 2 * images[a][b],
            first.by_seed + second.by_seed - 2 * seeds[a][b],
        )
        found.append(_estimate(shape, sums, [first, second]))
    return found


class _Sums(NamedTuple):
    """Sums over a table (S, n) of -1, 0 and 1.

    Attributes:
        total: Of the table.
        squares: Of its squares.
        by_image: Of the squares of each image's sum.
        by_seed: Of the squares of each seed's sum.
    """

    total: int
    squares: int
    by_image: int
    by_seed: int


def _square_sum(numbers: Iterable[int]) -> int:
    return sum(number**2 for number in numbers)


def _estimate(shape: tuple[int, ...], sums: _Sums, variants: Sequence[_Sums]) -> SeedsAndImages:
    """The parts of the variance of the mean of a table (S, n), which `variants` make up.

    In points: a table's mean times 100, so its variances times 100 squared.
    """
    num_seeds, num_images = shape
    total = sums.total**2
    # Two-way layout: what is left of the squares without images and seeds, times S n.
    residual = (
        num_seeds * num_images * sums.squares
        - num_images * sums.by_image
        - num_seeds * sums.by_seed
        + total
    )
    parts = [
        1e4 * (num_seeds * one.by_seed - one.total**2)
        / (num_seeds**2 * (num_seeds - 1) * num_images**2)
        for one in variants
    ]  # fmt: skip
    squared = (num_seeds * num_images) ** 2
    image, noise = math.inf, 0.0  # a single image says nothing of others
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


def welch_df(parts: list[float], num_seeds: int) -> float:
    """Degrees of freedom of a sum of variances (Welch, Biometrika 1947); inf where all are 0."""
    squares = sum(part**2 for part in parts)
    return (num_seeds - 1) * sum(parts) ** 2 / squares if squares > 0 else math.inf


def half_width(image: Any, noise: Any, seed: Any, df: Any, alpha: float) -> Any:
    """Half the width of an interval for a mean over seeds and images; arrays or numbers.

    The root of max(z^2 V, z^2 (V - W) + t^2 P): the images' part is known from thousands of them,
    the seeds' from a handful, so the latter gets Student's t; W stands in both V and P and is
    counted once. It is never narrower than what the images alone allow.

    Args:
        image: V.
        noise: W.
        seed: P.
        df: Degrees of freedom of P.
        alpha: Chance to miss.
    """
    z = -ndtri(alpha / 2)
    t = np.where(np.isinf(df), z, -stdtrit(np.where(np.isinf(df), 1.0, df), alpha / 2))
    of_images = np.maximum(np.subtract(image, noise), 0.0)
    return np.sqrt(np.maximum(z**2 * image, z**2 * of_images + t**2 * seed))


def smallest_alpha(rejects: Callable[[float], bool]) -> float:
    """The smallest alpha at which something is rejected that is so at every larger one, as p is."""
    if rejects(SMALLEST_P):
        return SMALLEST_P
    low, high = math.log(SMALLEST_P), 0.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if rejects(math.exp(middle)) else (middle, high)
    return math.exp(high)


def mcnemar_exact(first_only: int, second_only: int) -> float:
    """McNemar's exact two-sided p; 1 where the two never differ."""
    fewer, both = min(first_only, second_only), first_only + second_only
    return min(1.0, 2 * float(bdtr(fewer, both, 0.5))) if both else 1.0


def wilson(right: int, num_images: int, alpha: float = LEVEL) -> tuple[float, float]:
    """Wilson's interval of a share (J. Am. Stat. Assoc. 22, 1927), in points."""
    z = -float(ndtri(alpha / 2))
    share = right / num_images
    centre = share + z**2 / (2 * num_images)
    spread = z * math.sqrt(share * (1 - share) / num_images + (z / (2 * num_images)) ** 2)
    scale = 100 / (1 + z**2 / num_images)
    return max(0.0, (centre - spread) * scale), min(100.0, (centre + spread) * scale)


def sidak_alpha(alpha: float, num_tests: int) -> float:
    """Level of each of several tests, so that all together err with a chance of alpha.

    Sidak (J. Am. Stat. Assoc. 62, 1967): exact for independent tests, safe for intervals of
    normal variables however they depend on one another.
    """
    return -math.expm1(math.log1p(-alpha) / num_tests)


def sidak_p(p: float, num_tests: int) -> float:
    """The p of one of several tests, adjusted: below alpha just where p is below its own level."""
    return -math.expm1(num_tests * math.log1p(-p)) if p < 1 else 1.0


def one_sided_level(alpha: float, num_tests: int) -> float:
    """Two-sided level of the interval that two one-sided tests at alpha amount to, adjusted.

    Schuirmann (J. Pharmacokinet. Biopharm. 15, 1987): two means are equivalent within a margin
    where their interval of level 1 - 2 alpha lies inside it.
    """
    return 2 * sidak_alpha(alpha, num_tests)


def welch_interval(first: Array, second: Array, alpha: float) -> tuple[float, float]:
    """Welch's interval for the difference of two means of values by seed (S,); no images in it."""
    parts = [float(values.var(ddof=1)) / len(values) for values in (first, second)]
    df = welch_df(parts, len(first))
    t = -float(ndtri(alpha / 2) if math.isinf(df) else stdtrit(df, alpha / 2))
    half = t * math.sqrt(sum(parts))
    middle = float(first.mean() - second.mean())
    return middle - half, middle + half
