"""Less memory, the same training: micro-batches and recomputed blocks."""

import copy

import pytest
import torch

from vitbench.config.build import build_spec
from vitbench.training.fit import begin
from vitbench.training.memory import MemorySaving
from vitbench.training.step import Parts, take_step
from vitbench.training.team import Team

CPU = torch.device("cpu")
# Chaos would make rounding grow: a large rate, and a loss that is far from flat.
FIELDS = {"train.batch_size": 10, "train.lr": 1e-3, "train.warmup_fraction": 0}


def step(state, spec, saving):
    """Take a step on fixed images; the loss, the logits and the gradients."""
    torch.manual_seed(0)
    inputs, labels = torch.randn(10, 3, 32, 32), torch.randint(10, (10,))
    state.model.recompute = saving.recompute
    parts = Parts(saving.sizes(10), Team(inline=True))
    loss, logits = take_step(state.model, state.optimizers, inputs, labels, spec.train, parts)
    return loss, logits, [p.grad.clone() for p in state.model.parameters()]


@pytest.mark.parametrize("size", [1, 3, 5, 10, 64])
def test_gradients_of_parts_add_up_to_those_of_a_batch(tiny_fields, size) -> None:
    spec = build_spec(tiny_fields, {**FIELDS, "train.grad_clip": None})
    loss, logits, gradients = step(begin(spec, CPU), spec, MemorySaving())

    in_parts = step(begin(spec, CPU), spec, MemorySaving(micro_batch=size))

    assert torch.allclose(in_parts[0], loss, atol=1e-6)
    assert torch.allclose(in_parts[1], logits, atol=1e-5)
    for part, whole in zip(in_parts[2], gradients, strict=True):
        assert torch.allclose(part, whole, atol=1e-6 + 1e-4 * whole.abs().max())


def test_sizes_fill_a_batch() -> None:
    assert MemorySaving().sizes(10) == [10]
    assert MemorySaving(micro_batch=4).sizes(10) == [4, 4, 2]
    assert MemorySaving(micro_batch=5).sizes(10) == [5, 5]
    assert MemorySaving(micro_batch=99).sizes(10) == [10]


def test_recomputed_blocks_give_the_same_bits_with_dropout_too(tiny_fields) -> None:
    fields = {**FIELDS, "model.drop_rate": 0.1, "model.drop_path_rate": 0.2}
    spec = build_spec(tiny_fields, fields)

    kept = step(begin(spec, CPU), spec, MemorySaving())
    anew = step(begin(spec, CPU), spec, MemorySaving(recompute=True))

    assert torch.equal(anew[0], kept[0])
    assert all(torch.equal(a, b) for a, b in zip(anew[2], kept[2], strict=True))


def test_recomputing_keeps_less(tiny_fields) -> None:
    """Bytes that wait for the backward pass: with two blocks of four the first three are redone."""
    spec = build_spec(tiny_fields, {**FIELDS, "model.depth": 4})
    model = begin(spec, CPU).model
    images = torch.randn(10, 3, 32, 32)

    def bytes_kept(recompute: bool) -> int:
        seen: dict[int, int] = {}

        def pack(tensor: torch.Tensor) -> torch.Tensor:
            storage = tensor.untyped_storage()
            seen[storage.data_ptr()] = storage.nbytes()
            return tensor

        one = copy.deepcopy(model)
        one.recompute = recompute
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            one(images)
        return sum(seen.values())

    assert bytes_kept(True) < 0.6 * bytes_kept(False)
