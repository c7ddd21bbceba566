"""A methods paragraph for a paper, with BibTeX, from results files."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from vitbench.comparison.estimates import SeedsAndImages
from vitbench.comparison.pairs import compare_study
from vitbench.errors import UsageError
from vitbench.report.conditions import choice_words, epochs_words, scaled_epochs, set_fields
from vitbench.report.numbers import listed, runs_words
from vitbench.runs.schema import StudyResults

Cite = Callable[..., str]  # keys to the citation in the text
REFERENCES = Path(__file__).with_name("references.bib")


def bibliography() -> dict[str, str]:
    """BibTeX entries by key: the name of a choice, or a key in the sentences below."""
    entries = REFERENCES.read_text(encoding="utf-8").strip().split("\n\n")
    return {entry.partition("{")[2].partition(",")[0]: entry for entry in entries}


def methods(studies: Sequence[StudyResults]) -> str:
    """Paragraphs and BibTeX for studies, with the keys of entries in brackets.

    Raises:
        FileError: The predictions of a run are damaged.
        UsageError: No study has recorded settings.
    """
    known = [results for results in studies if results.base]
    if not known:
        raise UsageError("--methods: the settings of these runs were not recorded")
    cited: list[str] = []
    paragraphs = []
    for results in known:
        words, keys = _paragraph(results)
        paragraphs.append(words)
        cited += keys
    entries = bibliography()
    return "\n\n".join([*paragraphs, *(entries[key] for key in dict.fromkeys(cited))]) + "\n"


def _paragraph(results: StudyResults) -> tuple[str, list[str]]:
    """The paragraph of a study, and the keys that it cites."""
    cited: list[str] = []
    known = bibliography()

    def cite(*keys: str) -> str:
        named = [key for key in dict.fromkeys(keys) if key in known]
        cited.extend(named)
        return f" [{', '.join(named)}]" if named else ""

    sentences = [
        _model_words(results, cite("vit")),
        _data_words(results, cite(results.dataset), cite),
        _training_words(results.base["train"], cite),
        _design_words(results, cite),
        *_statistics_words(results, cite),
        _machine_words(results, cite("pytorch")),
    ]
    return f"{results.study.title}. {' '.join(s for s in sentences if s)}", cited


def _model_words(results: StudyResults, vit: str) -> str:
    model = results.base["model"]
    token = "a class token" if model["class_token"] else "mean pooling"
    return (
        f"The base model is a pre-norm Vision Transformer{vit} of depth {model['depth']}, width "
        f"{model['embed_dim']}, {model['num_heads']} heads, MLP ratio {model['mlp_ratio']:g}, "
        f"{model['patch_size']}x{model['patch_size']} patches, "
        f"{choice_words(model['pos_embed'])} positions and {token}."
    )


def _data_words(results: StudyResults, source: str, cite: Cite) -> str:
    data = results.base["data"]
    augmentation = choice_words(data["augmentation"])
    words = "no" if augmentation == "none" else augmentation
    return (
        f"Models were trained on {results.dataset}{source}, the base with {words} augmentation"
        f"{cite(augmentation)}; {data['val_size']:,} class-balanced training images were held out "
        f"for validation, the same for every run. The {results.num_test:,} test images were used "
        "once, after the last epoch."
    )


def _training_words(train: dict[str, Any], cite: Cite) -> str:
    optimizer = choice_words(train["optimizer"])
    name = optimizer.partition(" ")[0]
    sources = cite(name, "adamw") if name == "muon" else cite(name)
    schedule = choice_words(train["schedule"])
    smoothing = train["label_smoothing"]
    smoothed = f", label smoothing {smoothing:g}{cite('label_smoothing')}" if smoothing else ""
    clipped = "" if train["grad_clip"] is None else f", gradients clipped at {train['grad_clip']:g}"
    return (
        f"The base recipe is {epochs_words(train['epochs'])}, batch size {train['batch_size']}, "
        f"optimizer {optimizer}{sources} (learning rate {train['lr']:g}, weight decay "
        f"{train['weight_decay']:g}), a {schedule} schedule{cite(schedule.partition('-')[0])} with "
        f"{100 * train['warmup_fraction']:g} % warm-up{smoothed}{clipped}."
    )


def _design_words(results: StudyResults, cite: Cite) -> str:
    variants = results.study.variants
    seeds = sorted({results.study_seed(run) for run in results.runs})
    tuned = "".join(
        f" {field.field} was tuned per variant on validation accuracy among "
        f"{listed([str(value) for value in field.values])}, with a separate seed."
        for field in results.tuned
    )
    epochs = scaled_epochs(results)
    scaled = f" (epochs: {epochs})" if epochs else ""
    fields = set_fields(results)
    if results.study.budget == "flops":
        budget = f" with the same training FLOPs{scaled}"
    else:
        budget = "" if "train.epochs" in fields else " with the same epochs"
    same = "different ones" if any(v.seed_offset for v in variants) else "the same for all"
    sources = cite(*(choice_words(value) for v in variants for value in v.set.values()))
    return (
        f"The study varies {listed(fields) or 'nothing'}{sources}, in {len(variants)} variants"
        f"{budget}, each trained with {runs_words(len(seeds))}, {same}.{tuned}"
    )


def _statistics_words(results: StudyResults, cite: Cite) -> Iterable[str]:
    pairs = compare_study(results).pairs
    if not pairs:
        return
    several = any(isinstance(pair.estimate, SeedsAndImages) for pair in pairs)
    if several:
        yield (
            "Differences in accuracy are estimated over seeds and paired test images. Intervals "
            "combine the variance over images with that over seeds, with Welch's degrees of freedom"
            f"{cite('welch')} and two pseudo-images{cite('bonett_price')}."
        )
    else:
        yield (
            f"Trained models are compared with McNemar's exact test{cite('mcnemar')} and "
            f"Newcombe's paired interval{cite('newcombe')}."
        )
    if pairs[0].num_pairs > 1:
        method = (
            f"Dunnett's T3{cite('dunnett_t3')}" if several else f"Šidák's method{cite('sidak')}"
        )
        with_reference = results.study.comparisons == "reference"
        family = "comparisons with the reference" if with_reference else "pairs of variants"
        yield (
            f"Intervals and p-values are adjusted for all {pairs[0].num_pairs} {family} "
            f"by {method}, so that they hold together with 95 % confidence."
        )
    if several:
        yield (
            f"Equivalence within {pairs[0].margin_pct:g} points is tested by two one-sided tests"
            f"{cite('schuirmann')}, adjusted in the same way."
        )


def _machine_words(results: StudyResults, pytorch: str) -> str:
    runs = [run for run in results.runs if run.device is not None]
    if not runs:
        return ""
    devices = sorted({f"{run.device_name} ({run.precision})" for run in runs})
    versions = {name: v for run in runs for name, v in run.versions.items()}
    return (
        f"Runs were trained with vitbench {versions.get('vitbench', 'of unknown version')} and "
        f"PyTorch {versions.get('torch', 'of unknown version')}{pytorch} on {listed(devices)}."
    )
