import torch

from vitbench.config.build import build_spec
from vitbench.model.vit import build_model
from vitbench.training.optimizer import build_optimizers, set_lr_factor


def groups_by_name(model, optimizers):
    """The group that each parameter is trained in, and its optimiser's class."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return {
        names[id(parameter)]: (type(optimizer).__name__, group)
        for optimizer in optimizers
        for group in optimizer.param_groups
        for parameter in group["params"]
    }


def test_muon_trains_the_blocks_matrices_and_adamw_all_else(tiny_fields) -> None:
    options = {"lr": 0.03, "weight_decay": 0.2, "momentum": 0.7, "beta1": 0.8, "beta2": 0.9}
    spec = build_spec(tiny_fields, {"train.optimizer": {"name": "muon", **options}})
    model = build_model(spec)

    groups = groups_by_name(model, build_optimizers(model, spec.train))

    assert set(groups) == {name for name, _ in model.named_parameters()}
    for name, parameter in model.named_parameters():
        kind, group = groups[name]
        in_muon = name.startswith("blocks.") and parameter.ndim == 2
        assert kind == ("Muon" if in_muon else "AdamW")
        assert group["initial_lr"] == group["lr"] == (0.03 if in_muon else spec.train.lr)
        if in_muon:
            assert (group["weight_decay"], group["momentum"]) == (0.2, 0.7)
        else:
            assert group["weight_decay"] in (0, spec.train.weight_decay)
            assert group["betas"] == (0.8, 0.9)


def test_decay_spares_norms_biases_positions_and_class_token(tiny_fields) -> None:
    spec = build_spec(tiny_fields, {"train.optimizer": "adamw", "train.weight_decay": 0.3})
    model = build_model(spec)

    groups = groups_by_name(model, build_optimizers(model, spec.train))

    decayed = {name for name, (_, group) in groups.items() if group["weight_decay"] == 0.3}
    spared = {name for name, (_, group) in groups.items() if group["weight_decay"] == 0}
    assert decayed | spared == set(groups)
    assert {"patch_embed.proj.weight", "head.weight", "blocks.0.attn.qkv.weight"} <= decayed
    assert {"cls_token", "norm.weight", "head.bias", "blocks.1.norm1.bias"} <= spared
    assert all(name in spared for name in groups if name.startswith("pos_embed."))


def test_decay_on_all_spares_nothing_as_the_document_did(tiny_fields) -> None:
    spec = build_spec(tiny_fields, {"train.optimizer": "adamw", "train.weight_decay_on": "all"})
    model = build_model(spec)

    (optimizer,) = build_optimizers(model, spec.train)

    assert all(group["weight_decay"] == 0.05 for group in optimizer.param_groups)


def test_a_factor_sets_every_rate_from_its_own_peak(tiny_fields) -> None:
    spec = build_spec(tiny_fields, {"train.optimizer": {"name": "muon", "lr": 0.02}})
    optimizers = build_optimizers(build_model(spec), spec.train)

    set_lr_factor(optimizers, 0.5)
    set_lr_factor(optimizers, 0.1)

    rates = {group["lr"] for optimizer in optimizers for group in optimizer.param_groups}
    assert rates == {0.02 * 0.1, spec.train.lr * 0.1}


def test_adamw_steps_as_pytorchs_own_with_the_same_settings() -> None:
    spec = build_spec({"train.optimizer": {"name": "adamw", "beta2": 0.95}, "train.lr": 0.01})
    ours, theirs = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    theirs.load_state_dict(ours.state_dict())
    (optimizer,) = build_optimizers(ours, spec.train)
    reference = torch.optim.AdamW(
        [
            {"params": [theirs.weight], "weight_decay": 0.05},
            {"params": [theirs.bias], "weight_decay": 0},
        ],
        lr=0.01,
        betas=(0.9, 0.95),
    )
    for model, stepper in ((ours, optimizer), (theirs, reference)):
        for seed in range(3):
            torch.manual_seed(seed)
            model.zero_grad()
            model(torch.randn(4, 3)).square().sum().backward()
            stepper.step()

    torch.testing.assert_close(ours.weight, theirs.weight)
    torch.testing.assert_close(ours.bias, theirs.bias)
