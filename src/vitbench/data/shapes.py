"""The generated data set `shapes`: one object in clutter, classified by kind and half.

32x32 RGB images, drawn from a seed, so a first try and the tests need no download. There are ten
classes: five kinds of object, in the upper or the lower half. A model without positions can learn
the kind but not the half, so its accuracy is at most one half: a positive control for positions.
The mask of the object is known, so an attention map can be scored.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SIZE = 32
KINDS = ("disc", "square", "triangle", "cross", "ring")
CLASSES = tuple(f"{kind}-{half}" for half in ("upper", "lower") for kind in KINDS)
HEIGHT = (7.5, 8.5)  # range of a centre's distance from the top of its half, in pixels
RADIUS = (5.5, 7.5)  # range of an object's radius, in pixels
CLUTTER = 4  # number of small specks in any colour, anywhere

# Each kind has its own colour range, so that a short training learns the kind, and the question is
# whether it learns the half.
_HUES = {"disc": 0.0, "square": 0.2, "triangle": 0.4, "cross": 0.6, "ring": 0.8}


@dataclass(frozen=True)
class ShapeImages:
    """Drawn images.

    Attributes:
        images: uint8 (N, 3, 32, 32).
        labels: int64 (N,), an index into CLASSES.
        masks: bool (N, 32, 32), the pixels of the object.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    masks: npt.NDArray[np.bool_]


def draw_shapes(num: int, seed: int) -> ShapeImages:
    """Draw images, cycling through the classes.

    Args:
        num: Number of images.
        seed: Other seeds give other images.
    """
    rng = np.random.default_rng(seed)
    labels = np.arange(num, dtype=np.int64) % len(CLASSES)
    kind, lower = labels % len(KINDS), labels >= len(KINDS)

    radius = rng.uniform(*RADIUS, num)
    # The lower half is the upper one moved by 16 pixels, a whole number of patches, not mirrored:
    # otherwise the position of an object in the patch grid would reveal the half without positions.
    y = rng.uniform(*HEIGHT, num) + np.where(lower, SIZE / 2, 0)
    x = rng.uniform(radius, SIZE - radius, num)
    masks = _object_masks(kind, y, x, radius)

    hue = (np.array(list(_HUES.values()))[kind] + rng.uniform(-0.06, 0.06, num)) % 1
    colour = _rgb(hue, rng.uniform(0.7, 1, num), rng.uniform(0.7, 1, num))
    images = rng.uniform(40, 120, (num, 1, 1, 1)) + rng.normal(0, 12, (num, 3, SIZE, SIZE))
    for _ in range(CLUTTER):
        _draw_speck(images, rng)
    images = np.where(
        masks[:, None], colour[:, :, None, None] * 255 + rng.normal(0, 8, images.shape), images
    )
    return ShapeImages(images.clip(0, 255).astype(np.uint8), labels, masks)


def _object_masks(
    kind: npt.NDArray[np.int64],
    y: npt.NDArray[np.float64],
    x: npt.NDArray[np.float64],
    radius: npt.NDArray[np.float64],
) -> npt.NDArray[np.bool_]:
    """Pixels (N, 32, 32) of objects of a kind (N,) about centres (N,) in pixels."""
    centre = np.arange(SIZE) + 0.5
    dy = (centre[None, :, None] - y[:, None, None]) / radius[:, None, None]  # (N, 32, 1), in radii
    dx = (centre[None, None, :] - x[:, None, None]) / radius[:, None, None]
    distance = np.hypot(dy, dx)
    box = np.maximum(abs(dy), abs(dx))
    forms = np.stack(
        [
            distance <= 1,  # disc
            box <= 0.85,  # square
            (dy <= 0.8) & (abs(dx) <= (dy + 1) / 2),  # triangle, its tip up
            (box <= 1) & (np.minimum(abs(dy), abs(dx)) <= 0.35),  # cross
            (distance <= 1) & (distance >= 0.55),  # ring
        ]
    )
    return np.asarray(forms[kind, np.arange(len(kind))])


def _draw_speck(images: npt.NDArray[np.float64], rng: np.random.Generator) -> None:
    """Draw a 2x2 speck of any colour on each image (N, 3, 32, 32), in place."""
    num = len(images)
    top, left = rng.integers(0, SIZE - 1, (2, num))
    colour = rng.uniform(0, 255, (num, 3))
    for down in (0, 1):
        for right in (0, 1):
            images[np.arange(num), :, top + down, left + right] = colour


def _rgb(
    hue: npt.NDArray[np.float64],
    saturation: npt.NDArray[np.float64],
    value: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """HSV (N,) each, 0 to 1, to RGB (N, 3) (Smith, SIGGRAPH 1978, as a closed form)."""
    sector = (np.array([5.0, 3.0, 1.0]) + hue[:, None] * 6) % 6
    ramp = np.minimum(sector, 4 - sector).clip(0, 1)
    return np.asarray(value[:, None] * (1 - saturation[:, None] * ramp))
