"""Every option has an effect, or is refused in one line before any work and any file."""

import json
import os
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from vitbench.cli.command import Command, fields_called
from vitbench.cli.main import app, main
from vitbench.config.build import field_names
from vitbench.config.experiment import ExperimentSpec

TINY = [
    "--preset", "smoke", "--device", "cpu", "--wandb", "disabled", "--epochs", "1",
    *(f"--set={field}" for field in (
        "model.embed_dim=16", "model.depth=1", "model.num_heads=2", "model.patch_size=8",
        "train.batch_size=64", "data.val_size=100",
    )),
]  # fmt: skip
HEAD = "name: s\ntitle: S\n"
FILES = {
    "same.yaml": f"{HEAD}variants: [{{key: a, label: A}}, {{key: b, label: B}}]\n",
    "default.yaml": f"{HEAD}variants:\n  - {{key: a, label: A}}\n"
    "  - {key: b, label: B, set: {model.pos_embed: learned-1d}}\n",
    "seed.yaml": f"{HEAD}variants: [{{key: a, label: A, set: {{seed: 5}}}}]\n",
    "base-seed.yaml": f"{HEAD}base: {{seed: 5}}\nvariants: [{{key: a, label: A}}]\n",
    "keys.yaml": f"{HEAD}variants: [{{key: a-b, label: A}},"
    " {key: a_b, label: B, set: {model.pos_embed: none}}]\n",
    "other.yaml": f"{HEAD}variants: [{{key: other, label: O}}]\n",
    "stem.yaml": "name: t\ntitle: T\nresults: s\nvariants: [{key: a, label: A}]\n",
    "apart.yaml": f"{HEAD}variants: [{{key: a, label: A}},"
    " {key: b, label: B, seed_offset: 10}]\n",
    "factor.yaml": f"{HEAD}variants: [{{key: a, label: A, set: {{train.lr: {{times: 1e-1}}}}}},"
    " {key: b, label: B, set: {train.lr: 1e-3}}]\n",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _in_a_folder_of_few_files(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a_file").write_text("text\n")
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)


@pytest.fixture
def ask(capsys, tmp_path):
    """Gives code, stdout and stderr of a command; a refusal is one line, and touches no file."""

    def call(*arguments: str) -> tuple[int, str, str]:
        before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
        capsys.readouterr()
        code = main(list(arguments))
        out, err = capsys.readouterr()
        if code == 2:
            now = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
            assert now == before
            assert out == ""
            assert len(err.splitlines()) == 1, err
        return code, out, err

    return call


@pytest.mark.parametrize(("arguments", "option"), [
    (["visualize", "rollout", "x.pt", "--image", "a.png", "--image", "b.png"], "--image"),
    (["train", "--preset", "cpu", "-p", "smoke"], "--preset"),
    (["train", "--out", "a", "--out=b"], "--out"),
    (["sweep", "pos-embed", "--seeds", "1", "--seeds", "2"], "--seeds"),
    (["report", "--format", "csv", "-f", "html"], "--format"),
    (["studies", "show", "a", "b"], "b"),
    (["runs", "list", "--runs-dir", "a", "--runs-dir", "b"], "--runs-dir"),
    (["bench", "step", "--rounds", "5", "--rounds", "7"], "--rounds"),
    (["train", "--set", "seed=1", "--set", "seed=2"], "seed twice"),
    (["train", "--seed", "1", "--set", "seed=2"], "--seed 1 and --set seed=2"),
    (["train", "--epochs", "1", "--set", "train.epochs=2"], "--epochs 1 and --set train.epochs=2"),
    (["train", "--dataset", "shapes", "--set", "data.dataset=cifar10"], "--dataset shapes"),
])  # fmt: skip
def test_of_two_values_where_one_is_taken_none_is_lost_quietly(arguments, option, capsys) -> None:
    assert main(arguments) == 2

    assert option in capsys.readouterr().err.splitlines()[0]


def test_the_same_value_twice_loses_nothing(ask) -> None:
    code, out, _ = ask("train", *TINY, "--preset", "smoke", "--epochs", "1", "--set=train.epochs=1",
                       "--set=model.depth=1", "--dry-run", "--json")  # fmt: skip

    assert code == 0
    assert json.loads(out)["spec"]["train"]["epochs"] == 1


def commands(group, path=()):
    """Every command below a group, with the words that call it."""
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_no_command_takes_an_empty_value(words, ask) -> None:
    command = COMMANDS[words]

    assert isinstance(command, Command)
    for parameter in command.params:
        if getattr(parameter, "is_flag", False):
            continue
        is_option = parameter.param_type_name == "option"
        given = [parameter.opts[0], " "] if is_option else [""]
        code, _, err = ask(*words, *given)
        assert (code, "is empty" in err) == (2, True), (words, given, err)


@pytest.mark.parametrize(("words", "said"), [
    (["--batch-size", "64"], "--set train.batch_size=64"),
    (["--batch-size=64"], "--set train.batch_size=64"),
    (["--lr", "1e-3"], "--set train.lr=1e-3"),
    (["-lr", "1e-3"], "--set train.lr=1e-3"),
    (["--learning-rate", "0.1"], "--set train.lr=0.1"),
    (["--model.depth", "4"], "--set model.depth=4"),
    (["--model.depth=4"], "--set model.depth=4"),
    (["--depth", "4"], "--set model.depth=4"),
    (["--pos-embed", "none"], "--set model.pos_embed=none"),
    (["--patch-size"], "--set model.patch_size=VALUE"),
    (["--heads", "4"], "--set model.num_heads=4"),
    (["--momentum", "0.9"], "--set train.optimizer.momentum=0.9"),
    (["model.depth=4"], "write --set model.depth=4"),
    (["-epochs", "4"], "did you mean '--epochs'?"),
])  # fmt: skip
def test_an_unknown_option_that_is_a_field_suggests_set(words, said, ask) -> None:
    code, _, err = ask("train", *words)

    assert code == 2
    assert said in err


def test_every_field_is_found_by_its_name_as_an_option() -> None:
    for field in field_names():
        last = field.rpartition(".")[2].replace("_", "-")
        assert fields_called(last) == [field]
        assert fields_called(field.replace("_", "-")) == [field]


def test_an_unknown_option_points_to_the_help(capsys) -> None:
    for words in (["train", "--wrkrs", "3"], ["train", "-qz"], ["report", "--depth", "3"]):
        assert main(words) == 2
        assert "no such option" in capsys.readouterr().err.lower()


@pytest.mark.parametrize(("arguments", "said"), [
    (["same.yaml"], "variants a and b are the same experiment"),
    (["same.yaml", "--only", "a"], "variants a and b are the same experiment"),
    (["default.yaml"], "variants a and b are the same experiment"),
    (["seed.yaml"], "variant a sets seed: use --seeds N or --seed-list"),
    (["base-seed.yaml"], "base sets seed"),
    (["other.yaml", "--set", "seed=3"], "use --seeds N or --seed-list"),
    (["other.yaml", "--tune", "seed=1,2"], "a seed is not chosen"),
    (["keys.yaml", "--only", "a+b"], "did you mean 'a"),
    (["pos-embed", "--only", "learned_1d"], "did you mean 'learned-1d'?"),
    (["same.yaml", "other.yaml"], "different studies with the same name (s)"),
    (["other.yaml", "stem.yaml"], "both write results/shapes/s_results.json"),
    (["other.yaml", "--jobs", "0"], "--jobs '0'"),
    (["other.yaml", "--runs-dir", "a_file/below"], "a_file is a file"),
    (["other.yaml", "--results-dir", "a_file/below"], "a_file is a file"),
    (["other.yaml", "--runs-dir", "/proc/none"], "cannot write in /proc"),
    (["other.yaml", "--results-dir", "/proc/none"], "cannot write in /proc"),
])  # fmt: skip
@pytest.mark.parametrize("dry", [[], ["--dry-run"]], ids=["sweep", "dry run"])
def test_a_sweep_that_cannot_be_is_refused_before_work_and_by_its_dry_run(
    arguments, said, dry, ask
) -> None:
    code, _, err = ask("sweep", *arguments, *TINY, *dry)

    assert code == 2
    assert said in err


@pytest.mark.parametrize("only", ["a-b", "a_b"])
def test_only_takes_the_very_key(only, ask) -> None:
    _, out, _ = ask("sweep", "keys.yaml", *TINY, "--only", only, "--dry-run", "--json")

    assert {run["variant"] for run in json.loads(out)["runs"]} == {only}


def test_one_study_given_twice_is_planned_once(ask) -> None:
    code, out, _ = ask("sweep", "other.yaml", "./other.yaml", *TINY, "--seeds", "1", "--dry-run",
                       "--json")  # fmt: skip

    assert code == 0
    assert len(json.loads(out)["runs"]) == 1


def test_the_same_spec_at_other_seeds_is_a_study(ask) -> None:
    code, out, _ = ask("sweep", "apart.yaml", *TINY, "--seeds", "2", "--dry-run", "--json")

    assert code == 0
    assert [run["seed"] for run in json.loads(out)["runs"]] == [0, 10, 1, 11]


def test_fields_without_effect_on_a_base_are_reported(ask) -> None:
    code, _, err = ask("sweep", "factor.yaml", *TINY, "--dry-run")
    again, _, set_by_all = ask("sweep", "patch-size", *TINY, "--seeds", "1", "--dry-run")

    assert (code, again) == (0, 0)
    assert "a and b are the same experiment on this base" in err
    assert "every variant sets model.patch_size, so --set" in set_by_all


@pytest.mark.parametrize("arguments", [
    ["train", *TINY, "--out", "/proc/none"],
    ["train", *TINY, "--out", "/proc/none", "--dry-run"],
    ["visualize", "rollout", "a_file", "--out", "/proc/none"],
    ["report", "--out", "/proc/none/report.md"],
    ["report", "--figures", "/proc/none"],
    ["diff", "a", "b", "--figures", "/proc/none"],
])  # fmt: skip
def test_unwritable_folders_are_refused_first(arguments, ask) -> None:
    code, _, err = ask(*arguments)

    assert code == 2
    assert "cannot write in /proc" in err


def full_spec() -> str:
    return json.dumps(ExperimentSpec().to_json())


@pytest.mark.parametrize(("name", "text", "said"), [
    ("spec.json", '{"seed": 4}', "spec.json does not belong to a vitbench run"),
    ("spec.json", "[]", "spec.json does not belong to a vitbench run"),
    ("spec.json", full_spec(), "holds another run"),
    ("history.jsonl", "1\n", "history.jsonl does not belong to a vitbench run"),
    ("notes.txt", "mine", "notes.txt does not belong to a vitbench run"),
    ("src/code.py", "mine", "src does not belong to a vitbench run"),
    ("checkpoint.pt", "weights", "checkpoint.pt does not belong to a vitbench run"),
    ("result.json", "{}", "result.json does not belong to a vitbench run"),
    (".lock", "1234", ".lock does not belong to a vitbench run"),
])  # fmt: skip
def test_a_folder_with_other_files_is_not_changed(name, text, said, ask, tmp_path) -> None:
    file = tmp_path / "proj" / name
    file.parent.mkdir(parents=True)
    file.write_text(text)

    for dry in ([], ["--dry-run"]):
        code, _, err = ask("train", *TINY, "--out", "proj", *dry)
        assert code == 2
        assert said in err
    assert file.read_text() == text


def test_a_pipe_in_a_folder_is_not_read(ask, tmp_path) -> None:
    (tmp_path / "proj").mkdir()
    os.mkfifo(tmp_path / "proj" / "spec.json")

    code, _, err = ask("train", *TINY, "--out", "proj")

    assert code == 2
    assert "spec.json does not belong to a vitbench run" in err


def test_an_empty_folder_and_ones_own_are_trained_in_and_another_run_is_refused(
    ask, tmp_path
) -> None:
    folder = tmp_path / "runs" / "mine"
    folder.mkdir(parents=True)
    assert ask("train", *TINY, "--out", "runs/mine", "--quiet")[0] == 0
    whole = (folder / "result.json").read_bytes()
    more = [word.replace("1", "2") if word == "1" else word for word in TINY]

    for dry in ([], ["--dry-run"], ["--dry-run", "--json"]):
        code, _, err = ask("train", *more, "--out", "runs/mine", *dry)
        assert code == 2
        assert "schedule covers 1 epoch, so 2 epochs is another experiment" in err
        code, _, err = ask("train", *TINY, "--seed", "7", "--out", "runs/mine", *dry)
        assert code == 2
        assert "holds another run" in err
    assert (folder / "result.json").read_bytes() == whole

    (folder / "result.json").unlink()  # killed just before that was written
    for dry in (["--dry-run"], ["--quiet"]):
        assert ask("train", *TINY, "--out", "runs/mine", *dry)[0] == 0
    (folder / "result.json").unlink()
    (folder / "checkpoint.pt").unlink()  # stopped before its first epoch: spec.json is ours
    assert ask("train", *TINY, "--out", "runs/mine", "--quiet")[0] == 0

    _, _, err = ask("visualize", "rollout", "ckpt.pt")
    assert "existing: runs/mine/checkpoint.pt" in err
    assert "existing: runs/mine/checkpoint.pt" in ask("check", "ckpt.pt")[2]
    _, _, err = ask("visualize", "rollout", "runs")
    assert "no checkpoint runs/checkpoint.pt; existing: runs/mine/checkpoint.pt" in err


def test_a_sweep_does_not_take_a_folder_that_holds_another_run(ask) -> None:
    _, out, _ = ask("sweep", "other.yaml", *TINY, "--seeds", "1", "--dry-run", "--json")
    (planned,) = json.loads(out)["runs"]
    assert ask("train", *TINY, "--seed", "7", "--out", "elsewhere", "--quiet")[0] == 0
    Path("runs").mkdir()
    Path("elsewhere").rename(planned["run_folder"])

    for dry in ([], ["--dry-run"]):
        code, _, err = ask("sweep", "other.yaml", *TINY, "--seeds", "1", *dry)
        assert code == 2
        assert "holds another run than its name says" in err


def test_a_study_of_a_built_in_name_is_shown_as_it_is(ask, tmp_path) -> None:
    text = "name: pos-embed\ntitle: Mine\nvariants: [{key: a, label: A}]"
    (tmp_path / "mine.yaml").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())

    assert ask("studies", "show", "mine.yaml")[:2] == (0, f"{text}\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["sweep", "pos-embed", *TINY, "--max-seeds", "5"], "--max-seeds belongs to --precision"),
        (["bench", "step", "--quick", "--rounds", "50"], "omit --rounds, or --quick"),
        (["bench", "startup", "--quick", "--rounds", "-1"], "omit --rounds, or --quick"),
        (
            ["visualize", "rollout", "x.pt", "--sample", "9"],
            "rollout does not use --sample",
        ),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(words, message, ask) -> None:
    code, _, err = ask(*words)

    assert code == 2
    assert message in err


def test_beside_a_complete_spec_no_preset_is_suggested(ask) -> None:
    assert ask("train", *TINY, "--out", "first", "--quiet")[0] == 0
    long = ["--spec", "first/spec.json", "--epochs", "1000000", "--device", "cpu", "--dry-run"]

    for preset in ([], ["--preset", "default"]):
        code, _, err = ask("train", *long, *preset)
        assert code == 0
        assert "this takes about" in err
        assert "--preset" not in err


def test_scores_of_visualize_all_are_the_kinds_that_read_a_sample() -> None:
    from vitbench.pictures.kinds import SCORES
    from vitbench.pictures.sampling import BUDGETS

    assert tuple(BUDGETS) == SCORES
