"""DataSpec: the data set, its validation split, and its augmentation."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from vitbench.config.choice import AugmentationChoice, Choice, DatasetChoice
from vitbench.registry import DATASETS

Share = Annotated[float, Field(ge=0, le=1)]
Channels = tuple[Share, Share, Share]
Positive = Annotated[float, Field(gt=0, le=10)]


class DataSpec(BaseModel):
    """The images of one experiment."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    dataset: Annotated[DatasetChoice, Field(description="Data set.")] = Choice(name="cifar10")
    val_size: Annotated[
        int,
        Field(
            gt=0,
            description="Images held out of the training set for validation, class-balanced; the "
            "same for every seed.",
        ),
    ] = 5000
    augmentation: Annotated[
        AugmentationChoice, Field(description="Augmentation of training images.")
    ] = Choice(name="baseline")
    mean: Annotated[
        Channels | None,
        Field(
            description="Mean per channel for normalisation, 0 to 1; default: that of the data set."
        ),
    ] = None
    std: Annotated[
        tuple[Positive, Positive, Positive] | None,
        Field(
            description="Standard deviation per channel for normalisation; default: that of the "
            "data set."
        ),
    ] = None

    @property
    def img_size(self) -> int:
        """Side of an image in pixels."""
        return int(DATASETS.entry(self.dataset.name).facts["img_size"])

    @property
    def in_chans(self) -> int:
        """Channels of an image."""
        return int(DATASETS.entry(self.dataset.name).facts["in_chans"])

    @property
    def num_classes(self) -> int:
        """Classes of the data set."""
        return int(DATASETS.entry(self.dataset.name).facts["num_classes"])

    @property
    def classes(self) -> tuple[str, ...]:
        """Name of each class; its number if the data set's row in the registry has no names."""
        numbers = tuple(map(str, range(self.num_classes)))
        return tuple(DATASETS.entry(self.dataset.name).facts.get("classes", numbers))

    @property
    def train_size(self) -> int:
        """Training images without those for validation."""
        return int(DATASETS.entry(self.dataset.name).facts["train_size"]) - self.val_size

    @property
    def test_size(self) -> int:
        """Images of the test set."""
        return int(DATASETS.entry(self.dataset.name).facts["test_size"])
