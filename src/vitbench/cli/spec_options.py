"""Options made from the fields of a spec, and the fields that they set."""

from pathlib import Path
from typing import Annotated, Any

import typer

from vitbench.cli.command import Command
from vitbench.config.build import Tree, field_names, load_mapping, merge, parse_assignments
from vitbench.config.experiment import ExperimentSpec
from vitbench.config.presets import AUTO, PRESETS, preset_fields
from vitbench.errors import FileError, UsageError
from vitbench.registry import FIELDS

_FIELDS = field_names()

Preset = Annotated[
    str,
    typer.Option(
        "--preset",
        "-p",
        help=f"Base experiment: {', '.join(PRESETS)}; or auto: default on a GPU, cpu elsewhere.",
    ),
]
SetFields = Annotated[
    list[str] | None,
    typer.Option("--set", "-s", metavar="KEY=VALUE", help="Set a field of the spec (below)."),
]
Dataset = Annotated[str | None, typer.Option("--dataset", help=_FIELDS["data.dataset"])]
Epochs = Annotated[int | None, typer.Option("--epochs", help=_FIELDS["train.epochs"])]
Seed = Annotated[int | None, typer.Option("--seed", help=_FIELDS["seed"])]


class HelpWithFields(Command):
    """A command whose help lists every field of the spec, with choices and default."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        """Write the fields from the spec and the registries."""
        defaults = ExperimentSpec().to_json()
        with formatter.section("Fields for --set"):
            formatter.write_dl(
                [(name, _field_help(name, text, defaults)) for name, text in _FIELDS.items()]
            )


def _field_help(name: str, text: str, defaults: Tree) -> str:
    value: Any = defaults
    for part in name.split("."):
        value = value[part]
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    choices = f" One of {', '.join(FIELDS[name].names())}." if name in FIELDS else ""
    return f"{text}{choices} [{'null' if value is None else value}]"


def spec_layers(
    preset: str,
    spec_file: Path | None,
    assignments: list[str] | None,
    dataset: str | None,
    epochs: int | None,
    seed: int | None = None,
) -> tuple[Tree, Tree]:
    """The fields of the preset, and those that the user sets over them.

    `auto` has no fields yet: its preset depends on the device.

    Raises:
        UsageError: A preset, a file or an assignment is invalid, or two options set a field to
            different values.
    """
    overrides: Tree = {}
    if spec_file is not None:
        try:
            merge(overrides, load_mapping(spec_file, "spec"))
        except FileError:
            raise
        except UsageError as error:
            raise UsageError(f"{spec_file}: {error}") from None
    fields = parse_assignments(assignments or [])
    options = {
        "data.dataset": ("--dataset", dataset),
        "train.epochs": ("--epochs", epochs),
        "seed": ("--seed", seed),
    }
    for field, (option, value) in options.items():
        if value is None:
            continue
        if fields.get(field, value) != value:
            raise UsageError(
                f"{option} {value} and --set {field}={fields[field]} set the same field: give one "
                "of them"
            )
        merge(overrides, {field: value})
    merge(overrides, fields)
    return {} if preset == AUTO else dict(preset_fields(preset)), overrides
