"""EpochRecord: what is kept of each epoch. No torch here: reports read it."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class EpochRecord(BaseModel):
    """One finished epoch."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epoch: Annotated[int, Field(gt=0, description="Counted from 1.")]
    train_loss: Annotated[
        float, Field(description="Mean loss of its steps, with augmentation and label smoothing.")
    ]
    train_top1_pct: Annotated[
        float, Field(description="Top-1 accuracy in % over its steps, with augmentation.")
    ]
    val_loss: Annotated[float, Field(description="Cross-entropy on the validation images.")]
    val_top1_pct: Annotated[float, Field(description="Top-1 accuracy in % on the same.")]
    lr: Annotated[float, Field(description="AdamW's learning rate in its last step.")]
    train_time_s: Annotated[
        float, Field(description="Seconds its steps took, validation left out.")
    ]
    img_per_s: Annotated[float, Field(description="Images trained on in a second of that.")]
    lr_halvings: Annotated[
        int, Field(ge=0, description="How often the rate was halved until then, after divergences.")
    ] = 0
