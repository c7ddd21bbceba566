"""StudySpec: a base experiment and its variants, from a YAML file.

The built-in studies are files like a user's own, in the folder beside this module.
"""

import contextlib
import re
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

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
# Fields of a study's file that are words, also where they look like numbers: `label: 1e-3`.
WORDS = (
    "name", "title", "results", "reference", "notes", "published_notes", "key", "label",
    "published_key", "text", "better", "worse",
)  # fmt: skip
Key = Annotated[str, Field(pattern=KEY_PATTERN, max_length=LONGEST_KEY)]
Line = Annotated[str, Field(min_length=1, max_length=2000)]
# In JSON a key may be a number; a key is a word.
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
    label: Annotated[Line, Field(description="Its name in tables; in sentences up to a colon.")]
    set: Annotated[
        dict[str, Any],
        Field(description="Fields by dotted name: a value, or {times: 1.5} of the base's."),
    ] = {}
    seed_offset: Annotated[
        int,
        Field(
            ge=0,
            le=1_000_000,
            description="Added to each seed: the same spec at other seeds, to see chance alone.",
        ),
    ] = 0
    published_key: Annotated[
        str | None, Field(description="Its name in the reference study's flat results file.")
    ] = None
    published_pct: Annotated[
        float | None,
        Field(ge=0, le=100, description="The reference study's test accuracy in %, one run."),
    ] = None


class Claim(BaseModel):
    """A conclusion, in a form that can be computed: each of these is better than each of those."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: Annotated[Line, Field(description="What was concluded.")]
    better: Annotated[WordKeys, Field(description="Variants that it says are better, or one.")]
    worse: Annotated[WordKeys, Field(description="Variants that it says are worse, or one.")]

    @model_validator(mode="after")
    def _compares_two(self) -> Self:
        for key in self.better:
            if key in self.worse:
                raise ValueError(f"{key!r} is said to be better than itself")
        return self


class StudySpec(BaseModel):
    """A study: what is varied, around what base, and what is known of it."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: Annotated[Key, Field(description="Its name on the command line.")]
    title: Annotated[Line, Field(description="Its heading in the report.")]
    results: Annotated[
        Key | None,
        Field(
            description="Stem of its results file, `<stem>_results.json`; the name unless given."
        ),
    ] = None
    budget: Annotated[
        Literal["epochs", "flops"], Field(description="What is equal for all variants.")
    ] = "epochs"
    base: Annotated[
        dict[str, Any], Field(description="Fields by dotted name, over those of the preset.")
    ] = {}
    variants: Annotated[list[Variant], Field(min_length=1, description="The rows of its table.")]
    reference: Annotated[
        WordKey | None, Field(description="Variant that the others are compared with.")
    ] = None
    margin_pct: Annotated[
        float, Field(gt=0, le=100, description="Differences below this many points do not matter.")
    ] = 0.5
    claims: Annotated[list[Claim], Field(description="Conclusions to be judged.")] = []
    notes: Annotated[list[Line], Field(description="What a reader of the table must know.")] = []
    published_notes: Annotated[
        list[Line],
        Field(description="The same of the reference study's numbers; shown beside them only."),
    ] = []

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        keys = [variant.key for variant in self.variants]
        for key in keys:
            if keys.count(key) > 1:
                raise ValueError(f"two variants have the key {key!r}: give each its own")
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
        """The variant that the others are compared with: the one named, or the first."""
        return self.reference or self.variants[0].key

    @property
    def short_labels(self) -> dict[str, str]:
        """What sentences call each variant, by key: its label up to ": ", if that is its alone."""
        short = {v.key: v.label.partition(": ")[0] or v.label for v in self.variants}
        taken = Counter(short.values())
        return {v.key: short[v.key] if taken[short[v.key]] == 1 else v.label for v in self.variants}

    def variant(self, key: str) -> Variant:
        """The variant of a key.

        Raises:
            UnknownNameError: There is none.
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
    """A built-in study by its name, or a user's own by the path of its file.

    Raises:
        UnknownNameError: It is no name of a study and looks like no path.
        FileError: The file is absent or not readable.
        UsageError: A field is unknown or its value out of range.
    """
    path = study_file(given)
    return parse_study(load_mapping(path, "study", WORDS), str(path))


def study_file(given: str) -> Path:
    """The file of a built-in study, by its name, or the one at a path.

    Raises:
        UnknownNameError: It is no name of a study and looks like no path.
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
        fields: What the file holds.
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
    """Raise UsageError where a study sets a field that it cannot, or one twice."""
    for key in fields:
        check_key(key)
    check_fields_once(fields)
    if "seed" in fields:
        raise UsageError(
            f"{where} sets seed: a sweep's seeds are --seeds N or --seed-list; seed_offset gives "
            "a variant other ones"
        )


def base_spec(study: StudySpec, *layers: Tree) -> ExperimentSpec:
    """The base experiment of a study: preset first, then the study's own fields, then the user's.

    Args:
        study: The study.
        layers: The preset's fields and, last, what the user asked for.
    """
    preset, *asked = layers
    return build_spec(preset, study.base, *asked)


def variant_spec(base: ExperimentSpec, study: StudySpec, variant: Variant) -> ExperimentSpec:
    """The experiment of a variant: the base with the variant's fields set.

    Raises:
        UsageError: A field cannot be set so; the message names study and variant.
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
    """Whether a variant sets a field to a multiple of the base's."""
    return any(map(is_factor, variant.set.values()))


def is_factor(value: object) -> bool:
    """Whether what a variant sets is `{times: 1.5}`."""
    return isinstance(value, dict) and set(value) == {"times"}


def _multiplied(base: ExperimentSpec, key: str, factor: object) -> int | float:
    """The base's value times a factor, as 1.5 or "4/3"; it must be whole where the base's is."""
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
    """A number, or a short text as "4/3" or "1.5", exactly; a long one could fill the memory."""
    number = isinstance(factor, int | float) and not isinstance(factor, bool)
    if number or (isinstance(factor, str) and re.fullmatch(FACTOR, factor)):
        with contextlib.suppress(ValueError, ZeroDivisionError):
            fraction = Fraction(str(factor))
            if abs(fraction) < LARGEST_FACTOR:
                return fraction
    raise UsageError(f"times: {factor!r} is neither a number nor a fraction as '4/3'")


def folder_for(results_dir: Path, dataset: str) -> Path:
    """Folder of results files: one level down for a data set that is not the default."""
    return results_dir if dataset == "cifar10" else results_dir / dataset
