"""Answers of anybody's models: read, compared, and refused with the line and the column."""

import csv
import re

import numpy as np
import pytest

from vitbench.cli.main import main
from vitbench.comparison.pairs import compare_study
from vitbench.comparison.variance import difference_estimate
from vitbench.errors import FileError
from vitbench.runs.answers import read_answers

CLASSES = np.array(["cat", "dog", "ship"])
NUM_IMAGES = 300
RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 3, NUM_IMAGES)


def drawn(accuracy: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    right = rng.random(NUM_IMAGES) < accuracy
    return np.where(right, LABELS, (LABELS + 1) % 3)


RUNS = {
    **{("ResNet-18", seed): drawn(0.9, seed) for seed in range(5)},
    **{("ViT tiny", seed): drawn(0.5, 10 + seed) for seed in (0, 1, 7)},
}


def lines(labelled: bool = True) -> list[list[object]]:
    rows = []
    for (variant, seed), answers in RUNS.items():
        for image in RNG.permutation(NUM_IMAGES):
            label = [CLASSES[LABELS[image]]] if labelled else []
            rows.append([variant, seed, f"img{image}", CLASSES[answers[image]], *label])
    return rows


@pytest.fixture
def write(tmp_path):
    def write_it(rows, header=("variant", "seed", "image", "answer", "label"), name="mine.csv"):
        path = tmp_path / name
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([header, *rows])
        return path

    return write_it


def check(path) -> None:
    """A file gives the comparison of the answers themselves."""
    results = read_answers(path)
    right = {
        name: np.stack([answers == LABELS for (key, _), answers in RUNS.items() if key == name])
        for name in ("ResNet-18", "ViT tiny")
    }
    (pair,) = compare_study(results).pairs
    assert pair.estimate == difference_estimate(*right.values())
    assert (pair.first_seeds, pair.second_seeds) == ((0, 1, 2, 3, 4), (0, 1, 7))
    assert [variant.label for variant in results.study.variants] == list(right)


def test_a_csv_file_with_labels_gives_the_comparison_of_its_answers(write) -> None:
    check(write(lines()))


def test_labels_may_lie_in_a_file_beside_it(write) -> None:
    write([[f"img{i}", CLASSES[c]] for i, c in enumerate(LABELS)], ("image", "label"),
          "mine_labels.csv")  # fmt: skip
    check(write(lines(labelled=False), ("variant", "seed", "image", "answer")))


def test_an_npz_file_gives_the_same(tmp_path) -> None:
    path = tmp_path / "mine.npz"
    np.savez_compressed(
        path,
        variant=np.array([variant for variant, _ in RUNS]),
        seed=np.array([seed for _, seed in RUNS]),
        answer=np.stack(list(RUNS.values())),
        label=LABELS,
    )
    check(path)


def test_the_command_line_makes_the_whole_report_of_them(write, capsys) -> None:
    path = write(lines())

    assert main(["report", "--answers", str(path), "--require", "ResNet-18 > ViT tiny"]) == 0

    out = capsys.readouterr().out
    assert "ResNet-18 beats ViT tiny by " in out
    assert "5 and 3 seeds" in out
    assert "1 study, 8 runs, on the given images." in out


def changed(row: int, column: int, value: object):
    rows = lines()
    rows[row][column] = value
    return rows


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (changed(3, 1, "two"), "line 5, column seed: 'two' is not a whole number"),
        (changed(3, 1, "1.5"), "line 5, column seed: '1.5'"),
        (changed(7, 3, ""), "line 9, column answer: it is empty"),
        (changed(0, 4, "horse"), "column label: image img"),
        (lines()[:-1], "ViT tiny, seed 7 has 299 of 300 images: image img"),
        (lines() + lines()[:1], "a second answer of ResNet-18, seed 0 to image img"),
        ([[*lines()[0], "more"]], "line 2: it does not have 5 columns"),
        ([lines()[0][:3]], "line 2: it does not have 5 columns"),
        ([], "no lines below its header"),
        ([["a", 0, i, i, i] for i in range(300)], "300 classes, more than 256"),
    ],
)
def test_what_is_wrong_is_named_with_its_line_and_column(rows, words, write) -> None:
    with pytest.raises(FileError, match=re.escape(words)):
        read_answers(write(rows))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no column variant"),
        (b"variant,seed,image,anser,label\n", "no column answer"),
        (b"\xff\xfe\x00", "is not a CSV file"),
        (b"PK\x03\x04 damaged", "is not a readable NPZ file"),
        (b'variant,seed,image,answer,label\n"a,0,0,0,0\n', "it is not CSV"),
    ],
)
def test_a_file_that_is_not_one_of_answers_is_refused(content, words, tmp_path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(content)

    with pytest.raises(FileError, match=words):
        read_answers(path)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"variant": np.array(["a"])}, "no array seed"),
        ({"variant": np.array(["a"]), "seed": np.array([0]), "answer": np.zeros((2, 3)),
          "label": np.zeros(3)}, "it has variant (1,)"),
        ({"variant": np.array(["a", "a"]), "seed": np.array([0, 0]), "answer": np.zeros((2, 3)),
          "label": np.zeros(3)}, "row 1: a, seed 0 is there twice"),
        ({"variant": np.array([{}], dtype=object)}, "not a readable NPZ file"),
    ],
)  # fmt: skip
def test_arrays_of_other_shapes_are_named(arrays, words, tmp_path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, **arrays)

    with pytest.raises(FileError, match=re.escape(words)):
        read_answers(path)


def test_a_missing_file_and_missing_labels_are_named(write, tmp_path) -> None:
    with pytest.raises(FileError, match="no file of answers"):
        read_answers(tmp_path / "absent.csv")
    with pytest.raises(FileError, match="no column label, and there is no "):
        read_answers(write(lines(labelled=False), ("variant", "seed", "image", "answer")))


def test_names_that_differ_in_signs_alone_are_different_variants(write) -> None:
    rows = [[name, 0, i, "x", "x"] for name in ("A b", "a-b", "ü") for i in range(3)]

    results = read_answers(write(rows))

    assert [variant.key for variant in results.study.variants] == ["a-b", "a-b-2", "model"]
