"""Refused options: exit code 2, one or two helpful lines, nothing on stdout, no file written."""

import pytest

from vitbench.cli.main import main

LONG = "x" * 10_000
CONTROL = "\x1b[2J\x1b]0;x\x07"
# Command lines, each with a word of its message: what is allowed, or the nearest name.
BY_HAND = [
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
    (["train", "--tracker", "wand"], "did you mean 'wandb'"),
    (["train", "--tracker", "none", "--wandb", "online"], "for --tracker wandb, not none"),
    (["sweep", "pos-embed", "--tracker", "csv", "--wandb", "offline"], "not csv"),
    (["sweep", "pos-embed", "--executor", "lokal"], "did you mean 'local'"),
    (["sweep", "pos-embed", "--executor", "local", "--jobs", "2"], "--executor processes"),
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
    (["train", "--micro-batch", "0"], "from 1 to"),
    (["train", "--micro-batch", "half"], "give auto"),
    (["sweep", "pos-embed", "--micro-batch", "3,4"], "give auto"),
    (["sweep"], "STUDY"),
    (["sweep", "pos-embd"], "did you mean 'pos-embed'"),
    (["sweep", "absent.yaml"], "absent.yaml"),
    (["sweep", "a_file.yaml"], "not a study"),
    (["sweep", "pos-embed", "--only", "lerned-1d"], "did you mean 'learned-1d'"),
    (["sweep", "pos-embed", "--seeds", "0"], "--seeds 0"),
    (["sweep", "pos-embed", "--seeds", "2", "--seed-list", "1"], "exclude each other"),
    (["sweep", "pos-embed", "--seed-list", "1,x"], "0,1,7"),
    (["sweep", "pos-embed", "--seed-list", "1,1"], "twice"),
    (["sweep", "pos-embed", "--preset", "smoke", "--results-dir", "a_file"], "is a file"),
    (["sweep", "pos-embed", "--preset", "smoke", "--runs-dir", "a_file"], "is a file"),
    (["sweep", "pos-embed", "--budget", "flop"], "did you mean 'flops'"),
    (["sweep", "pos-embed", "--precision", "0"], "--precision 0"),
    (["sweep", "pos-embed", "--precision", "1", "--seeds", "3"], "adds seeds itself"),
    (["sweep", "pos-embed", "--precision", "1", "--max-seeds", "5"], "from 6 to 1000"),
    (["sweep", "pos-embed", "--tune", "train.lr"], "train.lr=1e-3,2e-3"),
    (["sweep", "pos-embed", "--tune", "train.rl=1,2"], "did you mean 'train.lr'"),
    (["sweep", "pos-embed", "--tune", "model.pos_embed=none,learned-1d"], "sets this field"),
    (["diff", "nowhere", "either"], "no run folder nowhere"),
    (["diff", "absent_results.json:none", "learned-1d"], "no results file"),
    (["diff", "absent_results.json", "learned-1d"], ":VARIANT"),
    (["diff", "empty", "empty"], "not a complete run"),
    (["report", "--format", "pdf"], "markdown"),
    (["report", "--check", "a_file", "--out", "b"], "writes nothing"),
    (["report", "--methods", "--format", "csv"], "omit --format csv"),
    (["report"], "no results folder"),
    (["report", "absent.json"], "absent.json"),
    (["report", "a_file"], "not a results file"),
    (["report", "--results-dir", "empty"], "vitbench sweep writes them"),
    (["studies", "shwo"], "did you mean 'show'"),
    (["studies", "show", "nothing"], "unknown study"),
    (["studies", "new", "../evil"], "study name"),
    (["studies", "new", "pos-embed"], "built-in"),
]  # fmt: skip

NUMBERS = ("", "many", "-1", "1.5.2", "nan", "inf", "1e400", "0x10", "١٢x", CONTROL, LONG)
OPTIONS = {
    ("train", "--epochs"): (*NUMBERS, "0", "9" * 30),
    ("train", "--seed"): (*NUMBERS, "9" * 30),
    ("sweep pos-embed", "--seeds"): (*NUMBERS, "0", "1001"),
    ("sweep pos-embed", "--epochs"): (*NUMBERS, "0"),
    ("sweep pos-embed", "--max-seeds"): ("", "many", "1.5", CONTROL, LONG),
    ("sweep pos-embed", "--precision"): ("", "many", "-1", "0", "nan", "inf", "1e400", LONG),
    ("sweep pos-embed", "--seed-list"): ("", ",", "1,,2", "1;2", "-1", "9" * 30, "1,1", CONTROL),
    ("sweep pos-embed", "--only"): ("", "nothing", "None!", CONTROL, LONG),
    ("sweep pos-embed", "--budget"): ("", "flop", "FLOPS!", CONTROL, LONG),
    ("sweep pos-embed", "--tune"): ("", "=", "train.lr", "train.lr=", "train.lr=1", "train.lr=1,1",
                                    "train.lr=1,-1", "train=1,2", CONTROL, LONG),
    ("train", "--preset"): ("", "CPU!", "../cpu", CONTROL, LONG),
    ("train", "--device"): ("", "gpu", "cuda:99999", "CPU", CONTROL, LONG),
    ("train", "--wandb"): ("", "yes", "Online", CONTROL, LONG),
    ("train", "--dataset"): ("", "cifar-10", "imagenet", CONTROL, LONG),
    ("report", "--format"): ("", "pdf", "html5", CONTROL, LONG),
}  # fmt: skip

# An option of a field is told as that field, and a name that is not there as what it names.
SAID = {
    "--epochs": ("train.epochs",), "--seed": ("seed is",), "--only": ("unknown variant",),
    "--tune": ("train.lr", "section", "unknown field"), "--preset": ("unknown preset",),
    "--dataset": ("unknown data set", "data set ''"), "--format": ("unknown format",),
}  # fmt: skip

WHOLE = ("", "four", "-1", "0", "1.5", "nan", "[1]", "{a: 1}", "9999999999999", CONTROL)
REAL = ("", "four", "-1", ".nan", ".inf", "1e400", "[1]", "{a: 1}", CONTROL)
WORD = ("", "nothing", "3", "[1]", "{a: 1}", "{name: nothing}", "null", CONTROL)
FIELDS = {
    **dict.fromkeys(
        ("model.patch_size", "model.embed_dim", "model.depth", "model.num_heads", "train.epochs",
         "train.batch_size", "data.val_size"), WHOLE),
    **dict.fromkeys(
        ("model.mlp_ratio", "train.lr", "train.weight_decay", "train.warmup_fraction",
         "train.label_smoothing", "train.grad_clip", "model.drop_rate", "model.attn_drop_rate",
         "model.drop_path_rate"), REAL),
    **dict.fromkeys(
        ("data.dataset", "data.augmentation", "model.attention", "model.init", "train.optimizer",
         "train.schedule", "train.precision", "train.weight_decay_on", "train.on_divergence",
         "model.pos_embed"), WORD),
    **dict.fromkeys(("model.qkv_bias", "model.class_token"), ("", "2", "maybe", "[true]", "null")),
    **dict.fromkeys(("data.mean", "data.std"), ("1", "[1]", "[a, b, c]", "[1, 2, 3, 4]", "text")),
}  # fmt: skip

STUDIES = {
    "no mapping": "- 1\n",
    "no variants": "name: x\ntitle: X\n",
    "empty variants": "name: x\ntitle: X\nvariants: []\n",
    "a key twice": "name: x\nname: y\n",
    "a tab": "name:\tx\n\ttitle: y\n",
    "an alias": "name: &a x\ntitle: *a\nvariants: []\n",
    "a tag": "name: !!python/object/apply:os.system ['touch evil']\n",
    "two documents": "name: x\n---\nname: y\n",
    "depth": "name: " + "[" * 100_000,
    "not UTF-8": b"name: \xff\xfe\n",
    "hostile key": "name: x\ntitle: X\nvariants:\n - {key: ../../x, label: X}\n",
    "hostile name": "name: ../x\ntitle: X\nvariants:\n - {key: a, label: X}\n",
    "one key twice": "name: x\ntitle: X\nvariants:\n - {key: a, label: X}\n - {key: a, label: Y}\n",
    "unknown field": "name: x\ntitle: X\ncolour: red\nvariants:\n - {key: a, label: X}\n",
    "unknown spec field":
        "name: x\ntitle: X\nvariants:\n - {key: a, label: X, set: {model.dept: 3}}\n",
    "bad value":
        "name: x\ntitle: X\nvariants:\n - {key: a, label: X, set: {model.depth: -3}}\n",
    "division by zero":
        "name: x\ntitle: X\nvariants:\n - {key: a, label: X, set: {model.depth: {times: 1/0}}}\n",
    "a product that is not whole":
        "name: x\ntitle: X\nvariants:\n - {key: a, label: X, set: {model.depth: {times: 1.1}}}\n",
    "unknown reference": "name: x\ntitle: X\nreference: b\nvariants:\n - {key: a, label: X}\n",
    "unknown claim":
        "name: x\ntitle: X\nvariants:\n - {key: a, label: X}\n"
        "claims:\n - {text: t, better: a, worse: z}\n",
    "two data sets":
        "name: x\ntitle: X\nvariants:\n - {key: a, label: X, set: {data.dataset: cifar10}}\n",
}  # fmt: skip


def told(capsys, tmp_path, *arguments: str) -> str:
    """What a wrong request is told; all that holds for every one of them is seen to here."""
    before = {path: path.lstat().st_mtime_ns for path in tmp_path.rglob("*")}

    code = main(list(arguments))
    out, err = capsys.readouterr()

    assert code == 2, err
    assert out == ""
    assert 1 <= len(err.splitlines()) <= 3
    assert max(map(len, err.splitlines())) < 700
    assert all(c.isprintable() or c == "\n" for c in err)
    assert "Traceback" not in err
    assert "╭" not in err
    assert {path: path.lstat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    return err.lower()


@pytest.fixture(autouse=True)
def _in_a_folder_of_few_files(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a_file").write_text("text\n")
    (tmp_path / "a_file.yaml").write_text("- text\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "dangling").symlink_to("nowhere")


@pytest.mark.parametrize(("arguments", "hint"), BY_HAND, ids=[" ".join(a)[:60] for a, _ in BY_HAND])
def test_a_refused_option_gets_a_hint(arguments, hint, capsys, tmp_path) -> None:
    assert hint.lower() in told(capsys, tmp_path, *arguments)


@pytest.mark.parametrize(
    ("command", "option", "value"),
    [(*key, value) for key, values in OPTIONS.items() for value in values],
    ids=lambda value: ascii(value)[:30],
)
def test_an_option_with_a_value_that_it_does_not_take_is_named(
    command, option, value, capsys, tmp_path
) -> None:
    err = told(capsys, tmp_path, *command.split(), option, value)

    assert any(word in err for word in (option, *SAID.get(option, ())))


@pytest.mark.parametrize(
    ("field", "value"),
    [(field, value) for field, values in FIELDS.items() for value in values],
    ids=lambda value: ascii(value)[:30],
)
def test_a_field_with_a_value_that_it_does_not_take_is_named(
    field, value, capsys, tmp_path
) -> None:
    err = told(capsys, tmp_path, "train", "--preset", "smoke", "--set", f"{field}={value}")

    kind = {"data.dataset": "data set", "model.pos_embed": "position"}.get(field, field)
    assert field in err or kind.rpartition(".")[2] in err


@pytest.mark.parametrize("what", STUDIES)
def test_a_study_file_that_is_none_is_named(what, capsys, tmp_path) -> None:
    content = STUDIES[what]
    (tmp_path / "mine.yaml").write_bytes(
        content if isinstance(content, bytes) else content.encode()
    )

    err = told(capsys, tmp_path, "sweep", "mine.yaml", "--preset", "smoke")

    assert "mine.yaml" in err or "study x" in err
    assert not (tmp_path / "evil").exists()


NO_FILES = ("a_file", "empty", "dangling", "absent", "/dev/null", "nul\0byte", LONG, CONTROL)


@pytest.mark.parametrize("path", NO_FILES, ids=lambda value: ascii(value)[:30])
@pytest.mark.parametrize(
    "command",
    ["train --spec", "sweep", "visualize rollout", "visualize curves", "report", "diff x", "check"],
)  # fmt: skip
def test_a_path_at_which_is_no_such_thing_is_named(command, path, capsys, tmp_path) -> None:
    told(capsys, tmp_path, *command.split(), path)
