"""The picture of a positional embedding: how alike the places are, and how long their vectors."""

import numpy as np
from matplotlib.figure import Figure

from vitbench.figures.settings import own_settings
from vitbench.figures.style import ONE_SIDED, SIGNED, Array, new_figure

MOST_MAPS = 8  # rows and columns of small maps; a finer grid shows every second patch, or fourth


@own_settings()
def positions_figure(similarity: Array, norms: Array, title: str) -> Figure:
    """A small map for each patch, its similarity with all places, and the vectors' lengths.

    Args:
        similarity: (rows, cols, rows, cols), cosine of a patch's vector with each other's.
        norms: (rows, cols), lengths of the vectors.
        title: Whose positions they are.
    """
    rows, cols = norms.shape
    step = -(-max(rows, cols) // MOST_MAPS)
    figure = new_figure(10.6, 6.2, title)
    left, right = figure.subplots(1, 2, width_ratios=(2.2, 1))
    shown = left.imshow(
        _tiles(similarity[::step, ::step]), cmap=SIGNED, vmin=-1, vmax=1, interpolation="nearest"
    )
    some = f"\n(one patch of each {step} x {step} is shown)" if step > 1 else ""
    left.set_title(f"cosine similarity of each patch's position with all others{some}")
    left.set_xlabel("column of the patch")
    left.set_ylabel("row of the patch")
    for axis, num in ((left.xaxis, cols), (left.yaxis, rows)):
        patches = range(0, num, step)
        middles = [place * (num + 1) + (num - 1) / 2 for place in range(len(patches))]
        axis.set_ticks(middles, labels=[str(patch) for patch in patches])
    left.tick_params(length=0)
    left.spines[:].set_visible(False)
    figure.colorbar(shown, ax=left, shrink=0.7)
    lengths = right.imshow(norms, cmap=ONE_SIDED, vmin=0, interpolation="nearest")
    right.set_title("length of the vector")
    right.set_xticks([])
    right.set_yticks([])
    figure.colorbar(lengths, ax=right, shrink=0.45)
    return figure


def _tiles(maps: Array) -> Array:
    """Maps (R, C, rows, cols) side by side with a white line between: one array of values."""
    down, across, rows, cols = maps.shape
    tiled = np.full((down * (rows + 1) - 1, across * (cols + 1) - 1), np.nan)
    for i in range(down):
        for j in range(across):
            tiled[
                i * (rows + 1) : (i + 1) * (rows + 1) - 1, j * (cols + 1) : (j + 1) * (cols + 1) - 1
            ] = maps[i, j]
    return tiled
