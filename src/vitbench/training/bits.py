"""What a run's bits depend on besides its spec. No torch here: reports read it."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

MOST_THREADS = 1024  # more than any machine has; PyTorch crashes with a million


class Bits(BaseModel):
    """Settings of a run that change its bits; recorded in checkpoints and kept when it resumes.

    Fields that were added later have a default, for checkpoints of earlier versions.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    device: Annotated[str, Field(pattern="^(cpu|cuda|mps)$", description="cpu, cuda or mps.")]
    threads: Annotated[int, Field(ge=1, le=MOST_THREADS, description="CPU threads of PyTorch.")]
    resumed: Annotated[
        int, Field(ge=0, le=1_000_000_000, description="Times the run was resumed.")
    ] = 0
    micro_batch: Annotated[
        int | None,
        Field(
            gt=0,
            le=1_000_000_000,
            description="Images per forward and backward pass; None for the whole batch.",
        ),
    ] = None
    recompute: Annotated[
        bool, Field(description="Whether activations are recomputed in the backward pass.")
    ] = False
    compiled: Annotated[bool, Field(description="Whether torch.compile is used.")] = False
