"""A spec as recorded in a file: reports read it without needing the classes that it names.

It may name a plug-in that is not installed, or have a value that is no longer allowed, but no field
of the wrong type.
"""

from copy import deepcopy
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import AfterValidator, BaseModel

from vitbench.config.choice import Choice
from vitbench.config.experiment import ExperimentSpec
from vitbench.errors import did_you_mean, shortened

LARGEST = 2**63


def completed(spec: dict[str, Any]) -> dict[str, Any]:
    """A spec with missing fields at their defaults; an empty one stays empty.

    Raises:
        ValueError: A field is unknown, or its value has the wrong type.
    """
    return _completed(spec, ExperimentSpec, _defaults(), "") if spec else {}


@cache  # saves 2 ms per call; a report reads thousands of specs
def _defaults() -> dict[str, Any]:
    return ExperimentSpec().to_json()


RecordedSpec = Annotated[dict[str, Any], AfterValidator(completed)]


def _completed(
    given: object, model: type[BaseModel], defaults: dict[str, Any], where: str
) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise ValueError(f"{where} is {_short(given)}: it takes fields")
    for name in given.keys() - defaults.keys():
        raise ValueError(f"unknown field {_short(name)}{did_you_mean(str(name), defaults)}")
    tree = {}
    for name, default in defaults.items():
        kind, path = model.model_fields[name].annotation, f"{where}.{name}".lstrip(".")
        if isinstance(kind, type) and issubclass(kind, BaseModel) and kind is not Choice:
            tree[name] = _completed(given.get(name, {}), kind, default, path)
        elif _fits(given.get(name, default), kind):
            tree[name] = given[name] if name in given else deepcopy(default)
        else:
            raise ValueError(f"{path} is {_short(given[name])}: it takes a value of another type")
    return tree


def _fits(value: object, kind: Any) -> bool:
    """Whether a JSON value has the type of a field; any choice and any text is accepted."""
    kinds = get_args(kind)
    if get_origin(kind) in (UnionType, Union):
        return any(_fits(value, one) for one in kinds)
    if get_origin(kind) is Literal:
        return isinstance(value, str)
    if get_origin(kind) is tuple:
        several = kinds[:1] * len(value) if isinstance(value, list) and ... in kinds else kinds
        return (
            isinstance(value, list)
            and 0 < len(value) == len(several)
            and all(_fits(one, inner) for one, inner in zip(value, several, strict=True))
        )
    if kind is Choice:
        named = {"name": value} if isinstance(value, str) else value
        return (
            isinstance(named, dict)
            and isinstance(named.get("name"), str)
            and all(isinstance(option, bool | int | float | str) for option in named.values())
        )
    if kind is NoneType:
        return value is None
    if kind is bool or isinstance(value, bool):
        return kind is bool and isinstance(value, bool)
    number = isinstance(value, int if kind is int else int | float)
    return number and abs(value) < LARGEST  # type: ignore[arg-type]


def _short(value: object) -> str:
    return shortened(repr(value))
