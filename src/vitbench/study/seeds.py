"""The seeds of each variant of a study: the same for all, or different numbers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Seeds:
    """The seeds of each variant.

    Attributes:
        shared: Seeds of every variant that is not in `by_variant`.
        by_variant: Seeds of variants with others, by key.
    """

    shared: tuple[int, ...]
    by_variant: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def of(self, variant: str) -> tuple[int, ...]:
        """The seeds of a variant."""
        return self.by_variant.get(variant, self.shared)

    def all(self) -> tuple[int, ...]:
        """All seeds of any variant, each once, in order."""
        seeds = [*self.shared, *(seed for other in self.by_variant.values() for seed in other)]
        return tuple(dict.fromkeys(seeds))

    def planned(self, variants: Iterable[str]) -> dict[str, list[int]]:
        """The seeds of each of some variants; empty if they are all the same."""
        seeds = {key: list(self.of(key)) for key in variants}
        return seeds if len({tuple(of_key) for of_key in seeds.values()}) > 1 else {}

    @classmethod
    def counted(cls, numbers: Mapping[str, int]) -> "Seeds":
        """Seeds from 0 for each variant, by their number."""
        return cls((), {key: tuple(range(number)) for key, number in numbers.items()})
