"""Draws what a `PictureRequest` asks for, and writes the files."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vitbench.attention.rollout import FUSIONS
from vitbench.errors import FileError, UsageError
from vitbench.figures.style import Drawing, Page, save, save_arrays
from vitbench.files import same_file, write_text
from vitbench.pictures.kinds import KINDS, PAGES, check, is_offered, left_out
from vitbench.pictures.request import ALL, COMPARE, PictureRequest
from vitbench.pictures.sampling import BUDGETS, FULL, sample_size
from vitbench.pictures.selection import COUNT, Selection
from vitbench.pictures.side_by_side import compare
from vitbench.pictures.view import View, open_view

NUM_EXPLORED = 12  # default number of images to explore


@dataclass
class Job:
    """One kind of picture of one checkpoint, or the comparison of several.

    Attributes:
        kind: The kind of picture, or `compare`.
        views: The checkpoints.
        request: How the pictures are written.
        note: Called with lines for the user.
    """

    kind: str
    views: Sequence[View]
    request: PictureRequest
    note: Callable[[str], None]

    def write(self) -> Iterator[Path]:
        """Draw and write the pictures; yields the path of each file once it is written."""
        if self.kind == COMPARE:
            for drawing in compare(list(self.views), self.note):
                yield from self._write(drawing, self.request.out)
            return
        (view,) = self.views
        if self.num_sampled is not None:
            view = view.sampling(self.num_sampled)
        pictures = []
        for picture in KINDS[self.kind].draw(view):
            for path in self._write(picture, view.out):
                pictures += [path] * (path.suffix == ".png")
                yield path
        view.log(pictures, self.request.wandb, self.note)

    @property
    def num_sampled(self) -> int | None:
        """Number of test images for scores within a time limit; None without a limit."""
        is_limited = self.request.kind == ALL and self.request.sample is None
        if not is_limited or self.kind not in BUDGETS:
            return None
        (view,) = self.views
        return min(sample_size(self.kind, view.spec), len(view.test))

    def _write(self, drawing: Drawing | Page, out: Path) -> Iterator[Path]:
        if isinstance(drawing, Page):
            path = out / drawing.path.with_suffix(".html")
            write_text(path, drawing.text)
            yield path
            if drawing.note:
                self.note(f"{path}: {drawing.note}")
            return
        request = self.request
        path = out / drawing.path.with_name(f"{drawing.path.name}.{request.file_format}")
        if request.image is not None and same_file(path, request.image):
            raise FileError(
                f"--image {request.image} would be overwritten by its own picture: choose another "
                "--out"
            )
        save(drawing.figure, path, request.dpi)
        yield path
        if request.save_data:
            yield save_arrays(drawing.data, path.with_suffix(".npz"))


def open_jobs(request: PictureRequest, note: Callable[[str], None]) -> list[Job]:
    """Open the checkpoints of a request and list what to draw.

    Args:
        request: What to draw.
        note: Called with lines for the user.

    Raises:
        FileError: A checkpoint cannot be opened.
        UsageError: Something cannot be drawn of a checkpoint, or one is given twice.
    """
    selection = Selection(
        count=request.num_images or (NUM_EXPLORED if request.kind in PAGES else COUNT),
        indices=request.indices,
        of_class=request.of_class,
        wrong=request.wrong,
        image=request.image,
        fusion=next(fusion for fusion in FUSIONS if fusion == request.fusion),
        discard=request.discard,
        layer=request.layer,
        head=request.head,
        patch=request.patch,
        sample=request.sample or FULL,
    )
    views = [
        open_view(path, request.out, selection, request.name, request.data_dir, request.device)
        for path in request.checkpoints
    ]
    names = [view.folder_name for view in views]
    if repeated := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"two checkpoints belong to the same run ({repeated}): give it once")
    if request.kind == COMPARE:
        return [Job(COMPARE, views, request, note)]
    if len(views) > 1:
        views = [view.below(view.folder_name) for view in views]
    in_all = request.kind == ALL
    kinds = list(KINDS) if in_all else [request.kind]
    jobs = [
        Job(kind, [view], request, note)
        for view in views
        for kind in kinds
        if is_offered(kind, view, in_all)
    ]
    for job in jobs:
        check(job.kind, job.views[0], in_all)
    return jobs


def sample_note(jobs: Sequence[Job]) -> list[str]:
    """Lines that say over how many test images scores of `all` were computed; often none."""
    sizes = {job.kind: job.num_sampled for job in jobs if job.num_sampled is not None}
    if all(size >= FULL for size in sizes.values()):
        return []
    listed = ", ".join(f"{kind} {size}" for kind, size in sizes.items())
    return [
        f"test images used for scores, to finish within a minute: {listed}",
        f"`vitbench visualize {next(iter(sizes))} ...` uses {FULL}; --sample N uses N",
    ]


def omitted_notes(jobs: Sequence[Job]) -> list[str]:
    """Lines that say what `all` did not draw of a checkpoint, and why; often none."""
    views = {id(job.views[0]): job.views[0] for job in jobs if job.request.kind == ALL}
    return [line for view in views.values() for line in left_out(view)]
