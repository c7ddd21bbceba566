"""Estimates with intervals and p-values, by what is known: several seeds, one run each, or counts.

Numbers are in points: 1 point is 1 % of the images.
"""

import math
from dataclasses import dataclass
from typing import Protocol

from scipy.special import betaincinv, ndtri, stdtrit

from vitbench.comparison.intervals import smallest_alpha
from vitbench.comparison.proportions import mcnemar_exact, wilson


class Estimate(Protocol):
    """A number with its uncertainty, in points."""

    @property
    def value(self) -> float:
        """The number."""

    def interval(self, alpha: float) -> tuple[float, float]:
        """Lower and upper end at error level alpha."""

    def p_value(self) -> float:
        """Two-sided p of no difference: the smallest alpha whose interval excludes 0."""


@dataclass(frozen=True)
class SeedsAndImages:
    """A mean over at least two seeds and many images, with its variance components.

    Attributes:
        value: The mean, in points.
        image: V, the variance due to images, including residual noise.
        noise: W, the part of V that is noise of single predictions and shrinks with seeds too.
        seed: P, the variance due to seeds, including the same noise.
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
        """The interval of `half_width` around the value."""
        half = self.half_width(alpha)
        return self.value - half, self.value + half

    def half_width(self, alpha: float) -> float:
        """Half-width of the interval at error level alpha."""
        # `intervals.half_width` without arrays: a report of many variants calls it a million times.
        z = -float(ndtri(alpha / 2))
        t = z if math.isinf(self.df) else -float(stdtrit(self.df, alpha / 2))
        images_alone = max(self.image - self.noise, 0.0)
        return math.sqrt(max(z**2 * self.image, z**2 * images_alone + t**2 * self.seed))

    def p_value(self) -> float:
        """The smallest alpha whose interval excludes 0, by bisection."""
        return smallest_alpha(lambda alpha: self.half_width(alpha) < abs(self.value))

    def with_seeds(self, num_seeds: int) -> "SeedsAndImages":
        """The expected estimate with another number of seeds and the same variances."""
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
    """Two trained models on the same images, without information on other seeds.

    McNemar's exact test, and its interval: Clopper and Pearson's for the share of images that only
    the first classified correctly, among those that exactly one of them did.

    Attributes:
        first_only: Images that only the first classified correctly.
        second_only: Images that only the second classified correctly.
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
        """The differences that the exact test does not reject at alpha."""
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
    """Two numbers of correct predictions on the same number of images.

    Newcombe's interval for two independent shares (Statistics in Medicine 17, 1998, method 10). It
    is wide for the same images, because it cannot pair them.

    Attributes:
        first: Correct predictions of the first.
        second: Correct predictions of the second.
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
        """The smallest alpha whose interval excludes 0, by bisection."""

        def leaves_zero_out(alpha: float) -> bool:
            low, high = self.interval(alpha)
            return low > 0 or high < 0

        return smallest_alpha(leaves_zero_out)
