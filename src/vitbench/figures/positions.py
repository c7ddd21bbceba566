"""The picture of positional embeddings: their similarity, and the norms of their vectors."""

import numpy as np
from matplotlib.figure import Figure

from vitbench.figures.settings import own_settings
from vitbench.figures.style import ONE_SIDED, SIGNED, Array, new_figure

MOST_MAPS = 8  # rows and columns of small maps; a finer grid shows every second or fourth patch


@own_settings()
def positions_figure(similarity: Array, norms: Array, title: str) -> Figure:
    """A small map per patch, its similarity with all patches, and the norms of the vectors.

    Args:
        similarity: (rows, cols, rows, cols), cosine similarity of every two vectors.
        norms: (rows, cols), norms of the vectors.
        title: Heading.
    """
    rows, cols = norms.shape
    step = -(-max(rows, cols) // MOST_MAPS)
    figure = new_figure(9.6, 6.0, title)
    left, right = figure.subplots(1, 2, width_ratios=(2.6, 1))
    shown = left.imshow(
        _tiles(similarity[::step, ::step]), cmap=SIGNED, vmin=-1, vmax=1, interpolation="nearest"
    )
    some = f"\n(one of {step} x {step} patches is shown)" if step > 1 else ""
    left.set_title(f"cosine similarity with all other patches{some}", fontsize=10)
    left.set_xlabel("column of the patch")
    left.set_ylabel("row of the patch")
    for axis, num in ((left.xaxis, cols), (left.yaxis, rows)):
        patches = range(0, num, step)
        middles = [place * (num + 1) + (num - 1) / 2 for place in range(len(patches))]
        axis.set_ticks(middles, labels=[str(patch) for patch in patches])
    left.tick_params(length=0)
    left.spines[:].set_visible(False)
    figure.colorbar(shown, ax=left, shrink=0.8, location="bottom", aspect=40, pad=0.02)
    lengths = right.imshow(norms, cmap=ONE_SIDED, vmin=0, interpolation="nearest")
    right.set_title("norm of the vector", fontsize=10)
    right.set_xticks([])
    right.set_yticks([])
    figure.colorbar(lengths, ax=right, location="bottom", aspect=20, pad=0.02)
    return figure


def _tiles(maps: Array) -> Array:
    """Maps (R, C, rows, cols) side by side with white lines between, as one array."""
    down, across, rows, cols = maps.shape
    tiled = np.full((down * (rows + 1) - 1, across * (cols + 1) - 1), np.nan)
    for i in range(down):
        for j in range(across):
            tiled[
                i * (rows + 1) : (i + 1) * (rows + 1) - 1, j * (cols + 1) : (j + 1) * (cols + 1) - 1
            ] = maps[i, j]
    return tiled
