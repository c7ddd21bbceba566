"""What `vitbench visualize` is asked to draw, and whether its options fit together.

Nothing heavy is imported: a wrong option is refused at once.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from vitbench.config.allowed import DEVICES, DPI, PICTURE_FORMATS, WANDB_MODES
from vitbench.errors import FileError, UnknownNameError, UsageError, shortened
from vitbench.pictures.kinds import KINDS, PAGES, SCORES

ALL = "all"
COMPARE = "compare"
FUSIONS = ("mean", "max", "min")
PICTURES = tuple(kind for kind in KINDS if kind not in PAGES)
# The kinds that use an option; `all` uses every option.
USERS = {
    "--fusion": ("rollout",),
    "--discard": ("rollout",),
    "--layer": ("last-layer",),
    "--head": ("last-layer",),
    "--patch": ("last-layer", "layers"),
    "--name": ("curves",),
    "--format": (*PICTURES, COMPARE),
    "--dpi": (*PICTURES, COMPARE),
    "--save-data": (*PICTURES, COMPARE),
    "--wandb": PICTURES,
    "--sample": (*SCORES, COMPARE),
}
COMPARES = (
    "two or more checkpoints, or a study's runs: the same images on one scale, attention "
    "statistics, accuracy"
)


@dataclass(frozen=True)
class PictureRequest:
    """Pictures to draw.

    Attributes:
        kind: A kind of picture, `compare` or `all`.
        checkpoints: Checkpoints, run folders or results files.
        out: Folder of the pictures.
        num_images: Number of test images; None for the kind's default.
        indices: The test images themselves; None for the first ones.
        of_class: Name of the class of the images, or None.
        wrong: Whether to use only images that the model classifies wrongly.
        image: The user's own picture, or None.
        fusion: How rollout combines heads.
        discard: Share of the weights of each row that rollout discards.
        layer: Layer for last-layer; None for the last.
        head: Head for last-layer; None for all.
        patch: The patch whose attention is shown; None for the class token.
        sample: Number of test images for scores and statistics; None for the default.
        file_format: Format of the pictures.
        dpi: Resolution in dots per inch.
        save_data: Whether to write the numbers of each picture too.
        name: Name in the files of curves; None for the run's.
        data_dir: Folder of the data set.
        device: Device of the model.
        wandb: W&B mode to log pictures with.
    """

    kind: str
    checkpoints: list[Path]
    out: Path = Path("visualizations")
    num_images: int | None = None
    indices: list[int] | None = None
    of_class: str | None = None
    wrong: bool = False
    image: Path | None = None
    fusion: str = "mean"
    discard: float = 0.0
    layer: int | None = None
    head: int | None = None
    patch: int | None = None
    sample: int | None = None
    file_format: str = "png"
    dpi: int = DPI
    save_data: bool = False
    name: str | None = None
    data_dir: Path | None = None
    device: str = "auto"
    wandb: str = "disabled"

    def check(self) -> None:
        """Refuse options that are invalid, contradict each other, or have no effect.

        Raises:
            FileError: A checkpoint does not exist.
            UsageError: An option is refused.
        """
        self._check_names()
        self._check_use()
        self._check_numbers()
        self._check_images()
        for path in self.checkpoints:
            if not path.exists():
                from vitbench.runs.catalogue import existing_checkpoints

                raise FileError(
                    f"no checkpoint, run folder or results file {path}{existing_checkpoints()}"
                )

    def _check_names(self) -> None:
        allowed = {
            "kind": (self.kind, (*KINDS, COMPARE, ALL)),
            "--fusion": (self.fusion, FUSIONS),
            "--device": (self.device, DEVICES),
            "--wandb": (self.wandb, WANDB_MODES),
            "--format": (self.file_format, PICTURE_FORMATS),
        }
        for option, (value, values) in allowed.items():
            if value not in values:
                raise UnknownNameError(option, value, values)
        if self.wandb != "disabled" and self.file_format != "png":
            raise UsageError(f"--wandb {self.wandb} takes png pictures: omit --format")

    def _check_use(self) -> None:
        """Refuse an option that the kind does not use."""
        is_given = {
            "--fusion": self.fusion != "mean",
            "--discard": self.discard != 0,
            "--layer": self.layer is not None,
            "--head": self.head is not None,
            "--patch": self.patch is not None,
            "--name": self.name is not None,
            "--format": self.file_format != "png",
            "--dpi": self.dpi != DPI,
            "--save-data": self.save_data,
            "--wandb": self.wandb != "disabled",
            "--sample": self.sample is not None,
        }
        for option, users in USERS.items():
            if is_given[option] and self.kind not in (*users, ALL):
                listed = ", ".join((*users, ALL))
                raise UsageError(f"{self.kind} does not use {option}; these do: {listed}")

    def _check_numbers(self) -> None:
        if not 20 <= self.dpi <= 1200:
            raise UsageError(f"--dpi {self.dpi}: give a number from 20 to 1200")
        if self.sample is not None and not 4 <= self.sample <= 1_000_000:  # CKA needs four
            raise UsageError(f"--sample {self.sample}: give a number of test images, 4 or more")
        if not 0 <= self.discard <= 0.99:
            raise UsageError(f"--discard {self.discard}: give a share from 0 to 0.99")
        if self.name is not None and not re.fullmatch(r"(?=.*\w)[\w.+-]{1,100}", self.name):
            raise UsageError(
                f"--name {shortened(self.name)!r}: use letters, digits, hyphens and underscores, "
                "at most 100"
            )

    def _check_images(self) -> None:
        """Refuse two options that choose the images differently."""
        if self.num_images is not None and not 1 <= self.num_images <= 100:
            raise UsageError(f"--images {self.num_images}: give a number from 1 to 100")
        if self.image is not None and (
            self.num_images is not None or self.indices is not None or self.of_class or self.wrong
        ):
            raise UsageError(
                "--image uses only that picture: omit --images, --indices, --class and --wrong"
            )
        if self.indices is None:
            return
        if self.of_class is not None or self.wrong:
            raise UsageError("--indices selects the images: omit --class and --wrong")
        if self.num_images is not None:
            raise UsageError("--images and --indices exclude each other: give one")
        is_repeated = len(set(self.indices)) < len(self.indices)
        if min(self.indices) < 0 or is_repeated or len(self.indices) > 100:
            listed = shortened(",".join(map(str, self.indices)))
            raise UsageError(f"--indices {listed!r}: give up to 100 different numbers from 0 up")
