"""Specs from presets, files and `--set key=value`, merged and checked.

All of these are nested mappings, merged in order. Pydantic checks the result once, and its first
error becomes one line.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from vitbench.config.choice import Choice
from vitbench.config.experiment import ExperimentSpec
from vitbench.config.parsing import UnreadableError, as_text, read_json, read_yaml
from vitbench.errors import FileError, UsageError, did_you_mean, shortened
from vitbench.files import read_regular_or_pipe

Tree = dict[str, Any]
MAX_FILE_BYTES = 1_000_000
NULLS = ("null", "Null", "NULL", "~")


def build_spec(*layers: Mapping[str, Any]) -> ExperimentSpec:
    """An experiment from layers of fields, later ones over earlier ones.

    Args:
        layers: Nested mappings, or flat ones with dotted keys: `{"model.depth": 4}`.

    Raises:
        UsageError: A field is unknown or its value out of range.
    """
    tree: Tree = ExperimentSpec().to_json()
    try:
        for layer in layers:
            merge(tree, layer)
        _check_numbers(tree)
        return ExperimentSpec.model_validate(tree)
    except ValidationError as error:
        raise UsageError(explain(error, ExperimentSpec)) from None
    except RecursionError:
        raise UsageError(
            "a field is nested too deeply: vitbench train --help lists the fields"
        ) from None


def merge(tree: Tree, layer: Mapping[str, Any]) -> None:
    """Merge a mapping into a tree, in place.

    Raises:
        UsageError: A field is set twice, as `model.depth` and in `model`, or has an invalid name.
    """
    check_fields_once(layer)
    _merge(tree, layer)


def _merge(tree: Tree, layer: Mapping[str, Any]) -> None:
    # A choice by name comes before its options, which belong to it.
    for key in sorted(layer, key=lambda key: key.removesuffix(".name").count(".")):
        first, _, rest = key.partition(".")
        value = {rest: layer[key]} if rest else layer[key]
        if not isinstance(value, Mapping):
            tree[first] = value
            continue
        below = tree.get(first)
        if isinstance(below, list) and len(below) == 1:  # the options of a single position
            below = below[0]
        if isinstance(below, list) and below and "name" not in value:
            raise UsageError(
                f"{first} is a list of {len(below)}: give each its options in the list"
            )
        if isinstance(below, str) and "name" not in value:  # options for a choice given by name
            below = {"name": below}
        # A new choice drops the options of the old one.
        tree[first] = dict(below) if isinstance(below, Mapping) and "name" not in value else {}
        _merge(tree[first], value)


def _check_numbers(tree: Tree) -> None:
    """Raise UsageError if a number field would accept a boolean or an inexact integer."""
    for name, kind in _field_kinds().items():
        section, _, last = name.rpartition(".")
        fields = tree.get(section) if section else tree
        value = fields.get(last) if isinstance(fields, Mapping) else None
        if kind is bool or name in choice_fields():
            continue
        if any(isinstance(one, bool) for one in (value if isinstance(value, list) else [value])):
            raise UsageError(f"{name} is {value}: true and false are not valid here")
        if kind is int and isinstance(value, float) and abs(value) >= 2**53:
            raise UsageError(f"{name} is {value}: write all digits, without a decimal point")


def check_fields_once(layer: Mapping[str, Any]) -> None:
    """Raise UsageError if a mapping sets a field twice, or has an invalid name."""
    seen: set[str] = set()
    for name in _leaves(layer, ""):
        if name in seen:
            raise UsageError(f"field {shortened(name)!r} is set twice: keep one")
        seen.add(name)


def _leaves(layer: Mapping[str, Any], where: str) -> Iterator[str]:
    """The dotted name of each value; the name of a choice has the dotted name of the choice."""
    for key, value in layer.items():
        if not isinstance(key, str):
            raise UsageError(f"field {shortened(repr(key))}: names of fields are text")
        if not all(key.split(".")):
            raise UsageError(
                f"field {shortened(key)!r}: a part of its name is empty; write it like model.depth"
            )
        name = f"{where}{key}"
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{name}.")
        else:
            yield name.removesuffix(".name")


def parse_assignments(assignments: Iterable[str]) -> Tree:
    """`["model.depth=4", ...]` as a flat mapping; values are read as YAML.

    Raises:
        UsageError: One is not of the form key=value, or two give a field different values.
    """
    fields: Tree = {}
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        key, text, shown = key.strip(" "), text.strip(), shortened(assignment)
        if not equals or not key or not text:
            raise UsageError(f"--set {shown!r}: write key=value, such as model.depth=4")
        try:
            value = read_yaml(text)
        except UnreadableError as error:
            reason = error.reason if error.is_refused else "the value is not YAML"
            raise UsageError(f"--set {shown!r}: {reason}") from None
        if value is None and text not in NULLS:  # a comment, or an empty document
            raise UsageError(f"--set {shown!r}: the value is empty; write null for none")
        check_key(key)
        if key in fields and fields[key] != value:
            raise UsageError(
                f"--set gives {key} twice: {shortened(repr(fields[key]))} and "
                f"{shortened(repr(value))}; keep one"
            )
        fields[key] = value
    check_fields_once(fields)
    return fields


def check_key(key: str) -> None:
    """Raise UsageError if a dotted name is not a field, or an option of a choice, of a spec."""
    fields = field_names()
    parent = key.rpartition(".")[0]
    if key in fields:
        return
    if not all(key.split(".")):
        near = ".".join(part for part in key.split(".") if part)
        hint = _nearest_field(near, fields) if near else ""
        raise UsageError(f"unknown field {shortened(key)!r}: a part of its name is empty{hint}")
    if parent in fields:
        if parent in choice_fields():
            return
        raise UsageError(f"unknown field {shortened(key)!r}: {parent} has no parts")
    sections = {field.partition(".")[0] for field in fields if "." in field}
    if key in sections:
        inside = [field for field in fields if field.startswith(f"{key}.")]
        raise UsageError(f"{key!r} is a section: set one of its fields: {', '.join(inside)}")
    hint = _nearest_field(key, fields)
    raise UsageError(
        f"unknown field {shortened(key)!r}{hint or ': vitbench train --help lists the fields'}"
    )


def _nearest_field(key: str, fields: Mapping[str, str]) -> str:
    """'; did you mean ...?' with the most similar field, or nothing."""
    last = {field.rpartition(".")[2]: field for field in fields}
    if key in fields or key in last:
        return f"; did you mean {last.get(key, key)!r}?"
    return did_you_mean(key.replace("-", "_"), fields)


def choice_fields() -> set[str]:
    """The dotted names of fields that hold registered choices, which may have options."""
    kinds = _field_kinds().items()
    return {name for name, kind in kinds if kind is Choice or Choice in get_args(kind)}


def _field_kinds() -> dict[str, Any]:
    """The type of every field of a spec, by its dotted name."""
    kinds: dict[str, Any] = {}
    for section, info in ExperimentSpec.model_fields.items():
        kind = info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            inside = kind.model_fields.items()
            kinds |= {f"{section}.{name}": inner.annotation for name, inner in inside}
        else:
            kinds[section] = kind
    return kinds


def field_names() -> dict[str, str]:
    """Every field of a spec by its dotted name, with its description."""
    names = {}
    for section, info in ExperimentSpec.model_fields.items():
        kind = info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            for name, inner in kind.model_fields.items():
                names[f"{section}.{name}"] = inner.description or ""
        else:
            names[section] = info.description or ""
    return names


def load_mapping(path: Path, kind: str, words: Iterable[str] = ()) -> Tree:
    """A mapping from a YAML or JSON file.

    Args:
        path: The file.
        kind: What it should contain, for messages: "spec".
        words: Keys whose values in YAML are text even if they look like numbers.

    Raises:
        FileError: It is absent, too large, not valid YAML or JSON, or not a mapping.
    """
    try:
        content = read_regular_or_pipe(path, MAX_FILE_BYTES)
    except FileNotFoundError:
        raise FileError(f"no {kind} file {path}") from None
    except OSError as error:
        raise FileError(f"cannot read {kind} file {path}: {error.strerror}") from None
    except ValueError:
        raise FileError(f"cannot read {kind} file {str(path)!r}: its name contains a NUL") from None
    try:
        text = as_text(content)
        loaded = read_json(text) if path.suffix.lower() == ".json" else read_yaml(text, words)
    except UnreadableError as error:
        where = f", line {error.line}" if error.line else ""
        raise FileError(f"{path}{where}: not a readable {kind}: {error.reason}") from None
    if not isinstance(loaded, dict):
        raise FileError(f"{path} is not a {kind}: it must be a mapping of fields")
    return loaded


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """The first error of pydantic in one line: field, value, what is allowed."""
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    more = error.error_count() - 1
    also = f" (and {more} more)" if more else ""
    if first["type"] == "extra_forbidden":
        allowed = _fields_at(model, first["loc"][:-1])
        names = f": choose from {', '.join(allowed)}" if allowed else ""
        return f"unknown field {where!r}{names}{did_you_mean(str(first['loc'][-1]), allowed)}{also}"
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "value_error":
        return f"{where + ': ' if where else ''}{message}{also}"
    if first["type"] == "missing":
        return f"field {where!r} is missing{also}"
    given = shortened(repr(first["input"]))
    return f"{where or 'a name'} is {given}: {message[0].lower()}{message[1:]}{also}"


def _fields_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Names of the fields of the model at a location inside a model."""
    here: Any = model
    for part in location:
        if not (isinstance(here, type) and issubclass(here, BaseModel)):
            return []
        if isinstance(part, int):
            continue
        info = here.model_fields.get(part)
        if info is None:
            return []
        here = info.annotation
        inner = [a for a in getattr(here, "__args__", ()) if isinstance(a, type)]
        here = inner[0] if inner else here
    return list(here.model_fields) if isinstance(here, type) and issubclass(here, BaseModel) else []
