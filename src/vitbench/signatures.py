"""Docstrings and options of a class or function, read from its source: nothing is imported.

`--help` lists the options of every choice, and importing torch for that would take a second. What
cannot be read this way (a default that is computed, say) is for the caller to import.
"""

import ast
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import UnionType
from typing import Any

from vitbench.errors import UsageError

Option = bool | int | float | str | None
OptionType = type | UnionType

OPTION_TYPES: dict[str, OptionType] = {
    name: annotation
    for kind in (bool, int, float, str)
    for name, annotation in ((kind.__name__, kind), (f"{kind.__name__} | None", kind | None))
}

Definition = ast.ClassDef | ast.FunctionDef


@dataclass(frozen=True)
class Signature:
    """What `--help` says of a class or function.

    Attributes:
        summary: The first line of its docstring.
        options: Type and default of each keyword-only parameter, by name.
    """

    summary: str
    options: dict[str, tuple[OptionType, Option]]


class UnreadableSourceError(Exception):
    """The source alone does not tell; an import would."""


def read_signature(module: str, name: str) -> Signature:
    """The signature of a class or function of a module, from its source.

    A class without an `__init__` has that of its base class; a name that the module imports is
    followed to where it is defined; a default may be a constant of the module.

    Raises:
        UnreadableSourceError: Something is computed, or defined outside of Python sources.
    """
    source, definition = _find(module, name)
    return Signature(
        _first_line(_docstring(source, definition)),
        {
            parameter.arg: (_type_of(parameter), _literal(source, default))
            for parameter, default, source in _keyword_only(source, definition)
        },
    )


def signature_of(thing: Callable[..., Any]) -> Signature:
    """The same of a class or function that is imported.

    Raises:
        UsageError: An option has no default, or a type that cannot be given in a spec.
    """
    function = thing.__init__ if inspect.isclass(thing) else thing
    options: dict[str, tuple[OptionType, Option]] = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is not parameter.KEYWORD_ONLY:
            continue
        label = _label(parameter.annotation)
        where = f"{getattr(thing, '__qualname__', thing)}: option {parameter.name}"
        if label not in OPTION_TYPES:
            raise UsageError(f"{where} is of type {label}: use bool, int, float or str, or | None")
        if parameter.default is parameter.empty:
            raise UsageError(f"{where} has no default")
        options[parameter.name] = (OPTION_TYPES[label], parameter.default)
    return Signature(_first_line(inspect.getdoc(thing)), options)


def _label(annotation: Any) -> str:
    """An annotation as it is written in the source."""
    if annotation is inspect.Parameter.empty:
        return "unknown"
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


@cache
def _source_of(module: str) -> ast.Module:
    """The parsed source of a module."""
    try:
        spec = find_spec(module)
    except ImportError:
        spec = None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        raise UnreadableSourceError(module)
    return ast.parse(Path(spec.origin).read_text(encoding="utf-8"))


def _find(module: str, name: str) -> tuple[ast.Module, Definition]:
    """The definition of a name, and the source it stands in; imports are followed."""
    source = _source_of(module)
    for node in source.body:
        if isinstance(node, Definition) and node.name == name:
            return source, node
    imported = _imported_from(source, name)
    if imported is None:
        raise UnreadableSourceError(f"{module}:{name}")
    return _find(*imported)


def _imported_from(source: ast.Module, name: str) -> tuple[str, str] | None:
    """Module and original name of what a source imports under a name."""
    for node in source.body:
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return node.module, alias.name
    return None


def _keyword_only(
    source: ast.Module, definition: Definition
) -> list[tuple[ast.arg, ast.expr, ast.Module]]:
    """Keyword-only parameters, their defaults, and the source that the defaults stand in."""
    function: Definition | None = definition
    if isinstance(definition, ast.ClassDef):
        if definition.decorator_list:  # as @dataclass, which writes an __init__ of its own
            raise UnreadableSourceError(definition.name)
        function = next(
            (
                node
                for node in definition.body
                if isinstance(node, ast.FunctionDef) and node.name == "__init__"
            ),
            None,
        )
        if function is None:
            base = _base(source, definition)
            return _keyword_only(*base) if base is not None else []
    assert isinstance(function, ast.FunctionDef)
    parameters = []
    for parameter, default in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True):
        if default is None:
            raise UnreadableSourceError(f"{definition.name}: {parameter.arg} has no default")
        parameters.append((parameter, default, source))
    return parameters


def _base(source: ast.Module, definition: ast.ClassDef) -> tuple[ast.Module, Definition] | None:
    """The first base class, and its source; None of one that no option comes from."""
    if not definition.bases:
        return None
    if len(definition.bases) > 1:
        raise UnreadableSourceError(definition.name)
    base = definition.bases[0]
    if isinstance(base, ast.Attribute):  # nn.Module takes no options
        if ast.unparse(base) == "nn.Module":
            return None
        raise UnreadableSourceError(definition.name)
    if not isinstance(base, ast.Name):
        raise UnreadableSourceError(definition.name)
    if base.id in ("Protocol", "ABC", "object"):
        return None
    for node in source.body:
        if isinstance(node, ast.ClassDef) and node.name == base.id:
            return source, node
    imported = _imported_from(source, base.id)
    if imported is None:
        raise UnreadableSourceError(definition.name)
    return _find(*imported)


def _docstring(source: ast.Module, definition: Definition) -> str | None:
    """The docstring of a definition, else that of its base class."""
    text = ast.get_docstring(definition)
    if text is None and isinstance(definition, ast.ClassDef):
        base = _base(source, definition)
        return _docstring(*base) if base is not None else None
    return text


def _type_of(parameter: ast.arg) -> OptionType:
    label = "" if parameter.annotation is None else ast.unparse(parameter.annotation)
    if label not in OPTION_TYPES:
        raise UnreadableSourceError(f"{parameter.arg}: {label}")
    return OPTION_TYPES[label]


def _literal(source: ast.Module, default: ast.expr) -> Option:
    """The value of a default: a literal, or a constant of the module or one that it imports."""
    if isinstance(default, ast.Name):
        return _constant(source, default.id)
    try:
        value: Option = ast.literal_eval(default)
    except ValueError:
        raise UnreadableSourceError(ast.unparse(default)) from None
    return value


def _constant(source: ast.Module, name: str) -> Option:
    for node in source.body:
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == name for target in node.targets
        ):
            return _literal(source, node.value)
        if (
            isinstance(node, ast.AnnAssign)
            and isinstance(node.target, ast.Name)
            and node.target.id == name
            and node.value is not None
        ):
            return _literal(source, node.value)
    imported = _imported_from(source, name)
    if imported is None:
        raise UnreadableSourceError(name)
    return _constant(_source_of(imported[0]), imported[1])


def _first_line(docstring: str | None) -> str:
    return (docstring or "").strip().partition("\n")[0]
