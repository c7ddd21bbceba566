"""README's first picture: positional embeddings with and without the reference study's extra table.

    python scripts/finding.py

It reads the results in examples/cifar10 and writes docs/finding.png. Each mark is the difference
from no position, over the same seeds and images, with its simultaneous 95 % interval.
"""

from pathlib import Path

from vitbench.comparison.pairs import compare_study
from vitbench.comparison.verdict import Comparison
from vitbench.figures.settings import own_settings
from vitbench.figures.style import GREY, LINES, new_figure, save
from vitbench.runs.results import read_results

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "examples" / "cifar10" / "results"
OUT = ROOT / "docs" / "finding.png"
ROWS = {"1D learned": "learned-1d", "2D learned": "learned-2d", "Sinusoidal": "sinusoidal"}
ALONE = ("positions alone", "positional_embedding", LINES[0], "o")
ON_TABLE = (
    "on top of an extra learned table (the reference study's code)",
    "positional_embedding_as_published", LINES[1], "s",
)  # fmt: skip


def differences(stem: str) -> list[Comparison]:
    """Each position minus no position, in the order of ROWS."""
    results = read_results(RESULTS / f"{stem}_results.json")
    pairs = compare_study(results).pairs
    both_ways = {
        (pair.first, pair.second): pair for pair in (*pairs, *(p.swapped() for p in pairs))
    }
    return [both_ways[key, "none"] for key in ROWS.values()]


@own_settings({"font.size": 13})
def draw() -> None:
    """Draw both studies on one axis."""
    figure = new_figure(10.7, 4.2, "")
    axes = figure.subplots()
    axes.axvline(0, color="black", linewidth=1)
    for shift, (label, stem, colour, marker) in ((0.16, ALONE), (-0.16, ON_TABLE)):
        for place, pair in enumerate(differences(stem)):
            height = len(ROWS) - 1 - place + shift
            axes.hlines(height, *pair.interval, color=colour, linewidth=3)
            axes.plot(
                pair.difference_pct, height, marker, color=colour, markersize=10,
                label=label if place == 0 else None,
            )  # fmt: skip
            axes.annotate(
                f"{pair.difference_pct:+.1f}".replace("-", "−"), (pair.interval[1], height),
                xytext=(7, 0), textcoords="offset points", va="center", color=colour,
            )  # fmt: skip
    axes.set_yticks(range(len(ROWS))[::-1], list(ROWS))
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(-0.55, len(ROWS) - 0.45)
    axes.grid(axis="x", alpha=0.25)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_xlabel(
        "test accuracy on CIFAR-10, points above no position\n"
        "(three seeds, simultaneous 95% intervals)",
        color=GREY,
    )
    figure.legend(loc="outside upper left", frameon=False, ncols=2, handletextpad=0.3)
    save(figure, OUT, dpi=150)


if __name__ == "__main__":
    draw()
    print(OUT)
