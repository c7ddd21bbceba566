"""Training steps of ours and of others' ViTs: the same network, optimiser and batch, in turn."""

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import torch
from torch import nn

from vitbench.bench.load import busy_processes
from vitbench.bench.peers import build_peer, version_of
from vitbench.bench.rounds import (
    Contestant,
    Median,
    in_turn,
    output_of,
    products_flop_per_s,
    ratio,
    wait_for,
)
from vitbench.config.choice import Choice
from vitbench.config.experiment import ExperimentSpec
from vitbench.model.cost import forward_flop
from vitbench.model.vit import VisionTransformer, build_model
from vitbench.training.device import device_name, precision_of, versions
from vitbench.training.memory import MemorySaving, peak_memory_bytes, reset_peak_memory
from vitbench.training.optimizer import build_optimizers
from vitbench.training.step import Parts, take_step
from vitbench.training.team import Team, team_for

OURS = "vitbench"


@dataclass(frozen=True)
class StepSpeed:
    """Training speed of one contestant.

    Attributes:
        name: Whose it is.
        version: Of its package.
        num_params: Trained numbers.
        img_per_s: Images trained on in a second, median over rounds.
        flop_per_s: The network's nominal FLOPs at that speed, a step being three forward passes.
        share_of_peak: Of what a large matrix product reaches here; above 1 where FLOPs are saved
            that the count holds.
        peak_memory_bytes: The most memory of a process that takes steps, or of a GPU its tensors;
            None where it was not measured.
        seconds: Of a step, in each round.
    """

    name: str
    version: str
    num_params: int
    img_per_s: float
    flop_per_s: float
    share_of_peak: float
    peak_memory_bytes: int | None
    seconds: tuple[float, ...]


@dataclass(frozen=True)
class StepReport:
    """Speeds side by side.

    Attributes:
        spec: The experiment whose steps were taken.
        device: What it ran on.
        device_name: As it is sold.
        threads: Of a CPU.
        precision: fp32 or bf16.
        versions: Of what speed depends on.
        peak_flop_per_s: What a large matrix product reaches.
        contestants: Ours first, then the fastest peer and so on.
        against: How many times as fast ours is as each peer.
        beside: Busy processes that ran at the same time.
    """

    spec: ExperimentSpec
    device: str
    device_name: str
    threads: int
    precision: str
    versions: dict[str, str]
    peak_flop_per_s: float
    contestants: list[StepSpeed]
    against: dict[str, Median]
    beside: int = 0

    @property
    def fastest_peer(self) -> str | None:
        """Name of the peer with the most images a second; None without peers."""
        return self.contestants[1].name if self.against else None

    def to_json(self) -> dict[str, object]:
        """All of it as JSON values, and the ratio to the fastest peer with its interval."""
        document = {**asdict(self), "spec": self.spec.to_json(), "fastest_peer": self.fastest_peer}
        if self.fastest_peer is not None:
            nearest = self.against[self.fastest_peer]
            document["ratio_to_fastest_peer"] = nearest.median
            document["ratio_to_fastest_peer_interval"] = [nearest.low, nearest.high]
        return document


def bench_step(
    spec: ExperimentSpec,
    peers: Sequence[str],
    device: torch.device,
    rounds: int,
    steps: int,
    with_memory: bool,
    beside: int = 0,
) -> StepReport:
    """Time training steps, with AdamW whatever the spec's optimiser is: all can have that.

    Args:
        spec: The experiment; peers must be able to build its network.
        peers: Names of others.
        device: Where to train.
        rounds: How often each is timed.
        steps: Steps in a round.
        with_memory: Whether to measure each one's memory, in a process of its own on a CPU.
        beside: Busy processes to run at the same time.

    Raises:
        UnknownNameError: There is no such peer.
        UsageError: A peer is absent, or cannot be the same network.
    """
    spec = _with_adamw(spec)
    names = [OURS, *peers]
    models = {name: build_contestant(name, spec).to(device) for name in names}
    contestants = {name: stepper(model, spec, device, steps) for name, model in models.items()}
    with busy_processes(beside):
        timed = in_turn(contestants, rounds, device)
    precision = precision_of(spec.train, device)
    peak = products_flop_per_s(device, precision)
    batch, flop = spec.train.batch_size, 3 * forward_flop(spec)
    speeds = {
        name: StepSpeed(
            name=name,
            version=version_of(name),
            num_params=sum(p.numel() for p in models[name].parameters()),
            img_per_s=batch * timed[name].per_s,
            flop_per_s=flop * batch * timed[name].per_s,
            share_of_peak=flop * batch * timed[name].per_s / peak,
            peak_memory_bytes=_memory_of(name, spec, device) if with_memory else None,
            seconds=timed[name].seconds,
        )
        for name in names
    }
    others = sorted(peers, key=lambda name: -speeds[name].img_per_s)
    return StepReport(
        spec=spec,
        device=device.type,
        device_name=device_name(device),
        threads=torch.get_num_threads(),
        precision=precision,
        versions=versions(),
        peak_flop_per_s=peak,
        contestants=[speeds[name] for name in (OURS, *others)],
        against={name: ratio(timed[OURS], timed[name]) for name in others},
        beside=beside,
    )


def build_contestant(name: str, spec: ExperimentSpec) -> nn.Module:
    """Our model of an experiment, or a peer's."""
    return build_model(spec) if name == OURS else build_peer(name, spec)


def stepper(model: nn.Module, spec: ExperimentSpec, device: torch.device, steps: int) -> Contestant:
    """What takes some training steps on random images when it is called."""
    data, batch = spec.data, spec.train.batch_size
    inputs = torch.randn(batch, data.in_chans, data.img_size, data.img_size, device=device)
    labels = torch.randint(data.num_classes, (batch,), device=device)
    optimizers = build_optimizers(model, spec.train)
    model.train()
    # A peer's step is what its users get: PyTorch's own threads.
    team = team_for(device, batch) if isinstance(model, VisionTransformer) else Team(inline=True)
    sizes = MemorySaving().sizes(batch, team.num_threads)
    ours_on_cpu = isinstance(model, VisionTransformer) and device.type == "cpu"
    parts = Parts(sizes, team, [torch.Generator() for _ in sizes] if ours_on_cpu else [])

    def work() -> int:
        for _ in range(steps):
            with team:
                take_step(model, optimizers, inputs, labels, spec.train, parts)
        return steps

    return work


def _with_adamw(spec: ExperimentSpec) -> ExperimentSpec:
    train = spec.train.model_copy(update={"optimizer": Choice(name="adamw")})
    return spec.model_copy(update={"train": train})


def _memory_of(name: str, spec: ExperimentSpec, device: torch.device) -> int | None:
    """The most memory that steps take; on a CPU of a process that does nothing else."""
    if device.type != "cpu":
        return memory_of_steps(name, spec, device)
    command = [sys.executable, "-m", "vitbench.bench.step", name, spec.model_dump_json()]
    return int(output_of(command)) or None


def memory_of_steps(name: str, spec: ExperimentSpec, device: torch.device) -> int | None:
    """The most memory of this process while it takes three steps."""
    work = stepper(build_contestant(name, spec).to(device), spec, device, steps=3)
    reset_peak_memory(device)
    work()
    wait_for(device)
    return peak_memory_bytes(device)


if __name__ == "__main__":
    asked, text = sys.argv[1:]
    bytes_ = memory_of_steps(asked, ExperimentSpec.model_validate_json(text), torch.device("cpu"))
    sys.stdout.write(str(bytes_ or 0))
