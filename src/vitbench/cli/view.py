"""What `vitbench visualize` looks at: a checkpoint and its images, or a results file."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import torch  # noqa: TID253 (the command imports this file when it is called)

from vitbench.attention.capture import Capture, capture
from vitbench.attention.rollout import Fusion
from vitbench.attention.similarity import position_vectors
from vitbench.data.datasets import load_images
from vitbench.data.image_set import ImageSet
from vitbench.errors import UsageError
from vitbench.figures.attention import Picture
from vitbench.figures.curves import Series
from vitbench.model.vit import VisionTransformer
from vitbench.runs.results import read_results
from vitbench.runs.schema import StudyResults
from vitbench.spec.experiment import ExperimentSpec
from vitbench.training.checkpoint import Checkpoint
from vitbench.training.device import pick_device
from vitbench.training.trackers import Guarded, TrackedRun, build_tracker


@dataclass(frozen=True)
class View:
    """A checkpoint or a results file, and what of it is to be shown.

    Attributes:
        path: What was given.
        out: Folder of its pictures.
        indices: Numbers of test images.
        fusion: How rollout fuses heads.
        discard: Share of a row's weights that rollout leaves out.
        layer: The layer whose heads are shown; None is the last.
        given_name: Name in the curves' files, if one was given.
        data_dir: Where the data set is.
        device: Where the model runs.
        checkpoint: The checkpoint, or None.
        results: The results file, or None.
    """

    path: Path
    out: Path
    indices: list[int]
    fusion: Fusion
    discard: float
    layer: int | None
    given_name: str | None
    data_dir: Path | None
    device: torch.device
    checkpoint: Checkpoint | None = None
    results: StudyResults | None = field(default=None)

    def below(self, folder: str) -> "View":
        """The same with its pictures in a folder below."""
        return replace(self, out=self.out / folder)

    @property
    def name(self) -> str:
        """Its name in files: as given, the run's, or the study's."""
        return self.given_name or (
            self.results.study.name if self.results else self.spec.folder_name
        )

    @property
    def folder_name(self) -> str:
        """Its name as a folder."""
        return self.results.study.name if self.results else self.spec.folder_name

    @property
    def title(self) -> str:
        """Its name for people."""
        return self.results.study.title if self.results else self.spec.name

    def offers(self, kind: str, among_all: bool) -> bool:
        """Whether `all` draws a kind of it; a kind that was asked for by name is always tried."""
        if not among_all:
            return True
        if self.results is not None:
            return kind == "curves"
        return kind != "pos-embed" or self._has_positions

    def left_out(self) -> list[str]:
        """What `all` did not draw, and why, in words."""
        if self.results is not None:
            return [f"{self.path}: of a results file there are curves alone"]
        if self._has_positions:
            return []
        return [f"{self.path}: its positions add nothing to the tokens, so there is no picture"]

    def check(self, kind: str) -> None:
        """Raise UsageError where a kind cannot be drawn of it, before anything is drawn."""
        if self.results is not None:
            if kind != "curves":
                raise UsageError(f"{self.path} is a results file: of it, draw curves")
            return
        if kind == "pos-embed":
            position_vectors(self.model)
        elif kind == "curves":
            if not self._opened.history:
                raise UsageError(f"{self.path} holds no finished epoch: there are no curves")
        else:
            _ = self.layer_number, self.images

    @property
    def spec(self) -> ExperimentSpec:
        """The checkpoint's experiment."""
        return self._opened.spec

    @cached_property
    def model(self) -> VisionTransformer:
        """The checkpoint's model."""
        return self._opened.model(self.device).eval()

    @cached_property
    def images(self) -> ImageSet:
        """The test images to be shown."""
        test = load_images(self.spec.data, "test", self.data_dir)
        if max(self.indices) >= len(test):
            raise UsageError(
                f"image {max(self.indices)}: {self.spec.data.dataset} has test images "
                f"0 to {len(test) - 1}"
            )
        return test.subset(torch.tensor(self.indices))

    @cached_property
    def capture(self) -> Capture:
        """What the model attends to on them."""
        return capture(self.model, self.images.inputs(self.images.images.to(self.device)))

    @cached_property
    def pictures(self) -> list[Picture]:
        """The images with the model's answers."""
        images, classes = self.images, self.images.classes
        confidence, predicted = self.capture.logits.float().softmax(dim=1).max(dim=1)
        return [
            Picture(image.numpy(), classes[label], classes[answer], share)
            for image, label, answer, share in zip(
                images.images, images.labels.tolist(), predicted.tolist(), confidence.tolist(),
                strict=True,
            )
        ]  # fmt: skip

    @property
    def whose_attention(self) -> str:
        """Whose attention the maps are, in words."""
        return "class token" if self.capture.class_token else "no class token: mean over patches"

    @property
    def layer_number(self) -> int:
        """The layer whose heads are shown.

        Raises:
            UsageError: There is none of that number.
        """
        depth = self.spec.model.depth
        if self.layer is not None and not 0 <= self.layer < depth:
            raise UsageError(f"--layer {self.layer}: this model has layers 0 to {depth - 1}")
        return depth - 1 if self.layer is None else self.layer

    def curves(self, loss: str) -> list[Series]:
        """A loss over epochs: of the run, or of each variant over its seeds."""
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
        """Log pictures to the run's W&B."""
        if self.checkpoint is None:
            return
        spec = self.spec
        folder = self.path if self.path.is_dir() else self.path.parent
        tracker = Guarded(build_tracker(wandb), say)
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
    def _has_positions(self) -> bool:
        try:
            position_vectors(self.model)
        except UsageError:
            return False
        return True


def open_view(
    path: Path,
    out: Path,
    indices: list[int],
    fusion: str,
    discard: float,
    layer: int | None,
    name: str | None,
    data_dir: Path | None,
    device: str,
) -> View:
    """Open a checkpoint file, a run folder or a results file.

    Raises:
        FileError: It is none of these, or damaged.
        UsageError: The device is absent.
    """
    fused: Fusion = "max" if fusion == "max" else "min" if fusion == "min" else "mean"
    view = View(path, out, indices, fused, discard, layer, name, data_dir, pick_device(device))
    if path.suffix == ".json":
        return replace(view, results=read_results(path))
    file = path / "checkpoint.pt" if path.is_dir() else path
    return replace(view, checkpoint=Checkpoint.open(file))
