"""JSON of ours as checked models: one reader for a run's result, its history and results files.

Stricter than JSON is: no key twice, no NaN, and nothing that its model does not allow.
"""

import codecs
import json
from collections import Counter
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

import vitbench
from vitbench.errors import UsageError, shortened
from vitbench.runs.schema import SCHEMA_VERSION
from vitbench.spec.overrides import explain
from vitbench.spec.version import is_later

Model = TypeVar("Model", bound=BaseModel)
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class UnreadableError(ValueError):
    """Text that is not what it should be, with the reason."""


class LaterError(UnreadableError):
    """Text that a later vitbench wrote, in a form that this one does not know."""


def read_json(content: bytes) -> Any:
    """The value of JSON text in UTF-8, with or without a byte order mark.

    Raises:
        UnreadableError: It is no such text, has a key twice in one object, or a number that is
            none.
    """
    if content.startswith(UTF_16):
        raise UnreadableError("it is UTF-16: save it as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableError("it is not text in UTF-8") from None
    if not text.strip():
        raise UnreadableError("it is empty")
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        what = f"{error.msg[0].lower()}{error.msg[1:]}"
        raise UnreadableError(f"line {error.lineno} is not JSON ({what})") from None
    except RecursionError:
        raise UnreadableError("it is nested too deep") from None
    except UnreadableError:
        raise
    except ValueError:  # Python's limit
        raise UnreadableError("a number in it has too many digits") from None


def checked(model: type[Model], tree: object) -> Model:
    """A value of JSON as a model.

    Raises:
        LaterError: A later vitbench wrote it.
        UnreadableError: It is not what the model allows.
    """
    if not isinstance(tree, dict):
        raise UnreadableError("it holds no fields")
    try:
        return model.model_validate(tree)
    except ValidationError as error:
        what = explain(error, model)
    except UsageError as error:  # of a study's own checks
        what = str(error)
    except RecursionError:
        what = "it is nested too deep"
    if later := later_version(tree):
        raise LaterError(f"{later} wrote it, and this is {vitbench.__version__}: update vitbench")
    raise UnreadableError(what)


def later_version(tree: dict[str, Any]) -> str | None:
    """The later vitbench that wrote a file of ours, in words; None where none did.

    Args:
        tree: What the file holds: its form (`schema_version`) and versions, or those of its runs.
    """
    runs = tree.get("runs")
    parts = [tree, *(runs if isinstance(runs, list) else [])]
    for part in (part for part in parts if isinstance(part, dict)):
        versions, form = part.get("versions"), part.get("schema_version")
        if isinstance(versions, dict) and is_later(versions.get("vitbench")):
            return f"vitbench {versions['vitbench']}"
        if type(form) is int and form > SCHEMA_VERSION:
            return f"a later vitbench (schema_version {shortened(str(form), 20)})"
    return None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A mapping from its pairs, each key once."""
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        twice = next(key for key, count in counts.items() if count > 1)
        raise UnreadableError(f"{shortened(repr(twice))} is there twice: keep one of them")
    return mapping


def _no_constant(word: str) -> NoReturn:
    raise UnreadableError(f"{word} is no JSON")
