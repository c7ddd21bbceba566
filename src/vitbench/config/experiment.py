"""ExperimentSpec: data, model, training and a seed, and the identity of a run."""

import hashlib
import json
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from vitbench.config.data import DataSpec
from vitbench.config.model import ModelSpec, check_patch_size
from vitbench.config.training import TrainingSpec


class ExperimentSpec(BaseModel):
    """Everything that determines a run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # Increase it when the same spec would train to another result; old runs are then not reused.
    semantics: ClassVar[int] = 1

    data: DataSpec = DataSpec()
    model: ModelSpec = ModelSpec()
    train: TrainingSpec = TrainingSpec()
    seed: Annotated[
        int, Field(ge=0, lt=2**63, description="Seed of initialisation, order and augmentation.")
    ] = 0

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        check_patch_size(self.model.patch_size, self.data.img_size)
        classes, held_out = self.data.num_classes, self.data.val_size
        if held_out % classes:
            raise ValueError(
                f"val_size {held_out} is not class-balanced: use a multiple of {classes}, such as "
                f"{max(1, held_out // classes) * classes}"
            )
        if self.data.train_size < self.train.batch_size:
            raise ValueError(
                f"batch_size {self.train.batch_size} exceeds the {max(self.data.train_size, 0)} "
                f"training images that val_size {held_out} leaves of {self.data.dataset}: reduce "
                "one"
            )
        return self

    def to_json(self) -> dict[str, Any]:
        """All fields as JSON values."""
        return self.model_dump(mode="json")

    def canonical(self) -> dict[str, Any]:
        """The fields that identify the run: those that differ from their defaults."""
        return {
            **self.model_dump(mode="json", exclude_defaults=True),
            "semantics": self.semantics,
        }

    @property
    def identity(self) -> str:
        """Hash of the canonical spec, 64 hexadecimal digits."""
        text = json.dumps(self.canonical(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def base_identity(self) -> str:
        """The identity without the seed, shared by all seeds."""
        return self.with_seed(0).identity

    @property
    def name(self) -> str:
        """The choices in words, for folder names; not unique without the hash."""
        model, data = self.model, self.data
        return "-".join(
            [
                data.dataset.name,
                f"p{model.patch_size}",
                f"d{model.embed_dim}x{model.depth}h{model.num_heads}",
                *([] if model.attention.name == "softmax" else [model.attention.name]),
                "+".join(position.name for position in model.pos_embed),
                data.augmentation.name,
                f"e{self.train.epochs}",
                f"s{self.seed}",
            ]
        )

    @property
    def folder_name(self) -> str:
        """Name of the run's folder: the choices in words and ten digits of the identity."""
        return f"{self.name}-{self.identity[:10]}"

    def with_seed(self, seed: int) -> "ExperimentSpec":
        """The same experiment with another seed."""
        return self.model_copy(update={"seed": seed})
