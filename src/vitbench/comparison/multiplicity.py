"""Adjustment for several comparisons in one family.

Normal statistics are adjusted by Šidák's method, which is proven for normal variables, however
dependent. Where variances are known from a few seeds only, Dunnett's T3 is narrower: it uses the
studentised maximum modulus, as if all pairs had one common estimate of variance. Pairs of a few
variants nearly have. Those of many variants, or with one reference, do not, and T3 has too many
false findings. So a family is divided into blocks: pairs of a block have a common estimate, and
blocks are independent. One block is T3, and one pair per block is Šidák's method.

`attention.intervals` uses Bonferroni's method, because its values may be far from normal.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.optimize import brentq
from scipy.special import gammainccinv, gammaincinv, gammaln, ndtr, ndtri, stdtr, stdtrit

LEVEL = 0.05  # error level of a family of intervals, which are 95 % intervals together
# Error level of equivalence. Near 100 % errors are skewed, and 0.05 would give up to 5.8 %.
ONE_SIDED = 0.045
TAIL = 1e-18  # probability outside the range of integration
NUM_STEPS = 240  # of the integration; more change nothing in the tenth digit
# Calibrated by scripts/interval_coverage.py: the smallest numbers of blocks with at most 5.2 % of
# false findings for 2 to 8 variants, 2 to 10 seeds and variances that differ up to 25 times.
VARIANTS_PER_BLOCK = 3
STOPPED = 1.25  # blocks for each, with --precision
SEPARATE = 1.3  # blocks per further pair, where every pair has a variance of its own


@dataclass(frozen=True)
class Blocks:
    """A family divided into blocks.

    Attributes:
        number: Number of blocks, not necessarily whole.
        pairs: Pairs in each.
    """

    number: float
    pairs: float


@dataclass(frozen=True)
class Family:
    """Comparisons whose intervals hold together.

    Attributes:
        num_pairs: Number of comparisons.
        blocks: Valid ways to divide it; the one with the narrowest intervals is used.
    """

    num_pairs: int
    blocks: tuple[Blocks, ...]

    @classmethod
    def all_pairs(cls, num_variants: int) -> "Family":
        """All pairs of variants."""
        num_pairs = num_variants * (num_variants - 1) // 2
        number = max(1.0, (num_variants - 1) / VARIANTS_PER_BLOCK)
        return cls(num_pairs, (Blocks(number, num_pairs / number),))

    @classmethod
    def separate(cls, num_pairs: int) -> "Family":
        """Comparisons that share no estimate of variance, such as those of different images."""
        return cls(num_pairs, (Blocks(1 + SEPARATE * (num_pairs - 1), 1.0),))

    @classmethod
    def with_reference(cls, num_variants: int) -> "Family":
        """Each variant but one with that one; also a part of the family of all pairs."""
        separate = cls.separate(num_variants - 1)
        return cls(num_variants - 1, separate.blocks + cls.all_pairs(num_variants).blocks)

    def stopped_by_width(self) -> "Family":
        """The family where seeds were added until its intervals were narrow.

        Such intervals are narrow partly by chance, so each block counts as 1.25 of them.
        """
        blocks = tuple(Blocks(STOPPED * part.number, part.pairs) for part in self.blocks)
        return Family(self.num_pairs, blocks)


ALONE = Family.all_pairs(2)


def sidak_alpha(alpha: float, num_tests: float) -> float:
    """Level of each of several tests with family-wise error alpha.

    Sidak (J. Am. Stat. Assoc. 62, 1967): exact for independent tests, conservative for intervals of
    normal variables with any dependence.
    """
    return -math.expm1(math.log1p(-alpha) / num_tests)


def sidak_p(p: float, num_tests: float) -> float:
    """Adjusted p of one of several tests: below alpha exactly if p is below its own level."""
    return -math.expm1(num_tests * math.log1p(-p)) if p < 1 else 1.0


def equivalence_level(family: Family) -> float:
    """Level of a family of intervals that is equivalent to two one-sided tests, adjusted.

    Schuirmann (J. Pharmacokinet. Biopharm. 15, 1987): two means are equivalent within a margin if
    their interval of level 1 - 2 alpha lies inside it.
    """
    return sidak_p(2 * sidak_alpha(ONE_SIDED, family.num_pairs), family.num_pairs)


def normal_quantile(alpha: float, family: Family) -> float:
    """Limit that normal variables stay within together, with probability 1 - alpha at least."""
    return -float(ndtri(sidak_alpha(alpha, family.num_pairs) / 2))


def adjusted_p(limit: float, family: Family, df: float) -> float:
    """Probability that any statistic of a family exceeds a limit, if nothing differs.

    Args:
        limit: The limit, above 0.
        family: The family.
        df: Degrees of freedom of the variances, at least 1; may be inf.
    """
    return min(
        sidak_p(maximum_modulus_p(limit, blocks.pairs, df), blocks.number)
        for blocks in family.blocks
    )


def maximum_modulus_p(limit: float, num_tests: float, df: float) -> float:
    """Probability that the studentised maximum modulus exceeds a limit.

    It is the largest of the absolute values of several independent standard normal variables,
    divided by one common estimate of their standard deviation (Stoline, Ury, Technometrics 21,
    1979).

    Args:
        limit: The limit, above 0.
        num_tests: Number of normal variables, not necessarily whole; 1 gives Student's t.
        df: Degrees of freedom of the estimate, at least 1; inf if the deviation is known.
    """
    if math.isinf(df):
        return sidak_p(2 * float(ndtr(-limit)), num_tests)
    if num_tests == 1:
        return 2 * float(stdtr(df, -limit))
    # The integral over x, the logarithm of the estimate: its density, times the chance of any
    # larger value. The trapezoidal rule is exact to rounding for such smooth bell-shaped functions.
    half = df / 2
    low = max(0.5 * math.log(gammaincinv(half, TAIL) / half), -math.log(limit) - 23 / df)
    high = min(
        0.5 * math.log(gammainccinv(half, TAIL) / half), math.log(9 + math.log(num_tests + 1) / 9)
        - math.log(limit),
    )  # fmt: skip
    if high <= low:  # beyond the reach of any estimate
        return 0.0
    x = np.linspace(low, high, NUM_STEPS)
    log_density = (
        math.log(2) + half * math.log(half) - float(gammaln(half)) + df * x - half * np.exp(2 * x)
    )
    exceeds = -np.expm1(num_tests * np.log1p(-2 * ndtr(-limit * np.exp(x))))
    return min(float(np.trapezoid(np.exp(log_density) * exceeds, x)), 1.0)


@lru_cache(maxsize=65_536)
def critical_value(alpha: float, family: Family, df: float) -> float:
    """The limit that any statistic of a family exceeds with probability alpha, if nothing differs.

    Args:
        alpha: Probability.
        family: The family.
        df: Degrees of freedom of the variances, at least 1; may be inf.
    """
    tests = [blocks.number * blocks.pairs for blocks in family.blocks]
    lowest = -float(ndtri(sidak_alpha(alpha, min(tests)) / 2))
    per_test = sidak_alpha(alpha, max(tests)) / 2
    highest = -float(ndtri(per_test) if math.isinf(df) else stdtrit(df, per_test))

    def excess(log_limit: float) -> float:
        return math.log(max(adjusted_p(math.exp(log_limit), family, df), 1e-300) / alpha)

    return math.exp(brentq(excess, math.log(lowest) - 1e-6, math.log(highest) + 1e-6, xtol=1e-12))
