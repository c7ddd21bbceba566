"""What a reader must be told of a study beside its numbers."""

import pytest

from vitbench.config.build import build_spec
from vitbench.errors import FileError
from vitbench.report.sections import build_report, build_section
from vitbench.runs.schema import TunedField
from vitbench.training.history import EpochRecord

THREE_SEEDS = {"none": [50.0, 53.0, 56.0], "learned-1d": [60.0, 59.0, 64.0]}


def test_failed_and_missing_runs_are_named(study_results) -> None:
    results = study_results(
        {"none": [50.0, None, 52.0], "learned-1d": [60.0, 61.0, 62.0], "learned-2d": [63.0]}
    )

    section = build_section(results)

    assert set(section.problems) == {
        "No position: failed: seed 1.",
        "none, seed 1 failed: disk full.",
        "2D learned: missing: seeds 1 and 2.",
        "Sinusoidal: missing: seeds 0, 1 and 2.",
    }


def test_a_diverged_run_is_named_with_its_reason(study_results, changed) -> None:
    results = changed(
        study_results({"none": [50.0, 51.0]}),
        seed=1,
        status="diverged",
        test_top1_pct=None,
        reason="the loss was nan",
    )

    section = build_section(results)

    assert "No position: diverged: seed 1." in section.problems
    assert "none, seed 1 diverged: the loss was nan." in section.problems


@pytest.mark.parametrize(
    ("fields", "mixed"),
    [
        ({"threads": 8}, "threads: 2 and 8"),
        ({"device_name": "B"}, "device: cpu (A processor) and cpu (B)"),
        ({"precision": "bf16"}, "precision: bf16 and fp32"),
        ({"versions": {"torch": "2.10"}}, "versions: torch 2.10 and torch 2.9"),
    ],
    ids=["threads", "device", "precision", "versions"],
)
def test_what_changes_bits_and_is_not_the_same_is_told(
    fields, mixed, study_results, changed
) -> None:
    same = study_results({"none": [50.0, 51.0]})
    limit = f"Mixed {mixed}. The same spec may give slightly different results with each."

    assert limit not in build_section(same).limits
    assert limit in build_section(changed(same, seed=1, **fields)).limits


def test_a_run_that_went_on_at_a_lower_rate_is_told(study_results, changed) -> None:
    record = EpochRecord(
        epoch=1, train_loss=1, train_top1_pct=50, val_loss=1, val_top1_pct=50, lr=0.1,
        train_time_s=1, img_per_s=1,
    )  # fmt: skip
    history = [
        record.model_copy(update={"epoch": epoch, "lr_halvings": halvings})
        for epoch, halvings in ((1, 0), (2, 1), (3, 2))
    ]
    results = study_results(THREE_SEEDS)

    section = build_section(changed(results, seed=1, history=history))

    assert section.problems == (
        *build_section(results).problems,
        "none, seed 1 diverged 2 times and continued at a lower learning rate from epoch 2.",
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"test_labels_sha256": "11"}, "none, seed 1 has another test set"),
        ({"semantics": 2}, "none, seed 1 was trained with semantics 2"),
        ({"spec": build_spec({"data.val_size": 100, "train.lr": 1}).to_json()},
         "none, seed 1 has another spec than the other runs of its variant (train.lr 1.0, not "
         "0.001)"),
        ({"spec": build_spec({"data.val_size": 200}).to_json()}, "data.val_size 200, not 100"),
    ],
    ids=["test set", "semantics", "spec", "split"],
)  # fmt: skip
def test_runs_that_do_not_belong_together_are_refused_by_name(
    fields, message, study_results, changed
) -> None:
    results = changed(study_results({"none": [50.0, 51.0]}), seed=1, **fields)

    with pytest.raises(FileError) as raised:
        build_section(results)

    assert message in str(raised.value)


def test_a_study_of_the_split_may_vary_it(study_results, changed) -> None:
    results = changed(
        study_results({"none": [50.0], "learned-1d": [51.0]}),
        seed=0,
        spec=build_spec({"data.val_size": 200}).to_json(),
    )
    none, *others = results.study.variants
    varied = none.model_copy(update={"set": {"data.val_size": 200}})
    study = results.study.model_copy(update={"variants": [varied, *others]})

    assert build_section(results.model_copy(update={"study": study})).compared.pairs
    with pytest.raises(FileError, match="another data set or split"):
        build_section(results)


def test_a_budget_of_flops_holds_flops_and_not_epochs(study_results) -> None:
    results = study_results(THREE_SEEDS)
    epochs = {"none": 60, "learned-1d": 50}
    runs = [
        run.model_copy(
            update={"spec": build_spec(run.spec, {"train.epochs": epochs[run.variant]}).to_json()}
        )
        for run in results.runs
    ]
    study = results.study.model_copy(update={"budget": "flops"})
    scaled = build_section(results.model_copy(update={"study": study, "runs": runs}))
    equal = build_section(results)

    assert "train.epochs (none 60 and learned-1d 50: equal FLOPs)" in scaled.varied
    assert "epoch" not in scaled.held
    assert (
        "All variants use the same training FLOPs (rounded to whole epochs) and one recipe"
        in " ".join(scaled.limits)
    )
    assert "epoch" not in equal.varied
    assert "50 epochs" in equal.held


def test_what_was_tuned_is_varied_and_not_held(study_results) -> None:
    tuned = TunedField(
        field="train.batch_size",
        values=[64, 128],
        seed=1_000_000,
        chosen={"none": 64, "learned-1d": 128},
        val_top1_pct={"none": [50.0, 49.0], "learned-1d": [50.0, 51.0]},
        trials_flop=10**12,
        trials_time_s=60.0,
    )
    section = build_section(study_results(THREE_SEEDS, tuned=[tuned]))

    assert "train.batch_size (tuned for each variant)" in section.varied
    assert "batch" not in section.held
    assert "one recipe except for the tuned fields" in " ".join(section.limits)


def test_a_file_without_labels_compares_nothing_and_says_so(study_results) -> None:
    section = build_section(study_results(THREE_SEEDS, test_labels=None))

    assert section.compared.pairs == ()
    assert "The file has no test labels, so nothing is compared." in section.problems
    assert section.finding == "1D learned reached 61.00 % (3 seeds); nothing is compared."


def test_how_a_study_was_run_is_what_its_runs_say(study_results) -> None:
    how = build_section(study_results(THREE_SEEDS)).how

    assert how == {
        "preset": "default",
        "data set": "cifar10, 10,000 test images",
        "epochs": "50",
        "seeds": "0, 1 and 2",
        "device": "cpu (A processor)",
        "threads": "2",
        "precision": "fp32",
        "versions": "torch 2.9",
    }


def test_studies_come_in_the_documents_order_whatever_the_files(study_results) -> None:
    names = ["own", "augmentation", "pos-embed", "patch-size"]
    ours = study_results(THREE_SEEDS)
    studies = [
        ours.model_copy(update={"study": ours.study.model_copy(update={"name": name})})
        for name in names
    ]

    report = build_report(studies)

    assert [section.results.study.name for section in report.sections] == [
        "patch-size",
        "pos-embed",
        "augmentation",
        "own",
    ]


def test_pictures_are_linked_from_where_the_report_lies(tmp_path, study_results) -> None:
    pictures = [
        tmp_path / "visualizations" / kind / f"image_{number}.png"
        for kind in ("rollout", "layers")
        for number in range(2)
    ]

    report = build_report([study_results(THREE_SEEDS)], pictures, tmp_path / "docs")

    assert report.pictures == {
        kind: tuple(f"../visualizations/{kind}/image_{number}.png" for number in range(2))
        for kind in ("rollout", "layers")
    }
