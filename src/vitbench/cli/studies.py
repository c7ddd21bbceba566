"""`vitbench studies`: list the built-in studies, show one, or start your own."""

import re
from pathlib import Path
from typing import Annotated

import typer

from vitbench.cli import console
from vitbench.cli.groups import Group
from vitbench.config.parsing import as_text
from vitbench.config.study import KEY_PATTERN, LONGEST_KEY, load_study, study_file, study_names
from vitbench.errors import FileError, UsageError, shortened
from vitbench.files import is_stream, write_text

app = typer.Typer(
    cls=Group, rich_markup_mode=None, help="List studies, show one, or start your own."
)

TEMPLATE = """\
# A study of your own: vitbench sweep {name}.yaml --preset cpu
# Fields have dotted names; vitbench train --help lists all of them.
name: "{name}"
title: "{name}"
# What all variants share, over the preset's fields:
base: {{}}
# What differs. `set` takes a value, or {{times: 1.5}} (or "3/2") of the base's value.
# Tables show the whole label, sentences the part before its colon.
variants:
  - {{key: base, label: Base, set: {{}}}}
  - {{key: wider, label: "Wider: width x2", set: {{model.embed_dim: {{times: 2}}}}}}
# The variant that the others are compared with:
reference: base
# Differences below this many points of accuracy do not matter to you:
margin_pct: 0.5
# What you expect. The report says: holds, does not hold, within the margin, or cannot tell.
claims:
  - {{text: "Wider is better.", better: wider, worse: base}}
# Notes for the readers of the report:
notes: []
"""


@app.callback(invoke_without_command=True)
def _studies(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_studies()


@app.command("list")
def list_studies() -> None:
    """List the built-in studies and their variants."""
    studies = [load_study(name) for name in study_names()]
    console.product(
        console.table(
            ("study", "results file", "variants"),
            [
                (study.name, study.results_file, ", ".join(v.key for v in study.variants))
                for study in studies
            ],
            least=("results file",),
        )
    )


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="Name of a built-in study, or a study file.")],
) -> None:
    """Print the file of a study."""
    path = study_file(name)
    if is_stream(path):
        raise FileError(f"{path} is a pipe or a device: give a file")
    load_study(name)  # refuses a file that is not a study
    lines = as_text(path.read_bytes()).splitlines()
    console.product("\n".join(lines).rstrip("\n"))


@app.command("new")
def new(
    name: Annotated[str, typer.Argument(help="Name of your study: letters, digits, hyphens.")],
) -> None:
    """Write NAME.yaml, a study to edit, in this folder.

    Next: edit it, then run `vitbench sweep NAME.yaml`.
    """
    if not re.fullmatch(KEY_PATTERN, name) or len(name) > LONGEST_KEY:
        raise UsageError(
            f"study name {shortened(name)!r}: use lower-case letters, digits and hyphens, at most "
            f"{LONGEST_KEY}"
        )
    if name.replace("_", "-") in (*study_names(), "all"):
        raise UsageError(f"{name} is a built-in study: choose another name")
    path = Path(f"{name}.yaml")
    if path.exists():
        raise FileError(f"{path} exists already: choose another name")
    write_text(path, TEMPLATE.format(name=name))
    console.product(str(path))
