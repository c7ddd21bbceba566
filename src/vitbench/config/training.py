"""TrainingSpec: how long, how fast, with what optimiser."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from vitbench.config.choice import Choice, OptimizerChoice, ScheduleChoice


class TrainingSpec(BaseModel):
    """One training; the last epoch counts, always."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    epochs: Annotated[
        int, Field(gt=0, le=1_000_000, description="Passes over the training images.")
    ] = 50
    batch_size: Annotated[
        int,
        Field(
            gt=0,
            description="Images per step; the incomplete last batch of an epoch is dropped.",
        ),
    ] = 128
    optimizer: Annotated[
        OptimizerChoice,
        Field(description="Optimiser; muon: Muon for the blocks' matrices, AdamW for all else."),
    ] = Choice(name="muon")
    lr: Annotated[float, Field(gt=0, le=1000, description="Peak learning rate of AdamW.")] = 1e-3
    weight_decay: Annotated[
        float, Field(ge=0, le=1000, description="Decoupled weight decay of AdamW.")
    ] = 0.05
    weight_decay_on: Annotated[
        Literal["matrices", "all"],
        Field(
            description="What AdamW's decay acts on: matrices and patch filters, or everything, "
            "norms, biases, positions and class token too."
        ),
    ] = "matrices"
    schedule: Annotated[ScheduleChoice, Field(description="Learning rate over the training.")] = (
        Choice(name="cosine")
    )
    warmup_fraction: Annotated[
        float, Field(ge=0, lt=1, description="Share of all steps in which the rate rises from 0.")
    ] = 0.1
    label_smoothing: Annotated[
        float, Field(ge=0, lt=1, description="Probability spread evenly over all classes.")
    ] = 0.1
    grad_clip: Annotated[
        float | None,
        Field(
            gt=0, le=1_000_000, description="Largest norm of the whole gradient; null for no limit."
        ),
    ] = 1.0
    precision: Annotated[
        Literal["auto", "fp32", "bf16"],
        Field(description="auto: bf16 autocast on CUDA, fp32 elsewhere."),
    ] = "auto"
    on_divergence: Annotated[
        Literal["stop", "halve-lr"],
        Field(
            description="When the loss is not finite: stop, which is a result; or do the epoch "
            "again at half the rate, from then on."
        ),
    ] = "stop"
