"""The experiment of each variant: fields set, a tuned value, and epochs of equal cost."""

from collections.abc import Mapping, Sequence

from vitbench.config.build import Tree, build_spec
from vitbench.config.experiment import ExperimentSpec
from vitbench.config.study import StudySpec, Variant, has_factor, variant_spec
from vitbench.errors import UsageError
from vitbench.model.cost import cost_of
from vitbench.runs.schema import TunedField


def variant_specs(
    study: StudySpec,
    base: ExperimentSpec,
    variants: Sequence[Variant],
    tuned: Sequence[TunedField] = (),
) -> dict[str, ExperimentSpec]:
    """Each variant's experiment, by its key.

    Args:
        study: The study; its budget says what all variants get the same of.
        base: Its base experiment.
        variants: Those that are asked for.
        tuned: Fields of which each variant has its own best value.

    Raises:
        UsageError: A variant cannot be built so.
    """
    chosen: dict[str, Tree] = {}
    for one in tuned:
        for key, value in one.chosen.items():
            chosen.setdefault(key, {})[one.field] = value
    return specs_with(study, base, variants, chosen)


def specs_with(
    study: StudySpec,
    base: ExperimentSpec,
    variants: Sequence[Variant],
    fields: Mapping[str, Tree],
) -> dict[str, ExperimentSpec]:
    """Each variant's experiment, by its key, with fields of its own; then the study's budget.

    Args:
        study: The study; its budget says what all variants get the same of.
        base: Its base experiment.
        variants: Those that are asked for.
        fields: Fields that a variant gets beside its own, by its key.

    Raises:
        UsageError: A variant cannot be built so.
    """
    specs = {}
    for variant in variants:
        spec = variant_spec(base, study, variant)
        own = fields.get(variant.key)
        specs[variant.key] = build_spec(spec.to_json(), own) if own else spec
    if study.budget != "flops":
        return specs
    for variant in study.variants:
        if "train.epochs" in variant.set or "train.epochs" in fields.get(variant.key, {}):
            raise UsageError(
                f"study {study.name}, variant {variant.key} sets train.epochs: a budget of FLOPs "
                "cannot be held then"
            )
    reference = variant_spec(base, study, study.variant(study.reference_key))
    return {key: at_cost_of(spec, reference) for key, spec in specs.items()}


def same_experiments(study: StudySpec, base: ExperimentSpec) -> list[tuple[Variant, Variant]]:
    """Pairs of variants that are the same experiment at the same seeds, on this base.

    Their runs are the same runs, compared as if they were two.
    """
    first: dict[tuple[str, int], Variant] = {}
    pairs = []
    for variant in study.variants:
        try:
            spec = variant_spec(base, study, variant)
        except UsageError:  # told when it is asked for
            continue
        other = first.setdefault((spec.identity, variant.seed_offset), variant)
        if other is not variant:
            pairs.append((other, variant))
    return pairs


def check_distinct(study: StudySpec, base: ExperimentSpec) -> None:
    """Raise UsageError where two variants are the same experiment at the same seeds.

    Where a factor of the base has made them so, the study is right and the base unlucky: that is
    told, and no error.
    """
    for one, other in same_experiments(study, base):
        if not (has_factor(one) or has_factor(other)) or one.set == other.set:
            raise UsageError(
                f"study {study.name}: variants {one.key} and {other.key} are the same experiment: "
                "change one of them, or give one a seed_offset"
            )


def at_cost_of(spec: ExperimentSpec, reference: ExperimentSpec) -> ExperimentSpec:
    """The experiment with as many epochs as cost the reference's training FLOPs, one at least."""
    one_epoch = cost_of(spec).train_flop / spec.train.epochs
    epochs = max(1, round(cost_of(reference).train_flop / one_epoch))
    return build_spec(spec.to_json(), {"train.epochs": epochs})
