"""What all tests share: one thread, a tiny experiment, and skips where data or a GPU are absent."""

import os
import shutil
from collections.abc import Callable, Iterator
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import pytest

from vitbench import registry
from vitbench.config.build import build_spec
from vitbench.config.study import load_study
from vitbench.runs.schema import StudyResults, StudyRun, pack_classes

# Of this process, and of those that tests start: tests run beside one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """The same number of threads gives the same bits, whatever OMP_NUM_THREADS says."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def shapes_drawn_once() -> Iterator[None]:
    """`shapes` depends on its seed alone and takes a second to draw: a process draws it once."""
    from vitbench.data import datasets

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets, "draw_shapes", lru_cache(datasets.draw_shapes))
        yield


@pytest.fixture(autouse=True)
def _forget_plug_ins() -> Iterator[None]:
    """What a test registers is gone after it."""
    yield
    for kind in vars(registry).values():
        if isinstance(kind, registry.Registry):
            for name in kind.registered:
                kind.unregister(name)


@pytest.fixture
def tiny_fields() -> dict[str, object]:
    """Fields of an experiment of two blocks on `shapes`: an epoch is 25 steps, a quarter second."""
    return {
        "data.dataset": "shapes",
        "data.val_size": 2400,
        "data.augmentation": "none",
        "model.embed_dim": 16,
        "model.depth": 2,
        "model.num_heads": 2,
        "model.patch_size": 8,
        "train.batch_size": 32,
        "train.epochs": 1,
    }


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Headless Chromium, that of the system."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("google-chrome")
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser) -> Iterator[Callable[..., Any]]:
    """Opens a file in a tab of its own, and proves that it is offline and without an error."""
    contexts, complaints = [], []

    def open_it(path: Path, **settings: Any) -> Any:
        context = browser.new_context(**settings)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: complaints.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(path.as_uri())
        assert complaints.pop(0) == path.as_uri()
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def no_network(monkeypatch) -> None:
    """Every request fails at once, also where there is a network: else tests load 170 MB."""
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nothing listens there
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs CIFAR-10, a GPU or a browser where there is none."""
    import torch

    data = os.environ.get("VITBENCH_DATA")
    absent = {
        "cifar10": None if data and Path(data).exists() else "VITBENCH_DATA names no CIFAR-10",
        "cuda": None if torch.cuda.is_available() else "no CUDA device",
        "chromium": None
        if shutil.which("chromium") or shutil.which("google-chrome")
        else "no Chromium on PATH",
    }
    for item in items:
        for marker, reason in absent.items():
            if reason and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


def answers(key: str, accuracy: float) -> str:
    """Packed answers to 10,000 images of class 0, so many right in %, the key says which."""
    right = set(Random(key).sample(range(10_000), round(100 * accuracy)))
    return pack_classes(bytes(image not in right for image in range(10_000)))


@pytest.fixture
def study_results() -> Callable[..., StudyResults]:
    """Builds results of `pos-embed` from {variant: [accuracy per seed]}; None is a failed run."""

    def build(
        accuracies: dict[str, list[float | None]], dataset: str = "cifar10", **changes: Any
    ) -> StudyResults:
        base = build_spec({"data.dataset": dataset, "data.val_size": 100})
        runs = [
            StudyRun(
                variant=variant,
                identity=f"{variant}-{seed}",
                name=f"run-{variant}-{seed}",
                spec=base.to_json(),
                seed=seed,
                status="failed" if accuracy is None else "done",
                reason="disk full" if accuracy is None else None,
                test_top1_pct=accuracy,
                epochs=50,
                train_time_s=60,
                num_params=1000,
                forward_flop=2_000_000,
                train_flop=10**12,
                device="cpu",
                device_name="A processor",
                threads=2,
                precision="fp32",
                versions={"torch": "2.9"},
                predicted=None if accuracy is None else answers(f"{variant} {seed}", accuracy),
                test_labels_sha256=None if accuracy is None else sha256(bytes(10_000)).hexdigest(),
                run_folder=f"../runs/{variant}-{seed}",
            )
            for variant, by_seed in accuracies.items()
            for seed, accuracy in enumerate(by_seed)
        ]
        fields = {
            "study": load_study("pos-embed"),
            "preset": "default",
            "base": base.to_json(),
            "base_identity": base.base_identity,
            "dataset": dataset,
            "num_test": 10_000,
            "test_labels": pack_classes(bytes(10_000)),
            "runs": runs,
        }
        return StudyResults(**{**fields, **changes})

    return build
