"""Comparisons of variants and runs: statistics, intervals, verdicts. Never imports torch."""
