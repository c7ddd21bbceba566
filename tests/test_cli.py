"""The command line in this process: what it prints where, and its exit codes."""

import json

import pytest

from vitbench.cli.main import main

TINY = [
    "--preset", "smoke", "--device", "cpu", "--wandb", "disabled",
    *(f"--set={field}" for field in (
        "model.embed_dim=16", "model.depth=2", "model.num_heads=2", "model.patch_size=8",
        "train.batch_size=64", "train.epochs=1", "data.val_size=100",
    )),
]  # fmt: skip


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(capsys, *arguments):
    """Exit code, stdout and stderr of a command."""
    code = main(list(arguments))
    out, err = capsys.readouterr()
    return code, out, err


def test_train_prints_its_result_on_stdout_and_progress_on_stderr(capsys) -> None:
    code, out, err = run(capsys, "train", *TINY)

    assert code == 0
    assert "test accuracy" in out
    assert "checkpoint.pt" in out
    assert "epoch 1/1" in err
    assert "epoch" not in out.replace("epochs", "")


def test_json_is_one_document_and_quiet_is_silent(capsys, tmp_path) -> None:
    code, out, err = run(capsys, "train", *TINY, "--json", "--quiet", "--out", "here")

    result = json.loads(out)
    assert code == 0
    assert err == ""
    assert result["run_folder"] == "here"
    assert result["status"] == "done"
    assert (tmp_path / "here" / "result.json").exists()


def test_a_spec_that_a_run_wrote_is_the_same_run_again(capsys, tmp_path) -> None:
    run(capsys, "train", *TINY, "--seed", "7")
    (folder,) = (tmp_path / "runs").iterdir()

    code, _, err = run(
        capsys,
        "train",
        "--spec",
        str(folder / "spec.json"),
        "--device",
        "cpu",
        "--wandb",
        "disabled",
    )

    assert code == 0
    assert "nothing was trained" in err
    assert [path.name for path in (tmp_path / "runs").iterdir()] == [folder.name]


def test_flags_lie_over_the_spec_file_and_set_over_flags(capsys, tmp_path) -> None:
    (tmp_path / "spec.yaml").write_text("train: {epochs: 3}\nseed: 4\nmodel.depth: 3\n")

    _, out, _ = run(
        capsys, "train", "--preset", "smoke", "--spec", "spec.yaml", "--epochs", "5", "--seed", "6",
        "--set", "seed=8", "--dry-run", "--json", "--device", "cpu",
    )  # fmt: skip

    spec = json.loads(out)["spec"]
    assert (spec["train"]["epochs"], spec["seed"], spec["model"]["depth"]) == (5, 8, 3)


def test_dry_run_prints_the_plan_and_makes_no_file(capsys, tmp_path) -> None:
    code, out, _ = run(capsys, "train", *TINY, "--dry-run")
    assert code == 0
    assert "parameters" in out
    assert "about" in out

    code, out, _ = run(capsys, "sweep", "pos-embed", *TINY, "--dry-run", "--seeds", "2")
    assert code == 0
    assert "to train: 8 runs" in out
    assert list(tmp_path.iterdir()) == []


def test_a_sweep_writes_results_that_the_report_reads(capsys, tmp_path) -> None:
    code, out, err = run(capsys, "sweep", "pos_embed", *TINY, "--seeds", "2")
    assert code == 0
    assert "results/shapes/positional_embedding_results.json" in out
    assert "run 8 of 8" in err

    code, out, err = run(capsys, "report")
    assert code == 0
    assert err == ""
    assert out.startswith("# Results\n")
    assert "No position" in out
    assert "simultaneous 95% CI" in out or "not shown to be better" in out

    code, _, err = run(capsys, "report", "--out", "deep/RESULTS.md")
    assert code == 0
    assert (tmp_path / "deep" / "RESULTS.md").read_text() == out
    assert "wrote deep/RESULTS.md" in err


def test_a_second_call_trains_nothing_and_more_seeds_add(capsys) -> None:
    study = ("sweep", "pos-embed", *TINY, "--only", "none", "--only", "learned-2d")
    run(capsys, *study, "--seeds", "1")
    code, _, err = run(capsys, *study, "--seeds", "1")
    assert code == 0
    assert "epoch" not in err

    _, out, _ = run(capsys, *study, "--seed-list", "0,3", "--json")
    (document,) = json.loads(out)
    assert [(r["seed"], r["variant"]) for r in document["runs"]] == [
        (0, "none"), (0, "learned-2d"), (3, "none"), (3, "learned-2d"),
    ]  # fmt: skip


def test_studies_share_runs_with_each_other_and_with_train(capsys) -> None:
    run(capsys, "train", *TINY)
    _, out, _ = run(
        capsys, "sweep", "pos-embed", "hyperparams", *TINY, "--seeds", "1", "--dry-run", "--json",
        "--only", "learned-1d",
    )  # fmt: skip
    assert out == ""  # hyperparams has no such variant: nothing is planned

    _, out, _ = run(capsys, "sweep", "pos-embed", *TINY, "--seeds", "1", "--dry-run", "--json")
    states = {planned["variant"]: planned["state"] for planned in json.loads(out)["runs"]}
    assert states == {
        "none": "new", "learned-1d": "trained", "learned-2d": "new", "sinusoidal": "new",
    }  # fmt: skip


def test_a_study_of_ones_own_is_begun_shown_and_swept(capsys, tmp_path) -> None:
    assert run(capsys, "studies", "new", "mine")[:2] == (0, "mine.yaml\n")
    code, out, _ = run(capsys, "studies", "show", "mine.yaml")
    assert code == 0
    assert out == (tmp_path / "mine.yaml").read_text()

    code, _, _ = run(capsys, "sweep", "mine.yaml", *TINY, "--seeds", "1")
    assert code == 0
    assert (tmp_path / "results" / "shapes" / "mine_results.json").exists()
    assert "Wider" in run(capsys, "report")[1]


def test_another_base_for_the_same_results_is_refused_and_nothing_is_lost(capsys, tmp_path) -> None:
    run(capsys, "sweep", "pos-embed", *TINY, "--seeds", "1", "--only", "none")
    file = tmp_path / "results" / "shapes" / "positional_embedding_results.json"
    before = file.read_bytes()

    code, out, err = run(
        capsys,
        "sweep",
        "pos-embed",
        *TINY,
        "--seeds",
        "1",
        "--epochs",
        "2",
        "--set",
        "train.epochs=2",
    )

    assert code == 2
    assert out == ""
    assert "train.epochs 1, not 2" in err
    assert "--results-dir" in err
    assert file.read_bytes() == before


def test_a_run_that_fails_is_recorded_the_others_go_on_and_it_is_tried_again(
    capsys, tmp_path
) -> None:
    """A file lies where the run folder of one variant should be."""
    _, out, _ = run(capsys, "sweep", "pos-embed", *TINY, "--seeds", "1", "--dry-run", "--json")
    folder = next(p["run_folder"] for p in json.loads(out)["runs"] if p["variant"] == "learned-2d")
    (tmp_path / "runs").mkdir()
    (tmp_path / folder).write_text("in the way")

    code, out, err = run(capsys, "sweep", "pos-embed", *TINY, "--seeds", "1")

    assert code == 1
    assert "learned-2d, seed 0 failed" in err
    assert "Sinusoidal" in out
    assert "failed" in run(capsys, "report")[1]

    (tmp_path / folder).unlink()
    code, _, err = run(capsys, "sweep", "pos-embed", *TINY, "--seeds", "1")
    assert code == 0
    assert "run 1 of 1" in err or "epoch 1/1" in err
    assert "failed" not in run(capsys, "report")[1]


def test_divergence_is_recorded_and_not_tried_again(capsys) -> None:
    wild = ("--set=train.optimizer=adamw", "--set=train.lr=1000", "--set=train.grad_clip=null",
            "--set=train.warmup_fraction=0", "--set=train.epochs=30")  # fmt: skip
    sweep = ("sweep", "pos-embed", *TINY, *wild, "--seeds", "1", "--only", "none")
    code, out, err = run(capsys, *sweep)
    assert code == 0
    assert "diverged" in out
    assert "diverged" in err

    code, _, err = run(capsys, *sweep)
    assert code == 0
    assert "epoch" not in err
    assert "diverged: seed 0" in run(capsys, "report")[1]


def test_help_lists_every_field_with_its_choices_as_the_registries_have_them(capsys) -> None:
    from vitbench.registry import AUGMENTATIONS, POSITIONS
    from vitbench.spec.overrides import field_names

    _, out, _ = run(capsys, "train", "--help")

    text = " ".join(out.split())
    for field in field_names():
        assert field in text
    assert ", ".join(POSITIONS.names()) in text
    assert ", ".join(AUGMENTATIONS.names()) in text


def test_the_default_preset_on_a_cpu_first_says_what_it_will_take(capsys) -> None:
    """A model so small that it is trained in a moment, under the preset that is made for a GPU."""
    tiny = [argument for argument in TINY if argument not in ("--preset", "smoke")]

    code, _, err = run(
        capsys, "train", *tiny, "--dataset", "shapes", "--set", "data.augmentation=none"
    )

    assert code == 0
    assert "--preset cpu is made for this machine" in err.splitlines()[0]


WRONG = [
    (["trian"], "did you mean 'train'"),
    (["train", "--epoch", "3"], "--epochs"),
    (["train", "--epochs", "many"], "--epochs"),
    (["train", "--epochs", "0"], "train.epochs"),
    (["train", "--epochs", "-3"], "train.epochs"),
    (["train", "--seed", "-1"], "seed"),
    (["train", "--preset", "smok"], "did you mean 'smoke'"),
    (["train", "--device", "gpu"], "cuda"),
    (["train", "--device", ""], "cuda"),
    (["train", "--wandb", "onlin"], "did you mean 'online'"),
    (["train", "--dataset", "cifar"], "did you mean 'cifar10'"),
    (["train", "--spec", "absent.yaml"], "absent.yaml"),
    (["train", "--spec", "."], "cannot read"),
    (["train", "--set", "model.patch_size=5"], "use 1, 2, 4, 8, 16 or 32"),
    (["train", "--set", "model.dept=4"], "did you mean 'model.depth'"),
    (["train", "--set", "model"], "key=value"),
    (["train", "--set", "model=4"], "section"),
    (["train", "--set", "depth=4"], "model.depth"),
    (["train", "--set", "model.depth=four"], "model.depth"),
    (["train", "--set", "model.depth={"], "YAML"),
    (["train", "--set", "train.lr=.nan"], "train.lr"),
    (["train", "--set", "train.lr=.inf"], "train.lr"),
    (["train", "--set", "train.optimizer=adam"], "did you mean 'adamw'"),
    (["train", "--set", "train.optimizer.speed=4"], "speed"),
    (["train", "--set", "train.batch_size=100000"], "batch_size"),
    (["train", "--set", "data.val_size=11"], "multiple of 10"),
    (["train", "--set", "model.pos_embed=learned1d"], "did you mean 'learned-1d'"),
    (["train", "--set", "model.pos_embed=[]"], "empty"),
    (["train", "--set", "model.embed_dim=12", "--set", "model.num_heads=5"], "num_heads"),
    (["train", "--preset", "smoke", "--set", "model.embed_dim=9", "--set", "model.num_heads=3",
      "--set", "model.pos_embed=learned-2d"], "learned-2d"),
    (["train", "--preset", "smoke", "--out", "a_file"], "is a file"),
    (["train", "--preset", "smoke", "--out", "a_file/below"], "is a file"),
    (["train", "--data-dir", "nowhere.tar.gz"], "nowhere.tar.gz"),
    (["train", "extra"], "extra"),
    (["sweep"], "STUDY"),
    (["sweep", "pos-embd"], "did you mean 'pos-embed'"),
    (["sweep", "absent.yaml"], "absent.yaml"),
    (["sweep", "a_file.yaml"], "no study"),
    (["sweep", "pos-embed", "--only", "lerned-1d"], "did you mean 'learned-1d'"),
    (["sweep", "pos-embed", "--seeds", "0"], "--seeds 0"),
    (["sweep", "pos-embed", "--seeds", "2", "--seed-list", "1"], "exclude each other"),
    (["sweep", "pos-embed", "--seed-list", "1,x"], "0,1,7"),
    (["sweep", "pos-embed", "--seed-list", "1,1"], "twice"),
    (["sweep", "pos-embed", "--preset", "smoke", "--results-dir", "a_file"], "is a file"),
    (["sweep", "pos-embed", "--preset", "smoke", "--runs-dir", "a_file"], "is a file"),
    (["report"], "no results folder"),
    (["report", "absent.json"], "absent.json"),
    (["report", "a_file"], "no results file"),
    (["report", "--results-dir", "empty"], "vitbench sweep writes them"),
    (["studies", "shwo"], "did you mean 'show'"),
    (["studies", "show", "nothing"], "unknown study"),
    (["studies", "new", "../evil"], "study name"),
    (["studies", "new", "pos-embed"], "built-in"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "hint"), WRONG, ids=[" ".join(a)[:60] for a, _ in WRONG])
def test_a_wrong_request_is_told_in_three_plain_lines_and_makes_no_file(
    arguments, hint, capsys, tmp_path
) -> None:
    (tmp_path / "a_file").write_text("text\n")
    (tmp_path / "a_file.yaml").write_text("- text\n")
    (tmp_path / "empty").mkdir()
    before = sorted(tmp_path.rglob("*"))

    code, out, err = run(capsys, *arguments)

    assert code == 2
    assert out == ""
    assert 1 <= len(err.splitlines()) <= 3
    assert hint.lower() in err.lower()
    assert "Traceback" not in err
    assert "╭" not in err
    assert sorted(tmp_path.rglob("*")) == before
