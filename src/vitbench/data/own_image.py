"""A picture of the user, prepared for a model."""

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import ExifTags, Image, ImageOps

from vitbench.data.image_set import ImageSet
from vitbench.errors import FileError
from vitbench.files import UnfitFileError, open_regular, why_unreadable

MOST_BYTES = 500_000_000
# Operations that turn a picture upright, by its EXIF orientation.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")  # Pillow's modes with 8 bits


def own_image(path: Path, img_size: int, like: ImageSet) -> ImageSet:
    """A picture of the user as a set of one image: its middle square, at the size of the model.

    Transparent parts become white. With damaged EXIF data it is not rotated.

    Args:
        path: Any file that Pillow reads.
        img_size: Side in pixels.
        like: The set that gives classes, channels and constants; the label is -1.

    Raises:
        FileError: It is absent, not a picture, or has pixels with more than 8 bits.
    """
    channels = like.images.shape[1]
    try:
        with (
            warnings.catch_warnings(action="ignore"),
            open_regular(path, MOST_BYTES) as file,
            Image.open(file) as picture,
        ):
            if picture.mode not in MODES:
                raise FileError(f"{path} has pixels of mode {picture.mode}: save it with 8 bits")
            upright = _upright(picture).convert("RGBA")
            white = Image.new("RGBA", upright.size, "white")
            square = ImageOps.fit(
                Image.alpha_composite(white, upright).convert("L" if channels == 1 else "RGB"),
                (img_size, img_size),
                Image.Resampling.BICUBIC,
            )
    except FileError:
        raise
    except (FileNotFoundError, UnfitFileError) as error:
        raise FileError(why_unreadable(error, path, "picture")) from None
    except Exception as error:  # Pillow's readers raise SyntaxError, RuntimeError and many more
        raise FileError(f"{path} is not a readable picture ({type(error).__name__})") from None
    pixels = torch.from_numpy(np.array(square)).reshape(img_size, img_size, channels)
    return replace(like, images=pixels.permute(2, 0, 1)[None], labels=torch.tensor([-1]))


def _upright(picture: Image.Image) -> Image.Image:
    """A picture rotated by its EXIF data; unchanged if they cannot be read."""
    picture.load()
    try:
        turn = TURNS.get(picture.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # for example a SyntaxError of Pillow's TIFF reader: the pixels are fine
        turn = None
    return picture if turn is None else picture.transpose(turn)
