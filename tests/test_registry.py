"""Tables of names: what they list without an import is what the classes are."""

import inspect
import subprocess
import sys
from typing import Any

import pytest

import vitbench.registry
from vitbench.config.build import build_spec
from vitbench.config.experiment import ExperimentSpec
from vitbench.entries import Registry, Row
from vitbench.errors import UnknownNameError, UsageError
from vitbench.registry import AUGMENTATIONS, FIELDS, POSITIONS
from vitbench.signatures import read_signature, signature_of

REGISTRIES = {
    name: value for name, value in vars(vitbench.registry).items() if isinstance(value, Registry)
}
ROWS = [(kind, name) for kind, registry in REGISTRIES.items() for name in registry.table]
each_row = pytest.mark.parametrize(("kind", "name"), ROWS)


def keyword_only(thing: Any) -> dict[str, tuple[Any, Any]]:
    """Annotation and default of each keyword-only parameter, by Python's own reading."""
    function = thing.__init__ if inspect.isclass(thing) else thing
    return {
        parameter.name: (parameter.annotation, parameter.default)
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY
    }


@each_row
def test_a_row_is_read_without_an_import_and_says_what_its_class_is(kind, name) -> None:
    """Read from the source, or `--help` would import torch."""
    registry = REGISTRIES[kind]
    row = registry.table[name]

    read = read_signature(row.module, row.name)

    thing = registry.get(name)
    assert read.options == keyword_only(thing)
    assert read == signature_of(thing)
    assert read.summary.endswith("."), "give its docstring a first line that ends with a full stop"


@each_row
def test_every_number_that_can_be_chosen_has_a_range_with_its_default_in_it(kind, name) -> None:
    entry = REGISTRIES[kind].entry(name)
    numbers = {
        option: default
        for option, (option_type, default) in entry.options.items()
        if option_type not in (str, str | None)
    }

    assert entry.ranges.keys() == numbers.keys(), "write `ranges=` in its row of registry.py"
    for option, (low, high) in entry.ranges.items():
        assert numbers[option] is None or low <= numbers[option] <= high


def test_the_fields_that_choose_are_those_of_the_spec() -> None:
    defaults = ExperimentSpec()

    for field, registry in FIELDS.items():
        section, _, name = field.partition(".")
        chosen = getattr(getattr(defaults, section), name)
        first = chosen[0] if isinstance(chosen, tuple) else chosen
        assert first.name in registry.names()


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Writes modules that fail to be imported, and ones that do not."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(text: str, name: str = "explosive", explodes: bool = True) -> None:
        head = "raise RuntimeError('imported')\n" if explodes else ""
        (tmp_path / f"{name}.py").write_text(head + text)

    yield write
    vitbench.signatures._source_of.cache_clear()
    for name in ("explosive", "elsewhere", "computed"):
        sys.modules.pop(name, None)


def test_options_are_read_without_running_the_module(module) -> None:
    module(
        "LEVEL: float = 0.5\n"
        "from elsewhere import SIZE\n"
        "def quiet(n: int, *, level: float = LEVEL, size: int = SIZE, often: bool = False,\n"
        "          most: float | None = None, step: int = -1) -> None:\n"
        "    '''Be quiet.\n\n    A second line.\n    '''\n"
    )
    module("SIZE = 3\n", "elsewhere")
    things = Registry("thing", {"quiet": Row("explosive:quiet", size=3)})

    entry = things.entry("quiet")

    assert (entry.summary, entry.facts) == ("Be quiet.", {"size": 3})
    assert entry.options == {
        "level": (float, 0.5),
        "size": (int, 3),
        "often": (bool, False),
        "most": (float | None, None),
        "step": (int, -1),
    }
    with pytest.raises(RuntimeError, match="imported"):
        things.get("quiet")


def test_an_inherited_option_is_read_from_the_base_class_wherever_it_is(module) -> None:
    module("from elsewhere import Base\nclass Loud(Base):\n    pass\n")
    module(
        "from torch import nn\n"
        "class Base(nn.Module):\n"
        "    '''Make noise.'''\n"
        "    def __init__(self, *, level: float = 2.0) -> None: ...\n",
        "elsewhere",
    )
    things = Registry("thing", {"loud": Row("explosive:Loud")})

    assert things.entry("loud").options == {"level": (float, 2.0)}
    assert things.entry("loud").summary == "Make noise."


def test_a_default_that_is_computed_is_read_by_importing(module) -> None:
    module(
        "import math\ndef odd(*, level: float = math.pi) -> None:\n    '''Be odd.'''\n",
        "computed",
        explodes=False,
    )

    assert Registry("thing", {"odd": Row("computed:odd")}).entry("odd").options == {
        "level": (float, 3.141592653589793)
    }


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("vitbench.model.position:Absent", "there is no vitbench.model.position:Absent"),
        ("vitbench.model.absent:Ramp", "there is no vitbench.model.absent:Ramp"),
    ],
)
def test_a_row_that_names_nothing_is_one_clear_line(target, message) -> None:
    things = Registry("thing", {"ramp": Row(target)})

    with pytest.raises(UsageError, match=message):
        things.get("ramp")
    with pytest.raises(UsageError, match=message):
        things.entry("ramp")


def test_an_option_that_no_spec_can_hold_is_one_clear_line() -> None:
    with pytest.raises(UsageError, match=r"option sizes is of type list\[int\]: use bool, int"):

        @POSITIONS.register("many")
        def many(*, sizes: list[int] = []) -> None:  # noqa: B006
            """Have many sizes."""

    with pytest.raises(UsageError, match="option size has no default"):

        @POSITIONS.register("sized")
        def sized(*, size: int) -> None:
            """Have a size."""


def test_names_are_listed_without_importing_torch() -> None:
    listed = "import sys, vitbench.registry as r; r.POSITIONS.entry('learned-1d').options"
    code = f"{listed}; sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("registry", "name", "message"),
    [
        (POSITIONS, "learned_1d", "'learned_1d'.* did you mean 'learned-1d'"),
        (POSITIONS, "sinusoidl", "choose from none, learned-1d, .* did you mean 'sinusoidal'"),
        (AUGMENTATIONS, "Baseline", "unknown augmentation 'Baseline'.* did you mean 'baseline'"),
    ],
)
def test_an_unknown_name_gets_the_nearest_one(registry, name, message) -> None:
    with pytest.raises(UnknownNameError, match=message):
        registry.get(name)


def test_a_name_like_no_other_gets_all_names_and_no_suggestion() -> None:
    with pytest.raises(UnknownNameError, match="choose from none, ") as raised:
        POSITIONS.entry("zzz")
    assert "did you mean" not in str(raised.value)


def test_what_a_users_module_registers_is_found_with_its_options_and_is_in_the_spec() -> None:
    @AUGMENTATIONS.register("blink", tested=True)
    def blink(images, generator, *, rate: float | None = 0.1, often: bool = False):  # noqa: ARG001
        """Black images, now and then."""
        return images * 0

    entry = AUGMENTATIONS.entry("blink")

    assert "blink" in AUGMENTATIONS.names()
    assert entry.summary == "Black images, now and then."
    assert entry.options == {"rate": (float | None, 0.1), "often": (bool, False)}
    assert entry.facts == {"tested": True}
    assert AUGMENTATIONS.get("blink") is blink
    for given, kept in (("0.5", {"rate": 0.5}), (None, {"rate": None}), (0.1, {})):
        spec = build_spec({"data.augmentation": {"name": "blink", "rate": given}})
        assert spec.data.augmentation.options == kept
        assert ExperimentSpec.model_validate(spec.to_json()) == spec
    with pytest.raises(UsageError, match="it takes a number or null"):
        build_spec({"data.augmentation": {"name": "blink", "rate": "much"}})


def test_what_a_test_registered_is_gone() -> None:
    """`blink` of the test above, in whatever order they run: conftest removes it."""
    assert "blink" not in AUGMENTATIONS.names()
