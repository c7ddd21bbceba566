"""Measurements for pictures: results of attention/ in the form of figures/."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from vitbench.attention.ablation import correct_predictions
from vitbench.attention.cka import cka_matrix
from vitbench.attention.explanations import explain
from vitbench.attention.faithfulness import areas, centre_maps, random_maps, scores
from vitbench.attention.intervals import Mean, mean_over_images, share_of_images
from vitbench.attention.perturbations import num_moving, shift_right, shuffle_patches
from vitbench.attention.sanity import similarity_to_randomised
from vitbench.attention.tokens import (
    fit_probe,
    logit_lens,
    outlier_share,
    patch_norms,
    position_readout,
    tokens_by_layer,
)
from vitbench.data.image_set import ImageSet
from vitbench.figures.explanations import Faithfulness, Gap
from vitbench.figures.internals import Line
from vitbench.figures.style import Array
from vitbench.model.vit import VisionTransformer
from vitbench.registry import EXPLANATIONS

SHARES = (0.0, 0.125, 0.25, 0.5, 1.0)  # of the patches, shuffled
SHIFTS = (0, 1, 2, 4, 8)  # pixels
ENDS = ("value", "low", "high")
ABOVE = ("above_random", "above_centre")


def measured_faithfulness(
    model: VisionTransformer, inputs: torch.Tensor
) -> dict[str, Faithfulness]:
    """Faithfulness of every method and of the two baselines, on the same images.

    Args:
        model: The model; its own predictions are explained.
        inputs: Normalised images (N, C, H, W) on its device.
    """
    grid = model.patch_embed.grid
    with torch.no_grad():
        answers = torch.cat([model(part).argmax(dim=1) for part in inputs.split(500)])
    blind = {
        "random order": random_maps(len(inputs), grid),
        "centre-first": centre_maps(len(inputs), grid),
    }
    of_blind = {name: areas(model, inputs, answers, maps) for name, maps in blind.items()}
    of_methods = {
        name: areas(model, inputs, answers, explain(name, model, inputs, answers))
        for name in EXPLANATIONS.names()
    }
    scored = scores(of_methods, of_blind["random order"], of_blind["centre-first"])
    found = {}
    for name, of in {**of_methods, **of_blind}.items():
        score = scored.get(name)
        found[name] = Faithfulness(
            name,
            of.places.numpy(),
            of.deletion_curve.mean(dim=0).numpy(),
            of.insertion_curve.mean(dim=0).numpy(),
            None if score is None else gap_of(score.above_random),
            None if score is None else gap_of(score.above_centre),
            score is not None and score.beats_baselines,
        )
    return found


def gap_of(mean: Mean) -> Gap:
    """A mean difference for a figure."""
    return Gap(mean.value, mean.low, mean.high)


def words_of(method: Faithfulness) -> str:
    """The score of a method: points above a random order, with the interval."""
    gap = method.above_random
    assert gap is not None, "a baseline has no score"
    star = " *" if method.beats_baselines else ""
    return f"{100 * gap.value:+.1f} ({100 * gap.low:+.1f} to {100 * gap.high:+.1f}){star}"


@dataclass(frozen=True)
class ReadTokens:
    """Measurements of tokens by layer; see `figures.internals.tokens_figure`."""

    norms: Array
    class_norms: Array | None
    outliers: Array
    accuracies: list[Line]
    readout: list[Line]
    alike: Array


def read_tokens(model: VisionTransformer, sample: ImageSet, held_out: ImageSet) -> ReadTokens:
    """Token norms, logit lens, probes, decoded positions and layer similarity.

    Args:
        model: The model.
        sample: Test images for the measurements.
        held_out: Validation images to fit probes.
    """
    device = next(model.parameters()).device
    tokens, others = (
        tokens_by_layer(model, images.inputs(images.images.to(device)))
        for images in (sample, held_out)
    )  # each (L + 1, N, T, D)
    labels = sample.labels.cpu()
    first = model.cls_token is not None
    layers = np.arange(len(tokens))

    def accuracy(label: str, logits: list[torch.Tensor]) -> Line:
        means = [share_of_images(of.argmax(dim=1) == labels) for of in logits]
        return line_of(label, layers, means, 100)

    lines = [accuracy("the model's own head (logit lens)", list(logit_lens(model, tokens)))]
    sources = {"probe of the mean patch": slice(int(first), None)}
    if first:
        sources = {"probe of the class token": slice(0, 1), **sources}
    for label, some in sources.items():
        fitted = [
            fit_probe(of[:, some].mean(dim=1), held_out.labels.cpu(), len(sample.classes)).logits(
                layer[:, some].mean(dim=1)
            )
            for of, layer in zip(others, tokens, strict=True)
        ]
        lines.append(accuracy(label, fitted))
    places = [
        position_readout(of[:, first:], layer[:, first:], model.patch_embed.grid)
        for of, layer in zip(others, tokens, strict=True)
    ]
    norms = patch_norms(tokens, first)
    mean_patches = tokens[:, :, first:].mean(dim=2)
    return ReadTokens(
        norms.flatten(1).numpy(),
        tokens[:, :, 0].norm(dim=-1).mean(dim=1).numpy() if first else None,
        outlier_share(norms).numpy(),
        lines,
        [Line(name, layers, np.array([place[i] for place in places]))
         for i, name in enumerate(("row", "column"))],
        cka_matrix(mean_patches, mean_patches).numpy(),
    )  # fmt: skip


def accuracy_when_disturbed(
    model: VisionTransformer, sample: ImageSet
) -> list[tuple[Line, str, str]]:
    """Accuracy by the share of shuffled patches, and by a shift to the right."""
    device = next(model.parameters()).device
    inputs, labels = sample.inputs(sample.images.to(device)), sample.labels.to(device)

    def line(label: str, places: tuple[float, ...], disturbed: list[torch.Tensor]) -> Line:
        correct = [correct_predictions(model, images, labels) for images in disturbed]
        means = [share_of_images(of_images) for of_images in correct]
        return line_of(label, np.array(places), means, 100)

    grid = model.patch_embed.grid
    # On a coarse grid several shares move the same number of patches, and the smallest none.
    shares = {num_moving(grid, share): share for share in reversed(SHARES)}
    percent = tuple(100 * moving / (grid[0] * grid[1]) for moving in sorted(shares))
    shuffled = [shuffle_patches(inputs, grid, shares[moving]) for moving in sorted(shares)]
    shifts = tuple(shift for shift in SHIFTS if shift < inputs.shape[-1])
    shifted = [shift_right(inputs, shift) for shift in shifts]
    return [
        (line("shuffled", percent, shuffled), "% of the patches", "shuffled patches"),
        (line("shifted", shifts, shifted), "pixels", "images shifted to the right"),
    ]


def randomised_similarity(
    model: VisionTransformer, fresh: VisionTransformer, inputs: torch.Tensor
) -> tuple[list[str], list[Line]]:
    """Similarity of each method's maps while more and more layers are reset.

    Args:
        model: The trained model; its own predictions are explained.
        fresh: The same architecture with initial weights of another seed.
        inputs: Normalised images (N, C, H, W) on its device.

    Returns:
        Names of the steps, the trained model first, and one line of mean rank correlations per
        method.
    """
    with torch.no_grad():
        answers = model(inputs).argmax(dim=1)
    steps: list[str] = []
    lines = []
    for name in EXPLANATIONS.names():
        found = similarity_to_randomised(name, model, fresh, inputs, answers)
        steps = ["nothing", *found]
        means = [Mean(1.0, 1.0, 1.0, len(inputs)), *(mean_over_images(of) for of in found.values())]
        lines.append(line_of(name, np.arange(len(steps)), means))
    return steps, lines


def line_of(label: str, x: Array, means: Sequence[Mean], times: float = 1.0) -> Line:
    """Means with intervals as a line, times a factor, such as 100 for shares in %."""
    ends = (times * np.array([getattr(mean, end) for mean in means]) for end in ENDS)
    return Line(label, x, *ends)


def numbers_of(lines: Sequence[Line]) -> dict[str, Array]:
    """The numbers of lines, by name: x, values and interval ends."""
    return {
        f"{line.label} {name}": values
        for line in lines
        for name, values in (("x", line.x), ("", line.y), ("low", line.low), ("high", line.high))
        if values is not None
    }


def numbers_of_faithfulness(found: dict[str, Faithfulness]) -> dict[str, Array]:
    """The numbers of the faithfulness figure, by name: curves, and gaps as value, low and high."""
    numbers: dict[str, Array] = {}
    for name, of in found.items():
        numbers |= {
            f"{name} {part}": getattr(of, part) for part in ("places", "deletion", "insertion")
        }
        for above in ABOVE:
            if (gap := getattr(of, above)) is not None:
                numbers[f"{name} {above}"] = np.array([getattr(gap, end) for end in ENDS])
    return numbers
