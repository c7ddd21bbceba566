"""What the tests of a report share."""

from collections.abc import Callable
from typing import Any

import pytest

from vitbench.runs.schema import StudyResults


@pytest.fixture
def changed() -> Callable[..., StudyResults]:
    """Gives results with some fields of the first variant's run of a seed changed."""

    def change(results: StudyResults, seed: int, **fields: Any) -> StudyResults:
        first = results.study.variants[0].key
        runs = [
            run.model_copy(update=fields) if (run.variant, run.seed) == (first, seed) else run
            for run in results.runs
        ]
        return results.model_copy(update={"runs": runs})

    return change


@pytest.fixture
def with_words() -> Callable[[StudyResults, str], StudyResults]:
    """Gives results with the same words wherever a study may have words."""

    def change(results: StudyResults, words: str) -> StudyResults:
        variants = [v.model_copy(update={"label": words}) for v in results.study.variants]
        study = results.study.model_copy(
            update={"variants": variants, "title": words, "notes": [words]}
        )
        runs = [run.model_copy(update={"reason": words}) for run in results.runs]
        return results.model_copy(update={"study": study, "runs": runs})

    return change
