"""What a sweep is asked to do, checked before torch is imported."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from vitbench.config.build import Tree
from vitbench.config.presets import AUTO
from vitbench.config.study import StudySpec, load_study
from vitbench.errors import UnknownNameError, UsageError
from vitbench.registry import EXECUTORS
from vitbench.study.seeds import Seeds

if TYPE_CHECKING:
    from vitbench.runs.experiment import RunOptions

ALL = "all"
DOCUMENT_STUDIES = ("patch-size", "pos-embed", "hyperparams", "augmentation")
BUDGETS = ("epochs", "flops")
DEFAULT_SEEDS = (0, 1, 2)
FIRST_LOOK = 5  # seeds at the first check of a precision; with three, seed noise looks too small
DEFAULT_MAX_SEEDS = 20
MOST_SEEDS = 1000


@dataclass(frozen=True)
class SweepRequest:
    """Studies to run, and how; the Python form of `vitbench sweep`.

    Attributes:
        studies: The studies, as load_studies returns them.
        fields: Fields of the spec that replace those of the preset: `{"data.dataset": "shapes"}`,
            or nested.
        preset: Name of the preset; `auto` is `default` on a GPU and `cpu` elsewhere.
        seeds: Seeds of each variant; None for 0, 1, 2, or for those that precision_pct adds.
        seeds_by_variant: Seeds of variants that have others, by key.
        only: Keys of the variants to train; empty for all.
        precision_pct: Add seeds until the half-width of every interval is at most this, in points;
            None to add none.
        max_seeds: Largest number of seeds with precision_pct; None for 20.
        tune: A field and its values to tune per variant, as in `train.lr=1e-3,2e-3`.
        results_dir: Folder of results files.
        runs_dir: Folder of run folders.
        jobs: Number of parallel runs, or `auto`.
        executor: A name of the registry EXECUTORS, or `auto`.
        run_options: Options of each run; None for the defaults of RunOptions.

    Raises:
        UsageError: Two of them contradict each other, or one is out of range.
    """

    studies: tuple[StudySpec, ...]
    fields: Tree = field(default_factory=dict)
    preset: str = AUTO
    seeds: tuple[int, ...] | None = None
    seeds_by_variant: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    only: tuple[str, ...] = ()
    precision_pct: float | None = None
    max_seeds: int | None = None
    tune: str | None = None
    results_dir: Path = Path("results")
    runs_dir: Path = Path("runs")
    jobs: str = "auto"
    executor: str = "auto"
    run_options: "RunOptions | None" = None

    def __post_init__(self) -> None:
        if "seed" in self.fields:
            raise UsageError("--set seed: a sweep has several seeds: use --seeds N or --seed-list")
        if self.executor != "auto":
            EXECUTORS.check(self.executor)
        if self.seeds == () or () in self.seeds_by_variant.values():
            raise UsageError("a sweep needs at least one seed")
        keys = {variant.key: None for study in self.studies for variant in study.variants}
        for key in self.seeds_by_variant:
            if key not in keys:
                raise UnknownNameError("variant in --seeds", key, list(keys))
        if self.precision_pct is None:
            if self.max_seeds is not None:
                raise UsageError("--max-seeds belongs to --precision; use --seeds N for N seeds")
            return
        if self.seeds is not None or self.seeds_by_variant:
            raise UsageError("--precision adds seeds itself: omit --seeds and --seed-list")
        if not 0 < self.precision_pct < 100:
            raise UsageError(
                f"--precision {self.precision_pct:g}: give points above 0 and below 100, such as "
                "0.5"
            )
        if not FIRST_LOOK < self.most_seeds <= MOST_SEEDS:
            raise UsageError(
                f"--max-seeds {self.most_seeds}: give a number from {FIRST_LOOK + 1} to "
                f"{MOST_SEEDS}"
            )

    @property
    def most_seeds(self) -> int:
        """The largest number of seeds with precision_pct."""
        return DEFAULT_MAX_SEEDS if self.max_seeds is None else self.max_seeds

    @property
    def first_seeds(self) -> Seeds:
        """The seeds of each variant, before precision_pct adds others."""
        if self.precision_pct is not None:
            return Seeds(tuple(range(FIRST_LOOK)))
        return Seeds(DEFAULT_SEEDS if self.seeds is None else self.seeds, self.seeds_by_variant)


def load_studies(sources: Iterable[str], budget: str | None = None) -> tuple[StudySpec, ...]:
    """Load studies, each once.

    Args:
        sources: Names of built-in studies, paths of study files, or `all` for the four studies of
            the reference document.
        budget: What is equal for all variants, `epochs` or `flops`; None for each study's own.

    Raises:
        FileError: A study file cannot be read.
        UsageError: A study or the budget is invalid, or different studies have the same name.
    """
    if budget is not None and budget not in BUDGETS:
        raise UnknownNameError("--budget", budget, BUDGETS)
    update: Mapping[str, str] = {} if budget is None else {"budget": budget}
    names = [n for source in sources for n in (DOCUMENT_STUDIES if source == ALL else (source,))]
    studies = {name: load_study(name).model_copy(update=update) for name in names}
    by_name: dict[str, str] = {}
    for source, study in studies.items():
        other = by_name.setdefault(study.name, source)
        if studies[other] != study:
            raise UsageError(
                f"{other} and {source} are different studies with the same name ({study.name}): "
                "rename one"
            )
    return tuple(studies[source] for source in by_name.values())
