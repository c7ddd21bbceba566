"""Data sets: the real CIFAR-10 or an error, never a quiet wrong set; and what `shapes` promises."""

import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from vitbench.data.datasets import data_root, load_images
from vitbench.data.shapes import KINDS, draw_shapes
from vitbench.errors import DataError
from vitbench.spec.data import DataSpec

CIFAR10 = DataSpec()
SHAPES = DataSpec(dataset="shapes")


def real_folder() -> Path:
    """Folder of the real batches."""
    return Path(os.environ["VITBENCH_DATA"]) / "cifar-10-batches-py"


@pytest.mark.cifar10
def test_cifar10_is_what_torchvision_reads() -> None:
    from torchvision.datasets import CIFAR10 as Theirs

    for part in ("train", "test"):
        ours = load_images(CIFAR10, part, None)
        theirs = Theirs(os.environ["VITBENCH_DATA"], train=part == "train")
        assert ours.images.dtype == torch.uint8
        assert np.array_equal(ours.images.permute(0, 2, 3, 1).numpy(), theirs.data)
        assert ours.labels.tolist() == theirs.targets
        assert list(ours.classes) == theirs.classes


@pytest.mark.cifar10
def test_inputs_have_mean_0_and_sd_1_with_the_constants_that_we_state() -> None:
    images = load_images(CIFAR10, "train", None)

    inputs = images.inputs(images.images[::10])

    assert inputs.mean(dim=(0, 2, 3)).abs().max() < 0.02
    assert (inputs.std(dim=(0, 2, 3)) - 1).abs().max() < 0.02


@pytest.mark.cifar10
def test_the_folder_of_batches_itself_will_do() -> None:
    assert len(load_images(CIFAR10, "test", real_folder())) == 10_000


@pytest.mark.cifar10
def test_a_byte_that_was_changed_is_found_and_its_file_named(tmp_path) -> None:
    folder = tmp_path / "cifar-10-batches-py"
    shutil.copytree(real_folder(), folder)
    damaged = bytearray((folder / "data_batch_3").read_bytes())
    damaged[1_000_000] ^= 1
    (folder / "data_batch_3").write_bytes(damaged)

    with pytest.raises(DataError, match=r"data_batch_3 is not CIFAR-10's \(wrong MD5\)"):
        load_images(CIFAR10, "train", tmp_path)
    assert len(load_images(CIFAR10, "test", tmp_path)) == 10_000


class Bomb:
    def __reduce__(self):
        return (os.system, ("touch exploded",))


def test_bytes_that_are_not_cifar10s_are_never_unpickled(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("data_batch_1", "test_batch", "batches.meta"):
        (tmp_path / name).write_bytes(pickle.dumps(Bomb()))

    for part in ("train", "test"):
        with pytest.raises(DataError, match="wrong MD5"):
            load_images(CIFAR10, part, tmp_path)
    assert not (tmp_path / "exploded").exists()


def test_a_missing_batch_is_named(tmp_path) -> None:
    (tmp_path / "data_batch_1").write_bytes(b"x")

    with pytest.raises(DataError, match=r"test_batch: No such file"):
        load_images(CIFAR10, "test", tmp_path)


@pytest.mark.parametrize("content", [None, b"half a download"])
def test_without_network_it_is_one_line_with_folder_and_url(content, tmp_path, monkeypatch) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nothing listens there
    if content is not None:
        (tmp_path / "cifar-10-python.tar.gz").write_bytes(content)

    with pytest.raises(DataError) as raised:
        load_images(CIFAR10, "train", tmp_path)

    message = str(raised.value)
    assert "\n" not in message
    assert str(tmp_path) in message
    assert "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz" in message
    assert "VITBENCH_DATA" in message
    assert ("is broken" in message) == (content is not None)


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


def test_shapes_are_the_same_each_time_and_other_images_in_the_test_set() -> None:
    train, again = load_images(SHAPES, "train", None), load_images(SHAPES, "train", None)
    test = load_images(SHAPES, "test", None)

    assert torch.equal(train.images, again.images)
    assert (len(train), len(test)) == (SHAPES.train_size + SHAPES.val_size, SHAPES.test_size)
    assert len(set(train.labels.bincount().tolist())) == 1
    seen = {image.numpy().tobytes() for image in train.images}
    assert not any(image.numpy().tobytes() in seen for image in test.images)


def test_an_object_lies_in_its_half_six_pixels_off_the_midline_at_least() -> None:
    drawn = draw_shapes(500, seed=3)

    lower = drawn.labels >= len(KINDS)
    rows = np.arange(32) + 0.5
    centre = (drawn.masks.sum(axis=2) * rows).sum(axis=1) / drawn.masks.sum(axis=(1, 2))
    box = [np.flatnonzero(mask.any(axis=1)) for mask in drawn.masks]
    middle = np.array([(b[0] + b[-1] + 1) / 2 for b in box])
    assert np.all((middle > 16) == lower)
    assert np.abs(middle - 16).min() >= 6
    assert np.all((centre > 16) == lower)
    assert not any(mask[:, [0, -1]].all() for mask in drawn.masks)


def test_the_half_cannot_be_told_from_how_the_patch_grid_cuts_an_object() -> None:
    """Modulo 16 px, a multiple of every patch, upper and lower objects lie at the same heights."""
    drawn = draw_shapes(4000, seed=3)
    tops = np.array([np.flatnonzero(mask.any(axis=1))[0] for mask in drawn.masks])
    lower = drawn.labels >= len(KINDS)

    counts = [np.bincount(tops[half] % 16, minlength=16) for half in (lower, ~lower)]

    share = np.abs(counts[0] - counts[1]) / 2000
    assert share.max() < 0.05


def test_an_objects_mask_is_where_its_colour_is() -> None:
    """Objects are bright and saturated, the ground is grey: the spread over channels tells them."""
    drawn = draw_shapes(200, seed=4)
    spread = drawn.images.max(axis=1).astype(float) - drawn.images.min(axis=1)

    inside = np.array([s[m].mean() for s, m in zip(spread, drawn.masks, strict=True)])
    outside = np.array([s[~m].mean() for s, m in zip(spread, drawn.masks, strict=True)])

    assert np.all(inside > outside + 30)
