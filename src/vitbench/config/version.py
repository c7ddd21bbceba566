"""Whether a version of vitbench is later than this one."""

import re

import vitbench


def is_later(version: object) -> bool:
    """Whether a text is the number of a later release than this one."""
    numbers = _numbers(version)
    return numbers is not None and numbers > (_numbers(vitbench.__version__) or ())


def _numbers(version: object) -> tuple[int, ...] | None:
    if not isinstance(version, str):
        return None
    found = re.match(r"\d{1,6}(\.\d{1,6}){1,3}(?![\d.])", version)
    return tuple(map(int, found[0].split("."))) if found else None
