"""Numbers as a reader wants them."""

import pytest

from vitbench.report import words


@pytest.mark.parametrize(
    ("function", "value", "said"),
    [
        (words.count_words, 460_906, "460,906"),
        (words.count_words, None, "-"),
        (words.gflop_words, 67_800_000, "0.0678"),
        (words.gflop_words, 2_345_000_000, "2.35"),
        (words.gflop_words, 1_234_500_000_000, "1,234"),
        (words.gflop_words, 999_700_000_000, "1,000"),
        (words.gflop_words, None, "-"),
        (words.time_words, 0.4, "0 s"),
        (words.time_words, 42.4, "42 s"),
        (words.time_words, 588, "9.8 min"),
        (words.time_words, 11_520, "3.2 h"),
        (words.time_words, None, "-"),
        (words.memory_words, 640_400_000, "640 MB"),
        (words.memory_words, 1_640_000_000, "1.6 GB"),
        (words.memory_words, None, "-"),
        (words.percent_words, 69.5, "69.50"),
        (words.percent_words, None, "-"),
        (words.p_words, 0.00001, "< 0.0001"),
        (words.p_words, 0.00042, "0.0004"),
        (words.p_words, 0.0324, "0.032"),
        (words.p_words, 0.4149, "0.41"),
        (words.p_words, None, "-"),
        (words.interval_words, (61.234, 64.2), "61.23 to 64.20"),
        (words.interval_words, None, "-"),
        (words.difference_words, None, "-"),
        (words.listed, [], ""),
        (words.listed, ["a"], "a"),
        (words.listed, ["a", "b"], "a and b"),
        (words.listed, ["a", "b", "c"], "a, b and c"),
        (lambda some: words.listed(some, 3), ["a", "b", "c"], "a, b and c"),
        (lambda some: words.listed(some, 2), ["a", "b", "c"], "a, b and 1 more"),
        (words.seeds_words, [1], "seed 1"),
        (words.seeds_words, [0, 2], "seeds 0 and 2"),
        (words.runs_words, 1, "1 seed"),
        (words.runs_words, 3, "3 seeds"),
    ],
)
def test_a_number_is_said_as_a_person_would(function, value, said) -> None:
    assert function(value) == said
