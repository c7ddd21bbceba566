"""`vitbench visualize`: pictures of a checkpoint. The kinds are in pictures/kinds.py."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from vitbench.cli import console, layout, options
from vitbench.config.allowed import DPI, PICTURE_FORMATS
from vitbench.pictures.kinds import KINDS
from vitbench.pictures.request import COMPARE, COMPARES, PictureRequest
from vitbench.runs.writable import check_writable
from vitbench.streams import import_tqdm


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
    """Draw what a trained model attends to, how it represents positions, and how it was trained.

    Writes pictures and prints their paths; `vitbench visualize --list` explains the kinds. With
    several checkpoints each gets a folder with the name of its run.
    """
    request = PictureRequest(
        kind=kind,
        checkpoints=checkpoints,
        out=out,
        num_images=images,
        indices=None if indices is None else options.whole_numbers("--indices", indices, "0,5,7"),
        of_class=of_class,
        wrong=wrong,
        image=image,
        fusion=fusion,
        discard=discard,
        layer=layer,
        head=head,
        patch=patch,
        sample=sample,
        file_format=file_format,
        dpi=dpi,
        save_data=save_data,
        name=name,
        data_dir=data_dir,
        device=device,
        wandb=wandb,
    )
    request.check()
    check_writable("--out", out)

    # From here on torch is needed.
    from vitbench.pictures.draw import omitted_notes, open_jobs, sample_note

    tqdm = import_tqdm()
    jobs = open_jobs(request, _ignore if quiet else console.note)
    is_hidden = quiet or not layout.can_redraw(sys.stderr)
    with tqdm(jobs, desc="visualize", unit="kind", disable=is_hidden, leave=False) as bar:
        for job in bar:
            bar.set_description_str(job.kind)
            for path in job.write():
                console.product(str(path))
    for line in [] if quiet else [*sample_note(jobs), *omitted_notes(jobs)]:
        console.note(line)


def _ignore(line: str) -> None:
    """Ignore a note."""
    del line
