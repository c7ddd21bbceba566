"""TrainingSpec: epochs, batch size, optimiser, schedule and precision."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from vitbench.config.choice import Choice, OptimizerChoice, ScheduleChoice


class TrainingSpec(BaseModel):
    """One training; the result is that of the last epoch."""

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
        Field(
            description="Optimiser; muon: Muon for the matrices of the blocks, AdamW for the rest."
        ),
    ] = Choice(name="muon")
    lr: Annotated[float, Field(gt=0, le=1000, description="Peak learning rate of AdamW.")] = 1e-3
    weight_decay: Annotated[
        float, Field(ge=0, le=1000, description="Decoupled weight decay of AdamW.")
    ] = 0.05
    weight_decay_on: Annotated[
        Literal["matrices", "all"],
        Field(
            description="Where AdamW's weight decay applies: matrices and patch filters, or all "
            "parameters (also norms, biases, positions and class token)."
        ),
    ] = "matrices"
    schedule: Annotated[ScheduleChoice, Field(description="Learning-rate schedule.")] = Choice(
        name="cosine"
    )
    warmup_fraction: Annotated[
        float,
        Field(
            ge=0, lt=1, description="Share of the steps in which the learning rate rises from 0."
        ),
    ] = 0.1
    label_smoothing: Annotated[
        float, Field(ge=0, lt=1, description="Probability spread evenly over all classes.")
    ] = 0.1
    grad_clip: Annotated[
        float | None,
        Field(
            gt=0,
            le=1_000_000,
            description="Gradient clipping: largest global norm; null: no limit.",
        ),
    ] = 1.0
    precision: Annotated[
        Literal["auto", "fp32", "bf16"],
        Field(description="auto: bf16 autocast on CUDA, fp32 elsewhere."),
    ] = "auto"
    on_divergence: Annotated[
        Literal["stop", "halve-lr"],
        Field(
            description="If the loss is not finite: stop (recorded as diverged), or repeat the "
            "epoch at half the rate and keep it."
        ),
    ] = "stop"
