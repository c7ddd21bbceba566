import itertools

from vitbench.spec.seeds import derive_seed


def test_every_purpose_epoch_and_seed_draws_from_its_own() -> None:
    keys = itertools.product(range(20), ("init", "order", "augmentation", "dropout"), range(20))

    seeds = [derive_seed(*key) for key in keys]

    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_a_derived_seed_never_changes() -> None:
    """SHA-256 of "0/order/1", its first 8 bytes as a number, halved: from `sha256sum`."""
    assert derive_seed(0, "order", 1) == int("7c9b834547ac6879", 16) >> 1
