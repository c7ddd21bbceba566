"""Data sets: the real CIFAR-10 or an error, never a quiet wrong set; and what `shapes` promises."""

import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.datasets import CIFAR10 as TorchvisionCifar10

from vitbench.config.data import DataSpec
from vitbench.data.datasets import data_root, load_images
from vitbench.data.shapes import CLASSES, KINDS, draw_shapes
from vitbench.errors import DataError

CIFAR10 = DataSpec()
SHAPES = DataSpec(dataset="shapes")
ARCHIVE = "cifar-10-python.tar.gz"


def real_folder() -> Path:
    """Folder of the real batches."""
    root = Path(os.environ["VITBENCH_DATA"])
    return root if (root / "data_batch_1").exists() else root / "cifar-10-batches-py"


@pytest.mark.cifar10
@pytest.mark.parametrize("part", ["train", "test"])
def test_cifar10_is_what_torchvision_reads(part) -> None:
    ours = load_images(CIFAR10, part, None)
    reference = TorchvisionCifar10(str(real_folder().parent), train=part == "train")

    assert ours.images.dtype == torch.uint8
    assert np.array_equal(ours.images.permute(0, 2, 3, 1).numpy(), reference.data)
    assert ours.labels.tolist() == reference.targets
    assert list(ours.classes) == reference.classes


@pytest.mark.cifar10
def test_cifar10_is_as_it_is_known() -> None:
    """The first images, seen in many a tutorial: a frog and a truck; of the tests a cat, a ship."""
    train, test = (load_images(CIFAR10, part, None) for part in ("train", "test"))

    assert [train.classes[label] for label in train.labels[:2]] == ["frog", "truck"]
    assert [test.classes[label] for label in test.labels[:2]] == ["cat", "ship"]
    assert train.labels.bincount().tolist() == [5000] * 10
    assert test.labels.bincount().tolist() == [1000] * 10
    assert (len(train), len(test)) == (CIFAR10.train_size + CIFAR10.val_size, CIFAR10.test_size)
    assert train.images.shape[1:] == (CIFAR10.in_chans, CIFAR10.img_size, CIFAR10.img_size)


@pytest.mark.cifar10
def test_inputs_have_mean_0_and_sd_1_with_the_constants_that_we_state() -> None:
    images = load_images(CIFAR10, "train", None)

    inputs = images.inputs(images.images[::10])

    assert inputs.mean(dim=(0, 2, 3)).abs().max() < 0.02
    assert (inputs.std(dim=(0, 2, 3)) - 1).abs().max() < 0.02


@pytest.mark.cifar10
def test_the_folder_of_batches_itself_will_do() -> None:
    assert len(load_images(CIFAR10, "test", real_folder())) == 10_000


class Bomb:
    """Pickled, it runs a command where it is unpickled."""

    def __reduce__(self):
        return (os.system, ("touch exploded",))


@pytest.mark.usefixtures("no_network")
def test_bytes_that_are_not_cifar10s_are_never_unpickled(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("data_batch_1", "test_batch", "batches.meta"):
        (tmp_path / name).write_bytes(pickle.dumps(Bomb()))

    for part in ("train", "test"):
        with pytest.raises(DataError, match="wrong MD5"):
            load_images(CIFAR10, part, tmp_path)
    assert not (tmp_path / "exploded").exists()

    pickle.loads((tmp_path / "test_batch").read_bytes())  # it would have been seen
    assert (tmp_path / "exploded").exists()


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("asked", [".", ARCHIVE], ids=["folder", "archive"])
def test_an_archive_with_other_bytes_is_broken_and_stays_as_it_was(asked, tmp_path) -> None:
    """Other bytes than CIFAR-10's are not unpacked, whatever is in them."""
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "data_batch_1").write_bytes(pickle.dumps(Bomb()))
    shutil.make_archive(
        str(tmp_path / ARCHIVE.removesuffix(".tar.gz")), "gztar", tmp_path, "inside"
    )
    before = (tmp_path / ARCHIVE).read_bytes()

    with pytest.raises(DataError, match=f"{ARCHIVE} is damaged") as raised:
        load_images(CIFAR10, "train", tmp_path / asked)

    assert "\n" not in str(raised.value)
    assert (tmp_path / ARCHIVE).read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"inside", ARCHIVE}


def test_an_archive_under_another_name_is_asked_after(tmp_path) -> None:
    (tmp_path / "mine.tar.gz").write_bytes(b"x")
    with pytest.raises(DataError, match=r"not named cifar-10-python\.tar\.gz"):
        load_images(CIFAR10, "train", tmp_path / "mine.tar.gz")
    with pytest.raises(DataError, match="no CIFAR-10 archive"):
        load_images(CIFAR10, "train", tmp_path / "absent.tar.gz")


def test_data_is_where_the_option_the_variable_or_the_cache_says(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("VITBENCH_DATA", str(tmp_path / "variable"))
    assert data_root(tmp_path) == tmp_path
    assert data_root(None) == tmp_path / "variable"
    monkeypatch.delenv("VITBENCH_DATA")
    assert data_root(None) == tmp_path / "cache" / "vitbench"


def test_constants_of_a_spec_stand_for_those_of_the_data_set() -> None:
    given = load_images(DataSpec(dataset="shapes", mean=(0.1, 0.2, 0.3)), "test", None)

    assert given.mean == (0.1, 0.2, 0.3)
    assert given.std == load_images(SHAPES, "test", None).std


def test_shapes_are_the_same_each_time_and_other_images_in_the_test_set() -> None:
    train, again = load_images(SHAPES, "train", None), load_images(SHAPES, "train", None)
    test = load_images(SHAPES, "test", None)

    assert torch.equal(train.images, again.images)
    assert (len(train), len(test)) == (SHAPES.train_size + SHAPES.val_size, SHAPES.test_size)
    assert train.labels.bincount().tolist() == [320] * 10
    assert test.labels.bincount().tolist() == [100] * 10
    seen = {image.numpy().tobytes() for image in train.images}
    assert not any(image.numpy().tobytes() in seen for image in test.images)


def halves(num: int = 4000) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Each kind with its masks in the upper and the lower class, (n, 32, 32) each."""
    drawn = draw_shapes(num, seed=3)
    by_class = {name: drawn.masks[drawn.labels == label] for label, name in enumerate(CLASSES)}
    return [(kind, by_class[f"{kind}-upper"], by_class[f"{kind}-lower"]) for kind in KINDS]


def test_an_object_lies_whole_in_its_half() -> None:
    for _, upper, lower in halves():
        assert upper[:, :16].any(axis=(1, 2)).all()
        assert not upper[:, 16:].any()
        assert lower[:, 16:].any(axis=(1, 2)).all()
        assert not lower[:, :16].any()


def test_the_lower_half_is_the_upper_one_moved_by_16_pixels() -> None:
    """So no patch of 16 px or of a divisor of it tells the half: the share of images in which a
    pixel is the object's is the same in both, within five standard errors of 400 images each.
    """
    for _, upper, lower in halves():
        difference = np.abs(upper[:, :16].mean(axis=0) - lower[:, 16:].mean(axis=0))
        assert difference.max() < 5 * (0.25 * 2 / 400) ** 0.5


def test_a_mirrored_half_would_have_been_found() -> None:
    """The triangle stands on its base, so mirrored the halves differ: the test above can fail."""
    _, upper, lower = halves()[KINDS.index("triangle")]

    difference = np.abs(upper[:, :16].mean(axis=0) - lower[:, :15:-1].mean(axis=0))
    assert difference.max() > 5 * (0.25 * 2 / 400) ** 0.5


def test_an_objects_mask_is_where_its_colour_is() -> None:
    """Objects are bright and saturated, the ground is grey: the spread over channels tells them."""
    drawn = draw_shapes(200, seed=4)
    spread = drawn.images.max(axis=1).astype(float) - drawn.images.min(axis=1)

    inside = np.array([s[m].mean() for s, m in zip(spread, drawn.masks, strict=True)])
    outside = np.array([s[~m].mean() for s, m in zip(spread, drawn.masks, strict=True)])

    assert np.all(inside > outside + 30)
