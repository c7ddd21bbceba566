"""Estimates with intervals and p-values, by what is known: several seeds, one run each, or counts.

Numbers are in points: 1 point is 1 % of the images. All intervals and p-values are those of a
family of estimates: the intervals hold together, and the p-values are adjusted.
"""

import math
from dataclasses import dataclass, replace
from typing import Protocol

from vitbench.comparison.intervals import smallest_alpha, welch_df
from vitbench.comparison.multiplicity import (
    ALONE,
    Family,
    adjusted_p,
    critical_value,
    normal_quantile,
    sidak_alpha,
    sidak_p,
)
from vitbench.comparison.proportions import mcnemar_exact, newcombe

DF_SHRINKAGE = 1.0  # calibrated by scripts/interval_coverage.py


class Estimate(Protocol):
    """A number with its uncertainty, in points."""

    @property
    def value(self) -> float:
        """The number."""

    def interval(self, alpha: float, family: Family = ALONE) -> tuple[float, float]:
        """Lower and upper end at error level alpha of a family."""

    def p_value(self, family: Family = ALONE) -> float:
        """Adjusted two-sided p of no difference: the smallest alpha whose interval excludes 0."""


@dataclass(frozen=True)
class SeedPart:
    """What the seeds of one variant contribute to the variance of an estimate.

    Attributes:
        measured: Variance of the mean over seeds, from the spread of the seeds' accuracies.
        noise: W, the part of it that is noise of single predictions, from all predictions.
        num_seeds: Number of seeds, at least 2.
    """

    measured: float
    noise: float
    num_seeds: int

    @property
    def variance(self) -> float:
        """P: the measured variance, but never below the noise that it includes."""
        return max(self.measured, self.noise)

    def with_seeds(self, num_seeds: int) -> "SeedPart":
        """The expected part with another number of seeds."""
        fewer = self.num_seeds / num_seeds
        return SeedPart(self.measured * fewer, self.noise * fewer, num_seeds)

    def scaled(self, factor: float) -> "SeedPart":
        """The part with another variance of seeds, and the same noise."""
        return replace(self, measured=self.measured * factor)


@dataclass(frozen=True)
class SeedsAndImages:
    """A mean over at least two seeds and many images, with its variance components.

    The interval is the root of max(z^2 V, z^2 (V - W) + q^2 P) around the centre. The image part is
    estimated from thousands of images and uses the normal quantile z. The seed part is estimated
    from a few seeds and uses q, the critical value of `multiplicity` (after Dunnett's T3, J. Am.
    Stat. Assoc. 75, 1980). W is contained in V and P and counted once.

    Attributes:
        value: The mean, in points.
        centre: The centre of the interval: the mean with pseudo-images (`variance` says why).
        image: V, the variance due to images, including residual noise.
        parts: What the seeds of each variant contribute: two for a difference.
    """

    value: float
    centre: float
    image: float
    parts: tuple[SeedPart, ...]

    @property
    def noise(self) -> float:
        """W, the part of V and of P that is noise of single predictions."""
        return sum(part.noise for part in self.parts)

    @property
    def seed(self) -> float:
        """P, the variance due to seeds, including the same noise."""
        return sum(part.variance for part in self.parts)

    @property
    def welch_df(self) -> float:
        """Welch's degrees of freedom of P."""
        return welch_df([(part.variance, part.num_seeds) for part in self.parts])

    @property
    def df(self) -> float:
        """Degrees of freedom of the critical value: Welch's, moved towards those of fewest seeds.

        From a few seeds Welch's are estimated too high exactly where one variance dominates and was
        estimated too low, so that unequal variances give too many false findings
        (docs/statistics.md). On a logarithmic scale, 1 / S of the way is enough.
        """
        least, share = float(self.num_seeds - 1), DF_SHRINKAGE / self.num_seeds
        return math.pow(least, share) * math.pow(self.welch_df, 1 - share)

    @property
    def num_seeds(self) -> int:
        """The smallest number of seeds of a variant."""
        return min(part.num_seeds for part in self.parts)

    def interval(self, alpha: float, family: Family = ALONE) -> tuple[float, float]:
        """The interval of `half_width` around the centre."""
        half = self.half_width(alpha, family)
        return self.centre - half, self.centre + half

    def half_width(self, alpha: float, family: Family = ALONE) -> float:
        """Half-width of the interval at error level alpha of a family."""
        z = normal_quantile(alpha, family)
        q = critical_value(alpha, family, self.df)
        return math.sqrt(max(z**2 * self.image, z**2 * self._images_alone + q**2 * self.seed))

    def p_value(self, family: Family = ALONE) -> float:
        """The smallest alpha whose interval excludes 0."""
        distance, image, images_alone = self.centre**2, self.image, self._images_alone
        seed, df = self.seed, self.df

        def excludes_zero(alpha: float) -> bool:
            z_squared = normal_quantile(alpha, family) ** 2
            rest = distance - z_squared * images_alone
            if rest <= 0 or distance <= z_squared * image:
                return False
            return not seed or adjusted_p(math.sqrt(rest / seed), family, df) < alpha

        return smallest_alpha(excludes_zero)

    def with_seeds(self, *num_seeds: int) -> "SeedsAndImages":
        """The expected estimate with other numbers of seeds and the same variances.

        Args:
            num_seeds: Seeds of each variant, or one number for all.
        """
        numbers = num_seeds * len(self.parts) if len(num_seeds) == 1 else num_seeds
        parts = tuple(
            part.with_seeds(number) for part, number in zip(self.parts, numbers, strict=True)
        )
        noise = sum(part.noise for part in parts)
        # Where images seem to vary less than noise alone makes them, all of V is noise.
        kept = min(self.image / self.noise, 1.0) if self.noise else 1.0
        return replace(self, image=self._images_alone + kept * noise, parts=parts)

    def with_seed_variance(self, factor: float) -> "SeedsAndImages":
        """The estimate if the variance of seeds were larger or smaller."""
        return replace(self, parts=tuple(part.scaled(factor) for part in self.parts))

    def swapped(self) -> "SeedsAndImages":
        """The difference in the other direction."""
        return replace(self, value=-self.value, centre=-self.centre, parts=self.parts[::-1])

    @property
    def _images_alone(self) -> float:
        """V - W: the variance that more seeds do not reduce."""
        return max(self.image - self.noise, 0.0)


@dataclass(frozen=True)
class OneRunEach:
    """Two trained models on the same images, without information on other seeds.

    McNemar's exact test, and Newcombe's paired interval, which includes 0 where the test does not
    reject, so that the two never contradict each other.

    Attributes:
        both: Images that both classified correctly.
        first_only: Images that only the first classified correctly.
        second_only: Images that only the second classified correctly.
        num_images: All images.
    """

    both: int
    first_only: int
    second_only: int
    num_images: int

    @property
    def value(self) -> float:
        """Difference in points."""
        return 100 * (self.first_only - self.second_only) / self.num_images

    def interval(self, alpha: float, family: Family = ALONE) -> tuple[float, float]:
        """Newcombe's interval, extended to 0 if the exact test does not reject."""
        low, high = self._newcombe(sidak_alpha(alpha, family.num_pairs))
        if self.p_value(family) >= alpha:
            return min(low, 0.0), max(high, 0.0)
        return low, high

    def p_value(self, family: Family = ALONE) -> float:
        """McNemar's exact p, or that of Newcombe's interval if it is larger."""

        def excludes_zero(alpha: float) -> bool:
            low, high = self._newcombe(alpha)
            return low > 0 or high < 0

        exact = mcnemar_exact(self.first_only, self.second_only)
        p = exact if excludes_zero(exact) else smallest_alpha(excludes_zero)
        return sidak_p(p, family.num_pairs)

    def swapped(self) -> "OneRunEach":
        """The difference in the other direction."""
        return replace(self, first_only=self.second_only, second_only=self.first_only)

    def _newcombe(self, alpha: float) -> tuple[float, float]:
        if not self.first_only + self.second_only:  # with pseudo-images: else it has no width
            return newcombe(self.both + 1, self.both + 1, self.both, self.num_images + 2, alpha)
        first, second = self.both + self.first_only, self.both + self.second_only
        return newcombe(first, second, self.both, self.num_images, alpha)


@dataclass(frozen=True)
class TwoCounts:
    """Two numbers of correct predictions on the same number of images.

    Newcombe's interval for two independent shares. It is wide for the same images, because it
    cannot pair them.

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

    def interval(self, alpha: float, family: Family = ALONE) -> tuple[float, float]:
        """Square-and-add of the two Wilson intervals."""
        level = sidak_alpha(alpha, family.num_pairs)
        return newcombe(self.first, self.second, None, self.num_images, level)

    def p_value(self, family: Family = ALONE) -> float:
        """The smallest alpha whose interval excludes 0, by bisection."""

        def excludes_zero(alpha: float) -> bool:
            low, high = self.interval(alpha)
            return low > 0 or high < 0

        return sidak_p(smallest_alpha(excludes_zero), family.num_pairs)

    def swapped(self) -> "TwoCounts":
        """The difference in the other direction."""
        return replace(self, first=self.second, second=self.first)
