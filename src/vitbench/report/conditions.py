"""The conditions of a study: what varied, what was the same, and how it was run."""

from typing import Any

from vitbench.report.numbers import listed, time_words
from vitbench.report.timing import concurrent_words
from vitbench.runs.schema import StudyResults, StudyRun, TunedField

MOST_NAMED = 20  # seeds or variants in a sentence


def varied_sentence(results: StudyResults) -> str:
    """What differs between the variants: fields that they set, tuned fields, and scaled epochs."""
    fields = set_fields(results)
    fields += [f"{tuned.field} (tuned for each variant)" for tuned in results.tuned]
    epochs = scaled_epochs(results)
    if epochs:
        fields.append(f"train.epochs ({epochs}: equal FLOPs)")
    if any(variant.seed_offset for variant in results.study.variants):
        fields.append("seeds")
    if not fields:
        return "Nothing is varied."
    return f"Varied: {listed(fields)}."


def set_fields(results: StudyResults) -> list[str]:
    """Fields that the variants set, by dotted name."""
    return sorted({key for variant in results.study.variants for key in variant.set})


def scaled_epochs(results: StudyResults) -> str:
    """Each variant's epochs if they are scaled to equal FLOPs, in words; else an empty text."""
    if results.study.budget != "flops":
        return ""
    epochs = {run.variant: run.spec["train"]["epochs"] for run in results.runs if run.spec}
    return listed([f"{key} {number}" for key, number in epochs.items()], MOST_NAMED)


def held_sentence(results: StudyResults) -> str:
    """What all variants share."""
    base = results.base
    if not base:
        return "The settings of these runs were not recorded."
    model, train, data = base["model"], base["train"], base["data"]
    varied = {*set_fields(results), *(tuned.field for tuned in results.tuned)}
    if results.study.budget == "flops":
        varied.add("train.epochs")
    name = choice_words(data["augmentation"])
    augmentation = "no augmentation" if name == "none" else f"{name} augmentation"
    facts = {
        "model.embed_dim": f"width {model['embed_dim']}",
        "model.depth": f"depth {model['depth']}",
        "model.num_heads": f"{model['num_heads']} heads",
        "model.mlp_ratio": f"MLP ratio {model['mlp_ratio']:g}",
        "model.patch_size": f"patch size {model['patch_size']}",
        "model.pos_embed": f"{choice_words(model['pos_embed'])} positions",
        "data.augmentation": augmentation,
        "train.optimizer": choice_words(train["optimizer"]),
        "train.batch_size": f"batch size {train['batch_size']}",
        "train.epochs": epochs_words(train["epochs"]),
    }
    return (
        f"The same for all: {listed([words for key, words in facts.items() if key not in varied])}."
    )


def how_it_was_run(results: StudyResults) -> dict[str, str]:
    """Facts by name: preset, data set, epochs, seeds, device, versions."""
    runs = _runs(results)
    facts = {
        "preset": results.preset,
        "data set": f"{results.dataset}, {results.num_test:,} test images",
        "epochs": listed(sorted({str(run.epochs) for run in runs if run.epochs}, key=int)),
        "seeds": listed(sorted({str(run.seed) for run in runs}, key=int), MOST_NAMED)
        if results.base
        else "",
        **{fact: listed(values) for fact, values in bits(results).items()},
        "parallel runs": listed(concurrent_words(runs)),
        "tuned": "; ".join(map(_tuned_words, results.tuned)),
        "seeds were added": _precision_words(results),
    }
    return {name: value for name, value in facts.items() if value}


def _tuned_words(tuned: TunedField) -> str:
    """The tuned value of each variant, the values tried, and the cost."""
    chosen = listed([f"{key} {value}" for key, value in tuned.chosen.items()])
    return (
        f"{tuned.field} for each variant on validation images, with a separate seed, from "
        f"{listed([str(value) for value in tuned.values])}: {chosen}; the trials took "
        f"{tuned.trials_flop / 1e12:,.1f} TFLOP and {time_words(tuned.trials_time_s)}"
    )


def _precision_words(results: StudyResults) -> str:
    """The rule by which seeds were added, and the widths after each round."""
    rule = results.precision
    if rule is None:
        return ""
    looks = listed(
        [
            f"±{look.widest_pct:.2f} with {look.seeds_words} seeds"
            for look in rule.looks
            if look.widest_pct is not None
        ]
    )
    return (
        f"until every interval was within ±{rule.half_width_pct:g} points after two rounds in a "
        f"row, or {rule.max_seeds} seeds; the widest was {looks}"
    )


def bits(results: StudyResults) -> dict[str, list[str]]:
    """What the bits of runs depend on besides their specs, each value once."""
    runs = [run for run in _runs(results) if run.device is not None]
    values = {
        "device": {f"{run.device} ({run.device_name})" for run in runs},
        "threads": {str(run.threads) for run in runs if run.device == "cpu"},
        "precision": {str(run.precision) for run in runs},
        "versions": {
            ", ".join(f"{name} {version}" for name, version in run.versions.items()) for run in runs
        },
    }
    if any(run.micro_batch for run in runs):
        values["micro-batch"] = {str(run.micro_batch or "whole batch") for run in runs}
    if any(run.recompute for run in runs):
        values["activations recomputed"] = {"yes" if run.recompute else "no" for run in runs}
    if any(run.compiled for run in runs):
        values["compiled"] = {"yes" if run.compiled else "no" for run in runs}
    return {fact: sorted(distinct) for fact, distinct in values.items()}


def epochs_words(number: int) -> str:
    """A number of epochs in words."""
    return "1 epoch" if number == 1 else f"{number} epochs"


def choice_words(choice: Any) -> str:
    """A choice of a spec in words."""
    if isinstance(choice, list):
        return " + ".join(choice_words(part) for part in choice)
    if isinstance(choice, dict):
        options = ", ".join(f"{key} {value}" for key, value in choice.items() if key != "name")
        return f"{choice['name']} ({options})" if "name" in choice else options
    return str(choice)


def _runs(results: StudyResults) -> list[StudyRun]:
    return [run for run in results.runs if run.status != "failed"]
