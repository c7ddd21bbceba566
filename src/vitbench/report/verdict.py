"""The sentences: what was varied and held, and what the numbers say.

Means alone decide nothing, so no sentence here says "better": it says which mean is higher, by how
much, whether every seed agrees, at what cost, and what cannot be told from it.
"""

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from vitbench.report.rows import Row
from vitbench.report.words import listed, number_words, runs_words
from vitbench.runs.schema import StudyResults


def varied_sentence(results: StudyResults) -> str:
    """What differs between the variants: the fields that they set."""
    fields = sorted({key for variant in results.study.variants for key in variant.set})
    if not fields:
        return "Nothing is varied."
    return f"Varied: {listed(fields)}."


def held_sentence(results: StudyResults) -> str:
    """What all variants share."""
    base = results.base
    model, train, data = base["model"], base["train"], base["data"]
    varied = {key for variant in results.study.variants for key in variant.set}
    facts = {
        "model.embed_dim": f"dim {model['embed_dim']}",
        "model.depth": f"depth {model['depth']}",
        "model.num_heads": f"{model['num_heads']} heads",
        "model.mlp_ratio": f"MLP ratio {model['mlp_ratio']:g}",
        "model.patch_size": f"patch {model['patch_size']}",
        "model.pos_embed": f"{_name(model['pos_embed'])} positions",
        "data.augmentation": f"{_name(data['augmentation'])} augmentation",
        "train.optimizer": f"{_name(train['optimizer'])}",
        "train.batch_size": f"batch {train['batch_size']}",
        "train.epochs": f"{train['epochs']} epochs, of which the last counts",
    }
    return f"Held: {listed([words for key, words in facts.items() if key not in varied])}."


def key_finding(results: StudyResults, rows: Sequence[Row]) -> str:
    """What the numbers of a study say, computed from them."""
    some = [row for row in rows if row.accuracy_by_seed and "diverged" not in row.not_averaged]
    ranked = sorted(some, key=lambda row: -(row.mean_pct or 0))
    found = _highest(results, ranked) if ranked else "No run has ended well yet."
    return " ".join(
        [found, *(_diverged_words(row) for row in rows if "diverged" in row.not_averaged)]
    )


def _diverged_words(row: Row) -> str:
    """Why a row is not ranked: what is left of it are its lucky seeds."""
    bad = len(row.not_averaged["diverged"])
    num = len(row.accuracy_by_seed) + bad  # one that failed or is missing tells nothing
    return f"{row.label} diverged in {bad} of {num} seeds and is not ranked."


def _highest(results: StudyResults, ranked: Sequence[Row]) -> str:
    """What the highest mean is, against what, and whether the seeds agree."""
    best = ranked[0]
    num_seeds = runs_words(len(best.accuracy_by_seed))
    if len(ranked) == 1:
        return (
            f"{best.label} reached {best.mean_pct:.2f} % ({num_seeds}); "
            "there is nothing to compare it with."
        )
    reference = next((row for row in ranked if row.key == results.study.reference_key), ranked[1])
    other = reference if reference is not best else ranked[1]
    sentences = [f"The highest mean is {best.label}'s, {best.mean_pct:.2f} % ({num_seeds})."]
    shared = sorted(set(best.accuracy_by_seed) & set(other.accuracy_by_seed))
    name = f"{other.label}{', the reference' if other is reference else ', the next'}"
    if not shared:
        sentences.append(f"It shares no seed with {name}, so they are not compared.")
        return " ".join(sentences)
    differences = [best.accuracy_by_seed[s] - other.accuracy_by_seed[s] for s in shared]
    cost = _cost_words(best, other)
    sentences.append(
        f"That is {fmean(differences):+.2f} points against {name}{cost}: {_agreement(differences)}."
    )
    sentences.append(
        "One run each cannot tell such a difference from chance."
        if len(shared) == 1
        else "How sure that is, means alone do not say."
    )
    return " ".join(sentences)


def _agreement(differences: Sequence[float]) -> str:
    """Whether the seeds agree, in words."""
    if len(differences) == 1:
        return "one seed"
    low, high = min(differences), max(differences)
    above = sum(d > 0 for d in differences)
    return f"above it in {above} of {len(differences)} seeds, from {low:+.2f} to {high:+.2f}"


def _cost_words(row: Row, other: Row) -> str:
    """The ratio of their training FLOPs, where it is known and not one."""
    if not row.train_flop or not other.train_flop or row.train_flop == other.train_flop:
        return ""
    return f", at {number_words(row.train_flop / other.train_flop, 2)} times the training FLOPs"


def _name(choice: Any) -> str:
    """A choice of a spec as a word."""
    if isinstance(choice, list):
        return " + ".join(_name(one) for one in choice)
    if isinstance(choice, dict):
        options = ", ".join(f"{key} {value}" for key, value in choice.items() if key != "name")
        return f"{choice['name']} ({options})"
    return str(choice)
