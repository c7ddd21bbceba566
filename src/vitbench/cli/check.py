"""`vitbench check`: verify that files are undamaged and consistent."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vitbench.cli import console, options
from vitbench.errors import FileError, UsageError

if TYPE_CHECKING:
    from vitbench.runs.verify import Finding

HERE = (Path("runs"), Path("results"))


@dataclass
class Found:
    """The files to check."""

    runs: list[Path] = field(default_factory=list)
    results: list[Path] = field(default_factory=list)
    checkpoints: list[Path] = field(default_factory=list)
    named: set[Path] = field(default_factory=set)

    def __str__(self) -> str:
        kinds = {
            "run folder": self.runs,
            "results file": self.results,
            "checkpoint": self.checkpoints,
        }
        return ", ".join(
            f"{len(paths)} {kind}{'s' * (len(paths) > 1)}" for kind, paths in kinds.items() if paths
        )


def check(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PATH...]",
            help="Run folders, results files, checkpoints, or folders of them; default: ./runs "
            "and ./results.",
            show_default=False,
            parser=options.path,
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Verify files for damage and consistency; exit 3 if there are findings.

    Each finding says how to fix it. Notes on stderr are harmless.
    """
    found = _find(paths or [path for path in HERE if path.exists()])
    if not (found.runs or found.results or found.checkpoints):
        looked = ", ".join(map(str, paths or HERE))
        raise FileError(f"nothing to check in {looked}: no run folder, results file or checkpoint")
    findings = _verify(found)
    grave = [finding for finding in findings if not finding.is_note]
    if as_json:
        document = [{**vars(finding), "path": str(finding.path)} for finding in findings]
        console.product(json.dumps(document, indent=1))
    else:
        _tell(findings)
        ending = f"{len(grave)} finding{'s' * (len(grave) > 1)}" if grave else "no problems"
        console.product(f"{found}: {ending}")
    if grave:
        raise typer.Exit(3)


def _find(paths: Sequence[Path]) -> Found:
    from vitbench.runs.catalogue import existing_checkpoints, is_run_folder
    from vitbench.runs.results import SUFFIX

    found = Found()
    for path in paths:
        if not path.exists():
            there_are = existing_checkpoints() if path.suffix == ".pt" else ""
            raise FileError(f"no file or folder {path}{there_are}")
        if path.is_file():
            if path.suffix not in (".pt", ".json"):
                raise UsageError(f"{path}: give a checkpoint (.pt), a results file or a folder")
            (found.checkpoints if path.suffix == ".pt" else found.results).append(path)
            found.named.add(path)
            continue
        folders, files = [path], []
        # A single walk: there may be ten thousand folders.
        for parent, below, names in os.walk(path):
            folders += [Path(parent, name) for name in below]
            files += [Path(parent, name) for name in names if name.endswith((".pt", SUFFIX))]
        runs = {folder for folder in folders if is_run_folder(folder)}
        found.runs += sorted(runs)
        found.results += sorted(one for one in files if one.name.endswith(SUFFIX))
        found.checkpoints += sorted(
            one for one in files if one.suffix == ".pt" and one.parent not in runs and one.is_file()
        )
    return found


def _verify(found: Found) -> "list[Finding]":
    from vitbench.runs.verify import verify_checkpoint, verify_run
    from vitbench.study.verify import verify_results

    return [
        *(finding for path in found.runs for finding in verify_run(path)),
        *(
            finding
            for path in found.results
            for finding in verify_results(path, path in found.named)
        ),
        *(
            finding
            for path in found.checkpoints
            for finding in verify_checkpoint(path, path in found.named)
        ),
    ]


def _tell(findings: "Sequence[Finding]") -> None:
    for finding in findings:
        line = f"{finding.path}: {finding.what} ({finding.mends})"
        if finding.is_note:
            console.note(f"note: {line}")
        else:
            console.product(console.prose(line))
