"""The limits of a study: what its numbers do not show."""

from vitbench.comparison.estimates import OneRunEach, TwoCounts
from vitbench.comparison.pairs import StudyComparisons
from vitbench.comparison.proportions import undetected_failure_rate
from vitbench.report.conditions import bits, set_fields
from vitbench.report.numbers import listed, runs_words
from vitbench.runs.schema import StudyResults

FEW_SEEDS = 5


def limits(results: StudyResults, compared: StudyComparisons) -> list[str]:
    """The limits of a study, one sentence each."""
    sentences = []
    seeds = [min(len(pair.first_seeds), len(pair.second_seeds)) for pair in compared.pairs]
    if any(isinstance(pair.estimate, TwoCounts) for pair in compared.pairs):
        sentences.append(
            f"Only accuracies are recorded, so the intervals (Newcombe's) assume "
            f"{results.num_test:,} test images and cannot pair them: they are wide, and do not "
            "include seed noise."
        )
    elif any(isinstance(pair.estimate, OneRunEach) for pair in compared.pairs):
        sentences.append(
            "One seed each: McNemar's exact test compares two trained models, and other seeds may "
            "reverse their order. This does not show which choice is better."
        )
    elif seeds and min(seeds) < FEW_SEEDS:
        sentences.append(
            f"Only {runs_words(min(seeds))}: seed noise is known only roughly, so the intervals "
            "are wide."
        )
    if seeds and min(seeds) > 1:
        rate = undetected_failure_rate(min(seeds))
        sentences.append(
            "The intervals hold for seeds that are nearly normal. "
            f"{runs_words(min(seeds)).capitalize()} without a failure do not exclude that up to "
            f"{rate:.0%} of seeds fail."
        )
    if results.base:
        equal_flops = results.study.budget == "flops"
        budget = "training FLOPs (rounded to whole epochs)" if equal_flops else "epochs"
        same = "" if "train.epochs" in set_fields(results) else f"the same {budget} and "
        exception = " except for the tuned fields" if results.tuned else ""
        sentences.append(
            f"All variants use {same}one recipe{exception}: a variant that needs another recipe "
            "is at a disadvantage."
        )
    sentences.append(
        f"One data set ({results.dataset}) and one split: the intervals cover new seeds and new "
        "images of the same kind, not other data."
    )
    for fact, values in bits(results).items():
        if len(values) > 1:
            sentences.append(
                f"Mixed {fact}: {listed(values)}. The same spec may give slightly different "
                "results with each."
            )
    return sentences
