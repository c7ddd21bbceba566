"""`vitbench visualize`: look inside a checkpoint, PNG files out.

A kind of picture is a function below and a line in KINDS; what it analyses is in attention/, how it
is drawn in figures/.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from vitbench.cli import console, options
from vitbench.errors import FileError, UsageError, shortened

if TYPE_CHECKING:
    from vitbench.cli.view import View

ATTENTION = Path("attention_visualization")


class Kind(NamedTuple):
    """A kind of picture: its function, and what it shows, in a line."""

    draw: "Callable[[View], Iterator[Path]]"
    shows: str


def _rollout(view: "View") -> "Iterator[Path]":
    from vitbench.attention.heads import maps_over_patches
    from vitbench.attention.rollout import rollout
    from vitbench.figures.attention import draw_rollout

    seen = view.capture
    joint = rollout(seen.weights, view.fusion, view.discard)
    maps = maps_over_patches(joint, seen.grid, seen.class_token).numpy()
    title = f"Attention rollout ({view.fusion} over heads), {view.whose_attention}"
    title += ", signed weights by their size" if seen.signed else ""
    for index, picture, heat in zip(view.indices, view.pictures, maps, strict=True):
        path = view.out / ATTENTION / "attention_rollout" / f"rollout_image_{index}.png"
        yield draw_rollout(picture, heat, title, path)


def _last_layer(view: "View") -> "Iterator[Path]":
    from vitbench.attention.heads import maps_over_patches
    from vitbench.figures.attention import draw_maps, shared_limits

    seen = view.capture
    layer = view.layer_number
    maps = maps_over_patches(seen.weights[layer], seen.grid, seen.class_token).numpy()
    limits = shared_limits(maps, seen.signed)
    folder = view.out / ATTENTION / "last_layer_attention"
    where = "last layer" if layer == len(seen.weights) - 1 else f"layer {layer}"
    mean = maps.mean(axis=1)
    title = f"Mean of {maps.shape[1]} heads, {where}: {view.whose_attention}"
    # On a scale of its own: heads are sharper than their mean, which would be all dark on theirs.
    own_limits = shared_limits(mean, seen.signed)
    yield draw_maps(view.pictures, mean, title, own_limits, folder / "head_avg.png")
    for head in range(maps.shape[1]):
        title = f"Head {head}, {where}: {view.whose_attention}"
        yield draw_maps(view.pictures, maps[:, head], title, limits, folder / f"head_{head}.png")


def _layers(view: "View") -> "Iterator[Path]":
    from vitbench.attention.heads import maps_over_patches
    from vitbench.figures.attention import draw_maps, shared_limits

    seen = view.capture
    maps = maps_over_patches(seen.weights.mean(dim=2), seen.grid, seen.class_token).numpy()
    limits = shared_limits(maps, seen.signed)
    folder = view.out / ATTENTION / "all_layers_attention"
    for layer, of_layer in enumerate(maps):
        title = f"Layer {layer} (of 0 to {len(maps) - 1}), mean of heads: {view.whose_attention}"
        yield draw_maps(view.pictures, of_layer, title, limits, folder / f"layer_{layer}.png")


def _pos_embed(view: "View") -> "Iterator[Path]":
    from vitbench.attention.similarity import cosine_similarity, norms, position_vectors
    from vitbench.figures.positions import draw_positions

    grid = view.model.patch_embed.grid
    vectors = position_vectors(view.model)
    similarity = cosine_similarity(vectors, grid).unflatten(0, grid)
    path = view.out / ATTENTION / "positional_embeddings" / "pos_embed_visualization.png"
    title = f"Positions: {' + '.join(map(str, view.spec.model.pos_embed))}"
    yield draw_positions(similarity.numpy(), norms(vectors, grid).numpy(), title, path)


def _curves(view: "View") -> "Iterator[Path]":
    from vitbench.figures.curves import draw_curves

    for loss, words in (("train_loss", "training loss"), ("val_loss", "validation loss")):
        path = view.out / "plots" / f"{view.name}_{loss}.png"
        yield draw_curves(view.curves(loss), words, f"{view.title}: {words}", path)


KINDS = {
    "rollout": Kind(_rollout, "where the answer comes from (Abnar and Zuidema, arXiv:2005.00928)"),
    "pos-embed": Kind(_pos_embed, "how alike the positions are (Dosovitskiy et al., figure 7)"),
    "last-layer": Kind(
        _last_layer, "the class token's attention, head by head, in the last layer or --layer"
    ),
    "layers": Kind(_layers, "the class token's attention, layer by layer"),
    "curves": Kind(_curves, "training and validation loss; of a results file, all its variants"),
}


def _list_kinds(asked: bool) -> None:
    if asked:
        rows = [*((name, kind.shows) for name, kind in KINDS.items()), ("all", "all of these")]
        console.product(console.table(("kind", "what it shows"), rows))
        raise typer.Exit


def visualize(
    kind: Annotated[
        str, typer.Argument(metavar="KIND", help=f"{', '.join(KINDS)} or all.", show_default=False)
    ],
    checkpoints: Annotated[
        list[Path],
        typer.Argument(
            metavar="CHECKPOINT...",
            help="Checkpoint files or run folders; for curves, results files too.",
            show_default=False,
            parser=options.path,
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", help="Folder of pictures.", parser=options.path)
    ] = Path("visualizations"),
    images: Annotated[
        int | None, typer.Option("--images", help="The first N test images; five unless given.")
    ] = None,
    indices: Annotated[
        str | None, typer.Option("--indices", help="The test images themselves, as 0,5,7.")
    ] = None,
    fusion: Annotated[
        str, typer.Option("--fusion", help="Rollout: how heads become one: mean, max or min.")
    ] = "mean",
    discard: Annotated[
        float, typer.Option("--discard", help="Rollout: share of each row's weights left out.")
    ] = 0.0,
    layer: Annotated[
        int | None, typer.Option("--layer", help="Layer of last-layer, from 0; the last.")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Name in the curves' files; the run's own.")
    ] = None,
    data_dir: options.DataDir = None,
    device: options.Device = "auto",
    wandb: Annotated[
        str, typer.Option("--wandb", help="Log the pictures to the run's W&B: online or offline.")
    ] = "disabled",
    quiet: options.Quiet = False,
    _list: Annotated[
        bool,
        typer.Option("--list", callback=_list_kinds, is_eager=True, help="List the kinds."),
    ] = False,
) -> None:
    """Look inside a trained model: PNG files out.

    Their paths are printed. Several checkpoints at once write a folder each, by the run's name.
    """
    options.check_word("kind", kind, (*KINDS, "all"))
    options.check_word("--fusion", fusion, ("mean", "max", "min"))
    options.check_word("--device", device, options.DEVICES)
    options.check_word("--wandb", wandb, options.WANDB_MODES)
    options.check_folder("--out", out)
    if not 0 <= discard <= 0.99:
        raise UsageError(f"--discard {discard}: give a share from 0 to 0.99")
    if name is not None and not re.fullmatch(r"(?=.*\w)[\w.+-]{1,100}", name):
        raise UsageError(
            f"--name {shortened(name)!r}: use letters, digits, hyphens and underscores, 100 at most"
        )
    chosen = _parse_indices(images, indices)
    for path in checkpoints:
        if not path.exists():
            raise FileError(f"no checkpoint, run folder or results file {path}")

    # From here on torch is needed.
    from tqdm import tqdm

    from vitbench.cli.view import View, open_view

    kinds = list(KINDS) if kind == "all" else [kind]
    views: list[View] = [
        open_view(path, out, chosen, fusion, discard, layer, name, data_dir, device)
        for path in checkpoints
    ]
    if len(views) > 1:
        names = [view.folder_name for view in views]
        if twice := next((n for n in names if names.count(n) > 1), None):
            raise UsageError(f"two checkpoints are of the same run ({twice}): give it once")
        views = [view.below(view.folder_name) for view in views]
    jobs = [(view, name) for view in views for name in kinds if view.offers(name, kind == "all")]
    for view, job in jobs:
        view.check(job)
    with tqdm(jobs, desc="visualize", unit="kind", disable=quiet or None, leave=False) as bar:
        for view, job in bar:
            bar.set_description_str(job)
            drawn = list(KINDS[job].draw(view))
            for path in drawn:
                console.product(str(path))
            view.log(drawn, wandb, console.note)
    for view in views:
        if kind == "all" and not quiet:
            for note in view.left_out():
                console.note(note)


def _parse_indices(images: int | None, indices: str | None) -> list[int]:
    """Indices of test images from `--images N` or `--indices 0,5,7`."""
    if indices is None:
        count = 5 if images is None else images
        if not 1 <= count <= 100:
            raise UsageError(f"--images {count}: give a number from 1 to 100")
        return list(range(count))
    if images is not None:
        raise UsageError("--images and --indices exclude each other: give one")
    listed = options.whole_numbers("--indices", indices, "0,5,7")
    if any(index < 0 for index in listed) or len(set(listed)) < len(listed) or len(listed) > 100:
        raise UsageError(
            f"--indices {shortened(indices)!r}: give up to 100 different numbers from 0 up"
        )
    return listed
