"""One integer from (seed, purpose, epoch)."""

import itertools

from vitbench.config.seeds import derive_seed


def test_every_seed_purpose_and_epoch_draws_from_its_own() -> None:
    keys = itertools.product(range(20), ("init", "order", "augmentation", "dropout"), range(20))

    seeds = [derive_seed(*key) for key in keys]

    assert len(set(seeds)) == len(seeds)


def test_seed_and_epoch_do_not_run_into_one_another() -> None:
    assert derive_seed(1, "order", 11) != derive_seed(11, "order", 1)


def test_a_derived_seed_is_one_that_torch_takes() -> None:
    """`torch.manual_seed` takes up to 2**64 - 1, a NumPy generator none below 0."""
    assert all(0 <= derive_seed(2**63 - 1, "order", epoch) < 2**63 for epoch in range(100))


def test_a_derived_seed_never_changes() -> None:
    """SHA-256 of "0/order/1", its first 8 bytes as a number, halved: from `sha256sum`."""
    assert derive_seed(0, "order", 1) == int("7c9b834547ac6879", 16) >> 1
