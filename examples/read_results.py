"""Read a results file in Python: which test images does every model of a study get wrong?

python examples/read_results.py results/positional_embedding_results.json
"""

import base64
import sys
import zlib
from collections import Counter
from pathlib import Path

import numpy as np

from vitbench import read_results


def main(path: Path) -> None:
    """Print each run's accuracy, and how the runs agree."""
    results = read_results(path)
    done = [run for run in results.runs if run.status == "done" and run.predicted]
    for run in done:
        print(f"{run.variant:20} seed {run.seed}: {run.test_top1_pct:.2f} %")
    predicted = np.array(
        [np.frombuffer(zlib.decompress(base64.b64decode(run.predicted)), np.uint8) for run in done]
    )
    majority = [Counter(votes.tolist()).most_common(1)[0][1] for votes in predicted.T]
    agreed = 100 * np.mean(np.array(majority) == len(done))
    print(f"all {len(done)} models give the same answer on {agreed:.1f} % of the test images")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
