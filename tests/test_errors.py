"""The words of errors that other libraries raise, in one line."""

import pytest

from vitbench.errors import described, first_line


@pytest.mark.parametrize(
    ("error", "line", "with_type"),
    [
        (ValueError("no such layer\nat model.py"), "no such layer", "ValueError: no such layer"),
        (ValueError("\n  indented\n"), "indented", "ValueError: indented"),
        (ValueError(), "ValueError", "ValueError"),
        (ValueError(" \n"), "ValueError", "ValueError"),
    ],
)
def test_an_error_takes_one_line(error: Exception, line: str, with_type: str) -> None:
    assert first_line(error) == line
    assert described(error) == with_type
