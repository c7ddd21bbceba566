"""Logits, loss and top-1 accuracy over a data set."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from vitbench.data.image_set import ImageSet
from vitbench.training.memory import MemorySaving
from vitbench.training.team import team_for

EVAL_BATCH = 500  # images in memory at once


@dataclass(frozen=True)
class Evaluation:
    """The predictions of a model on a data set.

    Attributes:
        logits: float32 (N, classes), on the CPU.
        loss: Mean cross-entropy, without label smoothing.
        top1_pct: Top-1 accuracy in %.
    """

    logits: Tensor
    loss: float
    top1_pct: float

    @property
    def predicted(self) -> Tensor:
        """The predicted classes (N,)."""
        return self.logits.argmax(dim=1)


def evaluate(model: nn.Module, images: ImageSet, at_once: int | None = None) -> Evaluation:
    """Evaluate a model in fp32, without augmentation and dropout.

    Args:
        model: Images to logits.
        images: The images, on the model's device.
        at_once: Largest number of images at a time, to save memory.
    """

    def answer(part: Tensor) -> Tensor:
        with torch.no_grad():  # applies to one thread only
            logits: Tensor = model(images.inputs(part)).float()
        return logits

    was_training = model.training
    model.eval()
    most = min(EVAL_BATCH, at_once or EVAL_BATCH, len(images))
    with team_for(images.labels.device, most) as team:
        parts = images.images.split(MemorySaving(most).sizes(len(images), team.num_threads)[0])
        logits = torch.cat(list(team.map(answer, parts)))
        team.close()
    model.train(was_training)
    right = (logits.argmax(dim=1) == images.labels).sum()
    loss = functional.cross_entropy(logits, images.labels)
    return Evaluation(logits.cpu(), loss.item(), 100 * right.item() / len(images))
