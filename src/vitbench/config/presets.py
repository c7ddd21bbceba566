"""Named base experiments: a description and the fields that differ from the defaults.

A preset may be retuned; the defaults of the fields may not. `default` has the defaults themselves.
`auto` is the preset that fits the device.
"""

from dataclasses import dataclass
from typing import Any

from vitbench.errors import UnknownNameError


@dataclass(frozen=True)
class Preset:
    """A named base experiment."""

    description: str
    fields: dict[str, Any]


AUTO = "auto"
AUTO_DESCRIPTION = "`default` on a GPU, `cpu` elsewhere; used without --preset."

_CPU_RECIPE = {
    "model.mlp_ratio": 2.0,
    "train.lr": 4e-3,
    "train.weight_decay": 0.01,
    "train.schedule": "linear",
}

PRESETS = {
    "default": Preset("The reference study's base model with a current recipe; for a GPU.", {}),
    "document": Preset(
        "The reference study's settings, with plain attention, an honest split and last-epoch "
        "accuracy.",
        {
            "model.qkv_bias": False,
            "model.init": "trunc-normal",
            "data.std": [0.2023, 0.1994, 0.2010],
            "train.optimizer": "adamw",
            "train.lr": 1e-3,
            "train.weight_decay": 0.01,
            "train.weight_decay_on": "all",
            "train.schedule": "cosine-by-epoch",
            "train.warmup_fraction": 0.0,
            "train.label_smoothing": 0.0,
            "train.grad_clip": None,
            "train.precision": "fp32",
        },
    ),
    "cpu": Preset(
        "A small model for two CPU cores: about ten minutes per run with patch 4.",
        {**_CPU_RECIPE, "model.embed_dim": 64, "train.epochs": 9},
    ),
    "cpu-long": Preset(
        "One good model from a CPU: five times the cost of `cpu`.",
        {**_CPU_RECIPE, "model.embed_dim": 96, "train.epochs": 22},
    ),
    "smoke": Preset(
        "A first try: seconds per run on `shapes`, no download. Positions are needed to solve it.",
        {
            "data.dataset": "shapes",
            "data.val_size": 500,
            "data.augmentation": "none",
            "model.embed_dim": 64,
            "model.mlp_ratio": 2.0,
            "train.weight_decay": 0.01,
            # In such a short training small learned positions must grow fast, and larger updates
            # of the blocks would overwhelm them.
            "train.lr": 1e-2,
            "train.optimizer": {"name": "muon", "lr": 4e-3},
            "train.warmup_fraction": 0.05,
            "train.batch_size": 20,
            "train.epochs": 2,
        },
    ),
}


def preset_fields(name: str) -> dict[str, Any]:
    """The fields of a preset.

    Raises:
        UnknownNameError: There is no such preset.
    """
    if name not in PRESETS:
        raise UnknownNameError("preset", name, [AUTO, *PRESETS])
    return PRESETS[name].fields


def preset_for(asked: str, device: str) -> str:
    """The preset for a name on a device: `auto` depends on the device, any other is itself.

    Args:
        asked: `auto`, or the name of a preset.
        device: cpu, cuda or mps.
    """
    if asked != AUTO:
        return asked
    return "cpu" if device == "cpu" else "default"
