"""How many runs at once: what --jobs comes to."""

import pytest
import torch

from vitbench.errors import UsageError
from vitbench.study import jobs
from vitbench.study.jobs import Jobs, choose_jobs

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _eight_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(8)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("asked", "num_runs", "expected"),
    [
        ("1", 12, Jobs(1, 8)),
        ("3", 12, Jobs(3, 2)),
        ("12", 12, Jobs(12, 1)),
        ("auto", 12, Jobs(8, 1)),
        ("auto", 3, Jobs(3, 2)),
        ("auto", 0, Jobs(1, 8)),
    ],
)
def test_threads_are_shared_among_the_jobs(asked, num_runs, expected, monkeypatch) -> None:
    monkeypatch.setattr(jobs, "_free_memory", lambda: 2**50)
    assert choose_jobs(asked, [], num_runs, CPU) == expected


def test_auto_keeps_to_the_threads_that_recorded_runs_had(
    study_results, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(jobs, "_free_memory", lambda: 2**50)
    results = study_results({"none": [70.0, 71.0], "learned-1d": [60.0, 61.0]})
    assert {run.threads for run in results.runs} == {2}
    file = tmp_path / "results.json"
    file.write_text(results.model_dump_json())

    class Plan:
        results_file = file

    assert choose_jobs("auto", [Plan()], 12, CPU) == Jobs(4, 2)  # type: ignore[list-item]


def test_auto_leaves_room_in_memory(monkeypatch, tmp_path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 16000000 kB\nMemAvailable: 5000000 kB\n")
    monkeypatch.setattr(jobs, "MEMINFO", meminfo)
    assert choose_jobs("auto", [], 12, CPU) == Jobs(2, 4)


def test_auto_is_one_run_at_a_time_on_a_gpu() -> None:
    assert choose_jobs("auto", [], 12, torch.device("cuda")) == Jobs(1, 8)


@pytest.mark.parametrize("asked", ["0", "-1", "257", "two", "1.5", "", "²"])
def test_what_is_no_number_of_jobs_is_refused(asked) -> None:
    with pytest.raises(UsageError, match="from 1 to 256"):
        choose_jobs(asked, [], 12, CPU)
