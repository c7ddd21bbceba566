"""StudySpec: a base experiment and its variants, from a YAML file.

The built-in studies are files of the same form, in the folder `studies`.
"""

import contextlib
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from vitbench.config.build import (
    Tree,
    build_spec,
    check_fields_once,
    check_key,
    explain,
    load_mapping,
)
from vitbench.config.experiment import ExperimentSpec
from vitbench.errors import UnknownNameError, UsageError

BUILT_IN = Path(__file__).parent / "studies"
LARGEST_FACTOR = 10**12
FACTOR = r"[0-9.]{1,12}(/[0-9]{1,12}|[eE][-+]?[0-9]{1,2})?"
KEY_PATTERN = r"^[a-z0-9][a-z0-9_.+-]*$"
LONGEST_KEY = 60
# Fields of a study file that are text, even if they look like numbers: `label: 1e-3`.
WORDS = (
    "name", "title", "results", "reference", "notes", "published_notes", "key", "label",
    "published_key", "text", "better", "worse",
)  # fmt: skip
Key = Annotated[str, Field(pattern=KEY_PATTERN, max_length=LONGEST_KEY)]
Line = Annotated[str, Field(min_length=1, max_length=2000)]
# In JSON a key may be a number; keys are text.
WordKey = Annotated[Key, BeforeValidator(lambda key: str(key) if type(key) is int else key)]
WordKeys = Annotated[
    list[WordKey],
    BeforeValidator(lambda keys: keys if isinstance(keys, list) else [keys]),
    Field(min_length=1),
]


class Variant(BaseModel):
    """One row of a study's table."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    key: Annotated[WordKey, Field(description="Its name on the command line and in the results.")]
    label: Annotated[
        Line, Field(description="Its name in tables; sentences use the part before a colon.")
    ]
    set: Annotated[
        dict[str, Any],
        Field(
            description="Fields by dotted name: a value, or {times: 1.5} to multiply the base's "
            "value."
        ),
    ] = {}
    seed_offset: Annotated[
        int,
        Field(
            ge=0,
            le=1_000_000,
            description="Added to each seed: the same spec with other seeds, to measure chance.",
        ),
    ] = 0
    cell: Annotated[
        dict[Key, WordKey],
        Field(description="Its level of each factor, by factor, in a factorial study."),
    ] = {}
    published_key: Annotated[
        str | None, Field(description="Its name in the reference study's flat results file.")
    ] = None
    published_pct: Annotated[
        float | None,
        Field(ge=0, le=100, description="The reference study's test accuracy in %, one run."),
    ] = None


class Level(BaseModel):
    """A level of a factor."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: Annotated[WordKey, Field(description="Its name in keys of variants.")]
    label: Annotated[Line, Field(description="Its name in tables.")]
    set: Annotated[
        dict[str, Any], Field(description="The fields that it sets, as those of a variant.")
    ] = {}


class Factor(BaseModel):
    """A factor of a factorial study: one choice with its levels, the first one as reference."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[Key, Field(description="Its name.")]
    label: Annotated[Line | None, Field(description="Its name in tables; default: its name.")] = (
        None
    )
    levels: Annotated[list[Level], Field(min_length=2, max_length=20, description="Its levels.")]

    @property
    def title(self) -> str:
        """Its name in tables."""
        return self.label or self.name

    @model_validator(mode="after")
    def _levels_differ(self) -> Self:
        keys = [level.key for level in self.levels]
        for key in keys:
            if keys.count(key) > 1:
                raise ValueError(f"two levels of {self.name} have the key {key!r}: rename one")
        return self

    def level(self, key: str) -> Level:
        """The level with a key.

        Raises:
            UnknownNameError: There is no such level.
        """
        for level in self.levels:
            if level.key == key:
                return level
        raise UnknownNameError(f"level of {self.name}", key, [lv.key for lv in self.levels])


class Claim(BaseModel):
    """A conclusion that can be tested: each of these variants is better than each of those."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: Annotated[Line, Field(description="The conclusion in words.")]
    better: Annotated[WordKeys, Field(description="The better variants, or one.")]
    worse: Annotated[WordKeys, Field(description="The worse variants, or one.")]

    @model_validator(mode="after")
    def _compares_two(self) -> Self:
        for key in self.better:
            if key in self.worse:
                raise ValueError(f"{key!r} is listed as better and as worse")
        return self


class StudySpec(BaseModel):
    """A study: its variants, their base, and its claims."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: Annotated[Key, Field(description="Its name on the command line.")]
    title: Annotated[Line, Field(description="Its heading in the report.")]
    results: Annotated[
        Key | None,
        Field(description="Stem of its results file, `<stem>_results.json`; default: its name."),
    ] = None
    budget: Annotated[
        Literal["epochs", "flops"], Field(description="What is equal for all variants.")
    ] = "epochs"
    base: Annotated[
        dict[str, Any], Field(description="Fields by dotted name, applied over the preset.")
    ] = {}
    factors: Annotated[
        list[Factor],
        Field(
            max_length=3,
            description="Two or three factors; without variants, all combinations of their levels "
            "are the variants.",
        ),
    ] = []
    variants: Annotated[list[Variant], Field(min_length=1, description="The rows of its table.")]
    reference: Annotated[
        WordKey | None, Field(description="Variant that the others are compared with.")
    ] = None
    comparisons: Annotated[
        Literal["all", "reference"],
        Field(
            description="The family of comparisons: all pairs, or each variant with the "
            "reference, which gives narrower intervals."
        ),
    ] = "all"
    margin_pct: Annotated[
        float, Field(gt=0, le=100, description="Differences below this many points do not matter.")
    ] = 0.5
    claims: Annotated[list[Claim], Field(description="Conclusions to test.")] = []
    notes: Annotated[list[Line], Field(description="Notes for readers of the report.")] = []
    published_notes: Annotated[
        list[Line],
        Field(description="Notes on the reference study's numbers; shown only beside them."),
    ] = []

    @model_validator(mode="before")
    @classmethod
    def _with_cells(cls, fields: Any) -> Any:
        """The fields with a variant for each cell, if there are factors and no variants."""
        if not isinstance(fields, dict) or not fields.get("factors") or fields.get("variants"):
            return fields
        factors = TypeAdapter(list[Factor]).validate_python(fields["factors"])
        return {**fields, "variants": list(map(_variant_of_cell, _cells(factors)))}

    @model_validator(mode="after")
    def _cells_are_known(self) -> Self:
        if not self.factors:
            for variant in self.variants:
                if variant.cell:
                    raise ValueError(f"variant {variant.key} has a cell, but there are no factors")
            return self
        names = [factor.name for factor in self.factors]
        if len(names) < 2 or len(set(names)) < len(names):
            raise ValueError("factors: give two or three, each with a name of its own")
        seen: dict[tuple[str, ...], str] = {}
        for variant in self.variants:
            if set(variant.cell) != set(names):
                raise ValueError(
                    f"variant {variant.key}: cell must name a level of {', '.join(names)}"
                )
            for factor in self.factors:
                factor.level(variant.cell[factor.name])
            cell = tuple(variant.cell[name] for name in names)
            if cell in seen:
                raise ValueError(f"variants {seen[cell]} and {variant.key} have the same cell")
            seen[cell] = variant.key
        return self

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        keys = [variant.key for variant in self.variants]
        for key in keys:
            if keys.count(key) > 1:
                raise ValueError(f"two variants have the key {key!r}: rename one")
        named = [self.reference] if self.reference is not None else []
        for claim in self.claims:
            named += [*claim.better, *claim.worse]
        for key in named:
            if key not in keys:
                raise UnknownNameError(f"variant of study {self.name}", key, keys)
        return self

    @property
    def results_file(self) -> str:
        """Name of the study's results file."""
        return f"{self.results or self.name}_results.json"

    @property
    def reference_key(self) -> str:
        """The variant that the others are compared with; default: the first."""
        return self.reference or self.variants[0].key

    @property
    def short_labels(self) -> dict[str, str]:
        """The name of each variant in sentences: its label up to ": ", if that is unique."""
        short = {v.key: v.label.partition(": ")[0] or v.label for v in self.variants}
        taken = Counter(short.values())
        return {v.key: short[v.key] if taken[short[v.key]] == 1 else v.label for v in self.variants}

    def variant(self, key: str) -> Variant:
        """The variant with a key.

        Raises:
            UnknownNameError: There is no such variant.
        """
        for variant in self.variants:
            if variant.key == key:
                return variant
        keys = [variant.key for variant in self.variants]
        raise UnknownNameError(f"variant of study {self.name}", key, keys)


def study_names() -> list[str]:
    """Names of the built-in studies, the reference study's four first."""
    order = ["patch-size", "pos-embed", "hyperparams", "augmentation"]
    stems = sorted(path.stem for path in BUILT_IN.glob("*.yaml"))
    return [name for name in order if name in stems] + [s for s in stems if s not in order]


def load_study(given: str) -> StudySpec:
    """A built-in study by name, or a study file by path.

    Raises:
        UnknownNameError: It is neither the name of a study nor a path.
        FileError: The file is absent or not readable.
        UsageError: A field is unknown or its value out of range.
    """
    path = study_file(given)
    return parse_study(load_mapping(path, "study", WORDS), str(path))


def study_file(given: str) -> Path:
    """The file of a built-in study by name, or a path itself.

    Raises:
        UnknownNameError: It is neither the name of a study nor a path.
    """
    name = given.lower().replace("_", "-")
    if name in study_names():
        return BUILT_IN / f"{name}.yaml"
    if given.endswith((".yaml", ".yml", ".json")) or "/" in given or "\\" in given:
        return Path(given)
    raise UnknownNameError("study", given, [*study_names(), "all"])


def parse_study(fields: Tree, source: str) -> StudySpec:
    """A study from the fields of its file.

    Args:
        fields: The contents of the file.
        source: Its name, for messages.

    Raises:
        UsageError: A field is unknown or its value out of range.
    """
    try:
        study = StudySpec.model_validate(fields)
        _check_set(study.base, "base")
        for variant in study.variants:
            _check_set(variant.set, f"variant {variant.key}")
    except ValidationError as error:
        raise UsageError(f"{source}: {explain(error, StudySpec)}") from None
    except UsageError as error:
        raise UsageError(f"{source}: {error}") from None
    return study


def _check_set(fields: Tree, where: str) -> None:
    """Raise UsageError if a study sets an invalid field, or a field twice."""
    for key in fields:
        check_key(key)
    check_fields_once(fields)
    if "seed" in fields:
        raise UsageError(
            f"{where} sets seed: use --seeds N or --seed-list, or seed_offset for other seeds of "
            "a variant"
        )


def base_spec(study: StudySpec, *layers: Tree) -> ExperimentSpec:
    """The base experiment of a study: the preset, then the study's fields, then the user's.

    Args:
        study: The study.
        layers: The fields of the preset and, last, those of the user.
    """
    preset, *asked = layers
    return build_spec(preset, study.base, *asked)


def variant_spec(base: ExperimentSpec, study: StudySpec, variant: Variant) -> ExperimentSpec:
    """The experiment of a variant: the base with the variant's fields set.

    Raises:
        UsageError: A field cannot have that value; the message names study and variant.
    """
    where = f"study {study.name}, variant {variant.key}"
    fields: Tree = {}
    try:
        for key, value in variant.set.items():
            fields[key] = _multiplied(base, key, value["times"]) if is_factor(value) else value
        return build_spec(base.to_json(), fields)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None


def has_factor(variant: Variant) -> bool:
    """Whether a variant multiplies a field of the base."""
    return any(map(is_factor, variant.set.values()))


def is_factor(value: object) -> bool:
    """Whether a value is of the form `{times: 1.5}`."""
    return isinstance(value, dict) and set(value) == {"times"}


def _multiplied(base: ExperimentSpec, key: str, factor: object) -> int | float:
    """The base's value times a factor, such as 1.5 or "4/3"; an integer must stay an integer."""
    value: Any = base
    for part in key.split("."):
        value = getattr(value, part, None)
    if isinstance(value, bool) or not isinstance(value, int | float):
        shown = " + ".join(map(str, value)) if isinstance(value, tuple) else value
        raise UsageError(f"{key} is {shown}, which cannot be multiplied")
    product = Fraction(str(value)) * _as_fraction(factor)
    if isinstance(value, float):
        return float(product)
    if product.denominator != 1:
        raise UsageError(f"{key} {value} times {factor} is {float(product):g}, not a whole number")
    return int(product)


def _as_fraction(factor: object) -> Fraction:
    """A number, or a short text such as "4/3", exactly; long texts could fill the memory."""
    number = isinstance(factor, int | float) and not isinstance(factor, bool)
    if number or (isinstance(factor, str) and re.fullmatch(FACTOR, factor)):
        with contextlib.suppress(ValueError, ZeroDivisionError):
            fraction = Fraction(str(factor))
            if abs(fraction) < LARGEST_FACTOR:
                return fraction
    raise UsageError(f"times: {factor!r} is neither a number nor a fraction such as '4/3'")


def _cells(factors: Sequence[Factor]) -> Iterator[tuple[tuple[Factor, Level], ...]]:
    """All combinations of levels."""
    for levels in itertools.product(*(factor.levels for factor in factors)):
        yield tuple(zip(factors, levels, strict=True))


def _variant_of_cell(cell: Sequence[tuple[Factor, Level]]) -> dict[str, Any]:
    """The fields of the variant of a combination of levels."""
    fields: dict[str, Any] = {}
    for _, level in cell:
        for field, value in level.set.items():
            if field in fields:
                raise ValueError(
                    f"two factors set {field}: list the variants with their cells instead"
                )
            fields[field] = value
    return {
        "key": "-".join(level.key for _, level in cell),
        "label": ", ".join(level.label for _, level in cell),
        "set": fields,
        "cell": {factor.name: level.key for factor, level in cell},
    }


def folder_for(results_dir: Path, dataset: str) -> Path:
    """Folder of results files: a sub-folder for a data set other than CIFAR-10."""
    return results_dir if dataset == "cifar10" else results_dir / dataset
