"""vitbench works in any environment: closed streams, other encodings, broken libraries."""

import io
import json
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import pytest

from vitbench.cli.main import main
from vitbench.crash import bear_warnings
from vitbench.data.datasets import data_root
from vitbench.errors import DataError
from vitbench.registry import DATASETS

TINY = (
    "--preset", "smoke", "--device", "cpu", "--wandb", "disabled", "--epochs", "1",
    "--set", "model.embed_dim=16", "--set", "model.depth=1", "--set", "model.num_heads=2",
    "--set", "model.patch_size=8", "--set", "data.val_size=100", "--set", "train.batch_size=500",
)  # fmt: skip


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def results(study_results) -> str:
    """A results file whose report has characters that few alphabets have."""
    Path("results.json").write_text(study_results({"none": [61.0, 62.0]}).model_dump_json())
    return "results.json"


class WithoutReader(io.TextIOWrapper):
    """A pipe that nobody reads any more."""

    def __init__(self, **settings) -> None:
        reading, writing = os.pipe()
        os.close(reading)
        super().__init__(os.fdopen(writing, "wb"), **settings)


def reported(capsys, results: str) -> str:
    assert main(["report", results]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-16"])
def test_a_redirected_report_is_utf_8_in_every_locale(
    encoding, results, capsys, monkeypatch
) -> None:
    expected = reported(capsys, results)
    file = io.BytesIO()
    stream = io.TextIOWrapper(file, encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)

    assert main(["report", results]) == 0

    assert not expected.isascii()
    assert file.getvalue().decode("utf-8") == expected
    assert sys.stdout is stream
    assert (stream.encoding, stream.errors) == (encoding, "strict")


def test_a_terminal_keeps_its_alphabet_and_what_it_lacks_is_an_escape(
    results, capsys, monkeypatch
) -> None:
    expected = reported(capsys, results)
    file = io.BytesIO()
    stream = io.TextIOWrapper(file, encoding="latin-1")
    monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stdout", stream)

    assert main(["studies"]) == 0
    assert main(["report", results, "--format", "md"]) == 0

    assert "±" in file.getvalue().decode("latin-1")
    assert file.getvalue().endswith(expected.encode("latin-1", "backslashreplace"))


def test_a_stream_with_a_fixed_encoding_gets_escapes(results, monkeypatch) -> None:
    """As an output of a notebook or of a test runner may be."""

    class Ascii(io.StringIO):
        def write(self, text: str) -> int:
            text.encode("ascii")
            return super().write(text)

    stream = Ascii()
    monkeypatch.setattr(sys, "stdout", stream)

    assert main(["report", results]) == 0
    assert "\\xb1" in stream.getvalue()


@pytest.mark.parametrize("name", ["stdout", "stderr", "both"])
def test_a_stream_that_is_absent_or_closed_ends_nothing(name, results, monkeypatch) -> None:
    closed = io.StringIO()
    closed.close()
    for stream in (None, closed):
        for one in ("stdout", "stderr"):
            if name in (one, "both"):
                monkeypatch.setattr(sys, one, stream)
        assert main(["report", results, "--out", "report.md"]) == 0
        assert main(["report", "nothing.json"]) == 2
        assert (sys.stderr is stream) == (name != "stdout")


def test_a_reader_of_stdout_that_left_does_not_change_how_a_command_ends(
    results, monkeypatch
) -> None:
    monkeypatch.setattr(sys, "stdout", WithoutReader(encoding="utf-8"))
    assert main(["report", results]) == 0
    sys.stdout.close()

    monkeypatch.setattr(sys, "stdout", WithoutReader(encoding="utf-8"))
    Path("old.md").write_text("another report\n")
    assert main(["report", results, "--check", "old.md"]) == 3
    sys.stdout.close()


def test_a_sweep_whose_log_reader_died_trains_every_run(monkeypatch) -> None:
    monkeypatch.setattr(sys, "stderr", WithoutReader(encoding="utf-8", line_buffering=True))

    code = main(["sweep", "pos-embed", *TINY, "--seeds", "2", "--only", "none"])
    sys.stderr.close()

    assert code == 0
    runs = json.loads(Path("results/shapes/positional_embedding_results.json").read_text())["runs"]
    assert [run["status"] for run in runs] == ["done"] * 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_report_that_does_not_fit_on_the_disk_is_an_error_and_a_note_is_not(
    results, capsys, monkeypatch
) -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:  # noqa: PTH123
        monkeypatch.setattr(sys, "stdout", full)
        assert main(["report", results]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("vitbench: standard output: No space left on device")
    full = open("/dev/full", "w", encoding="utf-8")  # noqa: PTH123, SIM115
    monkeypatch.setattr(sys, "stderr", full)
    assert main(["report", "nothing.json"]) == 2
    with pytest.raises(OSError, match="No space"):
        full.close()


def test_a_process_with_closed_streams_exits_normally(results) -> None:
    """What Python does at its own end is part of it: it has an exit code of its own for a pipe."""

    def code(redirected: str, *arguments: str) -> int:
        words = [sys.executable, "-m", "vitbench", "report", *arguments]
        script = f'"$@" {redirected}; echo "$?"'
        done = subprocess.run(
            ["bash", "-c", script, "bash", *words], capture_output=True, text=True, check=False
        )
        return int(done.stdout.split()[-1])

    assert code("<&- >&- 2>&-", results, "--out", "report.md") == 0
    assert Path("report.md").read_text().startswith("# ")
    assert code("2> >(exec true)", "nothing.json") == 2


class Foreign(Exception):
    """An error that no code of ours knows."""


def recurse() -> None:
    recurse()


@pytest.mark.parametrize(
    "error",
    [
        Foreign("first line\nsecond line"),
        SyntaxError("broken PNG file"),
        ValueError(),
        MemoryError(),
        AttributeError("'NoneType' object has no attribute 'write'"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
        BrokenPipeError(32, "Broken pipe"),
        RecursionError,
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_unexpected_error_is_one_line_and_its_traceback_is_kept(
    error, capsys, monkeypatch, tmp_path
) -> None:
    """The library is a data set that is plugged in."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    @DATASETS.register(
        "broken", img_size=32, in_chans=3, num_classes=10, train_size=1000, test_size=1000
    )
    def broken(*_: object) -> None:
        if error is RecursionError:
            recurse()
        raise error

    arguments = ["train", *TINY, "--dataset", "broken"]
    assert main(arguments) == 1

    out, err = capsys.readouterr()
    lines = [line for line in err.splitlines() if line.startswith("vitbench:")]
    (log,) = tmp_path.glob("vitbench-*.log")
    kind = error.__name__ if isinstance(error, type) else type(error).__name__
    assert lines == err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(f"vitbench: {kind}")
    assert lines[0].endswith(f"(traceback in {log})")
    assert "second line" not in err
    assert "in broken" in log.read_text()
    assert out == ""

    monkeypatch.setenv("VITBENCH_DEBUG", "1")
    with pytest.raises(SystemExit if kind == "BrokenPipeError" else Exception):
        main(arguments)


def test_an_error_without_a_place_for_its_traceback_is_one_line_all_the_same(
    capsys, monkeypatch, tmp_path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    monkeypatch.setenv("HOME", str(tmp_path / "gone"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    @DATASETS.register(
        "broken", img_size=32, in_chans=3, num_classes=10, train_size=1000, test_size=1000
    )
    def broken(*_: object) -> None:
        (tmp_path / "here").rmdir()
        raise Foreign("why")

    assert main(["train", *TINY, "--dataset", "broken"]) == 1
    words = "vitbench: Foreign: why (VITBENCH_DEBUG=1 shows the traceback)\n"
    assert capsys.readouterr().err == words


@pytest.mark.parametrize(
    ("options", "raises"),
    [(["error"], False), (["default", "err::UserWarning"], False), (["ignore::Foreign"], True)],
)
def test_a_library_warning_is_no_error_with_any_pythonwarnings(
    options, raises, monkeypatch
) -> None:
    monkeypatch.setattr(sys, "warnoptions", options)
    raised = False
    with warnings.catch_warnings(action="error"):
        bear_warnings()
        try:
            with warnings.catch_warnings(record=True):
                warnings.warn("of a library", UserWarning, stacklevel=1)
        except UserWarning:
            raised = True

    assert raised == raises


def test_variables_of_tqdm_are_not_ours() -> None:
    code = (
        "import io, os; from vitbench.streams import import_tqdm; tqdm = import_tqdm();"
        "bar = tqdm(total=1, file=io.StringIO()); bar.update(); bar.close();"
        "print(os.environ['TQDM_MININTERVAL'], bar.ncols)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "TQDM_MININTERVAL": "soon", "TQDM_NCOLS": "20"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["soon", "None"]


def test_without_a_home_folder_a_data_folder_is_required(monkeypatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("VITBENCH_DATA", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", no_home)

    with pytest.raises(DataError, match="--data-dir or VITBENCH_DATA; --preset smoke"):
        data_root(None)
