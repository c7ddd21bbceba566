"""Numbers as a reader wants them."""

import pytest

from vitbench.report import numbers


@pytest.mark.parametrize(
    ("function", "value", "said"),
    [
        (numbers.count_words, 460_906, "460,906"),
        (numbers.count_words, None, "-"),
        (numbers.gflop_words, 67_800_000, "0.0678"),
        (numbers.gflop_words, 2_345_000_000, "2.35"),
        (numbers.gflop_words, 1_234_500_000_000, "1,234"),
        (numbers.gflop_words, 999_700_000_000, "1,000"),
        (numbers.gflop_words, None, "-"),
        (numbers.time_words, 0.4, "0 s"),
        (numbers.time_words, 42.4, "42 s"),
        (numbers.time_words, 588, "9.8 min"),
        (numbers.time_words, 11_520, "3.2 h"),
        (numbers.time_words, None, "-"),
        (numbers.memory_words, 640_400_000, "640 MB"),
        (numbers.memory_words, 1_640_000_000, "1.6 GB"),
        (numbers.memory_words, None, "-"),
        (numbers.percent_words, 69.5, "69.50"),
        (numbers.percent_words, None, "-"),
        (numbers.p_words, 0.00001, "< 0.0001"),
        (numbers.p_words, 0.00042, "0.0004"),
        (numbers.p_words, 0.0324, "0.032"),
        (numbers.p_words, 0.4149, "0.41"),
        (numbers.p_words, None, "-"),
        (numbers.interval_words, (61.234, 64.2), "61.23 to 64.20"),
        (numbers.interval_words, None, "-"),
        (numbers.difference_words, None, "-"),
        (numbers.listed, [], ""),
        (numbers.listed, ["a"], "a"),
        (numbers.listed, ["a", "b"], "a and b"),
        (numbers.listed, ["a", "b", "c"], "a, b and c"),
        (lambda some: numbers.listed(some, 3), ["a", "b", "c"], "a, b and c"),
        (lambda some: numbers.listed(some, 2), ["a", "b", "c"], "a, b and 1 more"),
        (numbers.seeds_words, [1], "seed 1"),
        (numbers.seeds_words, [0, 2], "seeds 0 and 2"),
        (numbers.runs_words, 1, "1 seed"),
        (numbers.runs_words, 3, "3 seeds"),
    ],
)
def test_a_number_is_said_as_a_person_would(function, value, said) -> None:
    assert function(value) == said
