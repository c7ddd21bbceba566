"""Data sets, one function each: it takes the folder of the files and returns one of the two sets.

Its row in `registry.DATASETS` has what must be known before images are loaded: sizes and classes.
"""

import os
import pickle
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from vitbench.config.data import DataSpec
from vitbench.data.cifar_archive import META, TEST, TRAIN
from vitbench.data.cifar_files import read_cifar_files
from vitbench.data.image_set import ImageSet
from vitbench.data.shapes import CLASSES, draw_shapes
from vitbench.errors import DataError
from vitbench.registry import DATASETS

Part = Literal["train", "test"]


def load_images(spec: DataSpec, part: Part, data_dir: Path | None) -> ImageSet:
    """The training or the test set of a spec.

    Args:
        spec: Data set and constants for normalisation.
        part: Training or test set.
        data_dir: Its folder; default: `VITBENCH_DATA` or the user's cache.

    Raises:
        DataError: It is missing and cannot be downloaded, or it is damaged.
    """
    load = DATASETS.get(spec.dataset.name)
    images: ImageSet = load(part, data_dir, **spec.dataset.options)
    return images.normalised_with(spec.mean, spec.std)


def data_root(data_dir: Path | None) -> Path:
    """Folder (or archive) of data sets: as given, `VITBENCH_DATA`, or the user's cache.

    Raises:
        DataError: No folder is given, and the user has no home folder.
    """
    if data_dir is not None:
        return data_dir
    try:
        if os.environ.get("VITBENCH_DATA"):
            return Path(os.environ["VITBENCH_DATA"]).expanduser()
        cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError:
        raise DataError(
            "there is no home folder for data sets: give a folder with --data-dir or "
            "VITBENCH_DATA; --preset smoke needs no data"
        ) from None
    return Path(cache) / "vitbench"


def cifar10(part: Part, data_dir: Path | None) -> ImageSet:
    """CIFAR-10 (Krizhevsky 2009): 60,000 photographs in ten classes."""
    names = TRAIN if part == "train" else TEST
    files = read_cifar_files(data_root(data_dir), (*names, META))
    # Unpickling is safe here: the bytes have CIFAR-10's published MD5.
    batches: list[dict[str, Any]] = [pickle.loads(files[n], encoding="latin1") for n in names]
    classes = pickle.loads(files[META], encoding="latin1")["label_names"]
    pixels = np.concatenate([batch["data"] for batch in batches]).reshape(-1, 3, 32, 32)
    return ImageSet(
        torch.from_numpy(pixels),
        torch.tensor([label for batch in batches for label in batch["labels"]]),
        tuple(classes),
        mean=(0.4914, 0.4822, 0.4465),
        std=(0.2470, 0.2435, 0.2616),
    )


def shapes(part: Part, data_dir: Path | None) -> ImageSet:  # noqa: ARG001
    """Generated images of coloured objects: kind of object, in the upper or lower half."""
    num, seed = (3_200, 1) if part == "train" else (1_000, 2)
    drawn = draw_shapes(num, seed)
    return ImageSet(
        torch.from_numpy(drawn.images),
        torch.from_numpy(drawn.labels),
        CLASSES,
        mean=(0.35, 0.35, 0.35),
        std=(0.2, 0.2, 0.2),
    )
