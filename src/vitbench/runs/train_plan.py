"""What `vitbench train` is about to do: its run folder, the state of it, and what is left."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from vitbench.config.experiment import ExperimentSpec
from vitbench.model.cost import TrainingCost, cost_of
from vitbench.runs.claim import check_folder_of_run
from vitbench.runs.experiment import check_buildable
from vitbench.runs.folder import RunFolder


@dataclass(frozen=True)
class TrainPlan:
    """A run before it is trained.

    Attributes:
        spec: The experiment.
        folder: Its run folder, which may not exist yet.
        device: The device to train on.
        state: State of the run folder.
        cost: Parameters and FLOPs of the spec.
    """

    spec: ExperimentSpec
    folder: RunFolder
    device: torch.device
    state: str
    cost: TrainingCost

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to train."""
        return self.state == "trained"

    @property
    def to_train(self) -> list[ExperimentSpec]:
        """The experiment, unless it is complete."""
        return [] if self.is_complete else [self.spec]

    def to_json(self, seconds: float) -> dict[str, Any]:
        """The plan as a JSON document.

        Args:
            seconds: Estimated time of the training.
        """
        return {
            "run_folder": str(self.folder.path),
            "state": self.state,
            "num_params": self.cost.num_params,
            "forward_flop": self.cost.forward_flop,
            "train_flop": self.cost.train_flop,
            "estimated_time_s": round(seconds, 1),
            "device": self.device.type,
            "spec": self.spec.to_json(),
        }


def plan_training(spec: ExperimentSpec, folder: Path, device: torch.device) -> TrainPlan:
    """Plan a run, and refuse what could not be trained.

    Args:
        spec: The experiment.
        folder: Its run folder.
        device: The device to train on.

    Raises:
        FileError: The folder is a file, is damaged, or holds files of something else.
        UsageError: The spec cannot be built, or the folder belongs to another run.
    """
    check_buildable(spec)
    run_folder = RunFolder(folder)
    check_folder_of_run(run_folder, spec)
    return TrainPlan(spec, run_folder, device, run_folder.state(), cost_of(spec))
