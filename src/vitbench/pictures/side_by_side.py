"""`vitbench visualize compare`: several models side by side, or all runs of a study.

It calls analyses in attention/ and figures in figures/side_by_side.py.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from typing import NamedTuple

import numpy as np
import torch

from vitbench.attention.cka import cka_matrix
from vitbench.attention.explanations import explain
from vitbench.attention.intervals import mean_over_images
from vitbench.attention.structure import (
    Correlation,
    association,
    mean_and_interval,
    structure,
)
from vitbench.attention.tokens import tokens_by_layer
from vitbench.errors import FileError, UsageError
from vitbench.figures.internals import matrix_figure
from vitbench.figures.side_by_side import (
    ComparedMaps,
    VariantOfRuns,
    compared_maps_figure,
    structure_accuracy_figure,
    structure_figure,
)
from vitbench.figures.style import Array, Drawing
from vitbench.model.vit import VisionTransformer
from vitbench.pictures.measures import line_of, numbers_of
from vitbench.pictures.view import View
from vitbench.runs.schema import StudyResults
from vitbench.training.checkpoint import Checkpoint

FOLDER = PurePath("compare")
Measures = dict[str, torch.Tensor]  # of `structure`
MEASURES = {
    "distance_px": "mean attention distance in pixels",
    "entropy_share": "entropy of attention, relative to uniform",
    "class_token_share": "attention of patches to the class token",
}
METHODS = {
    "attention": "Attention of the last layer, mean of heads",
    "rollout": "Attention rollout",
    "relevance": "Relevance for each model's own prediction",
}


class Run(NamedTuple):
    """A run of a study with a checkpoint."""

    seed: int
    checkpoint: Path
    test_top1_pct: float


def compare(views: Sequence[View], note: Callable[[str], None]) -> Iterator[Drawing]:
    """Pictures of several checkpoints, or of one results file.

    Args:
        views: Two or more checkpoints, or one results file with run folders.
        note: Called with what is left out.

    Raises:
        UsageError: They cannot be compared.
        FileError: Too few runs of a results file have a checkpoint.
    """
    runs: dict[str, list[Run]] = {}
    if len(views) == 1 and views[0].results is not None:
        runs = _runs_of_study(views[0], views[0].results, note)
        models = {f"{label}, seed {of[0].seed}": _opened(views[0], of[0])
                  for label, of in runs.items()}  # fmt: skip
    elif len(views) < 2 or any(view.results is not None for view in views):
        raise UsageError("compare takes two or more checkpoints, or one results file")
    else:
        titles = [view.title for view in views]
        names = titles if len(set(titles)) == len(titles) else [view.folder_name for view in views]
        models = dict(zip(names, views, strict=True))
    models = _of_the_same_images(models)
    for method, words in METHODS.items():
        yield _maps_drawing(method, words, models)
    first = next(iter(models.values()))  # all use its sample
    measured = {label: structure(view.model, first.sample_inputs) for label, view in models.items()}
    yield _structure_drawing(measured, first.sample_words)
    if runs:
        of_runs = {
            label: [of_first, *(
                structure(_opened(views[0], run).model, first.sample_inputs) for run in of[1:]
            )]
            for (label, of), of_first in zip(runs.items(), measured.values(), strict=True)
        }  # fmt: skip
        yield _accuracy_drawing(views[0].title, first.sample_words, runs, of_runs)
    sample = first.fewer.inputs(first.fewer.images.to(first.device))
    yield from _likeness_drawings(
        {label: _mean_patches(view.model, sample) for label, view in models.items()}
    )


def _runs_of_study(
    view: View, results: StudyResults, note: Callable[[str], None]
) -> dict[str, list[Run]]:
    """The runs of a results file with checkpoints, by label of the variant, in order of seeds."""
    labels = [variant.label for variant in results.study.variants]
    found: dict[str, list[Run]] = {}
    lacks = []
    for variant in results.study.variants:
        label = variant.label if labels.count(variant.label) == 1 else (
            f"{variant.label} ({variant.key})"
        )  # fmt: skip
        runs = [run for run in results.runs if run.variant == variant.key]
        if diverged := sum(run.status == "diverged" for run in runs):
            lacks.append(f"{label} diverged in {diverged} of {len(runs)} seeds and is omitted")
            continue
        done = [
            Run(run.seed, view.path.parent / run.run_folder / "checkpoint.pt", run.test_top1_pct)
            for run in sorted(runs, key=lambda run: run.seed)
            if run.status == "done" and run.run_folder and run.test_top1_pct is not None
        ]
        there = [run for run in done if run.checkpoint.is_file()]
        if gone := len(runs) - len(there):
            lacks.append(f"{label}: {gone} of its {len(runs)} runs have no checkpoint")
        if there:
            found[label] = there
    if len(found) < 2:
        words = f"{view.path}: compare needs checkpoints of at least two variants"
        raise FileError("; ".join([words, *lacks]))
    for lack in lacks:
        note(f"{view.path}: {lack}")
    return found


def _opened(study: View, run: Run) -> View:
    return replace(study, path=run.checkpoint, results=None,
                   checkpoint=Checkpoint.open(run.checkpoint))  # fmt: skip


def _of_the_same_images(models: dict[str, View]) -> dict[str, View]:
    """The views, all with the images of the first one."""
    (_, first), *_ = models.items()
    for view in models.values():
        if _sees(view) != _sees(first):
            raise UsageError(
                f"{view.path} and {first.path} have different images: compare needs one data set, "
                "image size and normalisation"
            )
    if first.selection.image is not None:
        return models
    shown = replace(first.selection, indices=first.indices, wrong=False)
    return {label: replace(view, selection=shown) for label, view in models.items()}


def _sees(view: View) -> tuple[object, ...]:
    data = view.spec.data
    return data.dataset, data.img_size, data.mean, data.std


def _maps_drawing(method: str, words: str, models: dict[str, View]) -> Drawing:
    compared = []
    for label, view in models.items():
        answers = view.capture.logits.argmax(dim=1).to(view.device)
        maps = explain(method, view.model, view.inputs, answers)
        total = maps.abs().sum(dim=(1, 2), keepdim=True).clamp(min=1e-12)
        times_even = maps / total * maps[0].numel()
        whose = "" if view.capture.class_token else " (mean over patches)"
        compared.append(ComparedMaps(f"{label}{whose}", view.pictures, times_even.numpy()))
    title = f"{words}: the same images and scale; of the class token unless stated"
    figure = compared_maps_figure(compared, title)
    data = {f"{number} {one.label}": one.maps for number, one in enumerate(compared)}
    return Drawing(figure, FOLDER / method, data)


def _structure_drawing(measured: dict[str, Measures], sample: str) -> Drawing:
    panels = {
        words: [
            line_of(label, np.arange(of[name].shape[1]), [mean_over_images(x) for x in of[name].T])
            for label, of in measured.items()
            if name in of
        ]
        for name, words in MEASURES.items()
        if any(name in of for of in measured.values())
    }
    title = f"Attention statistics by layer, mean of heads, {sample}; bands: 95% over images"
    data: dict[str, Array] = {}
    for words, of_models in panels.items():
        data |= {f"{words} {name}": values for name, values in numbers_of(of_models).items()}
    return Drawing(structure_figure(panels, title), FOLDER / "structure", data)


def _likeness_drawings(means: dict[str, torch.Tensor]) -> Iterator[Drawing]:
    """CKA of the layers of the first model with those of each other model."""
    (first, of_first), *others = means.items()
    for number, (label, of_other) in enumerate(others, start=1):
        alike = cka_matrix(of_first, of_other).numpy()
        rows, columns = (
            ["embedding", *(f"block {layer}" for layer in range(len(of) - 1))]
            for of in (of_first, of_other)
        )
        title = f"Layer similarity (linear CKA of the mean patch token, unbiased): {first}  " \
            f"(rows) and {label} (columns)"  # fmt: skip
        figure = matrix_figure(alike, rows, columns, "CKA", title)
        yield Drawing(figure, FOLDER / f"likeness_{number}", {"cka": alike})


def _mean_patches(model: VisionTransformer, inputs: torch.Tensor) -> torch.Tensor:
    """Mean patch token of each image after each block (L + 1, N, D)."""
    tokens = tokens_by_layer(model, inputs)
    return tokens[:, :, int(model.cls_token is not None) :].mean(dim=2)


def _accuracy_drawing(
    title: str, sample: str, runs: dict[str, list[Run]], measured: dict[str, list[Measures]]
) -> Drawing:
    """Attention statistics and accuracy over all runs of a study."""
    panels, data = [], {}
    for name, words in MEASURES.items():
        pairs = {
            label: (
                [float(one[name].mean()) for one in of_runs],
                [run.test_top1_pct for run in runs[label]],
            )
            for label, of_runs in measured.items()
            if all(name in one for one in of_runs)
        }
        if len(pairs) < 2:
            continue
        variants = [_variant_of_runs(label, *of) for label, of in pairs.items()]
        seeds = {label: [run.seed for run in runs[label]] for label in pairs}
        found = association(pairs, seeds)
        within = _words(found.within, "runs, without effects of variant and seed")
        panels.append((words, variants, f"{_words(found.between, 'variants')}\n{within}"))
        for one in variants:
            data[f"{one.label} {name}"] = np.array(one.x)
            data[f"{one.label} accuracy_pct"] = np.array(one.accuracy_pct)
    title = (
        f"{title}: attention statistics and accuracy. Mean over layers and heads, {sample}; small "
        "dots: seeds, lines: 95% intervals of their means; intervals of r are not adjusted"
    )
    return Drawing(structure_accuracy_figure(panels, title), FOLDER / "structure_accuracy", data)


def _variant_of_runs(label: str, x: list[float], accuracy: list[float]) -> VariantOfRuns:
    mean, interval = mean_and_interval(x)
    top1, top1_interval = mean_and_interval(accuracy, 0.0, 100.0)
    return VariantOfRuns(label, x, accuracy, (mean, top1), interval, top1_interval)


def _words(found: Correlation | None, over: str) -> str:
    """A correlation in words, with its interval if there is one."""
    if found is None:
        return f"{over}: too few to correlate"
    words = f"r = {found.value:+.2f} over {found.num} {over}"
    if found.interval is None:
        return f"{words}, too few for an interval"
    return f"{words} ({found.interval[0]:+.2f} to {found.interval[1]:+.2f})"
