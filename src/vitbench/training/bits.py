"""What else a run's bits depend on beside its spec. No torch here: reports read it."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

MOST_THREADS = 1024  # the largest machines have half as many; PyTorch crashes with a million


class Bits(BaseModel):
    """How a run is trained, recorded in its checkpoints and kept when it is resumed.

    A checkpoint of an earlier vitbench lacks what was added later: that has a default.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    device: Annotated[str, Field(pattern="^(cpu|cuda|mps)$", description="cpu, cuda or mps.")]
    threads: Annotated[int, Field(ge=1, le=MOST_THREADS, description="CPU threads of PyTorch.")]
    resumed: Annotated[
        int, Field(ge=0, le=1_000_000_000, description="How often it was resumed after a stop.")
    ] = 0
    micro_batch: Annotated[
        int | None,
        Field(
            gt=0,
            le=1_000_000_000,
            description="Images of one forward and backward pass; None for a whole batch.",
        ),
    ] = None
    recompute: Annotated[
        bool, Field(description="Whether blocks are computed anew in the backward pass.")
    ] = False
    compiled: Annotated[bool, Field(description="Whether steps are of a compiled model.")] = False
