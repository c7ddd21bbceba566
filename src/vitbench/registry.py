"""Things by name: `names()` without importing them, `get()` with.

A module registers what it defines with a decorator:

    @POSITIONS.register("learned-1d")
    class Learned1d(Position):
        \"\"\"A learned vector per token.\"\"\"

        def __init__(self, layout: TokenLayout, *, std: float = 0.02) -> None: ...

The command line must list such names, with the first line of their docstrings and their options,
before torch is imported. So `names()` and `entry()` read the decorators of the module's source, and
only `get()` imports it. Options are the keyword-only parameters; each has a literal default, and
the decorator may state from what to what they go: `ranges={"std": (0, 10)}`.
"""

import ast
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from vitbench.errors import UnknownNameError

Thing = TypeVar("Thing")
Option = bool | int | float | str
OPTION_TYPES: dict[str, type[Option]] = {"bool": bool, "int": int, "float": float, "str": str}


@dataclass(frozen=True)
class Entry:
    """What can be known of a registered thing without importing it.

    Attributes:
        name: Its name, as a user types it.
        summary: The first line of its docstring.
        options: Type and default of each of its options.
        facts: What its decorator says beyond the name.
    """

    name: str
    summary: str
    options: dict[str, tuple[type[Option], Option]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """Least and largest value of its options, of those whose decorator states them."""
        return dict(self.facts.get("ranges", {}))


class Registry:
    """The things of one kind, defined in one module.

    Args:
        kind: What they are, for messages: "position".
        module: Where they are defined: "vitbench.model.position".
    """

    def __init__(self, kind: str, module: str) -> None:
        self.kind = kind
        self.module = module
        self._things: dict[str, Any] = {}
        self._added: dict[str, Entry] = {}

    def register(self, name: str, **facts: Any) -> Callable[[Thing], Thing]:
        """Give the decorated class or function a name (and facts, as literals)."""

        def decorate(thing: Thing) -> Thing:
            self._things[name] = thing
            self._added[name] = _entry_of(name, thing, facts)
            return thing

        return decorate

    def names(self) -> tuple[str, ...]:
        """Every name, in the order of the source."""
        return tuple(self._entries())

    def entry(self, name: str) -> Entry:
        """What is known of a name.

        Raises:
            UnknownNameError: There is no such name.
        """
        entries = self._entries()
        if name not in entries:
            raise UnknownNameError(self.kind, name, entries)
        return entries[name]

    def get(self, name: str) -> Any:
        """The thing itself; imports its module.

        Raises:
            UnknownNameError: There is no such name.
        """
        self.entry(name)
        import_module(self.module)
        return self._things[name]

    def _entries(self) -> dict[str, Entry]:
        return {**self._in_source, **self._added}

    @cached_property
    def _in_source(self) -> dict[str, Entry]:
        spec = find_spec(self.module)
        assert spec is not None, self.module
        assert spec.origin is not None, self.module
        return _read_entries(Path(spec.origin))


def _read_entries(source: Path) -> dict[str, Entry]:
    """Entries of a module, from the decorators in its source."""
    entries = {}
    for node in ast.parse(source.read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef):
            continue
        for decorator in node.decorator_list:
            if (
                isinstance(decorator, ast.Call)
                and isinstance(decorator.func, ast.Attribute)
                and decorator.func.attr == "register"
            ):
                name = ast.literal_eval(decorator.args[0])
                entries[name] = Entry(
                    name,
                    _first_line(ast.get_docstring(node)),
                    _options_in(node),
                    {k.arg: ast.literal_eval(k.value) for k in decorator.keywords if k.arg},
                )
    return entries


def _options_in(node: ast.ClassDef | ast.FunctionDef) -> dict[str, tuple[type[Option], Option]]:
    """The keyword-only parameters of a function, or of a class's `__init__`."""
    function: ast.stmt | None = node
    if isinstance(node, ast.ClassDef):
        inits = (n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__")
        function = next(inits, None)
    if not isinstance(function, ast.FunctionDef):
        return {}
    parameters = zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
    return {
        parameter.arg: (
            OPTION_TYPES[ast.unparse(parameter.annotation)],
            ast.literal_eval(default),
        )
        for parameter, default in parameters
        if parameter.annotation is not None and default is not None
    }


def _entry_of(name: str, thing: Any, facts: dict[str, Any]) -> Entry:
    """The same for a thing that is there, as when a user's own module registers one."""
    function = thing.__init__ if inspect.isclass(thing) else thing
    options: dict[str, tuple[type[Option], Option]] = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY:
            annotation = parameter.annotation
            label = annotation if isinstance(annotation, str) else annotation.__name__
            options[parameter.name] = (OPTION_TYPES[label], parameter.default)
    return Entry(name, _first_line(inspect.getdoc(thing)), options, facts)


def _first_line(docstring: str | None) -> str:
    return (docstring or "").strip().partition("\n")[0]


DATASETS = Registry("data set", "vitbench.data.datasets")
AUGMENTATIONS = Registry("augmentation", "vitbench.data.augment")
POSITIONS = Registry("position", "vitbench.model.position")
ATTENTIONS = Registry("attention", "vitbench.model.attention")
OPTIMIZERS = Registry("optimizer", "vitbench.training.optimizer")
SCHEDULES = Registry("schedule", "vitbench.training.schedule")
TRACKERS = Registry("tracker", "vitbench.training.trackers")
EXECUTORS = Registry("executor", "vitbench.study.executors")
PEERS = Registry("peer", "vitbench.bench.peers")
EXPLANATIONS = Registry("explanation", "vitbench.attention.explanations")
FORMATS = Registry("format", "vitbench.report.formats")
