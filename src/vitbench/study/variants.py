"""The experiment of each variant: its fields, its tuned values, and epochs of equal cost."""

from collections.abc import Mapping, Sequence

from vitbench.config.build import Tree, build_spec, merge
from vitbench.config.experiment import ExperimentSpec
from vitbench.config.study import StudySpec, Variant, has_factor, is_factor, variant_spec
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
        study: The study; its budget is what is equal for all variants.
        base: Its base experiment.
        variants: The requested variants.
        tuned: Fields that were tuned per variant.

    Raises:
        UsageError: A variant cannot be built.
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
    """Each variant's experiment, by its key, with additional fields; then the study's budget.

    Args:
        study: The study; its budget is what is equal for all variants.
        base: Its base experiment.
        variants: The requested variants.
        fields: Additional fields of a variant, by its key.

    Raises:
        UsageError: A variant cannot be built.
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
                f"study {study.name}, variant {variant.key} sets train.epochs: this contradicts a "
                "budget of FLOPs"
            )
    reference = variant_spec(base, study, study.variant(study.reference_key))
    return {key: at_cost_of(spec, reference) for key, spec in specs.items()}


def same_experiments(study: StudySpec, base: ExperimentSpec) -> list[tuple[Variant, Variant]]:
    """Pairs of variants that are the same experiment with the same seeds, on this base.

    They have the same runs, which would be compared with themselves.
    """
    first: dict[tuple[str, int], Variant] = {}
    pairs = []
    for variant in study.variants:
        try:
            spec = variant_spec(base, study, variant)
        except UsageError:  # reported when the variant is requested
            continue
        other = first.setdefault((spec.identity, variant.seed_offset), variant)
        if other is not variant:
            pairs.append((other, variant))
    return pairs


def fields_without_effect(study: StudySpec, fields: Tree) -> list[str]:
    """The fields of the base, by dotted name, that every variant replaces."""
    tree: Tree = {}
    merge(tree, fields)
    dotted = [f"{section}.{name}" for section in tree for name in tree[section]]
    return [
        field
        for field in dotted
        if all(field in v.set and not is_factor(v.set[field]) for v in study.variants)
    ]


def check_distinct(study: StudySpec, base: ExperimentSpec) -> None:
    """Raise UsageError if two variants are the same experiment with the same seeds.

    If a factor of the base causes it, the study is valid: that is only a note.
    """
    for one, other in same_experiments(study, base):
        if not (has_factor(one) or has_factor(other)) or one.set == other.set:
            raise UsageError(
                f"study {study.name}: variants {one.key} and {other.key} are the same experiment: "
                "change one of them, or give one a seed_offset"
            )


def at_cost_of(spec: ExperimentSpec, reference: ExperimentSpec) -> ExperimentSpec:
    """The experiment with as many epochs as the reference's training FLOPs allow, at least one."""
    one_epoch = cost_of(spec).train_flop / spec.train.epochs
    epochs = max(1, round(cost_of(reference).train_flop / one_epoch))
    return build_spec(spec.to_json(), {"train.epochs": epochs})
