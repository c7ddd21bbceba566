"""RunResult and StudyResults: what is written of runs and studies, every field described.

No torch here: reports are made from these files alone.
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
    """Text with a space for each character that has no place in a line, as Line requires."""
    return "".join(" " if unicodedata.category(c) in NO_PLACE_IN_A_LINE else c for c in text)


def _checked_line(text: str) -> str:
    if not text.isprintable() and on_one_line(text) != text:
        raise ValueError("a line end, a NUL or another control character is in it")
    return text


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("a NUL is in it")
    return text


def _checked_value(value: Any) -> Any:
    """A value of a spec's field, as it stands in JSON: no number too large to be shown."""
    if isinstance(value, str):
        _checked_line(value)
    elif isinstance(value, int | float):
        if not abs(value) < LARGEST:  # NaN is not
            raise ValueError("a number in it is too large")
    elif isinstance(value, list | dict):
        for one in (*value, *value.values()) if isinstance(value, dict) else value:
            _checked_value(one)
    return value


Line = Annotated[str, AfterValidator(_checked_line)]
Place = Annotated[str, AfterValidator(_without_nul)]  # a folder may have any other character
Value = Annotated[Any, AfterValidator(_checked_value)]
Flop = Annotated[int, Field(ge=0, le=10**30)]  # more than all computers do in a century
Status = Literal["done", "diverged", "failed"]


class RunResult(BaseModel):
    """How a run ended; `result.json` of its folder."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    schema_version: Annotated[
        int, Field(ge=1, le=SCHEMA_VERSION, description="Version of this form.")
    ] = SCHEMA_VERSION
    identity: Annotated[Line, Field(description="Hash of the canonical spec, seed and semantics.")]
    name: Annotated[Line, Field(description="The run's choices in words.")]
    spec: Annotated[RecordedSpec, Field(description="The whole spec.")]
    seed: Annotated[Count, Field(description="The run's seed.")]
    semantics: Annotated[
        Count, Field(description="What training meant then; another number is another meaning.")
    ] = 1
    status: Annotated[
        Status,
        Field(description="done; diverged: the loss was not finite, a result; failed: an error."),
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
    val_loss: Annotated[Loss | None, Field(description="Cross-entropy on the same.")] = None
    train_loss: Annotated[
        Loss | None, Field(description="Mean loss of the last epoch's steps.")
    ] = None
    epochs: Annotated[Count, Field(description="Epochs finished.")] = 0
    history: Annotated[list[EpochRecord], Field(description="A record for each of them.")] = []
    train_time_s: Annotated[
        Seconds, Field(description="Seconds of training steps, validation and test left out.")
    ] = 0.0
    img_per_s: Annotated[Rate | None, Field(description="Images trained on in a second.")] = None
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
        Field(description="Most memory in use: of a GPU its tensors, else of the whole process."),
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
            description="Runs that its sweep trained at once, this one among them; for times.",
        ),
    ] = None
    precision: Annotated[Line | None, Field(description="fp32 or bf16.")] = None
    micro_batch: Annotated[
        int | None,
        Field(
            gt=0,
            lt=2**63,
            description="Images of one forward and backward pass; null: a whole batch.",
        ),
    ] = None
    recompute: Annotated[
        bool, Field(description="Whether blocks were computed anew in the backward pass.")
    ] = False
    compiled: Annotated[bool, Field(description="Whether steps were of a compiled model.")] = False
    versions: Annotated[dict[Line, Line], Field(description="Versions of what it depends on.")] = {}
    resumed: Annotated[Count, Field(description="How often it was resumed after a stop.")] = 0
    predicted: Annotated[
        str | None,
        Field(description="Class answered on each test image: uint8, zlib, base64."),
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
    """A field for which each variant got the value that was best for it on validation images."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    field: Annotated[Line, Field(description="The field, as train.lr.")]
    values: Annotated[list[Value], Field(description="Values tried, the same for all variants.")]
    seed: Annotated[Count, Field(description="Seed of the trials, none of the study's.")]
    chosen: Annotated[dict[str, Value], Field(description="Each variant's best value.")]
    val_top1_pct: Annotated[
        dict[str, list[Percent | None]],
        Field(description="Each variant's validation accuracy in %, by value; null: diverged."),
    ]
    trials_flop: Annotated[Flop, Field(description="FLOPs of all trials.")]
    trials_time_s: Annotated[Seconds, Field(description="Seconds of their training steps.")]


class Look(BaseModel):
    """A look at the widths after a round of seeds."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    num_seeds: Annotated[Count, Field(description="Seeds of each variant then.")]
    widest_pct: Annotated[
        float | None, Field(ge=0, le=1000, description="Widest simultaneous half-width, in points.")
    ]


class PrecisionRule(BaseModel):
    """Seeds are added until every simultaneous half-width is small enough, twice in a row."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    half_width_pct: Annotated[
        float, Field(gt=0, le=100, description="Half-width asked for, in points.")
    ]
    max_seeds: Annotated[Count, Field(description="Seeds at most.")]
    looks: Annotated[list[Look], Field(description="What was seen after each round of seeds.")] = []


class StudyResults(BaseModel):
    """A study's results file: all that a report needs."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    schema_version: Annotated[
        int, Field(ge=1, le=SCHEMA_VERSION, description="Version of this form.")
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
        list[TunedField], Field(description="What each variant's own best value was chosen from.")
    ] = []
    precision: Annotated[
        PrecisionRule | None, Field(description="Rule that seeds were added by, if any.")
    ] = None
    runs: Annotated[list[StudyRun], Field(description="Its runs, a variant and seed once.")] = []

    @model_validator(mode="after")
    def _runs_are_there_once(self) -> Self:
        seen = set()
        for run in self.runs:
            if (run.variant, run.seed) in seen:
                raise ValueError(
                    f"two runs of {run.variant}, seed {run.seed} are in it: remove one of them"
                )
            seen.add((run.variant, run.seed))
        return self

    def has_damaged_answers(self, run: StudyRun) -> bool:
        """Whether the answers of a run are not one class for each test image."""
        return run.predicted is not None and self.has_damaged_labels(run.predicted)

    def has_damaged_labels(self, packed: str) -> bool:
        """Whether packed classes are not one for each test image."""
        try:
            return len(unpack_classes(packed, self.num_test)) != self.num_test
        except ValueError:
            return True

    def study_seed(self, run: StudyRun) -> int:
        """The seed of the study that a run stands for: its own, less its variant's offset."""
        offsets = {variant.key: variant.seed_offset for variant in self.study.variants}
        return run.seed - offsets.get(run.variant, 0)

    def find(self, variant: str, seed: int) -> StudyRun | None:
        """The run of a variant and its own seed, if it is there."""
        return next((r for r in self.runs if r.variant == variant and r.seed == seed), None)


def pack_classes(classes: bytes) -> str:
    """Classes, one byte each, as text."""
    return base64.b64encode(zlib.compress(classes, 9)).decode("ascii")


def unpack_classes(text: str, most: int) -> bytes:
    """The inverse of `pack_classes`.

    Raises:
        ValueError: It is no such text, or more than `most` classes come out.
    """
    try:
        unpacker = zlib.decompressobj()
        classes = unpacker.decompress(base64.b64decode(text, validate=True), most)
    except (ValueError, zlib.error) as error:
        raise ValueError(f"not packed classes: {error}") from None
    if not unpacker.eof:
        raise ValueError(f"not packed classes, or over {most} of them")
    return classes
