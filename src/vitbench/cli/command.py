"""How every command parses its arguments.

A repeated option, an empty value, and an option that is a field of the spec are reported in one
line.
"""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import typer
from typer.core import TyperCommand

from vitbench.config.build import field_names
from vitbench.errors import UsageError, shortened
from vitbench.registry import FIELDS

_FIELDS = field_names()
# Typer carries a Click inside, or uses the installed one: either way these are its classes.
WrongUsage: type[Exception] = next(
    kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "UsageError"
)


class Command(TyperCommand):
    """A command that uses every argument or refuses it.

    Click alone keeps the last of two values, and accepts an empty one.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments twice: once to collect all values, once as Click does."""
        parser: Any = self.make_parser(ctx)
        for option in {*parser._long_opt.values(), *parser._short_opt.values()}:
            if option.action == "store":
                option.action = "append"
        try:
            values, rest, _ = parser.parse_args(args=list(args))
        except WrongUsage as error:
            if type(error).__name__ == "NoSuchOption" and self._takes("--set"):
                self._say_which_field(error, args)
            raise
        for word in rest:
            if self._takes("--set") and word.partition("=")[0] in _FIELDS and "=" in word:
                raise UsageError(
                    f"{shortened(word)!r} is not an option: write --set {shortened(word)}"
                )
        for parameter in self.params:
            self._check_values(parameter, values.get(parameter.name))
        return super().parse_args(ctx, args)

    def _takes(self, option: str) -> bool:
        return any(option in parameter.opts for parameter in self.params)

    def _check_values(self, parameter: Any, given: object) -> None:
        """Raise UsageError for an empty value, and for two values of a single-valued option."""
        values = list(given) if isinstance(given, list | tuple) else [given]
        is_option = parameter.param_type_name == "option"
        name = max(parameter.opts, key=len) if is_option else (parameter.metavar or parameter.name)
        name = name.strip("[].")
        if any(isinstance(value, str) and not value.strip() for value in values):
            help_text = getattr(parameter, "help", None) or ""
            raise UsageError(f"{name} is empty; it takes: {help_text}")
        if is_option and not parameter.multiple and len(set(values)) > 1:
            listed = " and ".join(shortened(repr(value)) for value in dict.fromkeys(values))
            raise UsageError(f"{name} is given as {listed}: it takes one value")

    def _say_which_field(self, error: Any, args: Sequence[str]) -> None:
        """Raise UsageError if an unknown option is a field of the spec, or almost one."""
        unknown = error.option_name
        start = f"{unknown}=" if unknown.startswith("--") else unknown
        positions = (position for position, word in enumerate(args) if f"{word}=".startswith(start))
        position = next(positions, None)
        if position is None:  # a short option joined with others
            return
        word = args[position]
        option, equals, value = word.partition("=")
        after = args[position + 1 : position + 2]
        if not equals:
            value = after[0] if after and not after[0].startswith("-") else "VALUE"
        if self._takes(f"--{option.lstrip('-')}"):
            raise UsageError(f"no option {option}; did you mean '--{option.lstrip('-')}'?")
        if option.lstrip("-") == "seed":  # a sweep has several seeds
            return
        fields = fields_called(option.lstrip("-"))
        if not error.possibilities:
            fields = fields or fields_about(option.lstrip("-"))
        if near := [f"--set {field}={shortened(value)}" for field in fields]:
            raise UsageError(f"no option {shortened(option)}: write {', or '.join(near)}")


def be_strict(app: typer.Typer) -> None:
    """Make every command of an app and its sub-apps a `Command`."""
    for info in app.registered_commands:
        info.cls = Command if info.cls in (None, TyperCommand) else info.cls
    for group in app.registered_groups:
        if group.typer_instance is not None:
            be_strict(group.typer_instance)


def fields_called(name: str) -> list[str]:
    """The fields of a spec with a given name, or a part of it; at most three.

    Args:
        name: What was typed as an option, such as `patch-size`, `model.depth` or `heads`.
    """
    name = name.lower().replace("-", "_")
    last = {field: field.rpartition(".")[2] for field in _FIELDS}
    of_choices = {
        f"{field}.{option}": option
        for field, registry in FIELDS.items()
        for known in registry.names()
        for option in registry.entry(known).options
    }
    words = set(name.split("_"))
    return _first_few(
        [field for field in _FIELDS if name == field],
        [field for field in last if _joined(name) == _joined(last[field])],
        [field for field in of_choices if name in (field, of_choices[field])],
        [field for field in last if words <= set(last[field].split("_"))],
    )


def fields_about(name: str) -> list[str]:
    """The fields whose description has the words of a name, or with a similar name; at most 3.

    Args:
        name: What was typed as an option, such as `learning-rate`.
    """
    name = name.lower().replace("-", "_")
    last = {field.rpartition(".")[2]: field for field in _FIELDS}
    words = set(name.split("_"))
    return _first_few(
        [
            field
            for field, text in _FIELDS.items()
            if words <= set(re.findall(r"\w+", text.lower()))
        ],
        get_close_matches(name, _FIELDS, n=1),
        [last[near] for near in get_close_matches(name, last, n=1)],
    )


def _first_few(*ways: list[str]) -> list[str]:
    fields = next(filter(None, ways), [])
    return fields if len(fields) <= 3 else []


def _joined(name: str) -> str:
    return name.replace("_", "")
