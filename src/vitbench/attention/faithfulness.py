"""Faithfulness of maps: how a prediction changes when the marked patches are removed.

Deletion removes patches, the most important first, and measures how the probability of the class
falls; insertion adds them to a blank image (RISE, Petsiuk et al., arXiv:1806.07421, whose insertion
starts from a blurred image). A map is informative if it beats two baselines that do not use the
model: patches in random order, and patches by distance from the centre.

A removed patch gets the data set's mean colour. The model was not trained on such images, so an
area describes this model, and is comparable only within one model.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from vitbench.attention.intervals import Mean, mean_over_images
from vitbench.attention.trace import evaluating
from vitbench.model.vit import VisionTransformer

BLANK = 0.0  # in a normalised image: the data set's mean colour
STEPS = 8  # images between no patches and all patches
AT_ONCE = 500


@dataclass(frozen=True)
class Areas:
    """Areas under the curves of one map per image.

    Attributes:
        deletion: (N,), mean probability of the class while patches are removed; low is faithful.
        insertion: (N,), while they are added; high is faithful.
        deletion_curve: (N, steps + 1), from the complete image to the blank one.
        insertion_curve: (N, steps + 1), from the blank image to the complete one.
        places: (steps + 1,), share of patches removed or added at each point of the curves.
    """

    deletion: Tensor
    insertion: Tensor
    deletion_curve: Tensor
    insertion_curve: Tensor
    places: Tensor

    @property
    def gap(self) -> Tensor:
        """Insertion minus deletion (N,): 0 for an uninformative order, at most 1."""
        return self.insertion - self.deletion


@dataclass(frozen=True)
class Score:
    """The faithfulness of a method.

    Attributes:
        deletion: Area under the deletion curve.
        insertion: Area under the insertion curve.
        above_random: Its gap minus that of a random order, per image.
        above_centre: Its gap minus that of the centre-first order, per image.
    """

    deletion: Mean
    insertion: Mean
    above_random: Mean
    above_centre: Mean

    @property
    def beats_baselines(self) -> bool:
        """Whether it is shown to beat both a random order and the centre."""
        return min(self.above_random.low, self.above_centre.low) > 0


def areas(
    model: VisionTransformer, inputs: Tensor, classes: Tensor, maps: Tensor, num_steps: int = STEPS
) -> Areas:
    """Deletion and insertion of every image with its map.

    Args:
        model: The model.
        inputs: Normalised images (N, C, H, W) on its device.
        classes: The class whose probability is measured, per image (N,).
        maps: (N, rows, cols), larger where more important; equal patches are taken in order.
        num_steps: Images between the ends; at most one per patch.
    """
    num_patches = maps[0].numel()
    counts = torch.linspace(0, num_patches, min(num_steps, num_patches) + 1).round().long()
    order = maps.flatten(1).argsort(dim=1, descending=True, stable=True)
    rank = order.argsort(dim=1).unflatten(1, maps.shape[1:])  # (N, rows, cols), 0 is first
    split = (part.split(AT_ONCE) for part in (inputs, classes, rank.to(inputs.device)))
    both = []
    with evaluating(model):
        for some, asked, ranked in zip(*split, strict=True):
            both.append(_curves(model, some, asked, ranked, counts.tolist()))
    falling, rising = torch.cat(both, dim=1)
    places = counts / num_patches
    return Areas(
        torch.trapezoid(falling, places), torch.trapezoid(rising, places), falling, rising, places
    )


@torch.no_grad()
def _curves(
    model: VisionTransformer, inputs: Tensor, classes: Tensor, rank: Tensor, counts: list[int]
) -> Tensor:
    """Probability of the class (2, B, steps + 1): without the first patches, and with only them.

    Both have the complete and the blank image as ends, which are computed once.
    """
    side = inputs.shape[-1] // rank.shape[-1]
    of_pixels = rank.repeat_interleave(side, dim=1).repeat_interleave(side, dim=2)[:, None]

    def probabilities(shown: list[Tensor]) -> list[Tensor]:
        asked = classes.repeat(len(shown))[:, None]
        found: Tensor = model(torch.cat(shown)).softmax(dim=1).gather(1, asked).squeeze(1).cpu()
        return list(found.chunk(len(shown)))

    (whole,) = probabilities([inputs])
    answers = model(torch.full_like(inputs[:1], BLANK)).softmax(dim=1)  # the same for all images
    blank: Tensor = answers[0, classes].cpu()
    deletion, insertion = [whole], [blank]
    # Several steps in each forward pass, so that batches are full.
    several = max(1, AT_ONCE // (2 * len(inputs)))
    for start in range(1, len(counts) - 1, several):
        firsts = [of_pixels < count for count in counts[1:-1][start - 1 :][:several]]
        deletion += probabilities([inputs.where(~first, BLANK) for first in firsts])
        insertion += probabilities([inputs.where(first, BLANK) for first in firsts])
    flat = torch.stack([*deletion, blank, *insertion, whole], dim=1)  # (B, 2 (steps + 1))
    curves: Tensor = flat.unflatten(1, (2, -1)).transpose(0, 1)
    return curves


def random_maps(num: int, grid: tuple[int, int], seed: int = 0) -> Tensor:
    """Maps (N, rows, cols) with patches in random order."""
    return torch.rand(num, *grid, generator=torch.Generator().manual_seed(seed))


def centre_maps(num: int, grid: tuple[int, int]) -> Tensor:
    """Maps (N, rows, cols) that decrease with the distance from the image centre."""
    rows, cols = grid
    row, col = (torch.arange(size) - (size - 1) / 2 for size in (rows, cols))
    return -torch.hypot(row[:, None], col[None, :]).expand(num, rows, cols)


def scores(
    of_methods: dict[str, Areas], of_random: Areas, of_centre: Areas, alpha: float = 0.05
) -> dict[str, Score]:
    """Score methods on the same images, with simultaneous intervals of all comparisons.

    Args:
        of_methods: Areas of each method.
        of_random: Areas of maps in random order.
        of_centre: Areas of centre-first maps.
        alpha: Probability that any interval of a comparison misses.
    """
    num_tests = 2 * len(of_methods)
    return {
        name: Score(
            mean_over_images(of.deletion),
            mean_over_images(of.insertion),
            mean_over_images(of.gap - of_random.gap, alpha, num_tests),
            mean_over_images(of.gap - of_centre.gap, alpha, num_tests),
        )
        for name, of in of_methods.items()
    }
