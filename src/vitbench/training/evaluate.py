"""Logits, loss and top-1 accuracy over a set."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from vitbench.data.image_set import ImageSet

EVAL_BATCH = 500


@dataclass(frozen=True)
class Evaluation:
    """What a model answers on a set.

    Attributes:
        logits: float32 (N, classes), on the CPU.
        loss: Mean cross-entropy, without label smoothing.
        top1_pct: Share of right answers in %.
    """

    logits: Tensor
    loss: float
    top1_pct: float

    @property
    def predicted(self) -> Tensor:
        """The classes answered (N,)."""
        return self.logits.argmax(dim=1)


@torch.no_grad()
def evaluate(model: nn.Module, images: ImageSet, at_once: int | None = None) -> Evaluation:
    """A model's answers in fp32, without augmentation or dropout.

    Args:
        model: Images to logits.
        images: The set, on the model's device.
        at_once: Images at a time at most, where memory is short.
    """
    was_training = model.training
    model.eval()
    size = min(EVAL_BATCH, at_once or EVAL_BATCH)
    logits = torch.cat([model(images.inputs(part)).float() for part in images.images.split(size)])
    model.train(was_training)
    right = (logits.argmax(dim=1) == images.labels).sum()
    loss = functional.cross_entropy(logits, images.labels)
    return Evaluation(logits.cpu(), loss.item(), 100 * right.item() / len(images))
