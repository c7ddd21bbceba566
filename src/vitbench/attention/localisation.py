"""Maps against a known truth: whether they fall on the object that makes the class.

On `shapes` the object's pixels are known. Chance is the object's own share of the image, so a score
is told beside it.
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
    """Share of patches that touch the object (N,): what a random patch scores."""
    return (patch_shares(masks, grid) > 0).double().flatten(1).mean(dim=1)


def mass_ratio(maps: Tensor, masks: Tensor) -> Tensor:
    """Share of a map's positive mass on the object over the object's share of the image.

    The relevance mass accuracy of Arras et al. (arXiv:2003.07258), over its value by chance: 1 is
    chance, and a map that is nowhere positive has it.

    Args:
        maps: (N, rows, cols); what is below 0 speaks against the class and is left out.
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
    """Share of each patch that the object fills: (N, rows, cols), 0 to 1."""
    return functional.adaptive_avg_pool2d(masks.double()[:, None], grid)[:, 0]
