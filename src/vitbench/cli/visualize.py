"""`vitbench visualize`: pictures of a checkpoint. The kinds are in pictures/kinds.py."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from vitbench.cli import console, layout, options
from vitbench.config.allowed import DEVICES, DPI, PICTURE_FORMATS, WANDB_MODES
from vitbench.errors import FileError, UsageError, shortened
from vitbench.pictures.kinds import KINDS, PAGES, SCORES, check, is_offered, left_out
from vitbench.streams import import_tqdm

if TYPE_CHECKING:
    from vitbench.figures.style import Drawing, Page

COMPARE = "compare"
PICTURES = tuple(kind for kind in KINDS if kind not in PAGES)
# The kinds that use an option; `all` uses every option.
READERS = {
    "--fusion": ("rollout",),
    "--discard": ("rollout",),
    "--layer": ("last-layer",),
    "--head": ("last-layer",),
    "--patch": ("last-layer", "layers"),
    "--name": ("curves",),
    "--format": (*PICTURES, COMPARE),
    "--dpi": (*PICTURES, COMPARE),
    "--save-data": (*PICTURES, COMPARE),
    "--wandb": PICTURES,
    "--sample": (*SCORES, COMPARE),
}
COMPARES = (
    "two or more checkpoints, or a study's runs: the same images on one scale, attention "
    "statistics, accuracy"
)
MANY = 12  # default number of images to explore


def _list_kinds(asked: bool) -> None:
    if asked:
        rows = [(name, kind.shows) for name, kind in KINDS.items()]
        rows += [(COMPARE, COMPARES), ("all", "all the pictures of a checkpoint")]
        console.product(console.table(("kind", "what it shows"), rows))
        raise typer.Exit


def visualize(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND", help=f"{', '.join(KINDS)}, {COMPARE} or all.", show_default=False
        ),
    ],
    checkpoints: Annotated[
        list[Path],
        typer.Argument(
            metavar="CHECKPOINT...",
            help="Checkpoint files or run folders; curves and compare take results files too.",
            show_default=False,
            parser=options.path,
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", help="Folder of pictures.", parser=options.path)
    ] = Path("visualizations"),
    images: Annotated[
        int | None,
        typer.Option(
            "--images", help="Use the first N test images; default: 5, and 12 for explore."
        ),
    ] = None,
    indices: Annotated[
        str | None, typer.Option("--indices", help="Use these test images, such as 0,5,7.")
    ] = None,
    fusion: Annotated[
        str, typer.Option("--fusion", help="How rollout combines heads: mean, max or min.")
    ] = "mean",
    discard: Annotated[
        float,
        typer.Option(
            "--discard", help="Share of the smallest weights of each row that rollout discards."
        ),
    ] = 0.0,
    layer: Annotated[
        int | None,
        typer.Option("--layer", help="Layer for last-layer, counted from 0; default: the last."),
    ] = None,
    head: Annotated[
        int | None,
        typer.Option("--head", help="Head for last-layer, counted from 0; default: all."),
    ] = None,
    patch: Annotated[
        int | None,
        typer.Option(
            "--patch",
            help="Show the attention of this patch in last-layer and layers, counted from 0 row "
            "by row; default: of the class token.",
        ),
    ] = None,
    of_class: Annotated[
        str | None, typer.Option("--class", help="Use test images of this class.")
    ] = None,
    wrong: Annotated[
        bool, typer.Option("--wrong", help="Use test images that the model classifies wrongly.")
    ] = False,
    image: Annotated[
        Path | None,
        typer.Option("--image", help="Use your own picture.", parser=options.path),
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option(
            "--sample",
            help="Number of test images for scores and statistics; default: 500, and with all as "
            "many as take about a minute.",
            show_default=False,
        ),
    ] = None,
    file_format: Annotated[
        str, typer.Option("--format", help=f"Format of the pictures: {', '.join(PICTURE_FORMATS)}.")
    ] = "png",
    dpi: Annotated[
        int, typer.Option("--dpi", help="Resolution of the pictures in dots per inch.")
    ] = DPI,
    save_data: Annotated[
        bool, typer.Option("--save-data", help="Also write the numbers of each picture, as .npz.")
    ] = False,
    name: Annotated[
        str | None,
        typer.Option("--name", help="Name in the files of curves; default: the name of the run."),
    ] = None,
    data_dir: options.DataDir = None,
    device: options.Device = "auto",
    wandb: Annotated[
        str, typer.Option("--wandb", help="Log the pictures to W&B: online or offline.")
    ] = "disabled",
    quiet: options.Quiet = False,
    _list: Annotated[
        bool,
        typer.Option("--list", callback=_list_kinds, is_eager=True, help="List the kinds."),
    ] = False,
) -> None:
    """Draw what a trained model attends to, and more.

    Writes pictures and prints their paths. With several checkpoints each gets a folder with the
    name of its run.
    """
    options.check_word("kind", kind, (*KINDS, COMPARE, "all"))
    options.check_word("--fusion", fusion, ("mean", "max", "min"))
    options.check_word("--device", device, DEVICES)
    options.check_word("--wandb", wandb, WANDB_MODES)
    options.check_word("--format", file_format, PICTURE_FORMATS)
    options.check_writable("--out", out)
    if wandb != "disabled" and file_format != "png":
        raise UsageError(f"--wandb {wandb} takes png pictures: omit --format")
    given = {
        "--fusion": fusion != "mean", "--discard": discard != 0, "--layer": layer is not None,
        "--head": head is not None, "--patch": patch is not None, "--name": name is not None,
        "--format": file_format != "png", "--dpi": dpi != DPI, "--save-data": save_data,
        "--wandb": wandb != "disabled", "--sample": sample is not None,
    }  # fmt: skip
    for option in (option for option, is_given in given.items() if is_given):
        if kind not in (readers := (*READERS[option], "all")):
            raise UsageError(f"{kind} does not use {option}; these do: {', '.join(readers)}")
    if not 20 <= dpi <= 1200:
        raise UsageError(f"--dpi {dpi}: give a number from 20 to 1200")
    if sample is not None and not 4 <= sample <= 1_000_000:  # layer similarity needs four
        raise UsageError(f"--sample {sample}: give a number of test images, 4 or more")
    if image is not None and (images, indices, of_class, wrong) != (None, None, None, False):
        raise UsageError("--image uses only that picture: omit --images, --indices, --class and "
                         "--wrong")  # fmt: skip
    if indices is not None and (of_class is not None or wrong):
        raise UsageError("--indices selects the images: omit --class and --wrong")
    if not 0 <= discard <= 0.99:
        raise UsageError(f"--discard {discard}: give a share from 0 to 0.99")
    if name is not None and not re.fullmatch(r"(?=.*\w)[\w.+-]{1,100}", name):
        raise UsageError(
            f"--name {shortened(name)!r}: use letters, digits, hyphens and underscores, at most 100"
        )
    chosen = _parse_indices(images, indices)
    for path in checkpoints:
        if not path.exists():
            from vitbench.runs.catalogue import existing_checkpoints

            raise FileError(
                f"no checkpoint, run folder or results file {path}{existing_checkpoints()}"
            )

    # From here on torch is needed.
    tqdm = import_tqdm()

    from vitbench.attention.rollout import FUSIONS
    from vitbench.pictures.sampling import BUDGETS, FULL, sample_size
    from vitbench.pictures.view import COUNT, Wanted, open_view

    kinds = list(KINDS) if kind == "all" else [kind]
    wanted = Wanted(
        count=images or (MANY if kind in PAGES else COUNT),
        indices=chosen,
        of_class=of_class,
        wrong=wrong,
        image=image,
        fusion=next(known for known in FUSIONS if known == fusion),
        discard=discard,
        layer=layer,
        head=head,
        patch=patch,
        sample=sample or FULL,
    )
    views = [open_view(path, out, wanted, name, data_dir, device) for path in checkpoints]
    names = [view.folder_name for view in views]
    if twice := next((n for n in names if names.count(n) > 1), None):
        raise UsageError(f"two checkpoints belong to the same run ({twice}): give it once")
    style = _Style(file_format, dpi, save_data, image)
    note = _say_nothing if quiet else console.note
    no_bar = quiet or not layout.can_redraw(sys.stderr)
    if kind == COMPARE:
        from vitbench.pictures.side_by_side import compare

        with tqdm(desc=kind, unit="picture", disable=no_bar, leave=False) as bar:
            for drawing in compare(views, note):
                _write(drawing, out, style, note)
                bar.update()
        return
    if len(views) > 1:
        views = [view.below(view.folder_name) for view in views]
    jobs = [
        (view, name) for view in views for name in kinds if is_offered(name, view, kind == "all")
    ]
    for view, job in jobs:
        check(job, view, kind == "all")
    sizes: dict[str, int] = {}
    with tqdm(jobs, desc="visualize", unit="kind", disable=no_bar, leave=False) as bar:
        for view, job in bar:
            bar.set_description_str(job)
            seen = view
            if kind == "all" and job in BUDGETS and sample is None:
                seen = view.sampling(sample_size(job, view.spec))
                sizes[job] = len(seen.sample)
            written = [_write(drawing, view.out, style, note) for drawing in KINDS[job].draw(seen)]
            view.log([path for path in written if path.suffix == ".png"], wandb, console.note)
    if any(size < FULL for size in sizes.values()):
        taken = ", ".join(f"{job} {size}" for job, size in sizes.items())
        note(f"test images used for scores, to finish within a minute: {taken}")
        note(f"`vitbench visualize {next(iter(sizes))} ...` uses {FULL}; --sample N uses N")
    for view in views:
        if kind == "all":
            for words in left_out(view):
                note(words)


def _say_nothing(words: str) -> None:
    """Ignore a note."""
    del words


class _Style(NamedTuple):
    """How pictures are written."""

    file_format: str
    dpi: int
    save_data: bool
    image: Path | None


def _write(
    drawing: "Drawing | Page", out: Path, style: _Style, note: Callable[[str], None]
) -> Path:
    """Write a picture or a page in a folder, and print its path."""
    from vitbench.figures.style import Drawing, save, save_arrays
    from vitbench.files import same_file, write_text

    if not isinstance(drawing, Drawing):
        path = out / drawing.path.with_suffix(".html")
        write_text(path, drawing.text)
        console.product(str(path))
        if drawing.note:
            note(f"{path}: {drawing.note}")
        return path
    path = out / drawing.path.with_name(f"{drawing.path.name}.{style.file_format}")
    if style.image is not None and same_file(path, style.image):
        raise FileError(
            f"--image {style.image} would be overwritten by its own picture: choose another --out"
        )
    save(drawing.figure, path, style.dpi)
    console.product(str(path))
    if style.save_data:
        console.product(str(save_arrays(drawing.data, path.with_suffix(".npz"))))
    return path


def _parse_indices(images: int | None, indices: str | None) -> list[int] | None:
    """Indices of test images from `--indices 0,5,7`; None without it."""
    if indices is None:
        if images is not None and not 1 <= images <= 100:
            raise UsageError(f"--images {images}: give a number from 1 to 100")
        return None
    if images is not None:
        raise UsageError("--images and --indices exclude each other: give one")
    listed = options.whole_numbers("--indices", indices, "0,5,7")
    if any(index < 0 for index in listed) or len(set(listed)) < len(listed) or len(listed) > 100:
        raise UsageError(
            f"--indices {shortened(indices)!r}: give up to 100 different numbers from 0 up"
        )
    return listed
