"""Finds run folders, results files and checkpoints, and verifies each of them."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vitbench.errors import FileError, UsageError
from vitbench.runs.catalogue import existing_checkpoints, is_run_folder
from vitbench.runs.results import SUFFIX
from vitbench.runs.verify import Finding, verify_checkpoint, verify_run
from vitbench.study.verify import verify_results

DEFAULT = (Path("runs"), Path("results"))


@dataclass
class FilesToCheck:
    """The files to check.

    Attributes:
        runs: Run folders.
        results: Results files.
        checkpoints: Checkpoints outside run folders.
        named: The files that the user named: a file of another tool is a finding there.
    """

    runs: list[Path] = field(default_factory=list)
    results: list[Path] = field(default_factory=list)
    checkpoints: list[Path] = field(default_factory=list)
    named: set[Path] = field(default_factory=set)

    def __str__(self) -> str:
        """The number of files of each kind, in words."""
        kinds = {
            "run folder": self.runs,
            "results file": self.results,
            "checkpoint": self.checkpoints,
        }
        return ", ".join(
            f"{len(paths)} {kind}{'s' * (len(paths) > 1)}" for kind, paths in kinds.items() if paths
        )

    def add(self, path: Path) -> None:
        """Add a file, or all files of a folder.

        Raises:
            FileError: The path does not exist.
            UsageError: It is a file that cannot be checked.
        """
        if not path.exists():
            hint = existing_checkpoints() if path.suffix == ".pt" else ""
            raise FileError(f"no file or folder {path}{hint}")
        if path.is_file():
            if path.suffix not in (".pt", ".json"):
                raise UsageError(f"{path}: give a checkpoint (.pt), a results file or a folder")
            (self.checkpoints if path.suffix == ".pt" else self.results).append(path)
            self.named.add(path)
            return
        folders, files = [path], []
        # A single walk: there may be ten thousand folders.
        for parent, subfolders, names in os.walk(path):
            folders += [Path(parent, name) for name in subfolders]
            files += [Path(parent, name) for name in names if name.endswith((".pt", SUFFIX))]
        runs = {folder for folder in folders if is_run_folder(folder)}
        self.runs += sorted(runs)
        self.results += sorted(file for file in files if file.name.endswith(SUFFIX))
        self.checkpoints += sorted(
            file
            for file in files
            if file.suffix == ".pt" and file.parent not in runs and file.is_file()
        )


def find_files(paths: Sequence[Path] | None) -> FilesToCheck:
    """Find the files to check.

    Args:
        paths: Run folders, results files, checkpoints, or folders of them; None for DEFAULT.

    Raises:
        FileError: A path does not exist, or there is nothing to check.
        UsageError: A path is a file that cannot be checked.
    """
    files = FilesToCheck()
    for path in paths or [path for path in DEFAULT if path.exists()]:
        files.add(path)
    if not (files.runs or files.results or files.checkpoints):
        folders = ", ".join(map(str, paths or DEFAULT))
        raise FileError(f"nothing to check in {folders}: no run folder, results file or checkpoint")
    return files


def verify_files(files: FilesToCheck) -> list[Finding]:
    """Verify files for damage and consistency; results files are compared with run folders."""
    findings: list[Finding] = []
    for path in files.runs:
        findings += verify_run(path)
    for path in files.results:
        findings += verify_results(path, path in files.named)
    for path in files.checkpoints:
        findings += verify_checkpoint(path, path in files.named)
    return findings
