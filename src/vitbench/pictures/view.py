"""The subject of `vitbench visualize`: a checkpoint with images, or a results file."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from vitbench.attention.capture import Capture, capture
from vitbench.attention.heads import map_of_patch, maps_over_patches
from vitbench.attention.position_similarity import position_vectors
from vitbench.config.experiment import ExperimentSpec
from vitbench.data.datasets import load_images
from vitbench.data.image_set import ImageSet
from vitbench.data.own_image import own_image
from vitbench.data.split import train_val_split
from vitbench.errors import FileError, UnknownNameError, UsageError
from vitbench.figures.attention import Picture
from vitbench.figures.curves import Series
from vitbench.model.vit import VisionTransformer, build_model
from vitbench.pictures.sampling import FITTED_ON
from vitbench.pictures.selection import MOST_FITTED_ON, Selection
from vitbench.runs.catalogue import existing_checkpoints
from vitbench.runs.results import read_results
from vitbench.runs.schema import StudyResults
from vitbench.training.checkpoint import Checkpoint
from vitbench.training.device import pick_device
from vitbench.training.evaluate import evaluate
from vitbench.training.trackers.tracker import Guarded, TrackedRun, build_tracker


@dataclass(frozen=True)
class View:
    """A checkpoint or a results file, and what to show of it.

    Attributes:
        path: Its path.
        out: Folder of its pictures.
        selection: The selection.
        given_name: Name in the files of curves, if given.
        data_dir: Folder of the data set.
        device: Device of the model.
        checkpoint: The checkpoint, or None.
        results: The results file, or None.
    """

    path: Path
    out: Path
    selection: Selection
    given_name: str | None
    data_dir: Path | None
    device: torch.device
    checkpoint: Checkpoint | None = None
    results: StudyResults | None = field(default=None)

    def sampling(self, num: int) -> "View":
        """The same view with fewer images for scores; computed values are kept."""
        selection = replace(self.selection, sample=num, fitted_on=FITTED_ON)
        other = replace(self, selection=selection)
        kept = ("model", "test", "indices", "images", "inputs", "capture", "pictures")
        vars(other).update({name: vars(self)[name] for name in kept if name in vars(self)})
        return other

    def below(self, folder: str) -> "View":
        """The same view with pictures in a sub-folder."""
        return replace(self, out=self.out / folder)

    @property
    def name(self) -> str:
        """Its name in files: as given, or of the run or study."""
        return self.given_name or (
            self.results.study.name if self.results else self.spec.folder_name
        )

    @property
    def folder_name(self) -> str:
        """Its name as a folder."""
        return self.results.study.name if self.results else self.spec.folder_name

    @property
    def title(self) -> str:
        """Its readable name."""
        if self.results:
            return self.results.study.title
        spec = self.spec
        return (
            f"{spec.data.dataset}, dim {spec.model.embed_dim}, depth {spec.model.depth}, "
            f"patch {spec.model.patch_size}, {' + '.join(map(str, spec.model.pos_embed))}, "
            f"{spec.train.epochs} epochs, seed {spec.seed}"
        )

    @property
    def spec(self) -> ExperimentSpec:
        """The checkpoint's experiment."""
        return self._opened.spec

    @property
    def facts(self) -> dict[str, str]:
        """Facts about the model, in words by name."""
        spec = self.spec
        model, history = spec.model, self._opened.history
        facts = {
            "model": f"dim {model.embed_dim}, depth {model.depth}, {model.num_heads} heads, "
            f"patch {model.patch_size}",
            "positions": " + ".join(map(str, model.pos_embed)) or "none",
            "data set": str(spec.data.dataset),
            "augmentation": str(spec.data.augmentation),
            "seed": str(spec.seed),
        }
        if history:
            last = history[-1]
            facts["validation accuracy"] = f"{last.val_top1_pct:.2f} % after epoch {last.epoch}"
        return facts

    @cached_property
    def model(self) -> VisionTransformer:
        """The checkpoint's model."""
        return self._opened.model(self.device).eval()

    @cached_property
    def test(self) -> ImageSet:
        """The test set."""
        return load_images(self.spec.data, "test", self.data_dir)

    @cached_property
    def indices(self) -> list[int]:
        """Indices of the test images to show.

        Raises:
            UsageError: There are none with that index, class or prediction.
        """
        selection, test = self.selection, self.test
        if selection.indices is not None:
            if max(selection.indices) >= len(test):
                raise UsageError(
                    f"image {max(selection.indices)}: {self.spec.data.dataset} has test images "
                    f"0 to {len(test) - 1}"
                )
            return selection.indices
        chosen = torch.ones(len(test), dtype=torch.bool)
        if selection.of_class is not None:
            if selection.of_class not in test.classes:
                raise UnknownNameError("class", selection.of_class, test.classes)
            chosen &= test.labels == test.classes.index(selection.of_class)
        if selection.wrong:
            chosen &= evaluate(self.model, test.to(self.device)).predicted != test.labels
        if not chosen.any():
            raise UsageError(f"{self.path}: it classifies every such test image correctly")
        return chosen.nonzero().flatten()[: selection.count].tolist()

    @property
    def untrained(self) -> VisionTransformer:
        """The same architecture with initial weights of another seed."""
        other = self.spec.with_seed(self.spec.seed + 1)
        return build_model(other).to(self.device).eval()

    @cached_property
    def images(self) -> ImageSet:
        """The images to show."""
        if self.selection.image is not None:
            return own_image(self.selection.image, self.spec.data.img_size, self.test)
        return self.test.subset(torch.tensor(self.indices))

    @property
    def image_names(self) -> list[str]:
        """Their names in files."""
        if self.selection.image is not None:
            return [self.selection.image.stem]
        return [str(index) for index in self.indices]

    @cached_property
    def inputs(self) -> Tensor:
        """Inputs of the model, on its device."""
        return self.images.inputs(self.images.images.to(self.device))

    @cached_property
    def capture(self) -> Capture:
        """Attention of the model on the images."""
        return capture(self.model, self.inputs)

    @cached_property
    def sample(self) -> ImageSet:
        """The test images for scores and statistics."""
        return self.test.subset(torch.arange(min(self.selection.sample, len(self.test))))

    @property
    def fewer(self) -> ImageSet:
        """The sample, limited to 2,000 images."""
        return self.sample.subset(torch.arange(min(MOST_FITTED_ON, len(self.sample))))

    @cached_property
    def sample_inputs(self) -> Tensor:
        """Inputs of the model, on its device."""
        return self.sample.inputs(self.sample.images.to(self.device))

    @property
    def sample_words(self) -> str:
        """The sample in words."""
        return f"first {len(self.sample):,} test images"

    @cached_property
    def held_out(self) -> ImageSet:
        """At most `fitted_on` validation images: not used for training or test."""
        full = load_images(self.spec.data, "train", self.data_dir)
        _, val = train_val_split(full, self.spec.data.val_size)
        generator = torch.Generator().manual_seed(0)
        return val.subset(torch.randperm(len(val), generator=generator)[: self.selection.fitted_on])

    @cached_property
    def pictures(self) -> list[Picture]:
        """The images with the model's predictions."""
        images, classes = self.images, self.images.classes
        confidence, predicted = self.capture.logits.float().softmax(dim=1).max(dim=1)
        return [
            Picture(image.numpy(), classes[label] if label >= 0 else None, classes[answer], share)
            for image, label, answer, share in zip(
                images.images, images.labels.tolist(), predicted.tolist(), confidence.tolist(),
                strict=True,
            )
        ]  # fmt: skip

    @property
    def patch(self) -> int | None:
        """The patch whose attention is shown; None for the class token.

        Raises:
            UsageError: There is no such patch.
        """
        rows, cols = self.model.patch_embed.grid
        patch = self.selection.patch
        if patch is not None and not 0 <= patch < rows * cols:
            raise UsageError(f"--patch {patch}: this model has patches 0 to {rows * cols - 1}")
        return patch

    def maps(self, weights: Tensor) -> Tensor:
        """Attention (..., T, T) over the image, (..., rows, cols): of class token or patch."""
        seen = self.capture
        if self.patch is None:
            return maps_over_patches(weights, seen.grid, seen.class_token)
        return map_of_patch(weights, self.patch, seen.grid, seen.class_token)

    @property
    def whose_attention(self) -> str:
        """The source of the attention, in words."""
        if self.patch is not None:
            row, col = divmod(self.patch, self.capture.grid[1])
            return f"patch {self.patch} (row {row}, column {col})"
        return "class token" if self.capture.class_token else "no class token: mean over patches"

    @property
    def layer_number(self) -> int:
        """The layer whose heads are shown.

        Raises:
            UsageError: There is no such layer.
        """
        depth, layer = self.spec.model.depth, self.selection.layer
        if layer is not None and not 0 <= layer < depth:
            raise UsageError(f"--layer {layer}: this model has layers 0 to {depth - 1}")
        return depth - 1 if layer is None else layer

    @property
    def heads(self) -> list[int]:
        """The heads that are shown.

        Raises:
            UsageError: There is no such head.
        """
        num_heads, head = self.spec.model.num_heads, self.selection.head
        if head is not None and not 0 <= head < num_heads:
            raise UsageError(f"--head {head}: this model has heads 0 to {num_heads - 1}")
        return list(range(num_heads)) if head is None else [head]

    def curves(self, loss: str) -> list[Series]:
        """A quantity over epochs: of the run, or of each variant over its seeds."""
        if self.results is None:
            return [Series(self.spec.name, [[getattr(r, loss) for r in self._opened.history]])]
        return [
            Series(
                variant.label,
                [
                    [getattr(record, loss) for record in run.history]
                    for run in self.results.runs
                    if run.variant == variant.key and run.history
                ],
            )
            for variant in self.results.study.variants
        ]

    def log(self, drawn: list[Path], wandb: str, say: Callable[[str], None]) -> None:
        """Log pictures to W&B."""
        if self.checkpoint is None:
            return
        spec = self.spec
        folder = self.path if self.path.is_dir() else self.path.parent
        tracker = Guarded(build_tracker("wandb", wandb), say)
        tracker.start(
            TrackedRun(
                spec.identity, spec.name, spec.base_identity[:16], (), spec.to_json(), folder
            )
        )
        tracker.log_pictures({path.stem: path for path in drawn})
        tracker.finish({})

    @property
    def _opened(self) -> Checkpoint:
        assert self.checkpoint is not None, "a results file has no model: `check` comes first"
        return self.checkpoint

    @property
    def has_history(self) -> bool:
        """Whether it has a finished epoch."""
        return bool(self._opened.history)

    @property
    def has_positions(self) -> bool:
        """Whether its positions add anything to the tokens."""
        try:
            position_vectors(self.model)
        except UsageError:
            return False
        return True


def open_view(
    path: Path,
    out: Path,
    selection: Selection,
    name: str | None,
    data_dir: Path | None,
    device: str,
) -> View:
    """Open a checkpoint file, a run folder or a results file.

    Raises:
        FileError: It is none of these, or damaged.
        UsageError: The device is not available.
    """
    view = View(path, out, selection, name, data_dir, pick_device(device))
    if path.suffix == ".json":
        return replace(view, results=read_results(path))
    file = path / "checkpoint.pt" if path.is_dir() else path
    if not file.exists():
        raise FileError(f"no checkpoint {file}{existing_checkpoints()}")
    return replace(view, checkpoint=Checkpoint.open(file))
