"""RunResult and StudyResults: the files of runs and studies, with every field described.

No torch here: reports need only these files.
"""

import base64
import unicodedata
import zlib
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from vitbench.config.recorded import LARGEST, RecordedSpec
from vitbench.config.study import StudySpec
from vitbench.training.bits import MOST_THREADS
from vitbench.training.history import Count, EpochRecord, Loss, Percent, Rate, Seconds

SCHEMA_VERSION = 1
MOST_TEST_IMAGES = 10_000_000
NO_PLACE_IN_A_LINE = ("Cc", "Zl", "Zp")  # control characters, NUL among them, and line ends


def on_one_line(text: str) -> str:
    """Text with spaces in place of control characters and line ends, as Line requires."""
    return "".join(" " if unicodedata.category(c) in NO_PLACE_IN_A_LINE else c for c in text)


def _checked_line(text: str) -> str:
    if not text.isprintable() and on_one_line(text) != text:
        raise ValueError("it contains a line end, a NUL or another control character")
    return text


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("it contains a NUL")
    return text


def _checked_value(value: Any) -> Any:
    """A value of a spec field in JSON: no number that is too large to print."""
    if isinstance(value, str):
        _checked_line(value)
    elif isinstance(value, int | float):
        if not abs(value) < LARGEST:  # NaN is not
            raise ValueError("it contains a number that is too large")
    elif isinstance(value, list | dict):
        for one in (*value, *value.values()) if isinstance(value, dict) else value:
            _checked_value(one)
    return value


Line = Annotated[str, AfterValidator(_checked_line)]
Place = Annotated[str, AfterValidator(_without_nul)]  # a folder name may have any other character
Value = Annotated[Any, AfterValidator(_checked_value)]
Flop = Annotated[int, Field(ge=0, le=10**30)]  # more than all computers compute in a century
Status = Literal["done", "diverged", "failed"]


class RunResult(BaseModel):
    """The result of a run: `result.json` in its folder."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    schema_version: Annotated[
        int, Field(ge=1, le=SCHEMA_VERSION, description="Version of this format.")
    ] = SCHEMA_VERSION
    identity: Annotated[Line, Field(description="Hash of the canonical spec, seed and semantics.")]
    name: Annotated[Line, Field(description="The run's choices in words.")]
    spec: Annotated[RecordedSpec, Field(description="The whole spec.")]
    seed: Annotated[Count, Field(description="The run's seed.")]
    semantics: Annotated[
        Count,
        Field(
            description="Version of the meaning of training; runs with different numbers "
            "are not comparable."
        ),
    ] = 1
    status: Annotated[
        Status,
        Field(
            description="done; diverged: the loss was not finite, which is a result; failed: an "
            "error."
        ),
    ]
    reason: Annotated[Line | None, Field(description="Why it diverged or failed.")] = None
    test_top1_pct: Annotated[
        Percent | None,
        Field(description="Top-1 accuracy in % on the test set after the last epoch."),
    ] = None
    test_loss: Annotated[Loss | None, Field(description="Cross-entropy on the test set.")] = None
    val_top1_pct: Annotated[
        Percent | None, Field(description="Top-1 accuracy in % on the validation images.")
    ] = None
    val_loss: Annotated[
        Loss | None, Field(description="Cross-entropy on the validation images.")
    ] = None
    train_loss: Annotated[
        Loss | None, Field(description="Mean training loss of the last epoch.")
    ] = None
    epochs: Annotated[Count, Field(description="Finished epochs.")] = 0
    history: Annotated[list[EpochRecord], Field(description="One record per finished epoch.")] = []
    train_time_s: Annotated[
        Seconds, Field(description="Seconds of training steps, without validation and test.")
    ] = 0.0
    img_per_s: Annotated[Rate | None, Field(description="Training images per second.")] = None
    num_params: Annotated[Count | None, Field(description="Trainable parameters of the model.")] = (
        None
    )
    forward_flop: Annotated[
        Flop | None,
        Field(description="FLOPs of one image through the whole network, 2 per multiply-add."),
    ] = None
    train_flop: Annotated[Flop | None, Field(description="FLOPs of all training steps.")] = None
    peak_memory_bytes: Annotated[
        Count | None,
        Field(description="Peak memory: the tensors on a GPU, otherwise the whole process."),
    ] = None
    device: Annotated[Line | None, Field(description="cpu, cuda or mps.")] = None
    device_name: Annotated[Line | None, Field(description="Device model name.")] = None
    threads: Annotated[
        int | None, Field(ge=1, le=MOST_THREADS, description="CPU threads of PyTorch.")
    ] = None
    concurrent_runs: Annotated[
        int | None,
        Field(
            ge=1,
            le=MOST_THREADS,
            description="Runs that its sweep trained in parallel, this one included; it affects "
            "times.",
        ),
    ] = None
    precision: Annotated[Line | None, Field(description="fp32 or bf16.")] = None
    micro_batch: Annotated[
        int | None,
        Field(
            gt=0,
            lt=2**63,
            description="Images per forward and backward pass; null: the whole batch.",
        ),
    ] = None
    recompute: Annotated[
        bool, Field(description="Whether activations were recomputed in the backward pass.")
    ] = False
    compiled: Annotated[bool, Field(description="Whether training used torch.compile.")] = False
    versions: Annotated[dict[Line, Line], Field(description="Versions of the libraries.")] = {}
    resumed: Annotated[Count, Field(description="Times the run was resumed.")] = 0
    predicted: Annotated[
        str | None,
        Field(description="Predicted class of each test image: uint8, zlib, base64."),
    ] = None
    test_labels_sha256: Annotated[
        Line | None, Field(description="Digest of the test labels as uint8.")
    ] = None


class StudyRun(RunResult):
    """A run as part of a study."""

    variant: Annotated[Line, Field(description="Key of the variant.")]
    run_folder: Annotated[
        Place | None, Field(description="The run's folder, relative to the results file.")
    ] = None


class TunedField(BaseModel):
    """A field that was tuned per variant on validation accuracy."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    field: Annotated[Line, Field(description="The field, such as train.lr.")]
    values: Annotated[
        list[Value], Field(description="Values that were tried, the same for all variants.")
    ]
    seed: Annotated[
        Count, Field(description="Seed of the trials, different from the seeds of the study.")
    ]
    chosen: Annotated[dict[str, Value], Field(description="Chosen value of each variant.")]
    val_top1_pct: Annotated[
        dict[str, list[Percent | None]],
        Field(description="Each variant's validation accuracy in %, by value; null: diverged."),
    ]
    trials_flop: Annotated[Flop, Field(description="FLOPs of all trials.")]
    trials_time_s: Annotated[Seconds, Field(description="Seconds of their training steps.")]


class Look(BaseModel):
    """The widest interval after a round of seeds."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    num_seeds: Annotated[Count, Field(description="Seeds per variant, the smallest number.")]
    by_variant: Annotated[
        dict[str, Count], Field(description="Seeds of each variant, if they differ.")
    ] = {}
    widest_pct: Annotated[
        float | None, Field(ge=0, le=1000, description="Widest simultaneous half-width, in points.")
    ]

    @property
    def seeds_words(self) -> str:
        """The numbers of seeds: 6, or 5 to 9."""
        most = max(self.by_variant.values(), default=self.num_seeds)
        return f"{self.num_seeds} to {most}" if most > self.num_seeds else str(self.num_seeds)


class PrecisionRule(BaseModel):
    """Seeds are added until every simultaneous half-width is small enough, twice in a row."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    half_width_pct: Annotated[
        float, Field(gt=0, le=100, description="Target half-width, in points.")
    ]
    max_seeds: Annotated[Count, Field(description="Largest number of seeds.")]
    looks: Annotated[
        list[Look], Field(description="The widest interval after each round of seeds.")
    ] = []


class StudyResults(BaseModel):
    """The results file of a study: everything that a report needs."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    schema_version: Annotated[
        int, Field(ge=1, le=SCHEMA_VERSION, description="Version of this format.")
    ] = SCHEMA_VERSION
    study: Annotated[StudySpec, Field(description="The study file as it was.")]
    preset: Annotated[Line, Field(description="Preset under the base spec.")]
    base: Annotated[RecordedSpec, Field(description="The base spec, whole.")]
    base_identity: Annotated[Line, Field(description="Its identity, seed left out.")]
    dataset: Annotated[Line, Field(description="Data set.")]
    num_test: Annotated[
        int, Field(gt=0, le=MOST_TEST_IMAGES, description="Images of the test set.")
    ]
    test_labels: Annotated[
        str | None, Field(description="True class of each test image: uint8, zlib, base64.")
    ] = None
    tuned: Annotated[
        list[TunedField], Field(description="Fields that were tuned per variant.")
    ] = []
    planned_seeds: Annotated[
        dict[str, list[Count]],
        Field(description="Seeds of each variant, if they were given different ones."),
    ] = {}
    precision: Annotated[
        PrecisionRule | None, Field(description="Rule by which seeds were added, if any.")
    ] = None
    runs: Annotated[list[StudyRun], Field(description="The runs, each variant and seed once.")] = []

    @model_validator(mode="after")
    def _runs_are_there_once(self) -> Self:
        seen = set()
        for run in self.runs:
            if (run.variant, run.seed) in seen:
                raise ValueError(f"it has two runs of {run.variant}, seed {run.seed}: remove one")
            seen.add((run.variant, run.seed))
        return self

    def has_damaged_answers(self, run: StudyRun) -> bool:
        """Whether the predictions of a run are not one class per test image."""
        return run.predicted is not None and self.has_damaged_labels(run.predicted)

    def has_damaged_labels(self, packed: str) -> bool:
        """Whether packed classes are not one per test image."""
        try:
            return len(unpack_classes(packed, self.num_test)) != self.num_test
        except ValueError:
            return True

    def study_seed(self, run: StudyRun) -> int:
        """The seed of the study for a run: its own minus the offset of its variant."""
        offsets = {variant.key: variant.seed_offset for variant in self.study.variants}
        return run.seed - offsets.get(run.variant, 0)

    def find(self, variant: str, seed: int) -> StudyRun | None:
        """The run of a variant with a seed, if it exists."""
        return next((r for r in self.runs if r.variant == variant and r.seed == seed), None)


def pack_classes(classes: bytes) -> str:
    """Encode classes, one byte each, as text."""
    return base64.b64encode(zlib.compress(classes, 9)).decode("ascii")


def unpack_classes(text: str, most: int) -> bytes:
    """The inverse of `pack_classes`.

    Raises:
        ValueError: The text is invalid, or holds more than `most` classes.
    """
    try:
        unpacker = zlib.decompressobj()
        classes = unpacker.decompress(base64.b64decode(text, validate=True), most)
    except (ValueError, zlib.error) as error:
        raise ValueError(f"not packed classes: {error}") from None
    if not unpacker.eof:
        raise ValueError(f"not packed classes, or over {most} of them")
    return classes
