"""`vitbench runs` and `vitbench check`: real runs, really damaged, and what must never go."""

import json
import os
import pty
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock

from vitbench.cli.main import main
from vitbench.runs.catalogue import catalogue, remove

FIELDS = ("data.val_size=100", "data.augmentation=none", "model.embed_dim=16", "model.depth=2",
          "model.num_heads=2", "model.patch_size=8", "train.batch_size=32")  # fmt: skip
SWEEP = ["sweep", "pos-embed", "--preset", "smoke", "--epochs", "2", "--seeds", "2", "--only",
         "none", "--only", "sinusoidal", "--device", "cpu", "--wandb", "disabled", "--quiet",
         *(f"--set={field}" for field in FIELDS)]  # fmt: skip
TRAIN = ["train", "--preset", "smoke", "--epochs", "1", "--device", "cpu", "--wandb", "disabled",
         "--quiet", *(f"--set={field}" for field in FIELDS)]  # fmt: skip
pytestmark = pytest.mark.usefixtures("here")
RESULTS = Path("results/shapes/positional_embedding_results.json")


@pytest.fixture(scope="session")
def swept(tmp_path_factory) -> Path:
    """A folder with the four runs of a study, a fifth that nobody names, and the results."""
    folder = tmp_path_factory.mktemp("swept")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(SWEEP) == 0
        assert main(TRAIN) == 0
    return folder


@pytest.fixture
def here(swept, tmp_path, monkeypatch) -> None:
    """We are in a copy of it, which may be damaged."""
    shutil.copytree(swept, tmp_path / "work")
    monkeypatch.chdir(tmp_path / "work")


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main(list(arguments))
    out, err = capsys.readouterr()
    return code, out, err


def folder_of(what: str) -> Path:
    (found,) = Path("runs").glob(f"*-{what}-*")
    return found


def named() -> Path:
    return folder_of("none-none-e2-s1")


def unnamed() -> Path:
    return folder_of("e1-s0")


def begun(folder: Path) -> None:
    """As a run is that was stopped in an epoch."""
    (folder / "result.json").unlink()
    (folder / "predictions.npz").unlink()


def edit(path: Path, change) -> None:
    """Change what a JSON file holds."""
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


# Listing


def test_runs_are_listed_with_what_names_them(capsys) -> None:
    begun(folder_of("sinusoidal-none-e2-s0"))

    code, out, _ = run(capsys, "runs", "list", "--json")
    listed = {one["folder"]: one for one in json.loads(out)}

    assert code == 0
    assert len(listed) == 5
    assert [one["state"] for one in listed.values()].count("done") == 4
    stopped = listed[str(folder_of("sinusoidal-none-e2-s0"))]
    assert stopped["state"] == "begun"
    assert (stopped["epochs"], stopped["of_epochs"], stopped["test_top1_pct"]) == (2, 2, None)
    assert stopped["named_by"] == ["pos-embed/sinusoidal"]
    result = json.loads((named() / "result.json").read_text())
    one = listed[str(named())]
    assert (one["seed"], one["test_top1_pct"]) == (1, result["test_top1_pct"])
    assert one["num_bytes"] == sum(path.stat().st_size for path in named().iterdir())
    assert listed[str(unnamed())]["named_by"] == []


def test_the_table_has_a_line_for_each_run_and_the_sum(capsys) -> None:
    code, out, _ = run(capsys, "runs")

    assert code == 0
    assert len(out.splitlines()) == 1 + 5 + 1
    assert out.splitlines()[-1].startswith("5 run folders, ")
    assert "pos-embed/none" in out


def test_what_is_no_run_folder_is_not_listed(capsys) -> None:
    Path("runs/notes").mkdir()
    Path("runs/notes/spec.json").write_text("{}")
    Path("runs/link-0123456789").symlink_to(named().resolve())
    Path("runs/a_file").write_text("text")

    _, out, _ = run(capsys, "runs")

    assert out.splitlines()[-1].startswith("5 run folders, ")


def test_a_run_whose_files_cannot_be_read_is_damaged(capsys) -> None:
    (named() / "spec.json").write_text("{")
    (unnamed() / "result.json").write_text("{")

    _, out, _ = run(capsys, "runs", "list", "--json")

    assert [one["state"] for one in json.loads(out)].count("damaged") == 2


# Removing


def test_only_what_nobody_names_is_removed(capsys) -> None:
    code, out, err = run(capsys, "runs", "prune", "--yes")

    assert code == 0
    assert len(out.splitlines()) == 3
    assert "removed 1 run folder" in err
    assert len(list(Path("runs").iterdir())) == 4
    assert named().exists()
    assert run(capsys, "report")[0] == 0


def test_where_nobody_can_be_asked_nothing_is_removed(capsys) -> None:
    code, _, err = run(capsys, "runs", "prune")

    assert code == 2
    assert "--yes" in err
    assert unnamed().exists()


@pytest.mark.parametrize(("answer", "left"), [("n", 5), ("y", 4)])
def test_on_a_terminal_the_user_is_asked(answer, left) -> None:
    """A real terminal, and a real answer."""
    process, terminal = pty.fork()
    if process == 0:
        os.execv(sys.executable, [sys.executable, "-m", "vitbench", "runs", "prune"])
    said = b""
    while b"?" not in said:
        said += os.read(terminal, 1000)
    os.write(terminal, f"{answer}\n".encode())
    try:
        while more := os.read(terminal, 1000):
            said += more
    except OSError:  # the end, on Linux
        pass
    _, status = os.waitpid(process, 0)

    assert b"remove 1 run folder" in said
    assert os.waitstatus_to_exitcode(status) == 0
    assert len(list(Path("runs").iterdir())) == left


def test_a_dry_run_removes_nothing(capsys) -> None:
    code, out, _ = run(capsys, "runs", "prune", "--force", "--unfinished", "--dry-run")

    assert code == 0
    assert out.splitlines()[-1].startswith("5 run folders")
    assert len(list(Path("runs").iterdir())) == 5


def test_what_was_begun_stays_unless_it_is_asked_for(capsys) -> None:
    begun(unnamed())

    kept, _, err = run(capsys, "runs", "prune", "--yes")
    assert unnamed().exists()
    gone, _, _ = run(capsys, "runs", "prune", "--yes", "--unfinished")

    assert (kept, gone) == (0, 0)
    assert "nothing to remove" in err
    assert len(list(Path("runs").iterdir())) == 4


def test_what_is_being_trained_stays_whatever_is_asked_for(capsys) -> None:
    begun(unnamed())
    with FileLock(unnamed() / ".lock"):
        code, _, _ = run(capsys, "runs", "prune", "--yes", "--unfinished", "--force")

    assert code == 0
    assert [path.name for path in Path("runs").iterdir()] == [unnamed().name]


def test_a_run_that_results_elsewhere_name_is_known_by_its_identity(capsys) -> None:
    Path("kept").mkdir()
    Path("results").rename("kept/results")
    Path("runs").rename("kept/there")

    code, _, _ = run(
        capsys, "runs", "prune", "--yes", "--runs-dir", "kept/there", "--results-dir", "kept"
    )

    assert code == 0
    assert len(list(Path("kept/there").iterdir())) == 4


def test_with_a_damaged_results_file_nothing_is_removed(capsys) -> None:
    RESULTS.write_text("{")

    code, _, err = run(capsys, "runs", "prune", "--yes")

    assert code == 2
    assert str(RESULTS) in err
    assert len(list(Path("runs").iterdir())) == 5


def test_links_are_not_followed_and_foreign_folders_stay(tmp_path, capsys) -> None:
    outside = tmp_path / "outside"
    shutil.copytree(unnamed(), outside)
    (Path("runs") / unnamed().name.replace("s0", "s9")).symlink_to(outside)
    (unnamed() / "inner").symlink_to(outside)
    Path("runs/notes").mkdir()

    code, _, _ = run(capsys, "runs", "prune", "--yes", "--force", "--unfinished")

    assert code == 0
    assert (outside / "result.json").exists()
    assert Path("runs/notes").is_dir()


def alien(name: str = "all_results.json") -> Path:
    """A file that the Trainer of Hugging Face writes, among our results."""
    path = Path("results") / name
    path.write_text('{"epoch": 3.0, "eval_accuracy": 0.9871, "eval_loss": 0.0557}')
    return path


def test_another_tools_file_among_the_results_is_passed_over(capsys) -> None:
    path = alien()

    for command in (["report"], ["runs"], ["runs", "prune", "--dry-run"], ["check"]):
        code, out, err = run(capsys, *command)
        assert code == 0, err
        assert str(path) in err
        assert "skipped" in err
        assert str(path) not in out
    _, listed, _ = run(capsys, "runs", "prune", "--dry-run")
    assert [line for line in listed.splitlines() if "pos-embed/" in line] == []


def test_weights_of_another_tool_are_passed_over_and_damaged_ones_of_ours_are_not(capsys) -> None:
    torch.save({"model.0.conv.weight": torch.zeros(2)}, "yolo.pt")
    Path("results/odd.pt").write_text("text")

    code, out, err = run(capsys, "check", ".")
    assert code == 0, out
    assert err.count("it is skipped and not changed") == 2
    assert run(capsys, "check", "yolo.pt")[0] == 3

    shutil.copy(named() / "checkpoint.pt", "mine.pt")
    truncate(Path("mine.pt"))
    code, out, _ = run(capsys, "check", ".")
    assert (code, "mine.pt: is a damaged vitbench checkpoint" in out) == (3, True)


def test_another_tools_file_is_an_error_where_it_is_named_and_is_never_to_be_removed(
    capsys,
) -> None:
    path = alien()

    code, _, err = run(capsys, "report", str(path))
    assert (code, "not a results file" in err) == (2, True)
    code, out, _ = run(capsys, "check", str(path))
    assert (code, "not a results file" in out) == (3, True)
    assert "remove" not in out


def test_with_a_results_file_that_may_be_ours_nothing_is_removed(capsys) -> None:
    Path("results/empty_results.json").write_bytes(b"")

    assert run(capsys, "report")[0] == 0
    code, _, err = run(capsys, "runs", "prune", "--yes")

    assert code == 2
    assert "it is empty: the runs it refers to are unknown" in err
    assert len(list(Path("runs").iterdir())) == 5


def test_a_run_that_is_recorded_while_the_user_is_asked_stays() -> None:
    """A real terminal; the results come back after the question and before the answer."""
    Path("results").rename("elsewhere")
    process, terminal = pty.fork()
    if process == 0:
        os.execv(sys.executable, [sys.executable, "-m", "vitbench", "runs", "prune"])
    said = b""
    while b"?" not in said:
        said += os.read(terminal, 1000)
    Path("elsewhere").rename("results")
    os.write(terminal, b"y\n")
    try:
        while more := os.read(terminal, 1000):
            said += more
    except OSError:  # the end, on Linux
        pass
    _, status = os.waitpid(process, 0)

    assert b"remove 5 run folders" in said
    assert said.count(b"stays: a results file refers to it now") == 4
    assert b"removed 1 run folder" in said
    assert os.waitstatus_to_exitcode(status) == 0
    assert len(list(Path("runs").iterdir())) == 4


def test_a_run_that_changes_or_is_trained_while_the_user_is_asked_stays() -> None:
    listed = catalogue(Path("runs"), [])
    changed, trained, gone = listed[:3]
    (changed.folder / "history.jsonl").write_text("")
    shutil.rmtree(gone.folder)

    assert remove(changed, lambda _: False) == "it changed after it was listed"
    with FileLock(trained.folder / ".lock"):
        assert remove(trained, lambda _: False) == "another process is training it"
    assert remove(gone, lambda _: False) is None
    assert remove(trained, lambda folder: folder == trained.folder) is not None
    assert remove(trained, lambda _: False) is None
    assert not gone.folder.exists()
    assert not trained.folder.exists()
    assert changed.folder.exists()


def test_what_a_killed_prune_left_blocks_no_other(capsys) -> None:
    left = Path("runs") / f".removed-{unnamed().name}"
    (left / "x").mkdir(parents=True)

    code, _, err = run(capsys, "runs", "prune", "--yes")
    assert (code, unnamed_is_there()) == (0, False)
    assert "remain from an interrupted prune" in err
    assert not left.exists()

    (left / "x").mkdir(parents=True)
    assert run(capsys, "runs", "prune", "--dry-run")[0] == 0
    assert left.exists()
    assert run(capsys, "runs", "prune", "--yes")[0] == 0
    assert not left.exists()
    assert len(list(Path("runs").iterdir())) == 4


def unnamed_is_there() -> bool:
    return any(Path("runs").glob("*-e1-s0-*"))


# What is no file


def strange(path: Path, kind: str) -> None:
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        with path.open("wb") as file:
            file.truncate(10**12)


@pytest.mark.parametrize("kind", ["pipe", "device", "sparse"])
def test_no_command_waits_for_what_is_no_file_or_reads_it_whole(kind, capsys) -> None:
    names = ("spec.json", "result.json", "history.jsonl", "predictions.npz", "checkpoint.pt")
    whole = named()
    other = str(whole)
    for number, name in enumerate(names):
        copied = whole.with_name(f"copy{number}-{whole.name}")
        shutil.copytree(whole, copied)
        strange(copied / name, kind)
    strange(Path("strange_results.json"), kind)
    strange(Path("picture.png"), kind)
    copies = sorted(map(str, Path("runs").glob("copy*")))

    assert run(capsys, "runs")[0] == 0
    code, out, _ = run(capsys, "check", "--json")
    assert code == 3
    grave = {one["path"] for one in json.loads(out) if not one["is_note"]}
    assert {str(Path(copy) / name) for copy, name in zip(copies, names, strict=True)} - grave == {
        str(Path(copies[2]) / "history.jsonl")  # whose records are in the result too
    }
    for copy in copies:
        assert run(capsys, "diff", copy, other)[0] in (0, 2)
    for command in (
        ["diff", copies[1], other],
        ["diff", copies[3], other],
        ["visualize", "curves", copies[4]],
        ["visualize", "rollout", other, "--image", "picture.png"],
        ["report", "strange_results.json"],
        ["report", "--check", "picture.png"],
    ):
        code, _, err = run(capsys, *command)
        assert (code, len(err.splitlines())) == (2, 1), err


def test_commands_that_read_write_nothing(capsys) -> None:
    for path in Path("runs").glob("*/.lock"):
        path.unlink()
    before = {path: path.stat().st_mtime_ns for path in Path().rglob("*")}

    for command in (
        ["runs"],
        ["runs", "prune", "--dry-run"],
        ["check"],
        ["report"],
        ["diff", str(named()), str(unnamed())],
        [*SWEEP, "--dry-run"],
    ):
        code, _, err = run(capsys, *command)
        assert code == 0, err

    assert {path: path.stat().st_mtime_ns for path in Path().rglob("*")} == before


# Writing over


def test_a_report_does_not_take_the_place_of_what_it_is_made_of_or_of_a_runs_files(capsys) -> None:
    Path("link.md").symlink_to(RESULTS)
    os.link(RESULTS, "hard.md")
    Path("own.yaml").write_text("name: own")
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    outs = [RESULTS, f"results/../{RESULTS}", RESULTS.absolute(), "link.md", "hard.md", "own.yaml"]
    outs += [path for path in named().iterdir() if path.name != ".lock"]

    for out in outs:
        for given in ([], [str(RESULTS)], ["-f", "json"]):
            code, _, err = run(capsys, "report", *given, "--out", str(out))
            assert (code, len(err.splitlines())) == (2, 1), (out, err)
            assert "--out" in err
    code, _, _ = run(capsys, "report", "--out", "results/new_results.json")

    assert code == 2
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("name", ["r.md", "r.json", "r.csv", "r.tex"])
def test_a_report_takes_the_place_of_an_earlier_one(name, capsys) -> None:
    assert run(capsys, "report", "--out", name)[0] == 0
    first = Path(name).read_bytes()
    assert run(capsys, "report", "--out", name)[0] == 0

    assert Path(name).read_bytes() == first


# Mending


def test_damaged_answers_are_mended_by_the_same_sweep(capsys) -> None:
    whole = RESULTS.read_text()
    edit(RESULTS, lambda r: r["runs"][0].update(predicted=r["runs"][0]["predicted"][:-8]))

    assert run(capsys, "report")[0] == 2
    code, out, _ = run(capsys, "check")
    assert (code, "none, seed 0 are damaged (sweep again)" in out) == (3, True)
    assert run(capsys, *SWEEP)[0] == 0

    assert RESULTS.read_text() == whole
    assert run(capsys, "check")[0] == 0


@pytest.mark.parametrize("field", ["test_labels", "num_test"])
def test_a_damaged_account_of_the_test_set_is_mended_by_the_same_sweep(field, capsys) -> None:
    whole = RESULTS.read_text()
    edit(RESULTS, lambda r: r.update({field: {"test_labels": "AAAA", "num_test": 7}[field]}))

    assert run(capsys, "report")[0] == 2
    assert run(capsys, *SWEEP)[0] == 0

    assert RESULTS.read_text() == whole


def test_damaged_predictions_end_no_sweep(capsys) -> None:
    whole = RESULTS.read_text()
    RESULTS.unlink()
    truncate(named() / "predictions.npz")

    assert run(capsys, *SWEEP)[0] == 0
    assert RESULTS.read_text() == whole


OWN = """\
name: own
title: Own
variants:
  - {{key: {first}, label: First, set: {{}}}}
  - {{key: {second}, label: Second, set: {{model.pos_embed: none}}}}
"""


def test_a_study_whose_variant_was_renamed_leaves_nothing_that_check_fails(capsys) -> None:
    sweep = ["sweep", "own.yaml", *SWEEP[2:6], "--seeds", "1", *SWEEP[12:]]
    Path("own.yaml").write_text(OWN.format(first="a", second="b"))
    assert run(capsys, *sweep)[0] == 0
    Path("own.yaml").write_text(OWN.format(first="a", second="c"))
    assert run(capsys, *sweep)[0] == 0
    (file,) = Path("results").rglob("own_results.json")

    code, out, err = run(capsys, "check")
    assert code == 0, out
    assert "it has runs of b, a variant that its study no longer has" in err
    for command in (["report", str(file)], ["report", str(file), "-f", "html"],
                    ["report", str(file), "--audit"], ["diff", f"{file}:a", "c"]):  # fmt: skip
        code, out, err = run(capsys, *command)
        assert code == 0, err
        assert "First" in out


# Checking


def test_all_is_well_after_a_sweep(capsys) -> None:
    code, out, err = run(capsys, "check")

    assert code == 0
    assert out == "5 run folders, 1 results file: no problems\n"
    assert err == ""


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def other_answers(path: Path) -> None:
    with np.load(path) as arrays:
        content = dict(arrays)
    content["predicted"][:100] = (content["labels"][:100] + 1) % 10
    np.savez_compressed(path, **content)


def other_weights(path: Path) -> None:
    content = torch.load(path, weights_only=True)
    content["weights"]["head.bias"] = torch.zeros(3)
    torch.save(content, path)


def nan_weights(path: Path) -> None:
    content = torch.load(path, weights_only=True)
    content["weights"]["head.bias"].fill_(float("nan"))
    torch.save(content, path)


def other_bits(path: Path) -> None:
    content = torch.load(path, weights_only=True)
    content["bits"]["threads"] = 1_000_000
    torch.save(content, path)


DAMAGE = {
    "weights that are NaN": (
        lambda: nan_weights(named() / "checkpoint.pt"), "weight head.bias is NaN",
    ),
    "a million threads": (
        lambda: other_bits(named() / "checkpoint.pt"), "bits: threads is 1000000",
    ),
    "a negative time in a result": (
        lambda: edit(named() / "result.json", lambda r: r.update(train_time_s=-1)),
        "train_time_s is -1",
    ),
    "a negative time in the results": (
        lambda: edit(RESULTS, lambda r: r["runs"][0].update(train_time_s=-1)),
        "train_time_s is -1",
    ),
    "a run that is there twice": (
        lambda: edit(RESULTS, lambda r: r["runs"].append(r["runs"][0])),
        "it has two runs of none, seed 0",
    ),
    "a spec of a plug-in that is not here": (
        lambda: edit(named() / "spec.json", lambda s: s["data"].update(augmentation="mine")),
        "unknown augmentation 'mine'",
    ),
    "a flipped bit of a checkpoint": (lambda: flip(named() / "checkpoint.pt"), "checkpoint.pt: "),
    "half a checkpoint": (lambda: truncate(named() / "checkpoint.pt"), "checkpoint.pt: "),
    "weights that do not fit": (
        lambda: other_weights(named() / "checkpoint.pt"), "head.bias is torch.float32 (3,)",
    ),
    "another run's checkpoint": (
        lambda: shutil.copy(unnamed() / "checkpoint.pt", named() / "checkpoint.pt"),
        "it belongs to another run (shapes-p8-d16x2h2-learned-1d",
    ),
    "a flipped bit of the answers": (lambda: flip(named() / "predictions.npz"), "predictions.npz"),
    "other answers": (lambda: other_answers(named() / "predictions.npz"), "its predictions have"),
    "half a result": (lambda: truncate(named() / "result.json"), "result.json: is damaged"),
    "another accuracy in a result": (
        lambda: edit(named() / "result.json", lambda r: r.update(test_top1_pct=99.0)),
        "it records 99.0 % test accuracy",
    ),
    "an epoch less in a result": (
        lambda: edit(named() / "result.json", lambda r: r["history"].pop()),
        "its history does not cover epochs 1 to 2",
    ),
    "another learning rate in a spec": (
        lambda: edit(named() / "spec.json", lambda s: s["train"].update(lr=0.5)),
        "the spec belongs to another run",
    ),
    "no spec": (lambda: (named() / "spec.json").unlink(), "no spec file"),
    "half a results file": (lambda: truncate(RESULTS), "is not a results file"),
    "another accuracy in the results": (
        lambda: edit(RESULTS, lambda r: r["runs"][0].update(test_top1_pct=99.0)),
        "none, seed 0 records 99.0 % test accuracy, but its predictions",
    ),
    "another run's answers in the results": (
        lambda: edit(RESULTS, lambda r: r["runs"][0].update(predicted=r["runs"][1]["predicted"])),
        "none, seed 0 records",
    ),
    "another seed in the results": (
        lambda: edit(RESULTS, lambda r: r["runs"][0].update(seed=7)),
        "none, seed 7 has another spec than its variant",
    ),
    "variants that changed places": (
        lambda: edit(
            RESULTS,
            lambda r: [x.update(variant={"none": "sinusoidal"}.get(x["variant"], "none"))
                       for x in r["runs"]],
        ),
        "has another spec than its variant",
    ),
    "another time in the results": (
        lambda: edit(RESULTS, lambda r: r["runs"][0].update(train_time_s=1.0)),
        "none, seed 0: train_time_s differs from",
    ),
    "another base in the results": (
        lambda: edit(RESULTS, lambda r: r["base"]["train"].update(lr=0.5)),
        "its base does not match its identity",
    ),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_found_named_and_has_a_remedy(damage, capsys) -> None:
    do, hint = DAMAGE[damage]
    do()

    code, out, err = run(capsys, "check")
    _, as_json, _ = run(capsys, "check", "--json")

    assert code == 3, (out, err)
    lines = out.splitlines()
    assert any(hint in line for line in lines), out
    assert all(line.endswith(")") for line in lines[:-1])
    assert "finding" in lines[-1]
    grave = [finding for finding in json.loads(as_json) if not finding["is_note"]]
    assert len(grave) == len(lines) - 1


HARMLESS = {
    "a torn line of history": (
        lambda: truncate(named() / "history.jsonl"), "it differs from the history in result.json",
    ),
    "a checkpoint that is gone": (lambda: (named() / "checkpoint.pt").unlink(), "it is missing"),
    "answers that are gone": (lambda: (named() / "predictions.npz").unlink(), "are missing"),
    "what a killed process left": (
        lambda: (named() / ".result.json.x1.part").write_text("{"), "left by a process",
    ),
    "NaN in a history": (
        lambda: (named() / "history.jsonl").write_text('{"epoch": NaN}\n'),
        "it differs from the history in result.json",
    ),
    "a run folder that is gone": (
        lambda: shutil.rmtree(named()), "1 of its 4 run folders are missing",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", HARMLESS)
def test_what_harms_nothing_is_a_note(what, capsys) -> None:
    do, hint = HARMLESS[what]
    do()

    code, out, err = run(capsys, "check")

    assert code == 0, out
    assert out.endswith("no problems\n")
    assert hint in err
    assert err.startswith("note: ")


def test_a_damaged_checkpoint_with_the_one_before_is_a_note(capsys) -> None:
    begun(unnamed())
    whole = unnamed() / "checkpoint.pt"
    shutil.copy(whole, unnamed() / "checkpoint.previous.pt")
    truncate(whole)

    code, out, err = run(capsys, "check", "runs")

    assert code == 0, out
    assert "the run resumes from the previous epoch" in err


def test_a_run_in_training_is_left_alone(capsys) -> None:
    truncate(named() / "checkpoint.pt")
    with FileLock(named() / ".lock"):
        code, _, err = run(capsys, "check", "runs")

    assert code == 0
    assert "another process is training it" in err


def test_a_lone_checkpoint_and_one_results_file_are_checked_by_name(capsys) -> None:
    shutil.copy(named() / "checkpoint.pt", "mine.pt")
    well, out, _ = run(capsys, "check", "mine.pt", str(RESULTS))
    flip(Path("mine.pt"))
    ill, _, _ = run(capsys, "check", "mine.pt")

    assert (well, ill) == (0, 3)
    assert out == "1 results file, 1 checkpoint: no problems\n"


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["check", "nowhere"], "no file or folder nowhere"),
        (["check", "empty"], "nothing to check in empty"),
        (["check", "a_file.txt"], "give a checkpoint (.pt)"),
        (["runs", "list", "--runs-dir", "a_file.txt"], "is a file"),
        (["runs", "prune", "--results-dir", "a_file.txt"], "is a file"),
        (["runs", "purge"], "did you mean 'prune'"),
    ],
    ids=" ".join,
)
def test_wrong_requests(arguments, hint, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("a_file.txt").write_text("text")

    code, out, err = run(capsys, *arguments)

    assert (code, out) == (2, "")
    assert hint.lower() in err.lower()
