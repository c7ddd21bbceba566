"""HTML pages from Jinja2 templates: every value is escaped."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined


def render_page(path: Path, values: dict[str, Any], clean: Callable[[str], str] = str) -> str:
    """A page from a template.

    Args:
        path: The template.
        values: Its variables. Texts are escaped, `markupsafe.Markup` is inserted as it is.
        clean: Applied to every text before it is escaped.
    """

    def finalize(value: Any) -> Any:
        return clean(value) if type(value) is str else value

    pages = Environment(
        autoescape=True,
        finalize=finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return pages.from_string(path.read_text(encoding="utf-8")).render(values)
