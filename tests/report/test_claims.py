"""Claims are judged by the comparisons, and by no more."""

from vitbench.config.study import load_study
from vitbench.report.sections import build_section


def claims(results) -> list[str]:
    return [claim.verdict for claim in build_section(results).claims]


def test_conclusions_of_the_document_are_judged(study_results) -> None:
    """They are: learned-2d above all others, and none above sinusoidal."""
    high, low, lower = [70.0, 70.1, 69.9], [60.0, 60.1, 59.9], [50.0, 50.1, 49.9]
    holds = {"learned-2d": high, "none": low, "learned-1d": low, "sinusoidal": lower}
    fails = {"learned-2d": low, "none": lower, "learned-1d": high, "sinusoidal": low}
    unclear = {"learned-2d": low, "none": low, "learned-1d": low}

    assert claims(study_results(holds)) == ["holds", "holds"]
    assert claims(study_results(fails)) == ["does not hold", "does not hold"]
    assert claims(study_results(unclear)) == ["cannot tell", "cannot tell"]


def test_a_conclusion_may_name_several_better_ones(study_results) -> None:
    study = load_study("pos-embed")
    last = study.claims[0].model_copy(
        update={"better": ["none", "learned-1d"], "worse": ["sinusoidal"]}
    )
    study = study.model_copy(update={"claims": [last]})
    high, low, middle = [70.0, 70.1, 69.9], [60.0, 60.1, 59.9], [65.0, 65.1, 64.9]

    def judged(**accuracies):
        by_key = {key.replace("_", "-"): values for key, values in accuracies.items()}
        return build_section(study_results(by_key, study=study)).claims[0]

    holds = judged(none=high, learned_1d=middle, sinusoidal=low)
    assert holds.verdict == "holds"
    assert "No position vs Sinusoidal: +10.00 points" in holds.reason
    assert "; 1D learned vs Sinusoidal: +5.00 points" in holds.reason
    assert judged(none=high, learned_1d=low, sinusoidal=middle).verdict == "does not hold"
    assert judged(none=high, learned_1d=low, sinusoidal=low).verdict == "cannot tell"
    missing = judged(none=high, sinusoidal=low)
    assert missing.verdict == "cannot tell"
    assert missing.reason.endswith("; 1D learned and Sinusoidal cannot be compared")


def test_what_is_equivalent_is_not_better(study_results) -> None:
    study = load_study("pos-embed").model_copy(update={"margin_pct": 5.0})
    same = [60.0, 60.1, 59.9]
    accuracies = {variant.key: same for variant in study.variants}

    section = build_section(study_results(accuracies, study=study))

    assert [claim.verdict for claim in section.claims] == ["within the margin"] * 2
    assert section.claims[0].words == "Within 5 points: too little to matter"
    assert "equivalent within 5 points" in section.claims[1].reason


def test_one_seed_judges_nothing(study_results) -> None:
    results = study_results({"learned-2d": [70.0], "none": [60.0], "learned-1d": [60.0],
                             "sinusoidal": [50.0]})  # fmt: skip

    assert claims(results) == ["cannot tell", "cannot tell"]
