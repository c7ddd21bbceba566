"""What the tests of comparisons share."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import numpy as np
import pytest

from vitbench.config.study import StudySpec
from vitbench.runs.schema import StudyResults, StudyRun, pack_classes


def labels_of(num_test: int) -> np.ndarray:
    """True classes of so many images (n,), always the same."""
    return np.random.default_rng(0).integers(0, 10, num_test, dtype=np.uint8)


@pytest.fixture(scope="session")
def run_of() -> Callable[..., StudyRun]:
    """Builds a run that answered so, (n,) of bool; where it was wrong, it said the next class."""

    def build(variant: str, seed: int, right: np.ndarray, **changes: Any) -> StudyRun:
        labels = labels_of(len(right))
        fields: dict[str, Any] = {
            "variant": variant,
            "identity": f"{variant}-{seed}",
            "name": variant,
            "spec": {},
            "seed": seed,
            "status": "done",
            "test_top1_pct": 100 * right.mean(),
            "predicted": pack_classes(np.where(right, labels, (labels + 1) % 10).tobytes()),
            "test_labels_sha256": sha256(labels.tobytes()).hexdigest(),
        }
        return StudyRun(**{**fields, **changes})

    return build


@pytest.fixture(scope="session")
def results_of() -> Callable[..., StudyResults]:
    """Builds results of a study that was drawn up for its runs; of more than one image."""

    def build(
        study: StudySpec, runs: list[StudyRun], num_test: int, **changes: Any
    ) -> StudyResults:
        fields: dict[str, Any] = {
            "study": study,
            "preset": "default",
            "base": {},
            "base_identity": "0",
            "dataset": "cifar10",
            "num_test": num_test,
            "test_labels": pack_classes(labels_of(num_test).tobytes()),
            "runs": runs,
        }
        return StudyResults(**{**fields, **changes})

    return build
