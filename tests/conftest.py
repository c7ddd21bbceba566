"""What all tests share: one thread, a tiny experiment, and skips where data or a GPU are absent."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Tests run beside one another; and the same number of threads gives the same bits."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture
def tiny_fields() -> dict[str, object]:
    """Fields of an experiment of two blocks on `shapes` that trains in a second."""
    return {
        "data.dataset": "shapes",
        "data.val_size": 100,
        "data.augmentation": "none",
        "model.embed_dim": 16,
        "model.depth": 2,
        "model.num_heads": 2,
        "model.patch_size": 8,
        "train.batch_size": 32,
        "train.epochs": 1,
    }


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs CIFAR-10 or a GPU where there is none."""
    import torch

    data = os.environ.get("VITBENCH_DATA")
    absent = {
        "cifar10": None if data and Path(data).exists() else "VITBENCH_DATA names no CIFAR-10",
        "cuda": None if torch.cuda.is_available() else "no CUDA device",
    }
    for item in items:
        for marker, reason in absent.items():
            if reason and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))
