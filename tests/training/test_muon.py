"""Our Muon takes the steps of torch's, which takes matrices one by one."""

import copy

import pytest
import torch

from vitbench.training.muon import Muon, orthogonalised


@pytest.fixture
def matrices() -> list[torch.nn.Parameter]:
    """Two tall, two wide and one square."""
    torch.manual_seed(0)
    shapes = [(48, 16), (48, 16), (16, 32), (16, 32), (16, 16)]
    return [torch.nn.Parameter(torch.randn(shape)) for shape in shapes]


def test_steps_are_those_of_torch(matrices) -> None:
    """In bfloat16, in which torch iterates, 2**-8 of a step's size is one rounding."""
    others = copy.deepcopy(matrices)
    ours = Muon(matrices, lr=0.02, weight_decay=0.1, momentum=0.9)
    theirs = torch.optim.Muon(others, lr=0.02, weight_decay=0.1, momentum=0.9)

    for _ in range(5):
        before = [matrix.detach().clone() for matrix in matrices]
        for mine, other in zip(matrices, others, strict=True):
            mine.grad = torch.randn_like(mine)
            other.grad = mine.grad.clone()
        ours.step()
        theirs.step()
        for mine, other, old in zip(matrices, others, before, strict=True):
            size = (mine - old).abs().max()
            assert size > 0.001
            assert (mine - other).abs().max() < 0.03 * size
            other.data.copy_(mine.data)


def test_a_matrix_without_a_gradient_stays(matrices) -> None:
    before = [matrix.detach().clone() for matrix in matrices]
    matrices[0].grad = torch.randn_like(matrices[0])

    Muon(matrices, lr=0.02, weight_decay=0.1, momentum=0.9).step()

    assert not torch.equal(matrices[0], before[0])
    assert all(torch.equal(m, b) for m, b in zip(matrices[1:], before[1:], strict=True))


@pytest.mark.parametrize("shape", [(3, 40, 16), (2, 16, 40), (1, 24, 24)])
def test_singular_values_come_near_one_and_directions_stay(shape) -> None:
    torch.manual_seed(1)
    given = torch.randn(shape)
    u, _, vh = torch.linalg.svd(given, full_matrices=False)

    found = orthogonalised(given).float()

    values = torch.linalg.svdvals(found)
    assert values.min() > 0.4
    assert values.max() < 1.3
    inner = (found * (u @ vh)).sum((1, 2)) / (found.norm(dim=(1, 2)) * (u @ vh).norm(dim=(1, 2)))
    assert inner.min() > 0.95


def test_a_gradient_of_zero_moves_nothing() -> None:
    assert orthogonalised(torch.zeros(2, 4, 8)).abs().max() == 0
