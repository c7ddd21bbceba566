"""Two variants or runs against each other: statistics, intervals, verdicts. Never imports torch."""
