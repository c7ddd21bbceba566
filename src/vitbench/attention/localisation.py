"""Localisation: whether maps fall on the object that determines the class.

On `shapes` the pixels of the object are known. Chance is the object's share of the image, so scores
are given relative to it.
"""

from torch import Tensor
from torch.nn import functional


def pointing_game(maps: Tensor, masks: Tensor) -> Tensor:
    """Whether a map's largest patch touches the object (Zhang et al., arXiv:1608.00507).

    Args:
        maps: (N, rows, cols).
        masks: bool (N, H, W), the object's pixels.

    Returns:
        bool (N,).
    """
    touched = patch_shares(masks, (maps.shape[1], maps.shape[2])) > 0
    largest = maps.flatten(1).argmax(dim=1)
    hit: Tensor = touched.flatten(1).gather(1, largest[:, None]).squeeze(1)
    return hit


def pointing_chance(masks: Tensor, grid: tuple[int, int]) -> Tensor:
    """Share of patches that touch the object (N,): the score of a random patch."""
    return (patch_shares(masks, grid) > 0).double().flatten(1).mean(dim=1)


def mass_ratio(maps: Tensor, masks: Tensor) -> Tensor:
    """Share of a map's positive mass on the object over the object's share of the image.

    The relevance mass accuracy of Arras et al. (arXiv:2003.07258), divided by its chance value: 1
    is chance, also for a map without positive values.

    Args:
        maps: (N, rows, cols); negative values are ignored.
        masks: bool (N, H, W), the object's pixels.

    Returns:
        (N,).
    """
    shares = patch_shares(masks, (maps.shape[1], maps.shape[2]))
    mass = maps.double().clamp(min=0)
    total = mass.sum(dim=(1, 2))
    mass = mass.where((total > 0)[:, None, None], 1.0)
    on_object = (mass * shares).sum(dim=(1, 2)) / mass.sum(dim=(1, 2))
    return on_object / shares.mean(dim=(1, 2))


def patch_shares(masks: Tensor, grid: tuple[int, int]) -> Tensor:
    """Share of each patch that the object covers: (N, rows, cols), 0 to 1."""
    return functional.adaptive_avg_pool2d(masks.double()[:, None], grid)[:, 0]
