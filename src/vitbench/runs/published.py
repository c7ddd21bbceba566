"""The flat results files of the reference study: an object with one accuracy per variant."""

from typing import Any

from vitbench.config.study import StudySpec, load_study, study_names
from vitbench.runs.schema import StudyResults, StudyRun

MOST_NAMES = 1000
NUM_TEST = 10_000  # of CIFAR-10; the file does not record it


def is_flat(loaded: Any) -> bool:
    """Whether an object maps names to accuracies in %, with at least one name of a study."""
    return (
        isinstance(loaded, dict)
        and 0 < len(loaded) <= MOST_NAMES
        and all(isinstance(v, int | float) and not isinstance(v, bool) for v in loaded.values())
        and all(0 <= value <= 100 for value in loaded.values())
        and any(loaded.keys() & _keys(study).keys() for study in _studies())
    )


def from_flat(loaded: Any) -> StudyResults | None:
    """The results in a flat file: one seed each, 10,000 test images assumed.

    Unknown keys are ignored. None if it is not a flat file.
    """
    if not is_flat(loaded):
        return None
    study = max(_studies(), key=lambda study: len(loaded.keys() & _keys(study).keys()))
    keys = _keys(study)
    runs = [
        StudyRun(
            variant=keys[name],
            identity="",
            name=name,
            spec={},
            seed=0,
            status="done",
            test_top1_pct=accuracy,
        )
        for name, accuracy in loaded.items()
        if name in keys
    ]
    return StudyResults(
        study=study,
        preset="not known",
        base={},
        base_identity="",
        dataset="cifar10",
        num_test=NUM_TEST,
        runs=runs,
    )


def _studies() -> list[StudySpec]:
    return [load_study(name) for name in study_names()]


def _keys(study: StudySpec) -> dict[str, str]:
    """The variants by their names in the flat file."""
    return {v.published_key: v.key for v in study.variants if v.published_key is not None}
