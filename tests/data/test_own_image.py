"""A user's own picture: what is wrong with its file is said in one line, or does not matter."""

import random
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image, features

from vitbench.data.image_set import ImageSet
from vitbench.data.own_image import own_image
from vitbench.errors import FileError

LIKE = ImageSet(torch.zeros(1, 3, 8, 8, dtype=torch.uint8), torch.zeros(1), ("a",), (0.0,), (1.0,))
FORMATS = ["png", "jpg", "gif", "bmp", "tiff", "webp", "ppm", "tga", "ico", "dds", "pcx"]
if features.check("avif"):
    FORMATS.append("avif")


def halves() -> Image.Image:
    """A picture whose upper half is white."""
    pixels = np.zeros((16, 16, 3), np.uint8)
    pixels[:8] = 255
    return Image.fromarray(pixels)


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return exif


def shown(path: Path) -> tuple[float, float]:
    """Mean brightness of the upper half and of the left half."""
    image = own_image(path, 8, LIKE).images[0].float()
    return image[:, :4].mean().item(), image[:, :, :4].mean().item()


@pytest.mark.parametrize(
    ("orientation", "upper", "left"), [(1, 255, 127), (3, 0, 127), (6, 127, 0), (8, 127, 255)]
)
def test_a_picture_is_turned_as_its_camera_was_held(orientation, upper, left, tmp_path) -> None:
    halves().save(tmp_path / "a.png", exif=turned(orientation))

    assert shown(tmp_path / "a.png") == pytest.approx((upper, left), abs=20)


@pytest.mark.parametrize("form", ["png", "jpg", "webp"])
def test_a_picture_with_damaged_exif_data_is_shown_as_it_lies(form, tmp_path) -> None:
    path = tmp_path / f"a.{form}"
    halves().save(path, exif=turned(6))
    whole = path.read_bytes()
    header = whole.index(b"MM\x00*")
    damaged = whole[:header] + b"XX\x00\x08" + whole[header + 4 :]
    if form == "png":  # whose chunks are protected by checksums
        start = damaged.index(b"eXIf")
        (length,) = struct.unpack(">I", damaged[start - 4 : start])
        end = start + 4 + length
        checksum = struct.pack(">I", zlib.crc32(damaged[start:end]))
        damaged = damaged[:end] + checksum + damaged[end + 4 :]
    path.write_bytes(damaged)

    assert shown(path) == pytest.approx((255, 127), abs=20)


@pytest.mark.parametrize("form", FORMATS)
def test_a_damaged_picture_of_any_format_is_drawn_or_refused(form, tmp_path) -> None:
    path = tmp_path / f"a.{form}"
    halves().save(path)
    whole = path.read_bytes()
    draw = random.Random(form)
    refused = 0
    for number in range(40):
        damaged = bytearray(whole)
        for _ in range(draw.choice([1, 3, 20])):
            damaged[draw.randrange(len(whole))] = draw.randrange(256)
        if number % 4 == 0:
            del damaged[draw.randrange(len(whole)) :]
        path.write_bytes(damaged)
        try:
            assert own_image(path, 8, LIKE).images.shape == (1, 3, 8, 8)
        except FileError:
            refused += 1
    assert refused > 0


def test_a_broken_chunk_which_pillow_takes_for_wrong_syntax_is_a_file_error(tmp_path) -> None:
    path = tmp_path / "a.png"
    halves().save(path)
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"IDAT", b"\x01\x02\x03\x04"))

    with pytest.raises(FileError, match=r"a\.png is not a readable picture"):
        own_image(path, 8, LIKE)
