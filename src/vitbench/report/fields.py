"""A report as named fields, for programs: CSV and JSON use the same names.

Units are in the names; unknown values are None. docs/report-json.md describes each field.
"""

from typing import Any

from vitbench.comparison.estimates import Estimate, OneRunEach, SeedsAndImages
from vitbench.comparison.factorial import Effect
from vitbench.comparison.verdict import Comparison
from vitbench.report.effects import effect_name
from vitbench.report.reference import NAME, URL
from vitbench.report.rows import Row
from vitbench.report.sections import Report, Section

SCHEMA_VERSION = 1
Fields = dict[str, Any]


def report_fields(report: Report) -> Fields:
    """The complete report: every study with its rows, pairs and sentences."""
    return {
        "schema_version": SCHEMA_VERSION,
        "reference_study": f"{NAME}, {URL}" if report.has_published else None,
        "studies": [_study_fields(section) for section in report.sections],
    }


def row_fields(section: Section, row: Row) -> Fields:
    """A row of a study; each field is a number, text or None."""
    low, high = row.interval or (None, None)
    return {
        "variant": row.key,
        "label": row.label,
        "num_seeds": len(row.accuracy_by_seed),
        "test_top1_pct": row.mean_pct,
        "sd_pct": row.sd_pct,
        "interval_low_pct": low,
        "interval_high_pct": high,
        **_difference_fields(row.against),
        "verdict": _verdict(section, row),
        "within_margin": row.against.within_margin if row.against else None,
        "margin_pct": section.results.study.margin_pct,
        "among_best": row.among_best,
        "on_front": row.on_front,
        "num_params": row.num_params,
        "forward_flop": row.forward_flop,
        "train_flop": row.train_flop,
        "train_time_s": row.train_time_s,
        "peak_memory_bytes": row.peak_memory_bytes,
        "published_pct": row.published_pct,
    }


def _study_fields(section: Section) -> Fields:
    results = section.results
    return {
        "study": results.study.name,
        "title": section.title,
        "dataset": results.dataset,
        "num_test": results.num_test,
        "reference": results.study.reference_key,
        "varied": section.varied,
        "held": section.held,
        "finding": section.finding,
        "rows": [_whole_row_fields(section, row) for row in section.rows],
        "pairs": [_pair_fields(pair) for pair in section.compared.pairs],
        "claims": [
            {"text": claim.text, "verdict": claim.verdict, "reason": claim.reason}
            for claim in section.claims
        ],
        "effects": [_effect_fields(effect) for effect in section.effects],
        "limits": list(section.limits),
        "problems": list(section.problems),
        "notes": list(section.notes),
        "how": [{"fact": name, "value": value} for name, value in section.how.items()],
    }


def _whole_row_fields(section: Section, row: Row) -> Fields:
    """A row with its seeds, including those that are not averaged."""
    return {
        **row_fields(section, row),
        "timing": row.timing,
        "seeds": [
            {"seed": seed, "test_top1_pct": accuracy}
            for seed, accuracy in row.accuracy_by_seed.items()
        ],
        "diverged_seeds": list(row.not_averaged.get("diverged", ())),
        "failed_seeds": list(row.not_averaged.get("failed", ())),
        "missing_seeds": list(row.not_averaged.get("missing", ())),
    }


def _pair_fields(pair: Comparison) -> Fields:
    several = isinstance(pair.estimate, SeedsAndImages)
    return {
        "first": pair.first,
        "second": pair.second,
        "method": _method(pair.estimate),
        **_difference_fields(pair),
        "verdict": pair.verdict,
        "within_margin": pair.within_margin,
        "margin_pct": pair.margin_pct,
        "seeds": list(pair.seeds),
        "num_seeds": [len(pair.first_seeds), len(pair.second_seeds)],
        "seeds_needed": pair.seeds_needed() if several else None,
        "num_pairs": pair.num_pairs,
    }


def _effect_fields(effect: Effect) -> Fields:
    low, high = effect.interval
    return {
        "levels": {factor.name: level.key for factor, level in effect.levels},
        "words": effect_name(effect),
        "effect_pct": effect.estimate.value,
        "effect_low_pct": low,
        "effect_high_pct": high,
        "p_adjusted": effect.p_adjusted,
    }


def _difference_fields(pair: Comparison | None) -> Fields:
    low, high = pair.interval if pair else (None, None)
    return {
        "difference_pct": pair.difference_pct if pair else None,
        "difference_low_pct": low,
        "difference_high_pct": high,
        "p_adjusted": pair.p_adjusted if pair else None,
    }


def _verdict(section: Section, row: Row) -> str:
    """The verdict in one or two words."""
    if row.against is not None:
        return row.against.verdict
    is_reference = row.key == section.results.study.reference_key
    return "reference" if is_reference else "not compared"


def _method(estimate: Estimate) -> str:
    if isinstance(estimate, SeedsAndImages):
        return "seeds and images"
    return "one run each" if isinstance(estimate, OneRunEach) else "two counts"
