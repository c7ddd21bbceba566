"""Names read from the source are the names registered, and what is said of them is true."""

import inspect
from importlib import import_module

import pytest

import vitbench.registry
from vitbench.errors import UnknownNameError
from vitbench.registry import AUGMENTATIONS, POSITIONS, Registry, _entry_of

REGISTRIES = {
    name: value for name, value in vars(vitbench.registry).items() if isinstance(value, Registry)
}


@pytest.mark.parametrize("registry", REGISTRIES.values(), ids=REGISTRIES)
def test_what_is_read_from_the_source_is_what_is_registered(registry) -> None:
    read = dict(registry._in_source)
    module = import_module(registry.module)

    assert read
    for name, entry in read.items():
        thing = registry.get(name)
        assert thing.__module__ == module.__name__
        assert _entry_of(name, thing, entry.facts) == entry
        assert entry.summary
    registered = {n for n, t in registry._things.items() if t.__module__ == module.__name__}
    assert registered == set(read)


def test_an_unknown_name_is_told_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"choose from none, .*did you mean 'learned-1d'"):
        POSITIONS.get("learned_1d")


def test_what_a_users_module_registers_is_found_with_its_options() -> None:
    @AUGMENTATIONS.register("blink", tested=True)
    def blink(images, generator, *, rate: float = 0.1, often: bool = False):  # noqa: ARG001
        """Black images, now and then."""
        return images * 0

    entry = AUGMENTATIONS.entry("blink")

    assert "blink" in AUGMENTATIONS.names()
    assert entry.summary == "Black images, now and then."
    assert entry.options == {"rate": (float, 0.1), "often": (bool, False)}
    assert entry.facts == {"tested": True}
    assert AUGMENTATIONS.get("blink") is blink
    assert inspect.isfunction(blink)
    del AUGMENTATIONS._things["blink"], AUGMENTATIONS._added["blink"]
