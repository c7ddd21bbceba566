"""`vitbench bench`: the training speed of this machine, and how cost grows."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from vitbench.cli import console, options, spec_options
from vitbench.cli.groups import Group
from vitbench.config.allowed import DEVICES
from vitbench.config.presets import AUTO, preset_for
from vitbench.errors import UsageError
from vitbench.registry import PEERS

if TYPE_CHECKING:
    from vitbench.bench.augmentation import AugmentationSpeed
    from vitbench.bench.rounds import Median
    from vitbench.bench.scaling import Growth
    from vitbench.bench.step import StepReport
    from vitbench.config.experiment import ExperimentSpec

app = typer.Typer(cls=Group, help="Measure speed, beside other libraries.")

QUICK_ROUNDS = 3
EPOCH_STEPS = 8
MOST_BESIDE = 64
Rounds = Annotated[
    int | None,
    typer.Option(
        "--rounds", help="Number of rounds, at least 5; default: 7, or 5 for startup and scaling."
    ),
]
Quick = Annotated[
    bool,
    typer.Option("--quick", help="Three rounds (startup: one): a rough result within a minute."),
]


@app.command()
def step(
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            help=f"Comma-separated: {', '.join(PEERS.names())}, or none; default: all that are "
            "installed.",
        ),
    ] = None,
    preset: spec_options.Preset = "default",
    fields: spec_options.SetFields = None,
    device: options.Device = "auto",
    beside: Annotated[
        int, typer.Option("--beside", help="Number of busy processes to run at the same time.")
    ] = 0,
    rounds: Rounds = None,
    quick: Quick = False,
    as_json: options.Json = False,
) -> None:
    """Time training steps with the same network, optimiser (AdamW) and batch."""
    options.check_word("--device", device, DEVICES)
    num_rounds = _rounds(rounds, quick)
    if not 0 <= beside <= MOST_BESIDE:
        raise UsageError(f"--beside {beside}: give a number from 0 to {MOST_BESIDE}")
    spec = _spec(preset, fields, device)
    names = None if against is None else _peers(against)

    from vitbench.bench.epoch import bench_epoch
    from vitbench.bench.peers import installed_peers
    from vitbench.bench.step import bench_step
    from vitbench.runs.experiment import check_buildable
    from vitbench.training.device import pick_device

    check_buildable(spec)
    target = pick_device(device)
    peers = installed_peers() if names is None else names
    steps = 1 if target.type == "cpu" else 20
    report = bench_step(spec, peers, target, num_rounds, steps, not quick, beside)
    epoch = None if quick or beside else bench_epoch(spec, target, num_rounds, EPOCH_STEPS)
    if as_json:
        times = None if epoch is None else asdict(epoch)
        console.product(json.dumps({**report.to_json(), "epoch_to_bare_steps": times}))
        return
    _show_steps(report)
    if epoch is not None:
        console.product(
            f"the steps of an epoch, with data, take {epoch.median:.3f} times as long as bare "
            "steps "
            f"({epoch.low:.3f} to {epoch.high:.3f})"
        )


@app.command()
def data(
    batch_size: Annotated[int, typer.Option("--batch-size", help="Images per batch.")] = 128,
    device: options.Device = "auto",
    rounds: Rounds = None,
    quick: Quick = False,
    as_json: options.Json = False,
) -> None:
    """Time augmented batches, beside torchvision's transforms in a DataLoader."""
    options.check_word("--device", device, DEVICES)
    num_rounds = _rounds(rounds, quick)
    num_images = 2560 if quick else 10240
    if not 1 <= batch_size <= num_images:
        raise UsageError(f"--batch-size {batch_size}: give a number from 1 to {num_images}")

    from vitbench.bench.augmentation import bench_augmentation
    from vitbench.training.device import pick_device

    speeds = bench_augmentation(num_images, batch_size, num_rounds, pick_device(device))
    if as_json:
        console.product(json.dumps([asdict(speed) for speed in speeds]))
        return
    console.product(_speeds_table(speeds))


@app.command()
def startup(rounds: Rounds = None, quick: Quick = False, as_json: options.Json = False) -> None:
    """Time start-up: --help, a report of four studies, the first step."""
    num_rounds = _rounds(rounds, quick, 5, 1)  # each round starts Python, and most import torch

    from vitbench.bench.startup import bench_startup

    waits = bench_startup(num_rounds)
    if as_json:
        console.product(json.dumps(asdict(waits)))
        return
    rows = [
        ("vitbench --help", f"{waits.help_s:.2f} s"),
        ("vitbench report, four studies", f"{waits.report_s:.2f} s"),
        ("from a spec to the first step", f"{waits.first_step_s:.2f} s"),
        ("of which import torch", f"{waits.torch_import_s:.2f} s"),
    ]
    console.product(console.table(("", "time"), rows))


@app.command()
def scaling(
    preset: spec_options.Preset = "cpu",
    fields: spec_options.SetFields = None,
    device: options.Device = "auto",
    rounds: Rounds = None,
    quick: Quick = False,
    as_json: options.Json = False,
) -> None:
    """Measure how time grows with images, tokens, width, depth, batch and runs."""
    options.check_word("--device", device, DEVICES)
    num_rounds = _rounds(rounds, quick, 5)
    spec = _spec(preset, fields, device)

    from vitbench.bench.scaling import bench_scaling
    from vitbench.runs.experiment import check_buildable
    from vitbench.training.device import pick_device

    check_buildable(spec)
    grown = bench_scaling(spec, pick_device(device), num_rounds, quick)
    if as_json:
        console.product(json.dumps([asdict(one) for one in grown]))
        return
    console.product(_growth_table(grown))


def _spec(preset: str, fields: list[str] | None, device: str) -> "ExperimentSpec":
    """The experiment of `--preset` and `--set`."""
    from vitbench.config.build import build_spec

    if preset == AUTO:
        from vitbench.training.device import pick_device

        preset = preset_for(preset, pick_device(device).type)
    return build_spec(*spec_options.spec_layers(preset, None, fields, None, None))


def _rounds(asked: int | None, quick: bool, usual: int = 7, few: int = QUICK_ROUNDS) -> int:
    """The number of rounds: as given, else the usual number, or a few with --quick."""
    if asked is None:
        return few if quick else usual
    if quick:
        raise UsageError("--quick sets the number of rounds: omit --rounds, or --quick")
    if not 5 <= asked <= 1000:
        raise UsageError(f"--rounds {asked}: give a number from 5 to 1000, or --quick")
    return asked


def _peers(against: str) -> list[str]:
    """The peers of `--against`.

    Raises:
        UnknownNameError: There is no such peer.
    """
    names = [name.strip() for name in against.split(",")]
    if names == ["none"]:
        return []
    for name in names:
        PEERS.check(name)
    return list(dict.fromkeys(names))


def _show_steps(report: "StepReport") -> None:
    model, train = report.spec.model, report.spec.train
    console.product(
        f"dim {model.embed_dim}, depth {model.depth}, heads {model.num_heads}, "
        f"patch {model.patch_size}, MLP ratio {model.mlp_ratio:g}, batch {train.batch_size}, "
        f"AdamW; {report.device_name}, {report.precision}"
        + (f", {report.threads} threads" if report.device == "cpu" else "")
        + (f", beside {report.beside} busy processes" if report.beside else "")
    )
    rows = [
        (
            f"{one.name} {one.version}",
            f"{one.num_params:,}",
            f"{one.img_per_s:,.0f}",
            f"{one.flop_per_s / 1e9:,.0f}",
            f"{100 * one.share_of_peak:.0f} %",
            "-" if one.peak_memory_bytes is None else f"{one.peak_memory_bytes / 2**20:,.0f} MiB",
            _times(report.against.get(one.name)),
        )
        for one in report.contestants
    ]
    heads = ("", "parameters", "images/s", "GFLOP/s", "of peak", "memory", "vitbench is")
    console.product(console.table(heads, rows, least=("of peak", "parameters", "GFLOP/s")))
    console.product(
        f"peak: {report.peak_flop_per_s / 1e9:,.0f} GFLOP/s, of a product of 2048 x 2048 matrices"
    )


def _speeds_table(speeds: "Sequence[AugmentationSpeed]") -> str:
    rows = [
        (speed.name, whose, f"{per_s:,.0f}", _times(speed.against.get(whose)))
        for speed in speeds
        for whose, per_s in speed.img_per_s.items()
    ]
    return console.table(("augmentation", "", "images/s", "vitbench is"), rows)


def _growth_table(grown: "Sequence[Growth]") -> str:
    rows = [
        (
            f"{one.of} by {one.size}",
            ", ".join(map(str, one.values)),
            ", ".join(f"{1000 * seconds:,.3g}" for seconds in one.seconds),
            f"{one.exponent.median:.2f} ({one.exponent.low:.2f} to {one.exponent.high:.2f})",
            f"{one.count_exponent:.2f}",
        )
        for one in grown
    ]
    heads = ("", "sizes", "milliseconds", "exponent of time", "of FLOPs, images or runs")
    return console.table(heads, rows)


def _times(ratio: "Median | None") -> str:
    if ratio is None:
        return ""
    return (
        f"{ratio.median:.2f} times as fast ({ratio.low:.2f} to {ratio.high:.2f}, "
        f"{ratio.confidence_pct:.0f} %)"
    )
