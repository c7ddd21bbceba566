"""Images on which two differ, and confusion: counted by hand, and by another's library."""

import numpy as np
import pandas as pd
import pytest

from vitbench.comparison.disagreement import Disagreement, confusion, most_different

LABELS = np.array([0, 1, 2, 0], dtype=np.uint8)


def classes(*answers: int) -> np.ndarray:
    return np.array(answers, dtype=np.uint8)


def test_images_come_by_how_many_seeds_more_are_right() -> None:
    first = [classes(0, 1, 0, 0), classes(0, 1, 2, 1), classes(0, 0, 2, 0)]
    second = [classes(0, 2, 2, 1), classes(0, 2, 2, 2), classes(2, 1, 2, 2)]
    # Right of three seeds: first 3 2 2 2, second 2 1 3 0.

    found = most_different(first, second, LABELS, 10)

    assert found == [
        Disagreement(3, (2, 0), 2),
        Disagreement(0, (3, 2), 2),  # not for 0, which is right
        Disagreement(1, (2, 1), 2),
    ]
    assert most_different(first, second, LABELS, 1) == found[:1]
    assert [one.image for one in most_different(second, first, LABELS, 10)] == [2]
    assert most_different(first, first, LABELS, 10) == []


def test_confusion_is_that_of_a_table_of_counts() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 500, dtype=np.uint8)
    answers = [rng.integers(0, 4, 500, dtype=np.uint8) for _ in range(3)]

    found = confusion(answers, labels, 5)

    tables = [pd.crosstab(labels, of, normalize="index").to_numpy() for of in answers]
    assert found[:4, :4] == pytest.approx(100 * np.mean(tables, axis=0))
    assert np.isnan(found[4]).all()  # no image is of that class
    assert (found[:4, 4] == 0).all()
