"""Read a results file in Python: which test images does every model of a study get wrong?

python examples/read_results.py results/positional_embedding_results.json
"""

import base64
import sys
import zlib
from pathlib import Path

import numpy as np

from vitbench import read_results


def main(path: Path) -> None:
    """Print the accuracy of each run, and the test images that every run gets wrong."""
    results = read_results(path)
    done = [run for run in results.runs if run.status == "done" and run.predicted]
    for run in done:
        print(f"{run.variant:20} seed {run.seed}: {run.test_top1_pct:.2f} %")
    if not done or results.test_labels is None:
        sys.exit(f"{path} has no predictions: run the sweep again")
    predicted = np.array([classes(run.predicted) for run in done])  # (runs, images)
    wrong_in_all = np.flatnonzero((predicted != classes(results.test_labels)).all(axis=0))
    share = 100 * len(wrong_in_all) / predicted.shape[1]
    print(f"all {len(done)} models are wrong on {len(wrong_in_all)} test images ({share:.1f} %)")
    print("the first of them:", *wrong_in_all[:10])


def classes(text: str) -> np.ndarray:
    """The class of each test image, from the text in a results file."""
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
