"""Strict readers of YAML and JSON, for every file and `--set`.

YAML is read with the core schema of YAML 1.2: `1e-1` is a number, and `no` and `2024-01-31` are
text. PyYAML alone reads YAML 1.1, in which `010` is 8 and `1:30` is 90. Values that the two
versions read differently are refused with the reason, and so is what a reader could overlook:
duplicate keys, aliases, tags, a second document.
"""

import codecs
import json
import re
from collections.abc import Iterable
from typing import Any, NoReturn

import yaml

from vitbench.errors import shortened

NO_ALIASES = (
    "anchors (&), merge keys (<<) and aliases (*) are not allowed: repeat the value in each place"
)
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class UnreadableError(ValueError):
    """Text that cannot be read, with the reason.

    Attributes:
        reason: Why not, in words.
        line: Line number, counted from 1; None if unknown.
        is_refused: Whether it is valid YAML that is not allowed here.
    """

    def __init__(self, reason: str, line: int | None = None, *, is_refused: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.is_refused = is_refused


def as_text(content: bytes) -> str:
    """The text of a UTF-8 file, with or without a byte order mark.

    Raises:
        UnreadableError: It is in another encoding, or is not text.
    """
    if content.startswith(UTF_16) or content[:2].count(0) == 1:
        raise UnreadableError("it is UTF-16: save it as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableError("it is not text in UTF-8") from None


def read_json(text: str) -> Any:
    """The value of JSON text.

    Raises:
        UnreadableError: It is not JSON, has a duplicate key, NaN or an infinity.
    """
    if not text.strip():
        raise UnreadableError("it is empty")
    try:
        return json.loads(text, object_pairs_hook=_unrepeated, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        what = f"{error.msg[0].lower()}{error.msg[1:]}"
        raise UnreadableError(f"line {error.lineno} is not JSON ({what})") from None
    except RecursionError:
        raise UnreadableError("it is nested too deeply") from None
    except UnreadableError:
        raise
    except ValueError:  # Python's limit of digits
        raise UnreadableError("a number has too many digits") from None


def read_yaml(text: str, words: Iterable[str] = ()) -> Any:
    """The value of YAML text.

    Args:
        text: The text.
        words: Keys whose values are text even if they look like numbers, such as `label: 1e-3`.

    Raises:
        UnreadableError: It is not YAML, or has something that is not allowed.
    """
    try:
        loader = _Loader(text, frozenset(words))
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise UnreadableError(
            _reason(error), mark.line + 1 if mark else None, is_refused=isinstance(error, _Refused)
        ) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise UnreadableError(
            f"the character U+{error.character:04X} is not allowed", line
        ) from None
    except RecursionError:
        raise UnreadableError("it is nested too deeply") from None


def _unrepeated(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """A mapping from its pairs."""
    mapping: dict[str, Any] = {}
    for key, value in pairs:
        if key in mapping:
            raise UnreadableError(_twice(key))
        mapping[key] = value
    return mapping


def _no_constant(word: str) -> NoReturn:
    raise UnreadableError(f"{word} is not JSON")


def _twice(key: object) -> str:
    return f"duplicate key {shortened(repr(key))}: keep one"


def _reason(error: yaml.MarkedYAMLError) -> str:
    """The problem that PyYAML or the loader below found, in words."""
    if error.context == "expected a single document in the stream":
        return "there is a second document (---): keep one"
    problem = error.problem or "it is not YAML"
    if "'\\t'" in problem:
        return "a tab, where YAML allows only spaces"
    return problem if isinstance(error, _Refused) else shortened(" ".join(problem.split()), 150)


class _Loader(yaml.SafeLoader):
    """YAML 1.2's core schema, without aliases, merge keys, tags and repeated keys."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 (PyYAML's own are of YAML 1.1)

    def __init__(self, text: str, words: frozenset[str]) -> None:
        super().__init__(text)
        self._words = words

    def compose_node(self, parent: Any, index: Any) -> Any:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise _refusal(NO_ALIASES, event)
        if getattr(event, "tag", None) is not None:
            raise _refusal(f"tags ({shortened(_short_tag(event.tag))}) are not allowed", event)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _refusal("a key must be text", key)
            if key.value == "<<" and key.style is None:
                raise _refusal(NO_ALIASES, key)
            constructed = self.construct_object(key)
            if constructed in seen:
                raise _refusal(_twice(key.value), key)
            seen.add(constructed)
            if key.value in self._words:
                _as_words(value)
        return super().construct_mapping(node, deep)

    def scalar(self, node: yaml.ScalarNode) -> Any:
        """The value of a plain scalar that is not text."""
        text, kind = node.value, node.tag.rpartition(":")[2]
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        if kind == "float":
            return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
        try:
            return int(text, 0)
        except ValueError:  # Python's limit of digits
            raise _refusal("a number has too many digits", node) from None

    def ambiguous(self, node: yaml.ScalarNode) -> Any:
        """Refuse a plain scalar that YAML versions read differently."""
        readings = {
            "leading-zero": "some readers take the leading 0 for an octal number",
            "sexagesimal": "some readers take it for a base-60 number",
            "underscores": "some readers take it for a number, others for text",
            "binary": "some readers take it for a number, others for text",
        }
        why = readings[node.tag.rpartition(":")[2]]
        shown = shortened(node.value)
        raise _refusal(f"{shown}: {why}; write the plain number, or '{shown}' in quotes", node)


class _Refused(yaml.MarkedYAMLError):
    """Valid YAML that is not allowed here."""


def _refusal(reason: str, at: Any) -> _Refused:
    return _Refused(None, None, reason, at.start_mark)


def _short_tag(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")


def _as_words(node: Any) -> None:
    """Turn a plain scalar, or each of a list, into text; null stays null."""
    for one in node.value if isinstance(node, yaml.SequenceNode) else [node]:
        if isinstance(one, yaml.ScalarNode) and one.tag != "tag:yaml.org,2002:null":
            one.tag = "tag:yaml.org,2002:str"


# The core schema, after the values that YAML 1.1 reads differently. They are tried in this order;
# a value that matches none is text.
_PLAIN = (
    ("leading-zero", r"[-+]?0[0-9_]+(:[0-5]?[0-9])*(\.[0-9_]*)?([eE][-+]?[0-9]+)?", "-+0"),
    ("sexagesimal", r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?", "-+0123456789"),
    (
        "underscores",
        r"(?=.*_)[-+]?(0[xob][0-9a-fA-F_]+|[0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?)",
        "-+0123456789",
    ),
    ("binary", r"[-+]?0b[01]+", "-+0"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
        r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
)
_AMBIGUOUS = ("leading-zero", "sexagesimal", "underscores", "binary")
for _kind, _pattern, _first in _PLAIN:
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_kind}", re.compile(rf"(?:{_pattern})\Z"), list(_first)
    )
    _Loader.add_constructor(
        f"tag:yaml.org,2002:{_kind}",
        _Loader.ambiguous if _kind in _AMBIGUOUS else _Loader.scalar,
    )
