"""What a user selected for `vitbench visualize`: images, layer, head, patch and sample sizes."""

from dataclasses import dataclass
from pathlib import Path

from vitbench.attention.rollout import Fusion
from vitbench.pictures.sampling import FULL

COUNT = 5  # default number of images
MOST_FITTED_ON = 2000  # validation images whose tokens are in memory


@dataclass(frozen=True)
class Selection:
    """What the user selected.

    Attributes:
        count: Number of test images.
        indices: Their indices, or None for the first ones.
        of_class: Name of their class, or None.
        wrong: Whether to use only images with a wrong prediction.
        image: A picture of the user instead.
        fusion: How rollout combines heads.
        discard: Share of the weights of a row that rollout discards.
        layer: The layer whose heads are shown; None for the last.
        head: The head that is shown; None for all.
        patch: The patch whose attention is shown; None for the class token.
        sample: Number of test images for scores and statistics.
        fitted_on: Largest number of validation images to fit probes.
    """

    count: int = COUNT
    indices: list[int] | None = None
    of_class: str | None = None
    wrong: bool = False
    image: Path | None = None
    fusion: Fusion = "mean"
    discard: float = 0.0
    layer: int | None = None
    head: int | None = None
    patch: int | None = None
    sample: int = FULL
    fitted_on: int = MOST_FITTED_ON

    @property
    def names_images(self) -> bool:
        """Whether it selects images."""
        return self.wrong or any((self.indices, self.of_class, self.image)) or self.count != COUNT
