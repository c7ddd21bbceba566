"""Optimisers, one function each: a model and its spec in, torch optimisers out."""

from torch import nn
from torch.optim import AdamW, Optimizer

from vitbench.config.training import TrainingSpec
from vitbench.registry import OPTIMIZERS
from vitbench.training.muon import Muon


def build_optimizers(model: nn.Module, spec: TrainingSpec) -> list[Optimizer]:
    """The optimisers of a spec; each group has its peak learning rate as `initial_lr`."""
    optimizers: list[Optimizer] = OPTIMIZERS.get(spec.optimizer.name)(
        model, spec, **spec.optimizer.options
    )
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["initial_lr"] = group["lr"]
    return optimizers


def set_lr_factor(optimizers: list[Optimizer], factor: float) -> None:
    """Set the learning rate of every group to a factor of its peak."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"] * factor


def adamw(
    model: nn.Module, spec: TrainingSpec, *, beta1: float = 0.9, beta2: float = 0.999
) -> list[Optimizer]:
    """AdamW for all parameters (Loshchilov and Hutter, arXiv:1711.05101)."""
    return [_adamw(dict(model.named_parameters()), spec, (beta1, beta2))]


def muon(
    model: nn.Module,
    spec: TrainingSpec,
    *,
    lr: float = 0.01,
    weight_decay: float = 0.01,
    momentum: float = 0.95,
    beta1: float = 0.9,
    beta2: float = 0.98,
) -> list[Optimizer]:
    """Muon for the matrices of the blocks, AdamW for the rest (Jordan et al. 2024).

    Muon orthogonalises each update of a matrix (kellerjordan.github.io/posts/muon). `lr`,
    `weight_decay` and `momentum` belong to Muon, `train.lr` and `train.weight_decay` to AdamW.
    """
    parameters = dict(model.named_parameters())
    matrices = {
        name: p for name, p in parameters.items() if p.ndim == 2 and name.startswith("blocks.")
    }
    others = {name: p for name, p in parameters.items() if name not in matrices}
    return [
        Muon(matrices.values(), lr=lr, weight_decay=weight_decay, momentum=momentum),
        _adamw(others, spec, (beta1, beta2)),
    ]


def _adamw(
    parameters: dict[str, nn.Parameter], spec: TrainingSpec, betas: tuple[float, float]
) -> AdamW:
    decayed = [p for name, p in parameters.items() if _is_decayed(name, p, spec)]
    spared = [p for name, p in parameters.items() if not _is_decayed(name, p, spec)]
    groups = [
        {"params": decayed, "weight_decay": spec.weight_decay},
        {"params": spared, "weight_decay": 0.0},
    ]
    fused = all(p.device.type in ("cpu", "cuda") for p in parameters.values())
    return AdamW([g for g in groups if g["params"]], lr=spec.lr, betas=betas, fused=fused)


def _is_decayed(name: str, parameter: nn.Parameter, spec: TrainingSpec) -> bool:
    """Whether weight decay applies: to matrices and filters, not to norms, biases and positions."""
    if spec.weight_decay_on == "all":
        return True
    return parameter.ndim >= 2 and not name.startswith(("pos_embed.", "cls_token"))
