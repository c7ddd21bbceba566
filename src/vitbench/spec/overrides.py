"""Specs from presets, files and `--set key=value`, merged and checked.

All of these are nested mappings laid over one another; pydantic checks the sum once, and what it
finds becomes one line of ours.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from vitbench.errors import FileError, UsageError, did_you_mean, shortened
from vitbench.files import read_regular_or_pipe
from vitbench.spec.experiment import ExperimentSpec

Tree = dict[str, Any]
MAX_FILE_BYTES = 1_000_000
# What reading text as YAML or JSON may end in: 13 for a month, 5,000 digits, 10,000 brackets.
UNREADABLE = (yaml.YAMLError, ValueError, RecursionError)


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
        return ExperimentSpec.model_validate(tree)
    except ValidationError as error:
        raise UsageError(explain(error, ExperimentSpec)) from None
    except RecursionError:
        raise UsageError("a field is nested too deep: vitbench train --help lists them") from None


def merge(tree: Tree, layer: Mapping[str, Any]) -> None:
    """Lay a mapping over a tree, in place."""
    for key, value in layer.items():
        if not isinstance(key, str):
            raise UsageError(f"field {key!r}: names of fields are words")
        first, _, rest = key.partition(".")
        if rest:
            value = {rest: value}
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
        # A choice that is named anew takes none of the old one's options with it.
        tree[first] = dict(below) if isinstance(below, Mapping) and "name" not in value else {}
        merge(tree[first], value)


def parse_assignments(assignments: Iterable[str]) -> Tree:
    """`["model.depth=4", ...]` as a flat mapping; values are read as YAML.

    Raises:
        UsageError: One is not of the form key=value.
    """
    fields: Tree = {}
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals or not key.strip() or not text.strip():
            raise UsageError(f"--set {shortened(assignment)!r}: write key=value, as model.depth=4")
        try:
            value = _load_yaml(text)
        except RepeatedKeyError as error:
            raise UsageError(f"--set {shortened(assignment)!r}: {error}") from None
        except UNREADABLE:
            raise UsageError(f"--set {shortened(assignment)!r}: the value is not YAML") from None
        check_key(key.strip())
        merge(fields, {key.strip(): value})
    return fields


def check_key(key: str) -> None:
    """Raise UsageError where a dotted name is no field of a spec (options of choices pass)."""
    fields = field_names()
    if key in fields or key.rpartition(".")[0] in fields:
        return
    sections = {field.partition(".")[0] for field in fields}
    if key in sections:
        inside = [field for field in fields if field.startswith(f"{key}.")]
        raise UsageError(f"{key!r} is a section: set one of its fields, as {', '.join(inside)}")
    last = {field.rpartition(".")[2]: field for field in fields}
    if key in last:
        raise UsageError(f"unknown field {key!r}; did you mean {last[key]!r}?")
    hint = did_you_mean(key.replace("-", "_"), fields)
    raise UsageError(
        f"unknown field {shortened(key)!r}{hint or ': vitbench train --help lists the fields'}"
    )


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


def load_mapping(path: Path, kind: str) -> Tree:
    """A mapping from a YAML or JSON file.

    Args:
        path: The file.
        kind: What it should hold, for messages: "spec".

    Raises:
        FileError: It is absent, too large, not readable as YAML, or holds no mapping.
    """
    try:
        content = read_regular_or_pipe(path, MAX_FILE_BYTES)
        text = content.decode("utf-8")
    except FileNotFoundError:
        raise FileError(f"no {kind} file {path}") from None
    except OSError as error:
        raise FileError(f"cannot read {kind} file {path}: {error.strerror}") from None
    except ValueError:  # not UTF-8, or a path with a NUL
        raise FileError(f"cannot read {kind} file {str(path)!r}: it is not text") from None
    try:
        if path.suffix == ".json":
            loaded = json.loads(text, object_pairs_hook=_without_repeats)
        else:
            loaded = _load_yaml(text)
    except RepeatedKeyError as error:
        raise FileError(f"{path}: {error}") from None
    except UNREADABLE as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else getattr(error, "lineno", None)
        where = f", line {line}" if line else ""
        raise FileError(f"{path}{where}: not readable as {kind}") from None
    if not isinstance(loaded, dict):
        raise FileError(f"{path} holds no {kind}: it must be a mapping of fields")
    return loaded


class RepeatedKeyError(ValueError):
    """A mapping has a key twice; YAML and JSON would quietly keep the last."""


def _without_repeats(pairs: Iterable[tuple[Any, Any]]) -> Tree:
    """A mapping from its pairs.

    Raises:
        RepeatedKeyError: A key stands there twice.
    """
    mapping: Tree = {}
    for key, value in pairs:
        if key in mapping:
            raise RepeatedKeyError(f"{key!r} stands there twice: keep one of them")
        mapping[key] = value
    return mapping


class _StrictLoader(yaml.SafeLoader):
    """YAML without aliases, with which ten lines fill the memory, and without repeated keys."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.YAMLError("aliases are not allowed")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        scalars = (key for key, _ in node.value if isinstance(key, yaml.ScalarNode))
        _without_repeats((key.value, None) for key in scalars)
        return super().construct_mapping(node, deep)


def _load_yaml(text: str) -> Any:
    return yaml.load(text, Loader=_StrictLoader)


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """The first thing that pydantic found, as one line: field, value, what is allowed."""
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
    """Names of the fields of the model at a place inside a model."""
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
