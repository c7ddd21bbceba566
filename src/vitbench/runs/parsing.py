"""JSON of ours as checked models: a run's result, its history and results files.

Nothing in it that its model does not allow. A file of a later vitbench is distinguished from a
damaged one.
"""

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

import vitbench
from vitbench.config.build import explain
from vitbench.config.parsing import UnreadableError
from vitbench.config.version import is_later
from vitbench.errors import UsageError, shortened
from vitbench.runs.schema import SCHEMA_VERSION

Model = TypeVar("Model", bound=BaseModel)


class LaterError(UnreadableError):
    """Text that a later vitbench wrote, in a form that this one does not know."""


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
    except UsageError as error:  # from the checks of a study
        what = str(error)
    except RecursionError:
        what = "it is nested too deeply"
    if later := later_version(tree):
        raise LaterError(f"{later} wrote it, but this is {vitbench.__version__}: update vitbench")
    raise UnreadableError(what)


def later_version(tree: dict[str, Any]) -> str | None:
    """The later vitbench version that wrote a file, in words, or None.

    Args:
        tree: The contents of the file, with its `schema_version` and versions, or those of its
            runs.
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
