"""Calibration: bins counted by hand, and what is known of models that know and that guess."""

import numpy as np
import pytest

from vitbench.comparison.calibration import calibration

RNG = np.random.default_rng(0)


def logits_of(*confidences: float) -> np.ndarray:
    """Logits of two classes of which the first has these probabilities."""
    p = np.array(confidences)
    return np.log(np.stack([p, 1 - p], axis=1)).astype(np.float16)


def test_bins_hold_what_was_counted_by_hand() -> None:
    """Of five bins, 0.55 and 0.58 are in the third, 0.7 in the fourth, two of 0.9 in the fifth."""
    logits = logits_of(0.55, 0.58, 0.7, 0.9, 0.9)
    labels = np.array([0, 1, 0, 0, 1], dtype=np.uint8)

    found = calibration(logits, labels, bins=5)

    assert found.num_images.tolist() == [0, 0, 2, 1, 2]
    assert found.accuracy[2:].tolist() == [0.5, 1.0, 0.5]
    assert np.isnan(found.accuracy[:2]).all()
    assert found.confidence[2:] == pytest.approx([0.565, 0.7, 0.9], abs=1e-3)
    by_hand = (2 * abs(0.565 - 0.5) + abs(0.7 - 1) + 2 * abs(0.9 - 0.5)) / 5
    assert found.error == pytest.approx(by_hand, abs=1e-3)


def test_labels_drawn_as_the_model_says_leave_no_error_but_chance() -> None:
    logits = RNG.normal(0, 1.5, (50_000, 10)).astype(np.float16)
    p = np.exp(logits.astype(float))
    p /= p.sum(axis=1, keepdims=True)
    labels = (p.cumsum(axis=1) < RNG.random((50_000, 1))).sum(axis=1).astype(np.uint8)

    assert calibration(logits, labels).error < 0.01
    assert calibration(3 * logits, labels).error > 0.1  # too sure


def test_a_model_that_is_always_sure_is_in_the_last_bin() -> None:
    logits = np.array([[60, 0], [60, 0]], dtype=np.float16)

    found = calibration(logits, np.array([0, 1], dtype=np.uint8))

    assert found.num_images.tolist() == [0] * 14 + [2]
    assert found.error == pytest.approx(0.5)
