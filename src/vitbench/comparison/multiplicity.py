"""Adjustment for several comparisons in one family, by Sidak's method.

It is proven for normal variables, however dependent, and differences of accuracy are nearly normal.
`attention.intervals` uses Bonferroni's method, because its values may be far from normal.
"""

import math

LEVEL = 0.05  # error level of a family of intervals, which are 95 % intervals together


def sidak_alpha(alpha: float, num_tests: int) -> float:
    """Level of each of several tests with family-wise error alpha.

    Sidak (J. Am. Stat. Assoc. 62, 1967): exact for independent tests, conservative for intervals of
    normal variables with any dependence.
    """
    return -math.expm1(math.log1p(-alpha) / num_tests)


def sidak_p(p: float, num_tests: int) -> float:
    """Adjusted p of one of several tests: below alpha exactly if p is below its own level."""
    return -math.expm1(num_tests * math.log1p(-p)) if p < 1 else 1.0


def one_sided_level(alpha: float, num_tests: int) -> float:
    """Two-sided level of the interval equivalent to two one-sided tests at alpha, adjusted.

    Schuirmann (J. Pharmacokinet. Biopharm. 15, 1987): two means are equivalent within a margin if
    their interval of level 1 - 2 alpha lies inside it.
    """
    return 2 * sidak_alpha(alpha, num_tests)
