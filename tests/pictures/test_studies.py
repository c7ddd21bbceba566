"""The pictures of a report: which are drawn, under what names, of what numbers."""

import re
import subprocess
import sys
from xml.etree import ElementTree

import matplotlib.image
import numpy as np
import pytest

from vitbench.config.study import Variant, load_study
from vitbench.pictures.studies import (
    _accuracies,
    _costs,
    _curves,
    _differences,
    _figures,
    with_figures,
    write_figures,
)
from vitbench.report.sections import build_section
from vitbench.runs.schema import StudyResults, pack_classes
from vitbench.training.history import EpochRecord

RNG = np.random.default_rng(0)
SEEDS = {"none": [50.0, 51.0], "learned-1d": [60.0, 62.0], "sinusoidal": [55.0, None]}
HOSTILE = "a $\\frac{$ <b>|x|</b> \\input{y}\n=1 \x1b[31mred\x07 \u202eb"


def with_costs(results: StudyResults) -> StudyResults:
    """The results with a training cost that doubles from variant to variant."""
    order = list(dict.fromkeys(run.variant for run in results.runs))
    runs = [
        run.model_copy(update={"train_flop": 10**12 * 2 ** order.index(run.variant)})
        for run in results.runs
    ]
    return results.model_copy(update={"runs": runs})


def history(*accuracies: float) -> list[EpochRecord]:
    return [
        EpochRecord(
            epoch=number + 1, train_loss=1, train_top1_pct=50, val_loss=1, val_top1_pct=accuracy,
            lr=0.1, train_time_s=1, img_per_s=1,
        )
        for number, accuracy in enumerate(accuracies)
    ]  # fmt: skip


@pytest.fixture
def answered(study_results):
    """Builds results whose runs have random answers to images of ten classes, and a history."""

    def build(accuracies, **changes):
        results = study_results(accuracies)
        labels = RNG.integers(0, 10, results.num_test, dtype=np.uint8)
        runs = []
        for run in results.runs:
            if run.test_top1_pct is None:
                runs.append(run)
                continue
            chosen = RNG.random(results.num_test) < run.test_top1_pct / 100
            predicted = np.where(chosen, labels, (labels + 1) % 10).astype(np.uint8)
            fields = {
                "predicted": pack_classes(predicted.tobytes()),
                "test_top1_pct": 100 * float((predicted == labels).mean()),
                "test_labels_sha256": None,
                "history": history(30, 40 + run.seed),
            }
            runs.append(run.model_copy(update=fields))
        test_labels = pack_classes(labels.tobytes())
        changes = {"runs": runs, "test_labels": test_labels, **changes}
        return with_costs(results.model_copy(update=changes))

    return build


def test_each_study_gets_four_pictures_named_after_it(tmp_path, answered) -> None:
    section = build_section(answered(SEEDS))

    paths = write_figures([section], tmp_path / "figures")

    assert [path.name for path in paths] == [
        f"pos-embed_{kind}.png" for kind in ("differences", "seeds", "cost", "curves")
    ]
    for path in paths:
        assert matplotlib.image.imread(path)[..., :3].std() > 0.05


def test_the_pictures_show_the_rows_numbers(answered) -> None:
    results = answered(SEEDS)
    section = build_section(results)
    none, learned, _, sinusoidal = section.rows

    differences = _differences(section)

    assert [one.label for one in differences] == ["Sinusoidal", "No position"]  # best first
    assert differences[1].difference_pct == none.against.difference_pct
    assert differences[1].interval == none.against.interval
    by_seed = differences[1].by_seed
    assert by_seed == {
        seed: none.accuracy_by_seed[seed] - learned.accuracy_by_seed[seed] for seed in (0, 1)
    }
    assert np.mean(list(by_seed.values())) == pytest.approx(differences[1].difference_pct)
    assert differences[0].by_seed == {0: sinusoidal.mean_pct - learned.accuracy_by_seed[0]}
    assert [one.label for one in _accuracies(section)] == [
        "1D learned", "Sinusoidal", "No position",
    ]  # fmt: skip
    assert [one.mean_pct for one in _costs(section)] == [
        row.mean_pct for row in section.rows if row.mean_pct is not None
    ]
    assert [one.by_seed for one in _curves(section)] == [
        [[30, 40], [30, 41]], [[30, 40], [30, 41]], [], [[30, 40]],
    ]  # fmt: skip


def test_a_page_has_the_same_figures_and_tells_each_seed_to_who_points_at_it(answered) -> None:
    results = answered(SEEDS)

    (section,) = with_figures([build_section(results)])

    assert list(section.figures) == ["differences", "seeds", "cost", "curves"]
    accuracy = {run.seed: run.test_top1_pct for run in results.runs if run.variant == "none"}
    root = ElementTree.fromstring(section.figures["seeds"])  # well-formed by itself
    tips = [one.get("aria-label") for one in root.iter() if one.get("class") == "tip"]
    assert f"No position, seed 1: {accuracy[1]:.2f} %" in tips
    assert len(tips) == 4  # a variant of one seed has its mean alone
    ids = [set(re.findall(r'\bid="([^"]*)"', svg)) for svg in section.figures.values()]
    assert len(set.union(*ids)) == sum(map(len, ids)) > 40  # none is another figure's
    assert "No position" in "".join(root.itertext())  # text, not outlines


def test_anyones_label_is_told_as_it_is(answered) -> None:
    label = 'a "b" \'c\' <d> & href="#e" url(#f) id="g"'
    results = answered(SEEDS)
    first, *others = results.study.variants
    variants = [first.model_copy(update={"label": label}), *others]
    study = results.study.model_copy(update={"variants": variants})

    (section,) = with_figures([build_section(results.model_copy(update={"study": study}))])

    for name in ("differences", "seeds", "cost"):
        root = ElementTree.fromstring(section.figures[name])
        tips = [one.get("aria-label") for one in root.iter() if one.get("class") == "tip"]
        assert any(tip.startswith(label) for tip in tips), name
        words = "".join(root.itertext())
        assert "pos-embed" not in words  # no prefix of an id is in a text
        assert "url(#f)" in words.replace("\n", "")


def test_variants_that_run_at_other_seeds_are_paired_by_the_seed_of_the_study(answered) -> None:
    results = answered({"none": [50.0, 51.0], "learned-1d": [60.0, 62.0]})
    none, *others = results.study.variants
    variants = [none.model_copy(update={"seed_offset": 100}), *others]
    runs = [
        run.model_copy(update={"seed": run.seed + 100}) if run.variant == "none" else run
        for run in results.runs
    ]
    study = results.study.model_copy(update={"variants": variants})

    section = build_section(results.model_copy(update={"study": study, "runs": runs}))

    assert _differences(section)[0].by_seed == _differences(build_section(results))[0].by_seed


def test_what_cannot_be_drawn_is_left_out(tmp_path, study_results) -> None:
    nothing = build_section(study_results({"none": [None]}))
    alone = build_section(study_results({"none": [50.0]}))

    assert write_figures([nothing], tmp_path) == []
    assert [path.name for path in write_figures([alone], tmp_path)] == ["pos-embed_seeds.png"]


def test_no_study_overwrites_anothers_pictures_or_leaves_the_folder(
    tmp_path, study_results
) -> None:
    results = study_results({"none": [50.0]})
    datasets = ["cifar10", "cifar10", "shapes", "../../shapes"]
    sections = [
        build_section(results.model_copy(update={"dataset": dataset})) for dataset in datasets
    ]

    paths = write_figures(sections, tmp_path / "figures")

    assert len(set(paths)) == 4
    assert [path.name for path in paths] == [
        "pos-embed_seeds.png", "pos-embed_2_seeds.png",
        "pos-embed_shapes_seeds.png", "pos-embed_shapes_2_seeds.png",
    ]  # fmt: skip
    assert {path.parent for path in paths} == {tmp_path / "figures"}


def test_hostile_words_are_drawn_without_a_warning(tmp_path, answered) -> None:
    results = answered(SEEDS)
    variants = [v.model_copy(update={"label": HOSTILE}) for v in results.study.variants]
    study = results.study.model_copy(update={"variants": variants, "title": HOSTILE})
    section = build_section(results.model_copy(update={"study": study}))

    assert len(write_figures([section], tmp_path)) == 4


def test_variants_of_one_cost_get_no_picture_of_cost(study_results) -> None:
    results = study_results({"none": [50.0], "learned-1d": [60.0]})

    assert "cost" not in dict(_figures(build_section(results)))
    assert "cost" in dict(_figures(build_section(with_costs(results))))


def test_at_equal_flops_curves_are_over_the_cost_spent(answered) -> None:
    results = answered(SEEDS)
    section = build_section(results)
    over_epochs = dict(_figures(section))["curves"].axes[0]
    study = results.study.model_copy(update={"budget": "flops"})
    section = build_section(results.model_copy(update={"study": study}))

    axes = dict(_figures(section))["curves"].axes[0]

    assert over_epochs.get_xlabel().startswith("epoch")
    assert "TFLOP" in axes.get_xlabel()
    assert axes.get_xscale() == "log"
    ends = [line.get_xdata()[-1] for line in axes.lines if len(line.get_xdata())]
    epochs = [row.train_flop / 1e12 / 50 for row in section.rows if row.train_flop]
    assert sorted(ends) == pytest.approx([2 * epoch for epoch in sorted(epochs)])  # 2 of 50 epochs


def test_neither_matplotlib_nor_torch_comes_with_the_import() -> None:
    code = (
        "import sys, vitbench.pictures.studies\nprint({'matplotlib', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"


def test_of_many_variants_pictures_show_the_best_and_say_so(study_results) -> None:
    number = 60
    variants = [Variant(key=f"v{i}", label=f"V{i}", set={}) for i in range(number)]
    study = load_study("pos-embed").model_copy(
        update={"variants": variants, "reference": None, "claims": []}
    )
    results = study_results(
        {f"v{i}": [20 + i / 2, 20.1 + i / 2] for i in range(number)}, study=study
    )
    runs = [run.model_copy(update={"history": history(30, 40)}) for run in results.runs]
    section = build_section(with_costs(results.model_copy(update={"runs": runs})))

    figures = dict(_figures(section))
    named = [text.get_text() for text in figures["cost"].axes[0].texts]

    assert [one.label for one in _curves(section)] == [f"V{i}" for i in range(59, 35, -1)]
    for name, most in (("differences", 40), ("seeds", 40), ("curves", 24)):
        heading = " ".join(figures[name].get_suptitle().split())
        assert f"the {most} best of {59 if name == 'differences' else 60}, the table" in heading
        assert figures[name].get_figheight() < 26
    assert len(figures["seeds"].axes[0].get_yticks()) == 40
    assert len(named) == 30
    assert "30 points without a name" in figures["cost"].axes[0].get_xlabel()
    assert figures["cost"].get_figheight() < 20


def test_a_page_of_many_studies_has_figures_for_the_first_ones(study_results, monkeypatch) -> None:
    monkeypatch.setattr("vitbench.pictures.studies.MOST_STUDIES", 1)
    sections = [
        build_section(with_costs(study_results({"none": [50.0], "learned-1d": [60.0]})))
    ] * 2

    first, second = with_figures(sections)

    assert set(first.figures) == {"differences", "seeds", "cost"}
    assert second == sections[1]
