"""A model's answers on a set: without dropout, in any parts, with loss and accuracy by hand."""

import math

import pytest
import torch
from torch import Tensor, nn

from vitbench.config.build import build_spec
from vitbench.data.image_set import ImageSet
from vitbench.model.vit import build_model
from vitbench.training.evaluate import EVAL_BATCH, evaluate


class Table(nn.Module):
    """Logits by the value of an image's pixels."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = nn.Parameter(logits)
        self.sizes: list[int] = []

    def forward(self, inputs: Tensor) -> Tensor:
        self.sizes.append(len(inputs))
        return self.logits[inputs[:, 0, 0, 0].round().long()]


def numbered(num: int, labels: Tensor) -> ImageSet:
    """Images whose every pixel, and input, is their number, from 0 to 255 again and again."""
    numbers = (torch.arange(num) % 256).to(torch.uint8)[:, None, None, None]
    names = tuple("abcdefghij")
    return ImageSet(numbers.expand(num, 1, 2, 2).contiguous(), labels, names, (0.0,), (1 / 255,))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("rate", ["drop_rate", "attn_drop_rate", "drop_path_rate"])
def test_no_dropout_acts_and_the_model_is_left_in_the_mode_it_was_in(rate, training) -> None:
    sizes = {"model.embed_dim": 16, "model.depth": 2, "model.num_heads": 2, "model.patch_size": 8}
    model = build_model(build_spec(sizes, {f"model.{rate}": 0.5})).train(training)
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (20, 3, 32, 32), generator=generator).to(torch.uint8)
    labels = torch.zeros(20, dtype=torch.long)
    images = ImageSet(pixels, labels, ("a",) * 10, (0.5,) * 3, (0.2,) * 3)

    answers = evaluate(model, images)

    assert model.training == training
    with torch.no_grad():
        torch.testing.assert_close(answers.logits, model.eval()(images.inputs(pixels)))


def test_loss_and_accuracy_by_hand() -> None:
    """Odds of 1 to 3 for class 1: -log(3/4) where that is right, -log(1/4) where it is not."""
    logits = torch.tensor([[0.0, math.log(3)]]).expand(4, 2)

    answers = evaluate(Table(logits), numbered(4, torch.tensor([1, 1, 0, 1])))

    assert answers.top1_pct == 75
    assert answers.loss == pytest.approx(-(3 * math.log(3 / 4) + math.log(1 / 4)) / 4)
    assert answers.predicted.tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("at_once", "sizes"),
    [(None, [EVAL_BATCH, EVAL_BATCH, 7]), (400, [400, 400, 207]), (9999, [EVAL_BATCH] * 2 + [7])],
)
def test_parts_are_as_large_as_memory_lets_them_and_change_nothing(at_once, sizes) -> None:
    """The last part is smaller than the others and must not count as much as they do."""
    generator = torch.Generator().manual_seed(0)
    model = Table(torch.randn(256, 10, generator=generator))
    images = numbered(1007, torch.randint(10, (1007,), generator=generator))
    logits = model.logits.detach()[torch.arange(1007) % 256]

    answers = evaluate(model, images, at_once)

    assert model.sizes == sizes
    assert torch.equal(answers.logits, logits)
    assert answers.loss == pytest.approx(nn.functional.cross_entropy(logits, images.labels).item())
    assert answers.top1_pct == pytest.approx(
        100 * (logits.argmax(dim=1) == images.labels).double().mean().item()
    )
