"""The faults of scripts/planted_faults.py can be planted in the source as it is today."""

import importlib.util
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parent.parent / "scripts" / "planted_faults.py"


@pytest.fixture(scope="module")
def planted() -> ModuleType:
    spec = importlib.util.spec_from_file_location("planted_faults", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # a dataclass looks its module up
    spec.loader.exec_module(module)
    return module


def test_the_text_of_every_fault_is_in_the_source_once_and_its_tests_are_there(planted) -> None:
    """Who changes such a line changes the fault too: else it would be tried no more."""
    assert planted.what_is_wrong_with(planted.FAULTS) == []


def test_every_fault_has_its_own_name_and_changes_something(planted) -> None:
    names = Counter(fault.name for fault in planted.FAULTS)

    assert names.most_common(1)[0][1] == 1
    assert [fault.name for fault in planted.FAULTS if fault.old == fault.new] == []


@pytest.mark.parametrize(("text", "times"), [("a = 2\n", 0), ("a = 1\nb = 2\na = 1\n", 2)])
def test_a_fault_whose_text_is_not_there_once_is_refused(planted, text, times, tmp_path) -> None:
    file = tmp_path / "vitbench" / "some.py"
    file.parent.mkdir()
    file.write_text(text)
    fault = planted.Fault("wrong-a", "some.py", "a = 1", "a = 3", ())

    with pytest.raises(planted.CannotPlantError, match=rf"some\.py has its text {times} times"):
        planted.plant(fault, tmp_path)
    assert file.read_text() == text


def test_a_fault_is_planted_in_its_file(planted, tmp_path) -> None:
    file = tmp_path / "vitbench" / "some.py"
    file.parent.mkdir()
    file.write_text("a = 1\nb = 2\n")

    planted.plant(planted.Fault("wrong-a", "some.py", "a = 1", "a = 3", ()), tmp_path)

    assert file.read_text() == "a = 3\nb = 2\n"
