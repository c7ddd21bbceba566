"""A kind of thing that can be chosen by name: its table, and what is registered at run time."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, TypeVar

from vitbench.errors import UnknownNameError, UsageError
from vitbench.signatures import (
    Option,
    OptionType,
    Signature,
    UnreadableSourceError,
    read_signature,
    signature_of,
)

Thing = TypeVar("Thing")


class Row:
    """A row of a table: where a class or function is defined, and facts about it.

    Args:
        target: `"package.module:Name"`.
        ranges: Smallest and largest value of each option that is a number.
        facts: What else is known before it is imported, such as the sizes of a data set.
    """

    def __init__(
        self, target: str, ranges: Mapping[str, tuple[float, float]] | None = None, **facts: Any
    ) -> None:
        self.module, _, self.name = target.partition(":")
        self.facts = {"ranges": dict(ranges), **facts} if ranges else facts


@dataclass(frozen=True)
class Entry:
    """What is known of a name without importing what it stands for.

    Attributes:
        name: As a user types it.
        summary: The first line of its docstring.
        options: Type and default of each of its options.
        facts: What the table says of it.
    """

    name: str
    summary: str
    options: dict[str, tuple[OptionType, Option]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """Smallest and largest value of the options that have a range."""
        return dict(self.facts.get("ranges", {}))


class Registry:
    """The names of one kind.

    Args:
        kind: What they name, for messages: "position".
        table: A row for each name. It is read, never imported, until `get`.
    """

    def __init__(self, kind: str, table: Mapping[str, Row]) -> None:
        self.kind = kind
        self.table = dict(table)
        self._entries: dict[str, Entry] = {}
        self._registered: dict[str, Any] = {}

    def register(self, name: str, **facts: Any) -> Callable[[Thing], Thing]:
        """Add the decorated class or function under a name, in this process alone.

        Args:
            name: As a user types it.
            facts: What a row of the table would say, `ranges` too.
        """

        def decorate(thing: Thing) -> Thing:
            signature = signature_of(thing)  # type: ignore[arg-type]
            self._registered[name] = thing
            self._entries[name] = Entry(name, signature.summary, signature.options, facts)
            return thing

        return decorate

    def unregister(self, name: str) -> None:
        """Remove what `register` added under a name."""
        del self._registered[name], self._entries[name]

    @property
    def registered(self) -> tuple[str, ...]:
        """The names that `register` added."""
        return tuple(self._registered)

    def names(self) -> tuple[str, ...]:
        """Every name: those of the table in its order, then those registered."""
        return tuple(dict.fromkeys((*self.table, *self._registered)))

    def check(self, name: str) -> None:
        """Refuse a name that does not exist.

        Raises:
            UnknownNameError: There is no such name.
        """
        if name not in self.names():
            raise UnknownNameError(self.kind, name, self.names())

    def entry(self, name: str) -> Entry:
        """What is known of a name; imports its module only if its source does not tell.

        Raises:
            UnknownNameError: There is no such name.
            UsageError: The row names nothing, or an option cannot be given in a spec.
        """
        self.check(name)
        if name not in self._entries:
            row = self.table[name]
            signature = self._signature(name, row)
            self._entries[name] = Entry(name, signature.summary, signature.options, row.facts)
        return self._entries[name]

    def get(self, name: str) -> Any:
        """The class or function itself; imports its module.

        Raises:
            UnknownNameError: There is no such name.
            UsageError: The row names nothing.
        """
        self.check(name)
        if name in self._registered:
            return self._registered[name]
        row = self.table[name]
        try:
            return getattr(import_module(row.module), row.name)
        except (AttributeError, ModuleNotFoundError) as error:
            if isinstance(error, ModuleNotFoundError) and error.name != row.module:
                raise
            raise UsageError(
                f"{self.kind} {name!r}: there is no {row.module}:{row.name}, which its row in "
                f"vitbench/registry.py names"
            ) from error

    def _signature(self, name: str, row: Row) -> Signature:
        try:
            return read_signature(row.module, row.name)
        except UnreadableSourceError:
            return signature_of(self.get(name))
