"""The command line in this process: what it prints where, and its exit codes."""

import json
import os
import re
import shutil

import pytest

from vitbench.cli.main import main
from vitbench.config.presets import preset_for
from vitbench.config.study import load_study, study_names
from vitbench.runs.schema import pack_classes, unpack_classes

TINY = [
    "--preset", "smoke", "--device", "cpu", "--wandb", "disabled",
    *(f"--set={field}" for field in (
        "model.embed_dim=16", "model.depth=2", "model.num_heads=2", "model.patch_size=8",
        "train.batch_size=64", "train.epochs=1", "data.val_size=100",
    )),
]  # fmt: skip


def tiny_with(*fields):
    """TINY with other values of some fields."""
    names = {f"--set={field.partition('=')[0]}" for field in fields}
    kept = [word for word in TINY if word.rpartition("=")[0] not in names]
    return [*kept, *(f"--set={field}" for field in fields)]


ON_SHAPES = [
    *(argument for argument in TINY if argument not in ("--preset", "smoke")),
    "--dataset", "shapes", "--set", "data.augmentation=none",
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


def test_options_lie_over_the_spec_file(capsys, tmp_path) -> None:
    (tmp_path / "spec.yaml").write_text("train: {epochs: 3}\nseed: 4\nmodel.depth: 3\n")

    _, out, _ = run(
        capsys, "train", "--preset", "smoke", "--spec", "spec.yaml", "--epochs", "5",
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
    assert "95% CI" in out

    code, _, err = run(capsys, "report", "--out", "deep/RESULTS.md")
    assert code == 0
    assert (tmp_path / "deep" / "RESULTS.md").read_text() == out
    assert "wrote deep/RESULTS.md" in err

    (tmp_path / "link.md").symlink_to("deep/linked.md")
    assert run(capsys, "report", "--out", "link.md")[0] == 0
    assert (tmp_path / "link.md").is_symlink()
    assert (tmp_path / "deep" / "linked.md").read_text() == out


def test_a_report_as_a_page_has_its_figures_and_can_be_checked(capsys, tmp_path) -> None:
    run(capsys, "sweep", "pos-embed", *TINY, "--seeds", "2", "--only", "none", "--quiet")
    code, page, err = run(capsys, "report", "--format", "html")
    assert (code, err) == (0, "")
    assert page.startswith("<!DOCTYPE html>")
    assert (
        page.count("<svg ") == 2
    )  # seeds and curves: one variant has no difference, and no other cost
    assert "No position, seed 1: " in page

    pictures = tmp_path / "visualizations" / "heads"
    pictures.mkdir(parents=True)
    (pictures / "one.png").write_bytes(b"")
    run(capsys, "report", "--format", "html", "--out", "report.html")
    written = (tmp_path / "report.html").read_text()
    assert 'href="visualizations/heads/one.png"' in written
    (pictures / "one.png").unlink()
    check = ("report", "--check", "report.html")  # its name tells the format
    assert run(capsys, "report", "--format", "md", "--check", "report.html")[0] == 3
    assert run(capsys, "report", "--out", "a.json")[0] == 0
    assert json.loads((tmp_path / "a.json").read_text())["studies"]
    assert run(capsys, *check)[0] == 0
    (tmp_path / "report.html").write_text(written.replace("2 seeds", "9 seeds"))
    assert run(capsys, *check)[0] == 3


def test_a_report_that_no_longer_follows_is_found(capsys, tmp_path) -> None:
    run(capsys, "sweep", "pos-embed", *TINY, "--seeds", "2", "--only", "none", "--quiet")
    run(capsys, "report", "--out", "RESULTS.md")
    whole = (tmp_path / "RESULTS.md").read_text()

    same, out_same, err_same = run(capsys, "report", "--check", "RESULTS.md")
    (tmp_path / "RESULTS.md").write_text(whole.replace("2 seeds", "9 seeds"))
    differs, out, err = run(capsys, "report", "--check", "RESULTS.md")
    absent, _, _ = run(capsys, "report", "--check", "nowhere.md")
    (tmp_path / "RESULTS.md").write_text(whole + "\n## Pictures\n\n![one](a.png)\n")
    with_pictures, _, _ = run(capsys, "report", "--check", "RESULTS.md")
    (tmp_path / "deep").mkdir()
    (tmp_path / "results").rename(tmp_path / "deep" / "results")
    (tmp_path / "RESULTS.md").rename(tmp_path / "deep" / "RESULTS.md")
    elsewhere, _, err_elsewhere = run(capsys, "report", "--check", "deep/RESULTS.md")

    assert (same, out_same) == (0, "")
    assert with_pictures == 0
    assert elsewhere == 0, err_elsewhere
    assert "matches the results" in err_same
    assert differs == 3
    removed = [line for line in out.splitlines() if line.startswith("-") and "9 seeds" in line]
    added = [line for line in out.splitlines() if line.startswith("+") and "2 seeds" in line]
    assert removed
    assert len(removed) == len(added)
    assert "does not match" in err
    assert absent == 2


def test_methods_name_what_was_used_and_cite_it(capsys) -> None:
    run(capsys, "sweep", "pos-embed", *TINY, "--seeds", "2", "--quiet")

    code, out, _ = run(capsys, "report", "--methods")
    _, report, audited = run(capsys, "report", "--audit")

    assert code == 0
    for word in ("depth 2", "width 16", "shapes", "is 1 epoch, batch size 64", "[muon, adamw]",
                 "each trained with 2 seeds", "all 6 pairs", "PyTorch"):  # fmt: skip
        assert word in out
    for key in (
        "vit",
        "muon",
        "adamw",
        "dunnett_t3",
        "bonett_price",
        "welch",
        "schuirmann",
        "sinusoidal",
        "pytorch",
    ):
        assert out.count(f"{{{key},") == 1
    assert "{cifar10," not in out
    assert report.startswith("# Results")
    assert audited.count("consistent") == 6


def test_methods_are_written_of_every_built_in_study(capsys) -> None:
    for study in study_names():
        fields = tiny_with("model.embed_dim=8", "model.depth=3")
        run(capsys, "sweep", study, *fields, "--seeds", "1", "--quiet",
            "--only", load_study(study).reference_key)  # fmt: skip

    code, out, err = run(capsys, "report", "--methods")

    assert code == 0, err
    assert out.count("The base model is") == len(study_names())
    assert "model.embed_dim" in out


def test_the_documents_flat_results_get_a_report_with_the_verdict_they_deserve(
    capsys, tmp_path
) -> None:
    flat = {"no_pos_embed": 69.21, "1d_learned": 69.47, "2d_learned": 69.79, "sinusoidal": 60.0}
    (tmp_path / "positional_embedding_results.json").write_text(json.dumps(flat))

    code, out, _ = run(capsys, "report", "positional_embedding_results.json")
    no_methods, _, err = run(capsys, "report", "positional_embedding_results.json", "--methods")

    assert code == 0
    assert "(Newcombe's) assume 10,000 test images" in out
    assert "Newcombe" in out
    assert "checkpoints differ" in out
    assert "inconclusive" in out
    assert "better |" not in out
    assert no_methods == 2
    assert "were not recorded" in err


def test_two_runs_or_two_variants_are_compared_by_class(capsys, tmp_path) -> None:
    run(capsys, "sweep", "pos-embed", *TINY, "--seeds", "2", "--quiet")
    file = "results/shapes/positional_embedding_results.json"
    one, two, *_ = sorted(map(str, (tmp_path / "runs").iterdir()))

    code, out, _ = run(capsys, "diff", f"{file}:none", "learned-1d")
    _, turned, _ = run(capsys, "diff", f"{file}:learned-1d", f"{file}:none", "--json")
    same, runs, _ = run(capsys, "diff", one, two, "--json")

    assert (code, same) == (0, 0)
    assert out.startswith("No position compared with 1D learned, 2 seeds\n")
    assert "too few seeds for " in out
    document = json.loads(turned)
    assert document["seeds"] == [0, 1]
    assert f"{-document['overall']['difference_pct']:+.2f}" in out
    assert len(document["classes"]) == 10
    assert "disc-upper" in document["classes"]
    weights = [c["difference_pct"] for c in document["classes"].values()]  # 100 images of each
    assert sum(weights) / 10 == pytest.approx(document["overall"]["difference_pct"])
    assert json.loads(runs)["overall"]["verdict"] in ("inconclusive", "checkpoints differ")


def test_a_difference_is_drawn_as_far_as_its_parts_are_there(capsys, tmp_path) -> None:
    run(capsys, "sweep", "pos-embed", *TINY, "--seeds", "2", "--quiet")
    file = "results/shapes/positional_embedding_results.json"
    sides = (f"{file}:none", "learned-1d")

    code, out, err = run(capsys, "diff", *sides, "--figures", "drawn")

    assert code == 0
    assert out == run(capsys, "diff", *sides)[1]
    names = ["confusion", "reliability", "contact_sheet"]
    assert err == "".join(f"wrote drawn/{name}.png\n" for name in names)
    for name in names:
        assert (tmp_path / f"drawn/{name}.png").stat().st_size > 10_000

    shutil.rmtree(next((tmp_path / "runs").glob("*h2-none-*-s1-*")))
    code, _, err = run(capsys, "diff", *sides, "--figures", "fewer")
    assert code == 0
    assert "no reliability diagrams: the run folders with the logits of No position" in err
    assert sorted(path.name for path in (tmp_path / "fewer").iterdir()) == [
        "confusion.png", "contact_sheet.png",
    ]  # fmt: skip
    damaged = json.loads((tmp_path / file).read_text())
    answers = bytearray(unpack_classes(damaged["runs"][0]["predicted"], damaged["num_test"]))
    answers[0] = 200
    damaged["runs"][0]["predicted"] = pack_classes(bytes(answers))
    (tmp_path / "damaged.json").write_text(json.dumps(damaged))
    keys = [run["variant"] for run in damaged["runs"]]
    code, _, err = run(capsys, "diff", f"damaged.json:{keys[0]}", keys[1], "--figures", "bad")
    assert (code, "predicts class 200" in err, len(err.splitlines())) == (2, True, 1)
    one = next((tmp_path / "runs").glob("*h2-learned-1d-*-s0-*"))
    code, _, err = run(capsys, "diff", str(one), str(one), "--figures", "same")
    assert code == 0
    assert "correct on the same images" in err
    (one / "predictions.npz").write_bytes(b"torn")
    code, out, err = run(capsys, "diff", *sides, "--figures", "torn")
    assert (code, "damaged" in err) == (2, True)


def test_names_from_a_file_do_not_command_the_terminal(capsys, tmp_path) -> None:
    run(capsys, "sweep", "pos-embed", *TINY, "--seeds", "1", "--quiet")
    file = tmp_path / "results" / "shapes" / "positional_embedding_results.json"
    hostile = file.read_text().replace("1D learned", r"\u001b]0;owned\u0007\u001b[31m1D\u202e")
    file.write_text(hostile)

    code, out, err = run(capsys, "diff", f"{file}:none", "learned-1d")

    assert code == 0, err
    assert "owned" in out
    assert all(c.isprintable() or c == "\n" for c in out + err)


def test_tune_chooses_a_value_per_variant_and_prints_it(capsys, tmp_path) -> None:
    asked = ["sweep", "pos-embed", *TINY, "--seeds", "1", "--tune", "train.lr=1e-5,1e-2"]
    file = tmp_path / "results" / "shapes" / "positional_embedding_results.json"

    code, _, err = run(capsys, *asked)
    (tuned,) = json.loads(file.read_text())["tuned"]
    again, _, err_again = run(capsys, *asked)
    without, _, err_without = run(capsys, "sweep", "pos-embed", *TINY, "--seeds", "1")
    _, report, _ = run(capsys, "report")

    assert (code, again, without) == (0, 0, 2)
    assert err.count(": chose ") == 4
    assert (tuned["field"], tuned["values"]) == ("train.lr", [1e-5, 1e-2])
    for variant, (low, high) in tuned["val_top1_pct"].items():
        assert tuned["chosen"][variant] == (1e-5 if low >= high else 1e-2)
    for done in json.loads(file.read_text())["runs"]:
        assert done["spec"]["train"]["lr"] == tuned["chosen"][done["variant"]]
    assert "epoch" not in err_again  # the trials are not run again either
    assert "give the same --tune" in err_without
    assert "tuned train.lr for each variant on validation images" in report


def test_seeds_are_added_until_the_width_holds_twice(capsys, tmp_path) -> None:
    code, _, err = run(
        capsys, "sweep", "pos-embed", *TINY, "--only", "none", "--only", "learned-1d",
        "--precision", "90", "--max-seeds", "8",
    )  # fmt: skip
    file = tmp_path / "results" / "shapes" / "positional_embedding_results.json"
    results = json.loads(file.read_text())
    _, report, _ = run(capsys, "report")

    assert code == 0
    first, second = results["precision"]["looks"]
    assert (first["num_seeds"], first["by_variant"]) == (5, {})
    assert sorted(second["by_variant"].values()) == [5, 6]
    assert len(results["runs"]) == 11
    assert "5 to 6 seeds: widest interval ±" in err
    assert "until every interval was within ±90 points after two rounds in a row" in report


def test_a_budget_of_flops_is_in_the_plan_and_kept_apart(capsys, tmp_path) -> None:
    asked = ["sweep", "patch-size", *tiny_with("train.epochs=4"), "--seeds", "1"]
    code, out, _ = run(capsys, *asked, "--budget", "flops", "--dry-run", "--json")
    plan = json.loads(out)

    assert code == 0
    epochs = {planned["variant"]: planned["epochs"] for planned in plan["runs"]}
    assert epochs["2x2"] == 1
    assert epochs["8x8"] > 4
    assert plan["foreseen_half_width_pct"] == {"patch-size": None}
    assert list(tmp_path.iterdir()) == []


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


def test_words_that_were_mended_in_a_study_file_are_in_the_next_report(capsys, tmp_path) -> None:
    run(capsys, "studies", "new", "mine")
    run(capsys, "sweep", "mine.yaml", *TINY, "--seeds", "1")
    results = tmp_path / "results" / "shapes" / "mine_results.json"
    before = json.loads(results.read_text())
    study = tmp_path / "mine.yaml"
    study.write_text(study.read_text().replace("Wider", "Broader"))

    code, out, _ = run(capsys, "sweep", "mine.yaml", *TINY, "--seeds", "1")
    after = json.loads(results.read_text())
    run(capsys, "sweep", "mine.yaml", *TINY, "--seeds", "1")

    assert code == 0
    assert "Broader: width x2 " in out
    assert "Broader vs Base: " in run(capsys, "report")[1]
    assert {**after, "study": None} == {**before, "study": None}
    assert json.loads(results.read_text()) == after


def test_another_base_for_the_same_results_is_refused_and_nothing_is_lost(capsys, tmp_path) -> None:
    run(capsys, "sweep", "pos-embed", *TINY, "--seeds", "1", "--only", "none")
    file = tmp_path / "results" / "shapes" / "positional_embedding_results.json"
    before = file.read_bytes()

    fields = tiny_with("train.epochs=2")
    code, out, err = run(capsys, "sweep", "pos-embed", *fields, "--seeds", "1", "--epochs", "2")

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
    wild = tiny_with("train.optimizer=adamw", "train.lr=1000", "train.grad_clip=null",
                     "train.warmup_fraction=0", "train.epochs=30")  # fmt: skip
    sweep = ("sweep", "pos-embed", *wild, "--seeds", "1", "--only", "none")
    code, out, err = run(capsys, *sweep)
    assert code == 0
    assert "diverged" in out
    assert "diverged" in err

    code, _, err = run(capsys, *sweep)
    assert code == 0
    assert "epoch" not in err
    assert "diverged: seed 0" in run(capsys, "report")[1]


def test_help_lists_every_field_with_its_choices_as_the_registries_have_them(capsys) -> None:
    from vitbench.config.build import field_names
    from vitbench.registry import AUGMENTATIONS, POSITIONS

    _, out, _ = run(capsys, "train", "--help")

    text = " ".join(out.split())
    for field in field_names():
        assert field in text
    assert ", ".join(POSITIONS.names()) in text
    assert ", ".join(AUGMENTATIONS.names()) in text


def test_a_preset_for_a_gpu_on_a_cpu_first_says_what_it_will_take(capsys) -> None:
    """A model so small that it is trained in a moment, under the preset that is made for a GPU."""
    code, _, err = run(capsys, "train", *ON_SHAPES, "--preset", "default")

    assert code == 0
    assert "--preset cpu is made for this machine" in err.splitlines()[0]


def test_without_a_gpu_the_preset_is_cpu_and_its_cost_is_printed(capsys) -> None:
    code, out, err = run(capsys, "train", "--device", "cpu", "--dry-run")
    whole, _, sweep_err = run(capsys, "sweep", "patch-size", *ON_SHAPES, "--dry-run", "--seeds=1")
    quiet, _, silence = run(capsys, "train", "--device", "cpu", "--dry-run", "--quiet")

    assert (code, whole, quiet) == (0, 0, 0)
    assert "-d64x6h8-" in out
    assert err == (
        "preset cpu (--device cpu): about 39 TFLOP, about 10 min on two cores; "
        "--preset default for the full recipe\n"
    )
    about_patches, about_cost = sweep_err.splitlines()
    assert about_patches.startswith("patch-size: every variant sets model.patch_size, so")
    assert re.match(
        r"preset cpu \(--device cpu\): [\d.]+ to [\d.]+ TFLOP per run, about ", about_cost
    )
    assert silence == ""


def test_what_auto_stood_for_is_recorded_and_another_preset_refused_by_its_name(
    capsys, tmp_path
) -> None:
    words = ("sweep", "pos-embed", *ON_SHAPES, "--only", "none", "--seeds", "1")

    code, _, _ = run(capsys, *words)
    refused, _, err = run(capsys, *words, "--preset", "default")
    again, _, _ = run(capsys, *words, "--preset", "cpu")

    (file,) = (tmp_path / "results").rglob("*_results.json")
    assert json.loads(file.read_text())["preset"] == "cpu"
    assert (code, refused, again) == (0, 2, 0)
    assert "of preset cpu, not default (model.mlp_ratio 2.0, not 4.0): give --preset cpu" in err


def test_a_complete_spec_prints_no_preset(capsys) -> None:
    run(capsys, "train", *TINY, "--out", "first", "--quiet")

    code, _, err = run(capsys, "train", "--spec", "first/spec.json", "--seed", "1", "--dry-run")

    assert code == 0
    assert err == ""


def test_more_than_a_day_is_announced_before_it_starts(capsys) -> None:
    long = [word.replace("epochs=1", "epochs=1000000") for word in ON_SHAPES]
    words = ("--preset", "cpu", *long, "--dry-run")

    _, _, sweep_err = run(capsys, "sweep", "pos-embed", *words)
    _, _, train_err = run(capsys, "train", *words)
    _, _, nothing = run(capsys, "sweep", "pos-embed", *TINY, "--dry-run")

    ways = "to take less time: --preset smoke, fewer seeds (--seeds 1), one variant (--only), fewer"
    assert re.match(r"this takes about \d+ days here; ", sweep_err)
    assert ways in sweep_err
    assert train_err.endswith("to take less time: --preset smoke, fewer epochs (--epochs)\n")
    assert nothing == ""


def test_presets_names_auto_and_what_it_stands_for(capsys) -> None:
    code, out, _ = run(capsys, "presets")

    assert code == 0
    (line,) = [line for line in out.splitlines() if line.startswith("auto ")]
    assert "`default` on a GPU, `cpu` elsewhere" in line
    assert [preset_for("auto", device) for device in ("cpu", "cuda", "mps")] == [
        "cpu", "default", "default",
    ]  # fmt: skip
    assert preset_for("smoke", "cuda") == "smoke"


def test_tuning_a_study_that_has_runs_without_is_refused_before_any_trial(capsys, tmp_path) -> None:
    words = ["sweep", "pos-embed", *TINY, "--seeds", "1", "--only", "none"]
    run(capsys, *words)
    folders = len(list((tmp_path / "runs").iterdir()))

    for more in ([], ["--dry-run"]):
        code, _, err = run(capsys, *words, "--tune", "train.lr=1e-3,2e-3", *more)
        assert code == 2
        assert "holds runs without --tune: choose another --results-dir" in err
    assert len(list((tmp_path / "runs").iterdir())) == folders


def test_a_study_that_is_called_null_can_be_swept(capsys) -> None:
    assert run(capsys, "studies", "new", "null")[0] == 0
    assert run(capsys, "sweep", "null.yaml", *TINY, "--dry-run")[0] == 0
    for name in ("all", "patch_size", "pos-embed"):
        assert run(capsys, "studies", "new", name)[0] == 2


def test_studies_show_refuses_a_pipe(capsys) -> None:
    os.mkfifo("pipe.yaml")
    code, _, err = run(capsys, "studies", "show", "pipe.yaml")
    assert code == 2
    assert "is a pipe or a device" in err
