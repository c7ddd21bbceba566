"""Numbers in words, the same in every format."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vitbench.comparison.verdict import Comparison

if TYPE_CHECKING:
    from vitbench.report.rows import Row  # which imports this module

UNKNOWN = "-"


def accuracy_words(row: "Row") -> str:
    """Mean and standard deviation over seeds: 63.12 ± 0.40, or a single number."""
    if row.mean_pct is None:
        return UNKNOWN
    return f"{row.mean_pct:.2f}" + ("" if row.sd_pct is None else f" ± {row.sd_pct:.2f}")


def interval_words(interval: tuple[float, float] | None) -> str:
    """An interval: 62.1 to 64.2."""
    return UNKNOWN if interval is None else f"{interval[0]:.2f} to {interval[1]:.2f}"


def difference_words(comparison: Comparison | None) -> str:
    """A difference in points with its simultaneous interval: +3.10 (+2.61 to +3.72)."""
    if comparison is None:
        return UNKNOWN
    low, high = comparison.interval
    return f"{comparison.difference_pct:+.2f} ({low:+.2f} to {high:+.2f})"


def p_words(p: float | None) -> str:
    """A p: 0.0004, 0.032, 0.41, < 0.0001."""
    if p is None:
        return UNKNOWN
    if p < 1e-4:
        return "< 0.0001"
    return f"{p:.4f}" if p < 1e-3 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def count_words(number: int | None) -> str:
    """A count with thousands separators: 460,906."""
    return UNKNOWN if number is None else f"{number:,}"


def gflop_words(flop: int | None) -> str:
    """FLOPs as GFLOP with three digits: 0.0678; large ones without decimals: 1,234."""
    return UNKNOWN if flop is None else number_words(flop / 1e9, 3)


def number_words(number: float, digits: int) -> str:
    """A number with some digits, without an exponent."""
    return f"{number:.{digits}g}" if number < 10**digits - 0.5 else f"{number:,.0f}"


def time_words(seconds: float | None) -> str:
    """Seconds in words: 42 s, 9.8 min, 3.2 h."""
    if seconds is None:
        return UNKNOWN
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def memory_words(num_bytes: int | None) -> str:
    """Bytes in words: 640 MB, 1.6 GB."""
    if num_bytes is None:
        return UNKNOWN
    return f"{num_bytes / 1e6:.0f} MB" if num_bytes < 1e9 else f"{num_bytes / 1e9:.1f} GB"


def percent_words(percent: float | None) -> str:
    """A percentage with two decimals."""
    return UNKNOWN if percent is None else f"{percent:.2f}"


def listed(words: Sequence[str], most: int | None = None) -> str:
    """A list in words: a, b and c; with a limit: a, b and 7 more."""
    if most is not None and len(words) > most:
        words = [*words[:most], f"{len(words) - most:,} more"]
    if not words:
        return ""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def seeds_words(seeds: Sequence[int]) -> str:
    """Seeds in words: seed 1; seeds 0 and 2."""
    return f"seed{'s' if len(seeds) > 1 else ''} {listed([str(seed) for seed in seeds])}"


def not_averaged_words(row: "Row") -> list[str]:
    """The seeds of a row that are not averaged, in words: failed: seed 1."""
    return [f"{state}: {seeds_words(seeds)}" for state, seeds in row.not_averaged.items()]


def pair_seeds_words(pair: Comparison) -> str:
    """The numbers of seeds of two variants: 3 seeds, or 5 and 3 seeds."""
    first, second = len(pair.first_seeds), len(pair.second_seeds)
    return runs_words(first) if first == second else f"{first} and {second} seeds"


def runs_words(number: int) -> str:
    """A number of seeds in words."""
    return "1 seed" if number == 1 else f"{number} seeds"
