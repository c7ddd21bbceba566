"""vitbench: which choice makes a small Vision Transformer better, by how much, and at what cost.

What `__all__` names is public; every folder below is internal. Names are imported when they are
first used, so that the command line answers before torch is there.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vitbench.attention.explanations import explain
    from vitbench.config.build import build_spec
    from vitbench.config.experiment import ExperimentSpec
    from vitbench.model.foreign import adopt
    from vitbench.model.vit import VisionTransformer, build_model
    from vitbench.runs.experiment import RunOptions, RunRequest, run_experiment
    from vitbench.runs.results import read_results
    from vitbench.runs.schema import RunResult, StudyResults
    from vitbench.study.request import SweepRequest, load_studies
    from vitbench.study.sweep import SweepOutcome, run_sweep
    from vitbench.training.checkpoint import Checkpoint

__version__ = "0.1.0"
__all__ = [
    "Checkpoint",
    "ExperimentSpec",
    "RunOptions",
    "RunRequest",
    "RunResult",
    "StudyResults",
    "SweepOutcome",
    "SweepRequest",
    "VisionTransformer",
    "adopt",
    "build_model",
    "build_spec",
    "explain",
    "load_studies",
    "read_results",
    "run_experiment",
    "run_sweep",
]

_HOMES = {
    "Checkpoint": "vitbench.training.checkpoint",
    "ExperimentSpec": "vitbench.config.experiment",
    "RunOptions": "vitbench.runs.experiment",
    "RunRequest": "vitbench.runs.experiment",
    "RunResult": "vitbench.runs.schema",
    "StudyResults": "vitbench.runs.schema",
    "SweepOutcome": "vitbench.study.sweep",
    "SweepRequest": "vitbench.study.request",
    "VisionTransformer": "vitbench.model.vit",
    "adopt": "vitbench.model.foreign",
    "build_model": "vitbench.model.vit",
    "build_spec": "vitbench.config.build",
    "explain": "vitbench.attention.explanations",
    "load_studies": "vitbench.study.request",
    "read_results": "vitbench.runs.results",
    "run_experiment": "vitbench.runs.experiment",
    "run_sweep": "vitbench.study.sweep",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'vitbench' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
