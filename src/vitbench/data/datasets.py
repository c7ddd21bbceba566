"""Data sets, one registered function each: where the files are in, one of the two sets out.

The decorator states what must be known before anything is loaded: sizes and classes.
"""

import contextlib
import hashlib
import os
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from vitbench.data.image_set import ImageSet
from vitbench.data.shapes import CLASSES, draw_shapes
from vitbench.errors import DataError
from vitbench.registry import DATASETS
from vitbench.spec.data import DataSpec

Part = Literal["train", "test"]


def load_images(spec: DataSpec, part: Part, data_dir: Path | None) -> ImageSet:
    """The training or the test set of a spec.

    Args:
        spec: Data set and the constants its inputs are normalised with.
        part: Which of the two.
        data_dir: Where to look for it; `VITBENCH_DATA` or the user's cache unless given.

    Raises:
        DataError: It is absent and cannot be downloaded, or broken.
    """
    load = DATASETS.get(spec.dataset.name)
    images: ImageSet = load(part, data_dir, **spec.dataset.options)
    return images.normalised_with(spec.mean, spec.std)


def data_root(data_dir: Path | None) -> Path:
    """Folder (or archive) of data sets: as given, `VITBENCH_DATA`, or the user's cache."""
    if data_dir is not None:
        return data_dir
    if os.environ.get("VITBENCH_DATA"):
        return Path(os.environ["VITBENCH_DATA"])
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "vitbench"


@DATASETS.register(
    "cifar10",
    img_size=32,
    in_chans=3,
    num_classes=10,
    train_size=50_000,
    test_size=10_000,
    classes=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship",
             "truck"),
)  # fmt: skip
def cifar10(part: Part, data_dir: Path | None) -> ImageSet:
    """CIFAR-10 (Krizhevsky 2009): 60,000 photographs of ten things."""
    from torchvision.datasets import CIFAR10

    folder = _cifar_folder(data_root(data_dir))
    files = CIFAR10.train_list if part == "train" else CIFAR10.test_list
    meta = CIFAR10.meta
    with ThreadPoolExecutor(2) as pool:  # hashing lets go of the interpreter
        batches = list(pool.map(lambda file: _verified_pickle(folder / file[0], file[1]), files))
    names = _verified_pickle(folder / meta["filename"], meta["md5"])[meta["key"]]
    pixels = np.concatenate([batch["data"] for batch in batches]).reshape(-1, 3, 32, 32)
    return ImageSet(
        torch.from_numpy(pixels),
        torch.tensor([label for batch in batches for label in batch["labels"]]),
        tuple(names),
        mean=(0.4914, 0.4822, 0.4465),
        std=(0.2470, 0.2435, 0.2616),
    )


@DATASETS.register(
    "shapes",
    img_size=32,
    in_chans=3,
    num_classes=10,
    train_size=3_200,
    test_size=1_000,
    classes=("disc-upper", "square-upper", "triangle-upper", "cross-upper", "ring-upper",
             "disc-lower", "square-lower", "triangle-lower", "cross-lower", "ring-lower"),
)  # fmt: skip
def shapes(part: Part, data_dir: Path | None) -> ImageSet:  # noqa: ARG001
    """Coloured forms in clutter, drawn here: kind of object by upper or lower half."""
    num, seed = (3_200, 1) if part == "train" else (1_000, 2)
    drawn = draw_shapes(num, seed)
    return ImageSet(
        torch.from_numpy(drawn.images),
        torch.from_numpy(drawn.labels),
        CLASSES,
        mean=(0.35, 0.35, 0.35),
        std=(0.2, 0.2, 0.2),
    )


def _cifar_folder(root: Path) -> Path:
    """The folder of CIFAR-10's batches, found, unpacked or downloaded.

    Raises:
        DataError: It is nowhere and cannot be downloaded, or an archive is broken.
    """
    from torchvision.datasets import CIFAR10

    if root.name.endswith(".tar.gz"):
        if not root.is_file():
            raise DataError(f"no CIFAR-10 archive {root}: get {CIFAR10.url}")
        if root.name != CIFAR10.filename:
            raise DataError(f"{root} is not named {CIFAR10.filename}: is it CIFAR-10's archive?")
        root = root.parent
    for folder in (root, root / CIFAR10.base_folder):
        if (folder / CIFAR10.train_list[0][0]).is_file():
            return Path(folder)
    archive = root / CIFAR10.filename
    if not archive.exists():
        _say(f"CIFAR-10 is not in {root}: downloading 170 MB")
    try:
        root.mkdir(parents=True, exist_ok=True)
        with contextlib.redirect_stdout(sys.stderr):
            CIFAR10(str(root), download=True)
    except Exception as error:
        # torchvision keeps no exception of its own: URLError, RuntimeError, tarfile's, zlib's,
        # OSError
        what = f"{archive} is broken" if archive.exists() else "no CIFAR-10 there, no download"
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(
            f"{root}: {what} ({reason}); put {CIFAR10.url} there, or name its folder with "
            "--data-dir or VITBENCH_DATA"
        ) from None
    return root / str(CIFAR10.base_folder)


def _verified_pickle(path: Path, md5: str) -> dict[str, Any]:
    """Unpickle a file whose bytes have the MD5 that they must have; no other bytes are unpickled.

    Raises:
        DataError: The file is absent or has other bytes.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != md5:
        raise DataError(f"{path} is not CIFAR-10's (wrong MD5): remove it and call again")
    batch: dict[str, Any] = pickle.loads(content, encoding="latin1")
    return batch


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
