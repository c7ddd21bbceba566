"""ModelSpec: the sizes and choices of a Vision Transformer."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from vitbench.config.choice import AttentionChoice, Choice, PositionChoices


class ModelSpec(BaseModel):
    """A Vision Transformer, with timm's names."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    patch_size: Annotated[int, Field(gt=0, description="Side of a square patch in pixels.")] = 4
    embed_dim: Annotated[int, Field(gt=0, le=65536, description="Channels per token.")] = 256
    depth: Annotated[int, Field(gt=0, le=1024, description="Number of blocks.")] = 6
    num_heads: Annotated[
        int, Field(gt=0, description="Attention heads; must divide embed_dim.")
    ] = 8
    mlp_ratio: Annotated[
        float, Field(gt=0, le=64, description="Width of the MLPs as a multiple of embed_dim.")
    ] = 4.0
    qkv_bias: Annotated[
        bool, Field(description="Whether queries, keys and values have a bias.")
    ] = True
    class_token: Annotated[
        bool,
        Field(
            description="Classify from a class token; otherwise from the mean of the patch tokens."
        ),
    ] = True
    pos_embed: Annotated[
        PositionChoices, Field(description="Positional embedding, or a list to add up.")
    ] = (Choice(name="learned-1d"),)
    attention: Annotated[AttentionChoice, Field(description="Kind of attention.")] = Choice(
        name="softmax"
    )
    drop_rate: Annotated[
        float, Field(ge=0, lt=1, description="Dropout after positions, projections and MLPs.")
    ] = 0.0
    attn_drop_rate: Annotated[
        float, Field(ge=0, lt=1, description="Dropout of attention weights.")
    ] = 0.0
    drop_path_rate: Annotated[
        float,
        Field(
            ge=0,
            lt=1,
            description="Stochastic depth: probability that an image skips the last block, "
            "decreasing linearly to 0 for the first.",
        ),
    ] = 0.0
    init: Annotated[
        Literal["fan-in", "trunc-normal"],
        Field(
            description="Initial weights: normal with standard deviation 1/sqrt(fan-in), or "
            "timm's truncated normal with 0.02."
        ),
    ] = "fan-in"

    @model_validator(mode="after")
    def _heads_divide_width(self) -> Self:
        if self.embed_dim % self.num_heads:
            raise ValueError(
                f"num_heads {self.num_heads} does not divide embed_dim {self.embed_dim}: "
                f"use {_listed(divisors(self.embed_dim, most=64))}"
            )
        if self.mlp_dim < 1:
            raise ValueError(
                f"mlp_ratio {self.mlp_ratio} leaves the MLP without channels: increase it"
            )
        return self

    @property
    def mlp_dim(self) -> int:
        """Channels inside a block's MLP."""
        return int(self.embed_dim * self.mlp_ratio)


def check_patch_size(patch_size: int, img_size: int) -> None:
    """Raise ValueError, with valid sizes, if patches do not tile an image."""
    if img_size % patch_size:
        raise ValueError(
            f"patch_size {patch_size} does not divide img_size {img_size}: "
            f"use {_listed(divisors(img_size))}"
        )


def divisors(number: int, most: int | None = None) -> list[int]:
    """Divisors in increasing order, up to `most`."""
    return [d for d in range(1, min(number, most or number) + 1) if number % d == 0]


def _listed(numbers: list[int]) -> str:
    return (
        f"{', '.join(map(str, numbers[:-1]))} or {numbers[-1]}" if numbers[1:] else str(numbers[0])
    )
