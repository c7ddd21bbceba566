"""Two variants of a study, class by class, from the command line."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from vitbench.cli.main import main
from vitbench.config.build import build_spec
from vitbench.config.study import StudySpec

CLASSES = 10


@pytest.fixture
def ask(run_of, results_of, tmp_path, capsys):
    """Compares variants a and b, given what each was right on, (S, n) of bool."""
    spec = build_spec({}).to_json()
    study = StudySpec(
        name="two", title="Two", variants=[{"key": "a", "label": "A"}, {"key": "b", "label": "B"}]
    )

    def compare(a: np.ndarray, b: np.ndarray, *more: str) -> str:
        runs = [
            run_of(key, seed, right, spec=spec)
            for key, seeds in (("a", a), ("b", b))
            for seed, right in enumerate(seeds)
        ]
        file: Path = tmp_path / "two_results.json"
        file.write_text(results_of(study, runs, a.shape[1]).model_dump_json())
        assert main(["diff", f"{file}:a", "b", *more]) == 0
        return capsys.readouterr().out

    return compare


def drawn(share: float, num_seeds: int, num_images: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random((num_seeds, num_images)) < share


def rows(out: str) -> list[str]:
    """First cells of the table's rows, that of all images first."""
    lines = out.splitlines()[2:]
    return [line.split()[0] for line in lines if " to " in line and not line.startswith("too few")]


def seeds_named(out: str) -> tuple[int, int]:
    """The range of seeds that would bring most classes within 10 points."""
    found = re.search(r"; (\d+) (?:to (\d+)|or more) seeds would bring", out)
    assert found is not None
    return int(found[1]), int(found[2] or 999)


def test_too_few_seeds_for_classes_are_told_once_with_how_many_help(ask) -> None:
    sides = drawn(0.6, 2, 2000, 1), drawn(0.55, 2, 2000, 2)

    out = ask(*sides)
    found = json.loads(ask(*sides, "--json"))

    halves = [
        (high - low) / 2 for low, high in (c["interval_pct"] for c in found["classes"].values())
    ]
    wide = sum(half > 20 for half in halves)
    assert wide >= 5
    assert len(found["classes"]) == CLASSES
    assert out.count("too few seeds for ") == 1
    assert rows(out)[0] == "all"
    assert len(rows(out)) == 1 + CLASSES - wide
    low, high = seeds_named(out)
    assert 2 < low < high < 1000


def test_the_seeds_that_are_named_for_classes_do_help(ask) -> None:
    """Of many studies of two seeds, the larger number of the median one."""
    named = []
    for seed in range(9):
        out = ask(drawn(0.6, 2, 2000, 2 * seed), drawn(0.6, 2, 2000, 2 * seed + 1))
        named.append(seeds_named(out))
    num_seeds = min(sorted(named)[4][1], 40)

    found = json.loads(
        ask(drawn(0.6, num_seeds, 2000, 50), drawn(0.6, num_seeds, 2000, 51), "--json")
    )

    halves = [
        (high - low) / 2 for low, high in (c["interval_pct"] for c in found["classes"].values())
    ]
    assert sorted(halves)[CLASSES // 2] < 12  # foreseen as 10


def test_with_many_seeds_every_class_has_a_row(ask) -> None:
    out = ask(drawn(0.6, 12, 2000, 1), drawn(0.55, 12, 2000, 2))

    assert len(rows(out)) == 1 + CLASSES
    assert "too few" not in out


def test_a_class_that_differs_is_shown_beside_those_of_which_nothing_is_known(ask) -> None:
    labels = np.random.default_rng(0).integers(0, CLASSES, 2000, dtype=np.uint8)  # conftest's
    a, b = drawn(0.6, 2, 2000, 1), drawn(0.6, 2, 2000, 2)
    a[:, labels == 3], b[:, labels == 3] = True, False

    out = ask(a, b)

    (cat,) = [line for line in out.splitlines() if line.startswith("cat ")]
    assert cat.endswith("better")
    assert "+100.00" in cat
    assert " of 10 classes" in out


def test_too_few_images_of_a_class_are_no_matter_of_seeds(ask) -> None:
    """Some four images a class: over new images their accuracy may be anything.

    One class has a single one, which has no variance, so it is not compared.
    """
    a = np.tile(drawn(0.5, 1, 34, 1), (12, 1))
    b = np.tile(drawn(0.5, 1, 34, 2), (12, 1))
    a[0, 0], b[0, 1] = ~a[0, 0], ~b[0, 1]

    out = ask(a, b)

    assert "too few test images for " in out
    assert "more seeds do not help" in out
    assert "too few seeds" not in out
