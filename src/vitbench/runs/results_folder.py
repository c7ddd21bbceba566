"""The results files in a folder, or of a list of files and folders: the studies that they hold.

A file of another tool is skipped, a damaged file is not: what it holds is unknown.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vitbench.errors import FileError, ForeignFileError
from vitbench.files import is_stream
from vitbench.runs.results import SUFFIX, find_results, read_results
from vitbench.runs.schema import StudyResults


@dataclass(frozen=True)
class ResultsFolder:
    """What the results files of a folder hold.

    Attributes:
        studies: Path and content of each readable file.
        damaged: Errors of the files that may be vitbench's and cannot be read.
        foreign: Errors of the files that belong to other tools.
    """

    studies: list[tuple[Path, StudyResults]]
    damaged: list[FileError]
    foreign: list[FileError]


def read_folder(results_dir: Path) -> ResultsFolder:
    """Read all results files of a folder; one that does not exist holds none."""
    content = ResultsFolder([], [], [])
    for path in find_results(results_dir) if results_dir.is_dir() else []:
        try:
            content.studies.append((path, read_results(path)))
        except ForeignFileError as error:
            (content.foreign if error.is_known else content.damaged).append(error)
        except FileError as error:
            content.damaged.append(error)
    return content


def read_studies(paths: Sequence[Path], note: Callable[[str], None]) -> list[StudyResults]:
    """Read the results files among paths and in the folders among them, each file once.

    Args:
        paths: Results files, or folders of them.
        note: Called with a line for each skipped file of another tool.

    Raises:
        FileError: One is damaged, or was named and belongs to another tool; or there are none.
    """
    is_named: dict[Path, bool] = {}
    for path in paths:
        if path.is_file() or is_stream(path):
            is_named[path] = True
        else:
            is_named = {**dict.fromkeys(find_results(path), False), **is_named}
    studies = []
    for path, named in is_named.items():
        try:
            studies.append(read_results(path))
        except ForeignFileError as error:
            if named:
                raise
            note(f"{error}; skipped")
    if not studies:
        folders = ", ".join(map(str, paths))
        raise FileError(f"no results files (*{SUFFIX}) in {folders}: vitbench sweep writes them")
    return studies
