"""Names read from the source are the names registered, and what is said of them is true."""

import inspect
from typing import Any

import pytest

import vitbench.registry
from vitbench.config.build import build_spec
from vitbench.errors import UnknownNameError
from vitbench.registry import AUGMENTATIONS, POSITIONS, Option, Registry

REGISTRIES = {
    name: value for name, value in vars(vitbench.registry).items() if isinstance(value, Registry)
}
each_registry = pytest.mark.parametrize("registry", REGISTRIES.values(), ids=REGISTRIES)


def unread(registry: Registry) -> Registry:
    """The same registry before its module is imported: it knows nothing but the source."""
    return Registry(registry.kind, registry.module)


def keyword_only(thing: Any) -> dict[str, tuple[type[Option], Option]]:
    """Type and default of each keyword-only parameter, as Python itself tells them."""
    function = thing.__init__ if inspect.isclass(thing) else thing
    return {
        parameter.name: (type(parameter.default), parameter.default)
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY
    }


@each_registry
def test_names_read_from_the_source_are_the_names_registered(registry) -> None:
    registered = [
        name for name in registry.names() if registry.get(name).__module__ == registry.module
    ]

    assert registered
    assert list(unread(registry).names()) == registered


@each_registry
def test_options_and_summaries_read_from_the_source_are_those_of_the_thing(registry) -> None:
    for name in unread(registry).names():
        read, thing = unread(registry).entry(name), registry.get(name)
        assert read.options == keyword_only(thing)  # each with a default of its own type
        assert read.summary == inspect.getdoc(thing).splitlines()[0]
        assert read.summary.endswith(".")
        assert registry.entry(name) == read  # and importing it changes nothing that is said


@each_registry
def test_every_number_that_can_be_chosen_has_a_range_with_its_default_in_it(registry) -> None:
    for name in unread(registry).names():
        entry = registry.entry(name)
        numbers = {key: value for key, (kind, value) in entry.options.items() if kind is not str}
        assert entry.ranges.keys() == numbers.keys()
        assert all(low <= numbers[key] <= high for key, (low, high) in entry.ranges.items())


def test_names_are_read_without_running_the_module(tmp_path, monkeypatch) -> None:
    (tmp_path / "explosive.py").write_text(
        "raise RuntimeError('imported')\n"
        "@THINGS.register('quiet', size=3)\n"
        "def quiet(n: int, *, level: float = 0.5, often: bool = False) -> None:\n"
        "    '''Be quiet.\n\n    A second line.\n    '''\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    things = Registry("thing", "explosive")

    entry = things.entry("quiet")

    assert (entry.summary, entry.facts) == ("Be quiet.", {"size": 3})
    assert entry.options == {"level": (float, 0.5), "often": (bool, False)}
    with pytest.raises(RuntimeError, match="imported"):
        things.get("quiet")


@pytest.mark.parametrize(
    ("registry", "name", "message"),
    [
        (POSITIONS, "learned_1d", "'learned_1d'.* did you mean 'learned-1d'"),
        (POSITIONS, "sinusoidl", "choose from none, learned-1d, .* did you mean 'sinusoidal'"),
        (AUGMENTATIONS, "Baseline", "unknown augmentation 'Baseline'.* did you mean 'baseline'"),
    ],
)
def test_an_unknown_name_is_told_the_nearest(registry, name, message) -> None:
    with pytest.raises(UnknownNameError, match=message):
        registry.get(name)


def test_a_name_like_no_other_is_told_all_and_no_nearest() -> None:
    with pytest.raises(UnknownNameError, match="choose from none, ") as raised:
        POSITIONS.entry("zzz")
    assert "did you mean" not in str(raised.value)


def test_what_a_users_module_registers_is_found_with_its_options_and_is_in_the_spec() -> None:
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
    chosen = build_spec({"data.augmentation": {"name": "blink", "rate": "0.5"}}).data.augmentation
    assert chosen.options == {"rate": 0.5}


def test_what_a_test_registered_is_gone() -> None:
    """`blink` of the test above, in whatever order they run: conftest forgets it."""
    assert "blink" not in AUGMENTATIONS.names()
