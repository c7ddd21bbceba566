"""Steps of a compiled model are those of the model, and a machine without a compiler trains too."""

from shutil import which

import pytest
import torch

from vitbench.config.build import build_spec
from vitbench.runs.experiment import Note, RunOptions, RunRequest, run_experiment
from vitbench.training.checkpoint import Checkpoint

FIELDS = {"model.depth": 1, "data.val_size": 2800, "train.batch_size": 100}  # four steps


@pytest.mark.skipif(which("g++") is None and which("clang++") is None, reason="no C++ compiler")
def test_a_compiled_training_ends_as_one_that_is_not_but_for_rounding(
    tmp_path, tiny_fields
) -> None:
    spec = build_spec(tiny_fields, FIELDS)
    heard = []
    plain = run_experiment(RunRequest(spec, tmp_path / "plain", RunOptions(device="cpu")))
    options = RunOptions(device="cpu", compiled=True)
    compiled = run_experiment(RunRequest(spec, tmp_path / "compiled", options), heard.append)

    assert any(isinstance(e, Note) and "compiled in" in e.text for e in heard)
    assert (plain.compiled, compiled.compiled) == (False, True)
    assert compiled.identity == plain.identity
    ends = [Checkpoint.open(tmp_path / which / "checkpoint.pt") for which in ("plain", "compiled")]
    for name, weight in ends[0].weights.items():
        torch.testing.assert_close(ends[1].weights[name], weight, atol=1e-3, rtol=1e-2)


def test_without_a_compiler_a_training_goes_on_and_it_is_told(
    tmp_path, tiny_fields, monkeypatch
) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(torch._inductor.config.cpp, "cxx", ("no-such-compiler",))
    spec = build_spec(tiny_fields, FIELDS)
    heard = []
    options = RunOptions(device="cpu", compiled=True)

    result = run_experiment(RunRequest(spec, tmp_path / "run", options), heard.append)

    assert (result.status, result.compiled) == ("done", False)
    assert any(isinstance(e, Note) and "continues without torch.compile" in e.text for e in heard)
