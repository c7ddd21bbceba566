"""A few hundred mutations of our files; `scripts/fuzz_readers.py` does many more."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

KINDS = ("checkpoint", "result", "history", "spec of a run", "predictions", "results",
         "flat results", "spec", "study", "archive")  # fmt: skip


@pytest.fixture(scope="module")
def fuzz() -> ModuleType:
    path = Path(__file__).parents[1] / "scripts" / "fuzz_readers.py"
    spec = importlib.util.spec_from_file_location("fuzz_readers", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["fuzz_readers"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def targets(fuzz, tmp_path_factory):
    return fuzz.targets(tmp_path_factory.mktemp("files"))


def test_every_kind_is_fuzzed(targets) -> None:
    assert tuple(targets) == KINDS


@pytest.mark.parametrize("kind", KINDS[:-1])  # any archive but the official one is refused
def test_a_file_that_is_whole_is_read(kind, targets) -> None:
    targets[kind].read(targets[kind].file)


@pytest.mark.parametrize("kind", KINDS)
def test_a_mutated_file_is_read_or_refused_in_a_line(kind, fuzz, targets) -> None:
    endings = {seed: fuzz.outcome(targets[kind], seed) for seed in range(1_000_000, 1_000_025)}

    assert {seed: error for seed, error in endings.items() if not fuzz.is_ours(error)} == {}
    assert all("\n" not in str(error) for error in endings.values() if error is not None)
