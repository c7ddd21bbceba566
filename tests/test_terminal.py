"""What a terminal shows: bars, tables and reports that fit it; and that a pipe gets plain text."""

import fcntl
import json
import os
import re
import struct
import termios
import threading
from itertools import groupby, pairwise
from types import SimpleNamespace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from vitbench.cli import layout
from vitbench.cli.main import main
from vitbench.cli.report_view import rendered
from vitbench.config.build import build_spec
from vitbench.report.formats.markdown import render
from vitbench.report.sections import build_report

ESCAPE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
NUM_STEPS = 10


class Terminal:
    """A real pseudo-terminal, to be written to; what was written is read by a thread."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self._reading, writing = os.openpty()
        fcntl.ioctl(writing, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.stream = os.fdopen(writing, "w", encoding="utf-8")
        self._written = b""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        try:
            while more := os.read(self._reading, 4096):
                self._written += more
        except OSError:  # the end, on Linux
            pass

    def written(self) -> str:
        """All that was written, once nothing more will be."""
        self.stream.close()
        self._reader.join()
        return self._written.decode()

    def frames(self) -> list[str]:
        """Every line that was ever drawn, as it was drawn."""
        return [line for line in re.split(r"[\r\n]+", ESCAPE.sub("", self.written())) if line]

    def screen(self) -> list[str]:
        """The lines that are left on the screen."""
        rows: list[list[str]] = [[]]
        row = column = 0
        for part in re.findall(r"\x1b\[[0-9;]*[A-Za-z]|.|\n|\r", self.written()):
            if part == "\n":
                row += 1
                rows += [[]] * (row == len(rows))
                rows[row] = list(rows[row])
            elif part == "\r":
                column = 0
            elif part == "\x1b[A":
                row -= 1
            elif not part.startswith("\x1b"):
                if column == self.columns:
                    row, column = row + 1, 0
                    rows += [[]] * (row == len(rows))
                    rows[row] = list(rows[row])
                rows[row] += [" "] * (column + 1 - len(rows[row]))
                rows[row][column] = part
                column += 1
        return [line for line in ("".join(cells).rstrip() for cells in rows) if line]


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TERM", "xterm")
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def terminal(monkeypatch):
    """Makes one of stdout and stderr, or both, a terminal of so many columns."""
    opened = []

    def open_it(columns: int, *names: str) -> Terminal:
        opened.append(Terminal(columns))
        for name in names:
            monkeypatch.setattr(f"sys.{name}", opened[-1].stream)
        return opened[-1]

    yield open_it
    monkeypatch.undo()
    for one in opened:
        one.written()


@pytest.fixture
def sweep(tiny_fields):
    """A sweep of four runs of 3 epochs that is only told of: its specs, its bars, its clock."""
    from vitbench.cli.progress import Progress

    fields = {**tiny_fields, "data.val_size": 100, "train.epochs": 3}
    specs = [build_spec({**fields, "seed": seed}) for seed in range(4)]
    now = [1000.0]
    names = [(f"learned-2d s{seed}", spec) for seed, spec in enumerate(specs)]

    def bars() -> Progress:
        return Progress("pos-embed", names, False, clock=lambda: now[0])

    return SimpleNamespace(specs=specs, bars=bars, now=now)


def begun(spec, epochs_done=0):
    from vitbench.runs.experiment import RunBegun

    return RunBegun(spec, epochs_done, NUM_STEPS)


def step(epoch, number, img_per_s=1234.4):
    from vitbench.training.fit import StepDone

    return StepDone(epoch, number, NUM_STEPS, 2.125, img_per_s)


def epoch_end(epoch):
    from vitbench.training.history import EpochRecord

    return EpochRecord(
        epoch=epoch, train_loss=2.1, train_top1_pct=50, val_loss=1.9, val_top1_pct=61.25, lr=0.1,
        train_time_s=10, img_per_s=1234.4,
    )  # fmt: skip


def done(spec):
    from vitbench.runs.schema import RunResult

    return RunResult(
        identity=spec.identity, name=spec.name, spec=spec.to_json(), seed=spec.seed,
        status="done", test_top1_pct=62.5, train_time_s=30, num_params=1, forward_flop=1,
        train_flop=1,
    )  # fmt: skip


# Bars


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_time_left_accuracy_and_speed_are_in_every_bar(columns, terminal, sweep) -> None:
    screen = terminal(columns, "stderr")

    with sweep.bars() as progress:
        progress(begun(sweep.specs[1]))
        for number in range(1, 6):
            sweep.now[0] += 65
            progress(step(1, number))
        progress(epoch_end(1))
        for number in range(1, 6):
            sweep.now[0] += 65
            progress(step(2, number))

    frames = screen.frames()
    bars = [frame for frame in frames if frame.startswith("learned-2d s1")]
    assert max(map(len, frames)) < columns
    assert all(re.search(r"[\d?] img/s, .*[\d?].* left", bar) for bar in bars)
    assert "val 61.2 %, 1,234 img/s" in bars[-1]
    assert "1,234 img/s, 17 min left" in bars[-1]  # 15 of 30 steps of 65 s, and evaluation
    assert all("img/s" not in frame or "|" in frame for frame in frames)
    assert ("epoch 2/3" in bars[-1]) == (columns > 60)
    whole = [frame for frame in frames if frame.startswith("pos-embed")]
    assert all("0 of 4 runs done, " in frame and frame.rstrip().endswith("left") for frame in whole)


def test_a_bar_shrinks_before_facts_go_and_facts_before_the_name() -> None:
    from vitbench.cli.progress import bar_line

    def line(width):
        text = bar_line(
            width, "learned-2d s1", 0.5, ["val 61.2 %", "140 img/s", "9 min 59 s left"],
            ["epoch 1/3"],
        )  # fmt: skip
        assert len(text) <= width
        assert "val 61.2 %, 140 img/s, 9 min 59 s left" in text
        return text

    bars = {width: len(line(width).split("|")[1]) for width in (120, 85, 80)}

    assert bars[120] > bars[85] >= 10
    assert "epoch 1/3" in line(120)
    assert "epoch 1/3" not in line(70)
    assert "learned-2d s1 |" in line(60)
    assert "|" not in line(54)
    assert line(54).startswith("learned-2d s1 ")
    assert line(48) == "lear.. s1 val 61.2 %, 140 img/s, 9 min 59 s left"


def test_two_runs_at_once_are_told_apart_by_their_names(terminal, sweep) -> None:
    from vitbench.study.events import OfWorker

    screen = terminal(60, "stderr")
    progress = sweep.bars()

    for worker in (0, 1):
        progress(OfWorker(worker, begun(sweep.specs[worker])))
    sweep.now[0] += 5
    for worker in (1, 0):
        progress(OfWorker(worker, step(1, 1)))
        sweep.now[0] += 5
    shown = screen.screen()
    progress.__exit__(None, None, None)

    assert [line.split(" |")[0] for line in shown] == [
        "pos-embed",
        "learned-2d s0",
        "learned-2d s1",
    ]


def test_a_finished_run_leaves_a_line_with_its_accuracy_and_no_bar(terminal, sweep) -> None:
    screen = terminal(60, "stderr")

    with sweep.bars() as progress:
        for spec in sweep.specs:
            progress(begun(spec))
            sweep.now[0] += 5
            progress(step(1, 1))
            progress.ended(done(spec))
            progress.ended(done(spec))  # another study has the same run

    assert screen.screen() == [
        f"{seed + 1} of 4, learned-2d s{seed}: test accuracy 62.50 % after 30 s"
        for seed in range(4)
    ]


def test_steps_taken_back_are_no_negative_progress(terminal, sweep) -> None:
    """The clock stands still for seven steps too, which is no time left of -00:00."""
    from vitbench.runs.experiment import BatchSplit
    from vitbench.training.fit import RateHalved

    screen = terminal(120, "stderr")

    with sweep.bars() as progress:
        progress(begun(sweep.specs[0]))
        for number in range(1, 9):
            sweep.now[0] += number == 8
            progress(step(1, number))
        progress(RateHalved(1, "the loss was nan", 1))
        progress(step(1, 1))
        progress(epoch_end(1))
        for number in range(1, 9):
            sweep.now[0] += 1
            progress(step(2, number))
        progress(BatchSplit(sweep.specs[0], 8))
        progress(step(2, 1))

    frames = screen.frames()
    bars = [frame for frame in frames if frame.startswith("learned-2d s0 |")]
    blocks = [frame.count("█") for frame in bars]
    assert not any("-0" in frame or "- " in frame for frame in frames)
    assert blocks[-1] == 10  # of 30, after 10 of 30 steps
    assert max(blocks) == 18
    assert [number for number, _ in groupby(blocks)][:4] == [0, 8, 0, 1]  # it started again


def test_a_run_that_slows_down_threefold_says_so_once(capsys, sweep) -> None:
    with sweep.bars() as progress:
        progress(begun(sweep.specs[0]))
        progress(step(1, 5, 300.0))  # the first epoch: there is nothing to compare it with
        progress(epoch_end(1))
        progress(step(2, 1, 300.0))  # one step tells nothing
        progress(step(2, 5, 500.0))
        assert "slower" not in capsys.readouterr().err
        for number in (6, 7):
            progress(step(2, number, 300.0))

    told = [line for line in capsys.readouterr().err.splitlines() if "slower" in line]
    assert len(told) == 1
    assert "learned-2d s0: 4.1 times slower than before (300 img/s)" in told[0]


def test_the_time_left_of_a_sweep_is_steady_and_true(terminal, sweep) -> None:
    """Each step takes 2 s, and validation and test half as long for a FLOP as training does.

    The third run was two thirds done before.
    """
    from vitbench.model.cost import cost_of, forward_flop

    spec = sweep.specs[0]
    step_flop = cost_of(spec).train_flop / (3 * NUM_STEPS)
    val_s, test_s = (
        images * forward_flop(spec) / step_flop
        for images in (spec.data.val_size, spec.data.test_size)
    )
    screen = terminal(120, "stderr")
    with sweep.bars() as progress:
        for spec, epochs_done in zip(sweep.specs, (0, 0, 2, 0), strict=True):
            progress(begun(spec, epochs_done))
            for epoch in range(epochs_done + 1, 4):
                for number in range(1, NUM_STEPS + 1):
                    sweep.now[0] += 2
                    progress(step(epoch, number))
                sweep.now[0] += val_s
                progress(epoch_end(epoch))
            sweep.now[0] += test_s
            progress.ended(done(spec))

    told = re.compile(r"((?:\d+ (?:s|min|h) )+)(?:so far|left)")
    known = []
    for frame in screen.frames():
        if frame.startswith("pos-embed") and "?" not in frame:
            so_far, left = (_seconds(words) for words in told.findall(frame))
            known.append((sweep.now[0] - 1000 - so_far, left))
    assert len(known) > 100
    resumed_s = 2 * (NUM_STEPS * 2 + val_s)  # thought to be left, until that run is resumed
    assert all(left == pytest.approx(true + resumed_s, rel=0.3) for true, left in known[:60])
    assert all(left == pytest.approx(true, rel=0.3, abs=5) for true, left in known[-30:])
    assert max(left - previous for (_, previous), (_, left) in pairwise(known)) <= 5


def _seconds(words: str) -> int:
    parts = {"s": 1, "min": 60, "h": 3600}
    return sum(int(number) * parts[unit] for number, unit in re.findall(r"(\d+) (\w+)", words))


@pytest.mark.parametrize("term", ["dumb", "unknown"])
def test_a_terminal_that_cannot_move_its_cursor_gets_plain_lines(
    term, terminal, sweep, monkeypatch
) -> None:
    monkeypatch.setenv("TERM", term)
    screen = terminal(80, "stderr")

    with sweep.bars() as progress:
        progress(begun(sweep.specs[0], 1))
        sweep.now[0] += 5
        progress(step(2, 1))
        progress(epoch_end(2))

    written = screen.written()
    assert "\x1b" not in written
    assert written.replace("\r\n", "\n").splitlines()[0] == "learned-2d s0: resumed after epoch 1"
    assert "run 1 of 4, learned-2d s0: epoch 2/3" in written


def test_a_real_sweep_shows_its_runs_and_leaves_their_lines(terminal, tiny_fields, capsys) -> None:
    screen = terminal(60, "stderr")
    fields = [f"--set={name}={value}" for name, value in tiny_fields.items()]

    code = main(
        ["sweep", "pos-embed", "--preset", "smoke", *fields, "--device", "cpu", "--jobs", "1",
         "--wandb", "disabled", "--seeds", "1", "--only", "none", "--only", "learned-2d"]
    )  # fmt: skip

    out = capsys.readouterr().out
    frames = screen.frames()
    (results,) = (json.loads(path.read_text()) for path in _results_files())
    accuracy = {run["variant"]: run["test_top1_pct"] for run in results["runs"]}
    left = screen.screen()
    assert code == 0
    for number, name in enumerate(("none", "learned-2d"), 1):
        line = f"{number} of 2, {name} s0: test accuracy {accuracy[name]:.2f} %"
        assert any(shown.startswith(line) for shown in left)
        bars = [frame for frame in frames if frame.startswith(f"{name} s0 |")]
        assert all(len(bar.rstrip()) < 60 and "img/s" in bar and "left" in bar for bar in bars)
        assert len(bars) > 1
    assert not any("|" in line for line in left)
    assert "img/s" not in out


def _results_files():
    from pathlib import Path

    return Path("results").rglob("*_results.json")


# Tables

WORDS = st.text(st.sampled_from("abcdeé位0123±"), min_size=1, max_size=9)
CELLS = st.lists(WORDS, max_size=6).map(" ".join)


@settings(max_examples=30)
@given(
    st.integers(2, 6).flatmap(
        lambda num: st.tuples(
            st.lists(CELLS, min_size=num, max_size=num),
            st.lists(st.lists(CELLS, min_size=num, max_size=num), min_size=1, max_size=4),
        )
    ),
    st.integers(48, 120),
)
def test_a_table_fits_and_breaks_no_word(table, width) -> None:
    header, rows = table
    names = [f"{place} {name}".strip() for place, name in enumerate(header)]

    text = layout.table(names, rows, width)

    assert max(map(layout.text_width, text.splitlines())) <= width
    words = text.replace(":", " ").split()
    for cell in (cell for row in rows for cell in row):
        assert set(cell.split()) <= set(words)


def test_columns_that_may_be_missed_go_first_and_are_named() -> None:
    header = ("variant", "accuracy", "parameters", "GFLOP")
    rows = [("learned-2d", "61.25 ± 0.40", "1,234,567", "0.032")] * 2

    wide = layout.table(header, rows, 60, least=("GFLOP", "parameters"))
    narrow = layout.table(header, rows, 40, least=("GFLOP", "parameters"))

    assert wide == layout.table(header, rows)
    assert "parameters" in narrow.splitlines()[0]
    assert "0.032" not in narrow
    assert narrow.splitlines()[-1] == "(not shown in 40 columns: GFLOP)"


def test_a_long_name_stands_above_its_row() -> None:
    name = "shapes-p8-d16x2h2-learned-1d-baseline-e5-s0-0123456789"

    lines = layout.table(("run", "state", "size"), [(name, "done", "1 MB")], 60).splitlines()

    assert lines == ["run", "  state  size", name, "  done   1 MB"]


def test_what_is_folded_in_a_first_column_is_set_in() -> None:
    lines = layout.table(
        ("variant", "seeds"), [("Wider: width x2 and depth x2", "3"), ("Base", "3")], 22
    ).splitlines()

    assert lines == [
        "variant          seeds",
        "Wider: width x2      3",
        "  and depth x2",
        "Base                 3",
    ]


def test_characters_of_two_columns_are_two_columns_wide() -> None:
    lines = layout.table(("label", "n"), [("位置", "1"), ("abcd", "2")]).splitlines()

    assert lines == ["label  n", "位置   1", "abcd   2"]


@pytest.mark.parametrize("arguments", [["presets"], ["studies"]], ids=" ".join)
@pytest.mark.parametrize("columns", [60, 80, 120])
def test_lists_fit_the_terminal_and_are_whole_in_a_pipe(
    columns, arguments, terminal, capsys, monkeypatch
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    assert main(arguments) == 0
    in_a_pipe = capsys.readouterr().out
    monkeypatch.delenv("COLUMNS")
    screen = terminal(columns, "stdout")

    assert main(arguments) == 0

    written = screen.written()
    assert max(map(len, written.splitlines())) <= columns
    words = set(re.sub(r",|results file|\S+_results.json", "", in_a_pipe).split())
    assert words <= set(written.replace(",", "").split())
    assert max(map(len, in_a_pipe.splitlines())) > 60
    assert ("_results.json" in written) == (columns > 80 and "studies" in arguments)


@pytest.mark.parametrize(
    ("told", "asked", "columns"),
    [(80, None, 80), (80, "60", 60), (60, "100", 60), (0, "70", 70), (0, None, 80), (80, "x", 80)],
)
def test_a_terminal_is_as_wide_as_it_says_or_as_narrow_as_asked(
    told, asked, columns, terminal, monkeypatch
) -> None:
    if asked is not None:
        monkeypatch.setenv("COLUMNS", asked)

    assert layout.terminal_width(terminal(told).stream) == columns


# Reports


@pytest.fixture
def results(study_results, tmp_path):
    """A results file with a verdict of each kind, and the markdown of its report."""
    study = study_results(
        {
            "none": [50.0, 50.5, 51.0],
            "learned-1d": [61.0, 62.0, 61.5],
            "learned-2d": [61.2, 61.9, 61.4],
            "sinusoidal": [66.0, 66.5, 66.2],
        }
    )
    path = tmp_path / "results" / "positional_embedding_results.json"
    path.parent.mkdir()
    path.write_text(study.model_dump_json())
    return render(build_report([study]))


def test_a_report_is_laid_out_on_a_terminal_and_markdown_elsewhere(
    results, terminal, capsys
) -> None:
    assert main(["report"]) == 0
    assert capsys.readouterr().out == results
    raw = terminal(80, "stdout")
    assert main(["report", "--format", "md"]) == 0
    assert raw.written().replace("\r\n", "\n") == results
    screen = terminal(80, "stdout")

    assert main(["report"]) == 0

    shown = screen.written().replace("\r\n", "\n")
    plain = ESCAPE.sub("", shown)
    assert max(map(len, plain.splitlines())) <= 80
    assert "**" not in plain
    assert "| ---" not in plain
    assert "\x1b[1mKey finding.\x1b[0m" in shown
    assert "\x1b[31mworse" in shown
    assert "\x1b[32mbetter" in shown


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_no_word_of_a_report_is_lost_or_broken_on_a_terminal(width, results) -> None:
    shown = ESCAPE.sub("", rendered(results, width))

    results = re.sub(r"\[([^]]+)\]\(([^)]+)\)", r"\1 (\2)", results)  # links are named
    markup = re.compile(r"\*\*|^#+ |^- |:?-{3,}:?(?= )|\||\\(?=[^\w\s])", re.MULTILINE)
    assert set(markup.sub("", results).split()) <= set(shown.split())
    assert max(map(len, shown.splitlines())) <= width


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
@pytest.mark.usefixtures("results")
def test_a_terminal_without_styles_gets_none(name, value, terminal, monkeypatch) -> None:
    monkeypatch.setenv(name, value)
    screen = terminal(80, "stdout")

    assert main(["report"]) == 0

    written = screen.written()
    assert "\x1b" not in written
    assert "Key finding." in written
    assert "**" not in written


def test_links_and_pictures_are_named_in_a_terminal() -> None:
    text = "See [a _study_](https://example.org/a).\n\n![rollout](figures/rollout.png)\n"

    shown = ESCAPE.sub("", rendered(text, 80))

    assert "study (https://example.org/a)." in shown
    assert "rollout (figures/rollout.png)" in shown


@settings(max_examples=20)
@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_nothing_in_a_report_steers_the_terminal(label) -> None:
    assume(label.strip())

    shown = rendered(f"# A title\n\n{label}\n\n&#27;[2J [x](&#27;[2J)", 80)

    assert not re.search(r"\x1b\[2J|\x1b(?!\[[0-9;]*m)|\x07|\x9b|\u202e", shown)


@pytest.mark.parametrize("arguments", [[], ["bench"], ["runs"], ["studies"]], ids=" ".join)
def test_help_tells_in_whole_sentences_what_each_command_does(arguments, capsys) -> None:
    assert main([*arguments, "--help"]) == 0

    commands = capsys.readouterr().out.partition("Commands:\n")[2]
    assert len(commands.splitlines()) > 1
    assert "..." not in commands
    assert max(map(len, commands.splitlines())) <= 80
