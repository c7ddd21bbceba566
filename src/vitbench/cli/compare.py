"""`vitbench visualize compare`: several models side by side, or all the runs of a study.

What is compared is in attention/, how it is drawn in figures/compare.py; here the two meet.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import PurePath

import numpy as np  # noqa: TID253 (the command imports this file when it is called)
import torch  # noqa: TID253

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
from vitbench.cli.scoring import line_of, numbers_of
from vitbench.cli.view import View
from vitbench.errors import FileError, UsageError
from vitbench.figures.compare import (
    ComparedMaps,
    VariantOfRuns,
    compared_maps_figure,
    structure_accuracy_figure,
    structure_figure,
)
from vitbench.figures.inside import matrix_figure
from vitbench.figures.style import Array, Drawing
from vitbench.training.checkpoint import Checkpoint

FOLDER = PurePath("compare")
MEASURES = {
    "distance_px": "mean attention distance in pixels",
    "entropy_share": "entropy of attention, share of the most",
    "class_token_share": "patches' attention to the class token",
}
METHODS = {
    "attention": "Attention of the last layer, mean of heads",
    "rollout": "Attention rollout",
    "relevance": "Relevance of each model's own answer",
}
Scored = tuple[View, float]  # a run and its test accuracy in %


def compare(views: Sequence[View], note: Callable[[str], None]) -> Iterator[Drawing]:
    """Pictures of several checkpoints, or of one results file.

    Args:
        views: Two checkpoints or more, or one results file whose runs are still there.
        note: Told what is left out.

    Raises:
        UsageError: They cannot be compared.
        FileError: None of a results file's runs is there.
    """
    if len(views) == 1 and views[0].results is not None:
        of_variants = _runs_of_study(views[0], note)
        ones = {label: runs[0][0] for label, runs in of_variants.items()}
        models = {f"{label}, seed {view.spec.seed}": view for label, view in ones.items()}
        yield _accuracy_drawing(views[0], of_variants)
    else:
        if len(views) < 2 or any(view.results is not None for view in views):
            raise UsageError("compare takes two checkpoints or more, or one results file")
        titles = [view.title for view in views]
        names = titles if len(set(titles)) == len(titles) else [view.folder_name for view in views]
        models = dict(zip(names, views, strict=True))
    first = next(iter(models.values()))
    for view in models.values():
        shape = (view.spec.data.dataset, view.spec.data.img_size)
        if shape != (first.spec.data.dataset, first.spec.data.img_size):
            raise UsageError(
                f"{view.path} is a model of {shape[0]} at {shape[1]} pixels and {first.path} is "
                "not: they see no same images"
            )
    chosen = [first, *(_of_same_images(view, first) for view in list(models.values())[1:])]
    models = dict(zip(models, chosen, strict=True))
    for method, words in METHODS.items():
        yield _maps_drawing(method, words, models)
    yield _structure_drawing(models)
    yield from _likeness_drawings(models)


def _runs_of_study(view: View, note: Callable[[str], None]) -> dict[str, list[Scored]]:
    """A results file's runs that are still there, by the variants' labels, the first seed first."""
    assert view.results is not None
    found: dict[str, list[Scored]] = {}
    absent = 0
    for variant in view.results.study.variants:
        runs = sorted(
            (run for run in view.results.runs if run.variant == variant.key
             and run.status == "done"),
            key=lambda run: run.seed,
        )  # fmt: skip
        for run in runs:
            path = view.path.parent / (run.run_folder or "") / "checkpoint.pt"
            if run.run_folder is None or not path.is_file():
                absent += 1
                continue
            opened = replace(view, path=path, results=None, checkpoint=Checkpoint.open(path))
            found.setdefault(variant.label, []).append((opened, run.test_top1_pct or 0.0))
    if len(found) < 2:
        raise FileError(
            f"{view.path}: compare takes the checkpoints of two variants or more; "
            f"{absent} of its runs are not where it says"
        )
    if absent:
        note(f"{view.path}: {absent} of its runs are not where it says, and are left out")
    return found


def _of_same_images(view: View, first: View) -> View:
    """A view of the images that the first one shows."""
    if view.wanted.image is not None:
        return view
    return replace(view, wanted=replace(view.wanted, indices=first.indices, wrong=False))


def _maps_drawing(method: str, words: str, models: dict[str, View]) -> Drawing:
    compared = []
    for label, view in models.items():
        answers = view.capture.logits.argmax(dim=1).to(view.device)
        maps = explain(method, view.model, view.inputs, answers)
        total = maps.abs().sum(dim=(1, 2), keepdim=True).clamp(min=1e-12)
        times_even = maps / total * maps[0].numel()
        compared.append(ComparedMaps(label, view.pictures, times_even.numpy()))
    figure = compared_maps_figure(compared, f"{words}: the same images, the same scale")
    data = {f"{number} {one.label}": one.maps for number, one in enumerate(compared)}
    return Drawing(figure, FOLDER / method, data)


def _structure_drawing(models: dict[str, View]) -> Drawing:
    measured = {label: structure(view.model, view.sample_inputs) for label, view in models.items()}
    panels = {
        words: [
            line_of(label, np.arange(of[name].shape[1]), [mean_over_images(x) for x in of[name].T])
            for label, of in measured.items()
            if name in of
        ]
        for name, words in MEASURES.items()
        if any(name in of for of in measured.values())
    }
    sample = next(iter(models.values())).sample_words
    title = f"Attention by layer, mean of heads, {sample}; bands: 95 % over images"
    data: dict[str, Array] = {}
    for words, of_models in panels.items():
        data |= {f"{words} {name}": values for name, values in numbers_of(of_models).items()}
    return Drawing(structure_figure(panels, title), FOLDER / "structure", data)


def _likeness_drawings(models: dict[str, View]) -> Iterator[Drawing]:
    """CKA of the first model's layers with those of each of the others."""
    means = {label: _mean_patches(view) for label, view in models.items()}
    (first, of_first), *others = means.items()
    for number, (label, of_other) in enumerate(others, start=1):
        alike = cka_matrix(of_first, of_other).numpy()
        rows, columns = (
            ["placed", *(f"block {layer}" for layer in range(len(of) - 1))]
            for of in (of_first, of_other)
        )
        title = f"How alike layers are (linear CKA of the mean patch, without bias): {first} " \
            f"(rows) and {label} (columns)"  # fmt: skip
        figure = matrix_figure(alike, rows, columns, "CKA", title)
        yield Drawing(figure, FOLDER / f"likeness_{number}", {"cka": alike})


def _mean_patches(view: View) -> torch.Tensor:
    """The mean patch token of each image after each block (L + 1, N, D)."""
    sample = view.fewer
    tokens = tokens_by_layer(view.model, sample.inputs(sample.images.to(view.device)))
    return tokens[:, :, int(view.model.cls_token is not None) :].mean(dim=2)


def _accuracy_drawing(view: View, of_variants: dict[str, list[Scored]]) -> Drawing:
    """Structure against accuracy over all the runs of a study."""
    measured = {
        label: [(structure(run.model, run.sample_inputs), accuracy) for run, accuracy in runs]
        for label, runs in of_variants.items()
    }
    panels, data = [], {}
    for name, words in MEASURES.items():
        pairs = {
            label: (
                [float(of[name].mean()) for of, _ in runs],
                [accuracy for _, accuracy in runs],
            )
            for label, runs in measured.items()
            if all(name in of for of, _ in runs)
        }
        if len(pairs) < 2:
            continue
        variants = [_variant_of_runs(label, *of) for label, of in pairs.items()]
        found = association(pairs)
        told = (
            f"{_words(found.between, 'variants')}\n{_words(found.within, 'runs, within variants')}"
        )
        panels.append((words, variants, told))
        for one in variants:
            data[f"{one.label} {name}"] = np.array(one.x)
            data[f"{one.label} accuracy_pct"] = np.array(one.accuracy_pct)
    some, _ = next(iter(of_variants.values()))[0]
    title = (
        f"{view.title}: does attention go with accuracy? Mean over layers and heads, "
        f"{some.sample_words}; small dots: seeds, lines: 95 % of their mean; each "
        "interval by itself"
    )
    return Drawing(structure_accuracy_figure(panels, title), FOLDER / "structure_accuracy", data)


def _variant_of_runs(label: str, x: list[float], accuracy: list[float]) -> VariantOfRuns:
    (mean, interval), (top1, top1_interval) = mean_and_interval(x), mean_and_interval(accuracy)
    return VariantOfRuns(label, x, accuracy, (mean, top1), interval, top1_interval)


def _words(found: Correlation | None, over: str) -> str:
    """A correlation in words, with its interval or that there is none."""
    if found is None:
        return f"{over}: too few to correlate"
    words = f"r = {found.value:+.2f} over {found.num} {over}"
    if found.interval is None:
        return f"{words}, too few for an interval"
    return f"{words} ({found.interval[0]:+.2f} to {found.interval[1]:+.2f})"
