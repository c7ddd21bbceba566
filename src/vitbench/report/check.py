"""Compares a report on disk with a new one of the same results."""

import difflib
import re
from pathlib import Path

from vitbench.errors import FileError
from vitbench.files import read_regular, why_unreadable

MOST_REPORT_BYTES = 500_000_000
# The last section of a report, and the figures of a page.
PICTURES = re.compile(
    r"\n## Pictures\n.*"
    r'|<section id="pictures">.*?</section>\n|<li><a href="#pictures">Pictures</a></li>\n',
    re.DOTALL,
)
FIGURES = re.compile(r'<div class="figures">.*?</figure>\n</div>\n', re.DOTALL)


def report_differences(text: str, path: Path, with_pictures: bool) -> list[str]:
    """The lines in which a report differs from a new one; none if they are equal.

    Args:
        text: The new report.
        path: The report on disk.
        with_pictures: Whether to compare the section of pictures too.

    Raises:
        FileError: The report on disk cannot be read.
    """
    try:
        old = read_regular(path, MOST_REPORT_BYTES).decode("utf-8")
    except OSError as error:
        raise FileError(why_unreadable(error, path, "report")) from None
    except UnicodeDecodeError:
        raise FileError(f"{path} is not a report: it is not text in UTF-8") from None
    old = FIGURES.sub("", old)  # of a page: another version of matplotlib may have drawn them
    if not with_pictures:
        old, text = PICTURES.sub("", old), PICTURES.sub("", text)
    if old.rstrip("\n") == text.rstrip("\n"):
        return []
    return list(
        difflib.unified_diff(
            old.splitlines(), text.splitlines(), str(path), "new report", lineterm="", n=0
        )
    )
