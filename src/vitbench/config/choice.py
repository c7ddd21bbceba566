"""A registered choice in a spec: `augmentation: cutout`, or `{name: cutout, size: 8}` with options.

Names and options are checked against the registry, so nothing heavy is imported.
"""

from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, TypeAdapter, model_serializer

from vitbench.entries import Registry
from vitbench.errors import UsageError, did_you_mean, shortened
from vitbench.registry import (
    ATTENTIONS,
    AUGMENTATIONS,
    DATASETS,
    OPTIMIZERS,
    POSITIONS,
    SCHEDULES,
)
from vitbench.signatures import Option, OptionType


class Choice(BaseModel):
    """A name, and its options that differ from their defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    options: dict[str, Option] = {}

    @model_serializer
    def _as_typed(self) -> str | dict[str, Option]:
        """The short form if there are no options: `cutout`, not `{name: cutout}`."""
        return {"name": self.name, **self.options} if self.options else self.name

    def __str__(self) -> str:
        options = ",".join(f"{key}={value}" for key, value in self.options.items())
        return f"{self.name}({options})" if options else self.name


def parse_choice(registry: Registry, given: object) -> Choice:
    """A choice of a registry, from a name or from a mapping with `name` and options.

    Raises:
        UnknownNameError: The registry has no such name.
        UsageError: An option is unknown, of the wrong type or out of its range.
    """
    if isinstance(given, Choice):
        given = {"name": given.name, **given.options}
    if isinstance(given, str):
        given = {"name": given}
    if not isinstance(given, dict) or not isinstance(given.get("name"), str):
        raise UsageError(
            f"{registry.kind} {shortened(repr(given))}: give a name "
            f"({', '.join(registry.names())}) or a mapping with name and options"
        )
    name = given["name"]
    if name not in registry.names() and name.replace("_", "-") in registry.names():
        name = name.replace("_", "-")
    entry = registry.entry(name)
    options: dict[str, Option] = {}
    for key, value in given.items():
        if key == "name":
            continue
        if key not in entry.options:
            names = ", ".join(entry.options)
            raise UsageError(
                f"unknown option {shortened(repr(key))} of {registry.kind} {entry.name}: "
                f"{f'choose from {names}' if names else 'it has none'}"
                f"{did_you_mean(str(key), entry.options)}"
            )
        kind, default = entry.options[key]
        where = f"{registry.kind} {entry.name}: {key}"
        converted = _convert(value, kind, where)
        if key in entry.ranges and isinstance(converted, int | float):
            low, high = entry.ranges[key]
            if not low <= converted <= high:
                raise UsageError(f"{where} is {converted}: it takes {low:g} to {high:g}")
        if converted != default:
            options[key] = converted
    return Choice(name=entry.name, options=dict(sorted(options.items())))


def _convert(value: object, option_type: OptionType, where: str) -> Option:
    """A value as the type of its option; a whole float is accepted for an int."""
    kind, *optional = get_args(option_type) or (option_type,)
    try:
        if isinstance(value, bool) is not (kind is bool) and value is not None:
            raise ValueError  # pydantic accepts True for 1, and 1 for True
        return _validator(option_type).validate_python(value)
    except ValueError:
        allowed = f"{_TYPE_NAMES[kind]}{' or null' if optional else ''}"
        raise UsageError(f"{where} is {shortened(repr(value))}: it takes {allowed}") from None


@cache
def _validator(option_type: Any) -> TypeAdapter[Option]:
    return TypeAdapter(option_type, config=ConfigDict(allow_inf_nan=False))


_TYPE_NAMES: dict[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
}


def _single(registry: Registry) -> Callable[[object], Choice]:
    return lambda given: parse_choice(registry, given)


def _several(registry: Registry) -> Callable[[object], tuple[Choice, ...]]:
    def parse(given: object) -> tuple[Choice, ...]:
        several = given if isinstance(given, list | tuple) else [given]
        if not several:
            raise UsageError(f"a list of {registry.kind}s is empty: name at least one, or 'none'")
        return tuple(parse_choice(registry, each) for each in several)

    return parse


DatasetChoice = Annotated[Choice, BeforeValidator(_single(DATASETS))]
AugmentationChoice = Annotated[Choice, BeforeValidator(_single(AUGMENTATIONS))]
AttentionChoice = Annotated[Choice, BeforeValidator(_single(ATTENTIONS))]
OptimizerChoice = Annotated[Choice, BeforeValidator(_single(OPTIMIZERS))]
ScheduleChoice = Annotated[Choice, BeforeValidator(_single(SCHEDULES))]
PositionChoices = Annotated[tuple[Choice, ...], BeforeValidator(_several(POSITIONS))]
