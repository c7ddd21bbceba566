"""How commands that read many runs grow: seconds and peak memory by the number of runs.

    python scripts/growth.py                  all of it: some minutes
    python scripts/growth.py --runs 1000      a first look, with up to 1,000 runs

One tiny run is trained on `shapes`. Folders of many runs are made from it: results files of 100
runs each (20 variants, five seeds), files of up to 200 variants, and run folders that `check` finds
nothing wrong with. Then each command runs in a process of its own, whose peak memory is what the
system counted. Times include the start of Python.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

from vitbench.config.build import build_spec
from vitbench.config.experiment import ExperimentSpec
from vitbench.config.study import StudySpec
from vitbench.runs.experiment import RunRequest, run_experiment
from vitbench.runs.folder import RunFolder
from vitbench.runs.schema import RunResult, StudyResults, StudyRun, pack_classes
from vitbench.training.checkpoint import Checkpoint, save_checkpoint
from vitbench.training.fit import begin

FIELDS: dict[str, object] = {
    "data.dataset": "shapes", "data.val_size": 100, "model.embed_dim": 16, "model.depth": 2,
    "model.num_heads": 2, "model.patch_size": 8, "train.epochs": 1, "train.batch_size": 100,
}  # fmt: skip
SEEDS = 5
VARIANTS = 20  # of a results file
WIDE = (25, 50, 100, 200)  # variants of one file
FORMATS = ("md", "html", "json", "csv")
RUNS = (100, 1_000, 10_000)


def main() -> int:
    """Run the script."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=RUNS[-1], help="runs at most")
    parser.add_argument("--only", help="commands whose name has this word")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        world = World(root)
        print("| command | runs | seconds | peak memory, MB |\n| :--- | ---: | ---: | ---: |")
        for command, num_runs, arguments in commands(world, asked.runs):
            if asked.only is None or asked.only in command:
                seconds, peak = measured(arguments, root)
                print(f"| {command} | {num_runs:,} | {seconds:.1f} | {peak:,.0f} |", flush=True)
    return 0


def commands(world: "World", most: int) -> Iterator[tuple[str, int, list[str]]]:
    """Each command with its name and the number of runs that it reads."""
    for num_variants in WIDE:
        folder = world.results(f"wide-{num_variants}", 1, num_variants)
        num_runs = num_variants * SEEDS
        yield f"report, {num_variants} variants", num_runs, ["report", str(folder)]
    for num_runs in (number for number in RUNS if number <= most):
        folder = world.results(f"many-{num_runs}", num_runs // (VARIANTS * SEEDS), VARIANTS)
        for form in FORMATS:
            yield f"report -f {form}", num_runs, ["report", str(folder), "-f", form]
        yield "check of results", num_runs, ["check", str(folder)]
        runs = world.run_folders(num_runs)
        yield "check of runs", num_runs, ["check", str(runs)]
        dirs = ["--runs-dir", str(runs), "--results-dir", str(folder)]
        yield "runs", num_runs, ["runs", "list", *dirs]
        yield "runs prune", num_runs, ["runs", "prune", "--dry-run", *dirs]
        study = world.study_file(num_runs)
        plan = ["--seeds", str(min(num_runs, 1000) // VARIANTS), "--dry-run", *dirs]
        yield "sweep --dry-run", min(num_runs, 1000), ["sweep", str(study), *plan]


# A process begins with the memory of the one that starts it, so a small one does.
STARTER = """
import resource, subprocess, sys, time
before = time.perf_counter()
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6
print(done.returncode, time.perf_counter() - before, peak)
"""


def measured(arguments: list[str], folder: Path) -> tuple[float, float]:
    """Seconds and peak memory in MB of a command."""
    command = [sys.executable, "-c", STARTER, sys.executable, "-m", "vitbench", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=True)
    code, seconds, peak = done.stdout.split()
    if code != "0":
        raise SystemExit(f"{' '.join(arguments)}: {done.stderr}")
    return float(seconds), float(peak)


class World:
    """A folder of made-up runs that look like real ones."""

    def __init__(self, root: Path) -> None:
        self.root = root
        spec = build_spec(FIELDS)
        folder = root / "first"
        self.first: RunResult = run_experiment(RunRequest(spec, folder))
        answers = RunFolder(folder).read_answers()
        assert answers is not None
        self.labels, self.answers = answers.labels.tobytes(), answers.predicted
        self.predictions = RunFolder(folder).predictions.read_bytes()
        self.checkpoint = Checkpoint.open(RunFolder(folder).checkpoint)

    def study(self, name: str, num_variants: int) -> StudySpec:
        """A study of learning rates."""
        variants = [
            {"key": f"rate-{i}", "label": f"Rate {i}", "set": {"train.lr": 0.001 * (1 + i)}}
            for i in range(num_variants)
        ]
        return StudySpec.model_validate({"name": name, "title": name, "variants": variants})

    def study_file(self, number: int) -> Path:
        """A study file, as JSON, which YAML is too."""
        path = self.root / f"study-{number}.yaml"
        fields = self.study(f"study-{number}", VARIANTS).model_dump(exclude_defaults=True)
        fields["base"] = {key: value for key, value in FIELDS.items() if key != "data.dataset"}
        fields["base"]["data.dataset"] = "shapes"
        path.write_text(json.dumps(fields))
        return path

    def run(self, spec: ExperimentSpec) -> RunResult:
        """What a run of a spec might have given: some answers are others."""
        random = Random(spec.identity)
        predicted = bytearray(self.answers.tobytes())
        for image in random.sample(range(len(predicted)), 100):
            predicted[image] = random.randrange(10)
        right = sum(a == b for a, b in zip(predicted, self.labels, strict=True))
        return self.first.model_copy(
            update={
                "identity": spec.identity, "name": spec.name, "spec": spec.to_json(),
                "seed": spec.seed, "test_top1_pct": 100 * right / len(self.labels),
                "predicted": pack_classes(bytes(predicted)),
            }
        )  # fmt: skip

    def results(self, name: str, num_files: int, num_variants: int) -> Path:
        """A folder of results files."""
        folder = self.root / "results" / name
        folder.mkdir(parents=True)
        for number in range(num_files):
            study = self.study(f"{name}-{number}", num_variants)
            base = build_spec({**FIELDS, "train.weight_decay": 0.001 * number})
            runs = [
                StudyRun(
                    **self.run(
                        build_spec(base.to_json(), variant.set).with_seed(seed)
                    ).model_dump(),
                    variant=variant.key,
                )
                for variant in study.variants
                for seed in range(SEEDS)
            ]
            results = StudyResults(
                study=study, preset="smoke", base=base.to_json(),
                base_identity=base.base_identity, dataset="shapes",
                num_test=len(self.labels), test_labels=pack_classes(self.labels), runs=runs,
            )  # fmt: skip
            text = results.model_dump_json(indent=1)
            (folder / f"{study.name}_results.json").write_text(text)
        return folder

    def run_folders(self, num_runs: int) -> Path:
        """A folder of run folders; each has a checkpoint of its own and predictions of its own."""
        runs = self.root / f"runs-{num_runs}"
        state = begin(self.checkpoint.spec, next(iter(self.checkpoint.weights.values())).device)
        state.history.extend(self.checkpoint.history)
        for seed in range(num_runs):
            spec = self.checkpoint.spec.with_seed(seed)
            folder = RunFolder.of(spec, runs)
            folder.path.mkdir(parents=True)
            result = self.run(spec).model_copy(
                update={
                    "predicted": self.first.predicted,
                    "test_top1_pct": self.first.test_top1_pct,
                }
            )
            folder.spec_file.write_text(json.dumps(spec.to_json()))
            folder.history_file.write_text(
                "".join(f"{record.model_dump_json()}\n" for record in result.history)
            )
            folder.predictions.write_bytes(self.predictions)
            save_checkpoint(folder.checkpoint, state, spec, self.checkpoint.bits, complete=True)
            folder.result_file.write_text(result.model_dump_json(indent=1))
        return runs


if __name__ == "__main__":
    sys.exit(main())
