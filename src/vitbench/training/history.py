"""EpochRecord: the record of an epoch. No torch here: reports read it."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

# Measured values: finite, and small enough that their sums are finite too.
Loss = Annotated[float, Field(ge=-1e39, le=1e39)]
Percent = Annotated[float, Field(ge=0, le=100)]
Seconds = Annotated[float, Field(ge=0, le=1e12)]
Rate = Annotated[float, Field(ge=0, le=1e12)]
Count = Annotated[int, Field(ge=0, lt=2**63)]


class EpochRecord(BaseModel):
    """One finished epoch."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    epoch: Annotated[int, Field(gt=0, le=1_000_000, description="Counted from 1.")]
    train_loss: Annotated[
        Loss, Field(description="Mean loss of its steps, with augmentation and label smoothing.")
    ]
    train_top1_pct: Annotated[
        Percent, Field(description="Top-1 accuracy in % over its steps, with augmentation.")
    ]
    val_loss: Annotated[Loss, Field(description="Cross-entropy on the validation images.")]
    val_top1_pct: Annotated[
        Percent, Field(description="Top-1 accuracy in % on the validation images.")
    ]
    lr: Annotated[Rate, Field(description="AdamW's learning rate in its last step.")]
    train_time_s: Annotated[
        Seconds, Field(description="Seconds of its training steps, without validation.")
    ]
    img_per_s: Annotated[Rate, Field(description="Training images per second of that time.")]
    lr_halvings: Annotated[
        int,
        Field(
            ge=0,
            le=100,
            description="Times the learning rate was halved so far, after divergences.",
        ),
    ] = 0
