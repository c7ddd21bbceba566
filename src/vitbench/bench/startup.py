"""What one waits for before anything happens: help, a report, the first step."""

import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from vitbench.bench.rounds import Contestant, Timed, in_turn, output_of
from vitbench.config.experiment import ExperimentSpec
from vitbench.config.study import base_spec, folder_for, load_study
from vitbench.runs.results import merge_runs
from vitbench.runs.schema import StudyResults, StudyRun, pack_classes
from vitbench.study.variants import variant_specs

STUDIES = ("patch-size", "pos-embed", "hyperparams", "augmentation")
SEEDS = 3
FIRST_STEP = """
import sys
from pathlib import Path
from vitbench.runs.experiment import RunRequest, run_experiment
from vitbench.config.build import build_spec
from vitbench.config.presets import preset_fields
from vitbench.training.fit import StepDone

def listen(event):
    if isinstance(event, StepDone):
        raise KeyboardInterrupt

try:
    run_experiment(RunRequest(build_spec(preset_fields("smoke")), Path(sys.argv[1])), listen)
except KeyboardInterrupt:
    pass
"""


@dataclass(frozen=True)
class Waits:
    """Seconds from a command to its answer, median over rounds.

    Attributes:
        help_s: `vitbench --help`.
        report_s: `vitbench report` on four studies of three seeds, 10,000 test images.
        first_step_s: From a spec to the first step of the preset `smoke`.
        torch_import_s: `import torch` alone, which the first step needs.
    """

    help_s: float
    report_s: float
    first_step_s: float
    torch_import_s: float


def bench_startup(rounds: int) -> Waits:
    """Time commands in processes of their own, in turn."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_invented_results(folder / "results")
        vitbench = [sys.executable, "-m", "vitbench"]
        commands: Mapping[str, Sequence[str]] = {
            "help": [*vitbench, "--help"],
            "report": [*vitbench, "report", "results"],
            "first step": [sys.executable, "-c", FIRST_STEP, "run"],
            "torch": [sys.executable, "-c", "import torch"],
        }
        contestants = {what: _command(words, folder) for what, words in commands.items()}
        timed = in_turn(contestants, rounds, torch.device("cpu"))
    return Waits(*(_seconds(timed[what]) for what in commands))


def write_invented_results(folder: Path) -> None:
    """Results files of the four studies with drawn answers, to be reported on and thrown away."""
    rng = np.random.default_rng(0)
    labels = rng.integers(10, size=10_000, dtype=np.uint8)
    for name in STUDIES:
        study = load_study(name)
        base = base_spec(study, {})
        header = StudyResults(
            study=study,
            preset="default",
            base=base.to_json(),
            base_identity=base.base_identity,
            dataset=base.data.dataset.name,
            num_test=len(labels),
            test_labels=pack_classes(labels.tobytes()),
        )
        runs = [
            _invented_run(key, spec.with_seed(seed), labels, rng)
            for key, spec in variant_specs(study, base, study.variants).items()
            for seed in range(SEEDS)
        ]
        file = folder_for(folder, base.data.dataset.name) / study.results_file
        merge_runs(file, header, runs)


def _invented_run(
    variant: str, spec: ExperimentSpec, labels: np.ndarray, rng: np.random.Generator
) -> StudyRun:
    wrong = rng.random(len(labels)) < 0.3
    predicted = np.where(wrong, (labels + 1) % 10, labels).astype(np.uint8)
    return StudyRun(
        variant=variant,
        run_folder="none",
        identity=spec.identity,
        name=spec.name,
        spec=spec.to_json(),
        seed=spec.seed,
        semantics=spec.semantics,
        status="done",
        test_top1_pct=100 * float((predicted == labels).mean()),
        predicted=pack_classes(predicted.tobytes()),
        num_params=1,
        forward_flop=1,
        train_flop=1,
    )


def _command(words: Sequence[str], folder: Path) -> Contestant:
    def work() -> int:
        output_of(words, folder)
        return 1

    return work


def _seconds(timed: Timed) -> float:
    return 1 / timed.per_s
