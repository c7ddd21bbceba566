"""`vitbench presets`: the named base experiments."""

import json
from typing import Annotated

import typer

from vitbench.cli import console
from vitbench.config.build import build_spec
from vitbench.config.presets import AUTO, AUTO_DESCRIPTION, PRESETS


def presets(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the complete specs as JSON.")
    ] = False,
) -> None:
    """List the presets and what they train."""
    specs = {name: build_spec(preset.fields) for name, preset in PRESETS.items()}
    if as_json:
        console.product(
            json.dumps({name: spec.to_json() for name, spec in specs.items()}, indent=1)
        )
        return
    console.product(
        console.table(
            ("preset", "data set", "dim", "depth", "heads", "patch", "epochs", "purpose"),
            [
                (AUTO, *["-"] * 6, AUTO_DESCRIPTION),
                *(
                    (
                        name,
                        str(spec.data.dataset),
                        str(spec.model.embed_dim),
                        str(spec.model.depth),
                        str(spec.model.num_heads),
                        str(spec.model.patch_size),
                        str(spec.train.epochs),
                        PRESETS[name].description,
                    )
                    for name, spec in specs.items()
                ),
            ],
        )
    )
