"""One integer from (seed, purpose, epoch), so that generators are independent of each other."""

import hashlib


def derive_seed(seed: int, purpose: str, epoch: int = 0) -> int:
    """A seed of 63 bits for one purpose of one epoch of one run.

    Args:
        seed: The run's seed.
        purpose: What is drawn: "init", "order", "augmentation", "dropout".
        epoch: Epoch, counted from 1; 0 for draws that happen once.
    """
    digest = hashlib.sha256(f"{seed}/{purpose}/{epoch}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
