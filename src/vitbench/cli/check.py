"""`vitbench check`: verify that files are undamaged and consistent."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vitbench.cli import console, options

if TYPE_CHECKING:
    from vitbench.runs.verify import Finding


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
    """Verify files for damage and consistency; exit with code 3 if there are findings.

    Prints one line per finding, with its fix. Notes on stderr are harmless.
    """
    from vitbench.study.check import find_files, verify_files

    files = find_files(paths)
    findings = verify_files(files)
    grave = [finding for finding in findings if not finding.is_note]
    if as_json:
        document = [{**vars(finding), "path": str(finding.path)} for finding in findings]
        console.product(json.dumps(document, indent=1))
    else:
        _print(findings)
        ending = f"{len(grave)} finding{'s' * (len(grave) > 1)}" if grave else "no problems"
        console.product(f"{files}: {ending}")
    if grave:
        raise typer.Exit(3)


def _print(findings: "Sequence[Finding]") -> None:
    for finding in findings:
        line = f"{finding.path}: {finding.what} ({finding.fix})"
        if finding.is_note:
            console.note(f"note: {line}")
        else:
            console.product(console.prose(line))
