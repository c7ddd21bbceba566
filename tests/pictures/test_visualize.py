"""`vitbench visualize` on checkpoints of tiny models: paths, kinds, what cannot be drawn."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vitbench.attention.explanations import explain
from vitbench.attention.rollout import rollout
from vitbench.cli.main import main
from vitbench.config.build import build_spec
from vitbench.data.image_set import ImageSet
from vitbench.data.own_image import own_image
from vitbench.errors import FileError
from vitbench.pictures import sampling
from vitbench.pictures.selection import Selection
from vitbench.pictures.view import open_view
from vitbench.runs.experiment import RunOptions, RunRequest, run_experiment

ATTENTION = "attention_visualization"
FEW = ("--sample", "20", "--dpi", "50")


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Trains a tiny model once for each set of fields; gives its run folder."""
    folders = {}

    def train(**fields):
        key = str(fields)
        if key not in folders:
            spec = build_spec(
                {"data.dataset": "shapes", "data.val_size": 100, "data.augmentation": "none",
                 "model.embed_dim": 16, "model.depth": 2, "model.num_heads": 2,
                 "model.patch_size": 8, "train.batch_size": 64, "train.epochs": 1},
                {f"model.{name}": value for name, value in fields.items()},
            )  # fmt: skip
            folder = tmp_path_factory.mktemp("runs") / "run"
            run_experiment(RunRequest(spec, folder, RunOptions(device="cpu")))
            folders[key] = folder
        return folders[key]

    return train


def run(capsys, *arguments):
    code = main(["visualize", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out.splitlines(), err


def test_all_makes_the_documents_very_files(trained, tmp_path, capsys) -> None:
    code, paths, _ = run(capsys, "all", trained(), "--name", "diff_vit", *FEW)

    assert code == 0
    expected = {
        *(f"{ATTENTION}/attention_rollout/rollout_image_{i}.png" for i in range(5)),
        f"{ATTENTION}/positional_embeddings/pos_embed_visualization.png",
        f"{ATTENTION}/positional_embeddings/pos_embed_spectrum.png",
        "explanations/explanations.png",
        "explanations/faithfulness.png",
        "explanations/sanity.png",
        *(
            f"inside/{name}.png"
            for name in (
                "heads",
                "head_similarity",
                "ablation",
                "tokens",
                "layer_similarity",
                "sensitivity",
            )
        ),
        f"{ATTENTION}/last_layer_attention/head_avg.png",
        *(f"{ATTENTION}/last_layer_attention/head_{i}.png" for i in range(2)),
        *(f"{ATTENTION}/all_layers_attention/layer_{i}.png" for i in range(2)),
        f"{ATTENTION}/last_layer_attention/all_heads.png",
        f"{ATTENTION}/all_layers_attention/all_layers.png",
        "plots/diff_vit_curves.png",
        "plots/diff_vit_train_loss.png",
        "plots/diff_vit_val_loss.png",
    }
    assert set(paths) == {f"visualizations/{path}" for path in expected}
    there = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert there == set(paths)


def test_a_loose_checkpoint_is_drawn_like_its_run_folder(trained, tmp_path, capsys) -> None:
    shutil.copy(trained() / "checkpoint.pt", tmp_path / "ckpt.pt")

    for kind in ("rollout", "heads", "curves"):
        run(capsys, kind, trained(), "--out", "of_folder", "--dpi", "50")
        code, paths, err = run(capsys, kind, "ckpt.pt", "--out", "of_file", "--dpi", "50")

        assert (code, err) == (0, "")
        for path in paths:
            twin = tmp_path / path.replace("of_file", "of_folder")
            assert (tmp_path / path).read_bytes() == twin.read_bytes()


@pytest.mark.parametrize(
    "fields",
    [
        {"class_token": False},
        {"attention": "differential"},
        {"attention": "differential-published", "class_token": False},
        {"patch_size": 2, "pos_embed": "sinusoidal"},
        {"patch_size": 32, "pos_embed": "learned-2d"},
        {"pos_embed": ["learned-1d", "sincos-2d"]},
    ],
    ids=str,
)
def test_every_kind_of_model_is_drawn(fields, trained, capsys) -> None:
    few = ("--images", "1", "--sample", "4", "--dpi", "20")
    code, paths, err = run(capsys, "all", trained(**fields), *few)

    assert (code, err) == (0, "")
    assert len(paths) == 1 + 2 + 4 + 3 + 3 + 2 + 1 + 2 + 1 + 2 + 1


def test_a_model_without_positions_says_so(trained, capsys) -> None:
    folder = trained(pos_embed="none")
    code, paths, err = run(capsys, "all", folder, "--sample", "4", "--dpi", "20")
    assert code == 0
    assert "positions add nothing" in err
    assert not any("pos_embed" in path for path in paths)

    code, paths, err = run(capsys, "pos-embed", folder, "--out", "other")
    assert (code, paths) == (2, [])
    assert "positions add nothing" in err


def test_images_fusion_discard_and_layer_are_options(trained, tmp_path, capsys) -> None:
    folder = trained()
    _, paths, _ = run(capsys, "rollout", folder, "--indices", "7,0")
    assert [path[-5:] for path in paths] == ["7.png", "0.png"]
    plain = (tmp_path / paths[0]).read_bytes()
    run(capsys, "rollout", folder, "--indices", "7", "--fusion", "max", "--discard", "0.5")
    assert (tmp_path / paths[0]).read_bytes() != plain

    _, paths, _ = run(capsys, "last-layer", folder)
    last = (tmp_path / paths[0]).read_bytes()
    run(capsys, "last-layer", folder, "--layer", "0")
    assert (tmp_path / paths[0]).read_bytes() != last


def test_several_checkpoints_write_a_folder_each(trained, capsys) -> None:
    code, paths, _ = run(capsys, "curves", trained(), trained(pos_embed="none"))

    assert code == 0
    assert len({path.split("/")[1] for path in paths}) == 2
    code, _, err = run(capsys, "curves", trained(), trained())
    assert code == 2
    assert "same run" in err


def test_a_results_file_gives_the_curves_of_all_variants(tmp_path, study_results, capsys) -> None:
    from vitbench.training.history import EpochRecord

    results = study_results({"none": [50.0, 51.0], "learned-1d": [60.0]})
    records = [
        EpochRecord(epoch=i, train_loss=2 / i, train_top1_pct=1, val_loss=3 / i, val_top1_pct=1,
                    lr=1, train_time_s=1, img_per_s=1)
        for i in (1, 2, 3)
    ]  # fmt: skip
    runs = [run.model_copy(update={"history": records}) for run in results.runs]
    file = tmp_path / "positional_embedding_results.json"
    file.write_text(results.model_copy(update={"runs": runs}).model_dump_json())

    code, paths, _ = run(capsys, "curves", file)
    assert code == 0
    assert paths == [f"visualizations/plots/pos-embed_{x}_loss.png" for x in ("train", "val")]

    code, _, err = run(capsys, "rollout", file)
    assert code == 2
    assert "use curves or compare" in err


def test_the_list_names_every_kind(capsys) -> None:
    code, out, _ = run(capsys, "--list")

    assert code == 0
    assert [line.split()[0] for line in out] == [
        "kind", "rollout", "pos-embed", "last-layer", "layers", "curves", "explanations", "sanity",
        "heads", "ablation", "tokens", "sensitivity", "explore", "compare", "all",
    ]  # fmt: skip


def test_pictures_are_logged_to_the_runs_wandb(trained, capsys) -> None:
    folder = trained()
    code, _, _ = run(capsys, "curves", folder, "--wandb", "offline")

    assert code == 0
    media = list(folder.glob("wandb/offline-run-*/files/media/images/*.png"))
    assert len(media) == 3


def test_images_of_a_class_wrong_ones_and_a_head_are_shown_when_asked_for(trained, capsys) -> None:
    from vitbench.data.datasets import load_images
    from vitbench.training.checkpoint import Checkpoint

    checkpoint = Checkpoint.open(trained() / "checkpoint.pt")
    test = load_images(checkpoint.spec.data, "test", None)
    with torch.no_grad():
        model = checkpoint.model(torch.device("cpu")).eval()
        answers = model(test.inputs(test.images)).argmax(dim=1)
    crosses = test.labels == test.classes.index("cross-upper")
    expected = (crosses & (answers != test.labels)).nonzero().flatten().tolist()

    _, paths, _ = run(capsys, "rollout", trained(), "--class", "cross-upper", "--images", "3")
    numbers = [int(path.rsplit("_", 1)[1].removesuffix(".png")) for path in paths]
    assert numbers == crosses.nonzero().flatten()[:3].tolist()
    _, paths, _ = run(capsys, "rollout", trained(), "--class", "cross-upper", "--wrong")
    numbers = [int(path.rsplit("_", 1)[1].removesuffix(".png")) for path in paths]
    assert expected
    assert numbers == expected[:5]
    _, paths, _ = run(capsys, "last-layer", trained(), "--head", "1")
    assert [path.rsplit("/", 1)[1] for path in paths] == ["head_1.png"]


def test_a_picture_of_ones_own_is_cut_to_its_middle_square(trained, tmp_path, capsys) -> None:
    wide = np.zeros((64, 200, 3), np.uint8)
    wide[:, 68:132] = 255  # the middle square is white
    Image.fromarray(wide).save(tmp_path / "mine.png")

    code, paths, _ = run(capsys, "rollout", trained(), "--image", "mine.png", "--save-data")

    assert code == 0
    stem = f"visualizations/{ATTENTION}/attention_rollout/rollout_image_mine"
    assert paths == [f"{stem}.png", f"{stem}.npz"]
    view = open_view(trained(), tmp_path, Selection(image=tmp_path / "mine.png"), None, None, "cpu")
    assert view.images.images.shape == (1, 3, 32, 32)
    assert view.images.images[..., 2:-2].min() == 255  # edges are smoothed


@pytest.mark.parametrize(
    ("mode", "fill", "expected"),
    [("RGBA", (9, 9, 9, 0), 255), ("L", 77, 77), ("P", 0, 0), ("CMYK", (0, 0, 0, 255), 0)],
)
def test_pictures_of_many_modes_are_read_as_they_look(mode, fill, expected, tmp_path) -> None:
    form = "tiff" if mode == "CMYK" else "png"
    Image.new(mode, (40, 40), fill).save(tmp_path / f"mine.{form}")

    pixels = own_image(tmp_path / f"mine.{form}", 32, like()).images
    assert pixels.float().mean().item() == pytest.approx(expected, abs=1)


def test_pixels_of_16_bits_are_refused(tmp_path) -> None:
    Image.fromarray(np.full((40, 40), 30_000, np.uint16)).save(tmp_path / "deep.png")

    with pytest.raises(FileError, match="8 bits"):
        own_image(tmp_path / "deep.png", 32, like())


def like() -> ImageSet:
    """A set of RGB images of which a picture takes the constants."""
    images = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
    return ImageSet(images, torch.zeros(1), ("a",), (0,), (1,))


def test_a_patchs_own_attention_is_shown_when_asked_for(trained, tmp_path, capsys) -> None:
    run(capsys, "last-layer", trained(), "--patch", "5", "--head", "1", "--save-data")

    saved = np.load(next(tmp_path.rglob("head_1.npz")))["attention"]
    view = open_view(trained(), tmp_path, Selection(), None, None, "cpu")
    np.testing.assert_allclose(saved[0], view.capture.weights[-1, 0, 1, 6, 1:].view(4, 4))


def test_data_beside_a_picture_are_the_numbers_that_it_shows(trained, tmp_path, capsys) -> None:
    run(capsys, "rollout", trained(), "--images", "1", "--save-data")

    saved = np.load(next(tmp_path.rglob("rollout_image_0.npz")))["rollout"]
    view = open_view(trained(), tmp_path, Selection(count=1), None, None, "cpu")
    expected = rollout(view.capture.weights)[0, 0, 1:].view(4, 4)
    np.testing.assert_allclose(saved, expected, atol=1e-6)


@pytest.mark.parametrize(("form", "starts"), [("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_pictures_come_in_other_formats_the_same_bytes_each_time(
    form, starts, trained, tmp_path, capsys
) -> None:
    _, paths, _ = run(capsys, "curves", trained(), "--format", form)
    first = (tmp_path / paths[0]).read_bytes()
    run(capsys, "curves", trained(), "--format", form)

    assert paths[0].endswith(form)
    assert first.startswith(starts)
    assert (tmp_path / paths[0]).read_bytes() == first


def test_more_dots_an_inch_make_a_larger_picture(trained, tmp_path, capsys) -> None:
    sizes = []
    for dpi in (50, 100):
        _, paths, _ = run(capsys, "curves", trained(), "--dpi", dpi)
        with Image.open(tmp_path / paths[0]) as picture:
            sizes.append(picture.size[0])

    assert sizes[1] == pytest.approx(2 * sizes[0], abs=2)


WRONG = [
    (["rolout", "{run}"], "did you mean 'rollout'"),
    (["rollout"], "CHECKPOINT"),
    (["rollout", "absent.pt"], "absent.pt"),
    (["rollout", "text.pt"], "text.pt is not a vitbench checkpoint"),
    (["rollout", "empty"], "empty/checkpoint.pt"),
    (["curves", "text.json"], "not a results file"),
    (["rollout", "{run}", "--images", "0"], "--images 0"),
    (["rollout", "{run}", "--images", "2", "--indices", "1"], "exclude each other"),
    (["rollout", "{run}", "--indices", "a"], "0,5,7"),
    (["rollout", "{run}", "--indices", "1,1"], "different"),
    (["rollout", "{run}", "--indices", "1000"], "0 to 999"),
    (["rollout", "{run}", "--fusion", "sum"], "mean, max, min"),
    (["rollout", "{run}", "--discard", "1"], "0 to 0.99"),
    (["rollout", "{run}", "--discard", "nan"], "0 to 0.99"),
    (["last-layer", "{run}", "--layer", "2"], "layers 0 to 1"),
    (["last-layer", "{run}", "--head", "2"], "heads 0 to 1"),
    (["layers", "{run}", "--patch", "16"], "patches 0 to 15"),
    (["ablation", "{run}", "--class", "disc-upper"], "shows no single images"),
    (["heads", "{run}", "--wrong"], "shows no single images"),
    (["rollout", "{run}", "--class", "cros-upper"], "did you mean 'cross-upper'"),
    (["rollout", "{run}", "--class", "ring-lower", "--indices", "1"], "omit --class"),
    (["rollout", "{run}", "--image", "text.pt"], "not a readable picture"),
    (["rollout", "{run}", "--image", "absent.png"], "no picture absent.png"),
    (["rollout", "{run}", "--image", "text.pt", "--wrong"], "uses only that picture"),
    (["curves", "{run}", "--format", "bmp"], "png, svg, pdf"),
    (["curves", "{run}", "--format", "pdf", "--wandb", "offline"], "png pictures"),
    (["curves", "{run}", "--dpi", "0"], "20 to 1200"),
    (["heads", "{run}", "--sample", "3"], "4 or more"),
    (["last-layer", "{run}", "--layer", "-1"], "layers 0 to 1"),
    (["rollout", "{run}", "--out", "text.pt"], "is a file"),
    (["rollout", "{run}", "--device", "tpu"], "cpu, cuda, mps"),
    (["curves", "{run}", "--name", "../../evil"], "--name"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "hint"), WRONG, ids=[" ".join(a) for a, _ in WRONG])
def test_a_wrong_request_is_told_in_three_lines_and_draws_nothing(
    arguments, hint, trained, tmp_path, capsys
) -> None:
    (tmp_path / "text.pt").write_text("not a checkpoint")
    (tmp_path / "text.json").write_text("{}")
    (tmp_path / "empty").mkdir()
    before = sorted(tmp_path.rglob("*"))

    code, out, err = run(capsys, *(a.replace("{run}", str(trained())) for a in arguments))

    assert (code, out) == (2, [])
    assert 1 <= len(err.splitlines()) <= 3
    assert hint in err
    assert sorted(tmp_path.rglob("*")) == before


def test_explore_writes_one_page_that_all_leaves_out(trained, tmp_path, capsys) -> None:
    code, paths, _ = run(capsys, "explore", trained(), "--images", "3")

    assert (code, paths) == (0, ["visualizations/explore.html"])
    text = (tmp_path / paths[0]).read_text()
    assert len(text) < 10_000_000
    assert len(json.loads(text.split('id="data">')[1].split("</script>")[0])["images"]) == 3
    assert "validation accuracy" in text
    assert text.count("<svg ") == 2  # the curves


def test_explore_says_what_has_no_room(trained, capsys, monkeypatch) -> None:
    monkeypatch.setattr("vitbench.figures.explore.MOST_BYTES", 100)

    code, paths, err = run(capsys, "explore", trained(), "--images", "3")

    assert (code, paths) == (0, ["visualizations/explore.html"])
    assert "limited by size to the first 1 of 3 images and only the mean over heads" in err


COMPARED = [f"compare/{name}" for name in ("attention", "rollout", "relevance", "structure")]


def test_models_are_compared_on_the_same_images(trained, tmp_path, capsys) -> None:
    """Of other patches, other depths, with and without a class token."""
    others = trained(patch_size=4, class_token=False), trained(attention="differential", depth=1)
    arguments = ("--indices", "7,3", "--save-data", *FEW)

    code, paths, _ = run(capsys, "compare", trained(), *others, *arguments)

    assert code == 0
    named = [*COMPARED, "compare/likeness_1", "compare/likeness_2"]
    assert paths == [f"visualizations/{n}.{suffix}" for n in named for suffix in ("png", "npz")]
    for method in ("rollout", "relevance"):
        maps = np.load(tmp_path / f"visualizations/compare/{method}.npz")
        for folder, found in zip((trained(), *others), maps.values(), strict=True):
            view = open_view(folder, tmp_path, Selection(indices=[7, 3]), None, None, "cpu")
            answers = view.model(view.inputs).argmax(dim=1)
            expected = explain(method, view.model, view.inputs, answers).numpy()
            expected = expected / expected.mean(axis=(1, 2), keepdims=True)
            assert found == pytest.approx(expected, rel=1e-4, abs=1e-5)
    alike = np.load(tmp_path / "visualizations/compare/likeness_2.npz")["cka"]
    assert alike.shape == (3, 2)


def test_two_runs_whose_names_tell_no_difference_are_told_apart_all_the_same(
    trained, capsys
) -> None:
    again = trained(mlp_ratio=1.0)
    code, paths, _ = run(capsys, "compare", trained(), again, "--images", "1", *FEW)
    assert (code, len(paths)) == (0, 5)


def test_every_model_sees_the_images_that_the_first_one_answers_wrong(
    trained, tmp_path, capsys
) -> None:
    other = trained(depth=1)
    code, _, _ = run(capsys, "compare", trained(), other, "--wrong", "--save-data", *FEW)
    view = open_view(trained(), tmp_path, Selection(wrong=True), None, None, "cpu")
    indices = ",".join(map(str, view.indices))
    run(
        capsys, "compare", trained(), other, "--indices", indices, "--save-data", "--out", "b", *FEW
    )

    assert code == 0
    one, two = (np.load(tmp_path / f"{f}/compare/rollout.npz") for f in ("visualizations", "b"))
    for name in one:
        assert (one[name] == two[name]).all()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["{run}", "{other}", "--layer", "0"], "does not use --layer"),
        (["{results}", "--indices", "99999"], "image 99999"),
        (["{run}"], "two or more checkpoints"),
        (["{run}", "{run}"], "same run"),
        (["{run}", "{results}"], "one results file"),
        (["{run}", "{other}", "--wandb", "offline"], "does not use --wandb"),
    ],
)
def test_what_cannot_be_compared_is_said(arguments, words, trained, study, capsys) -> None:
    names = {"{run}": trained(), "{other}": trained(depth=1), "{results}": study}
    code, paths, err = run(capsys, "compare", *(names.get(a, a) for a in arguments))
    assert (code, paths) == (2, [])
    assert words in err
    assert not Path("visualizations").exists()


@pytest.fixture
def study(tmp_path, capsys):
    """A study of two variants and two seeds, trained; its results file."""
    tiny = ["--preset", "smoke", "--epochs", "1", "--wandb", "disabled", "--quiet",
            "--set=model.embed_dim=16", "--set=model.depth=2", "--set=model.num_heads=2",
            "--set=model.patch_size=8"]  # fmt: skip
    words = ["sweep", "pos-embed", "--seeds", "2", "--only", "none", "--only", "learned-1d"]
    assert main([*words, *tiny]) == 0
    capsys.readouterr()
    return tmp_path / "results/shapes/positional_embedding_results.json"


def test_a_studys_runs_are_compared_and_set_against_their_accuracy(study, tmp_path, capsys) -> None:
    code, paths, err = run(capsys, "compare", study, "--images", "1", "--save-data", *FEW)

    assert (code, err) == (0, "")
    pictures = [path for path in paths if path.endswith(".png")]
    named = [*COMPARED, "compare/structure_accuracy", "compare/likeness_1"]
    assert pictures == [f"visualizations/{name}.png" for name in named]
    data = np.load(tmp_path / "visualizations/compare/structure_accuracy.npz")
    results = json.loads(study.read_text())
    accuracy = {run["seed"]: run["test_top1_pct"] for run in results["runs"]
                if run["variant"] == "none"}  # fmt: skip
    assert data["No_position_accuracy_pct"].tolist() == [accuracy[0], accuracy[1]]
    assert data["No_position_distance_px"].shape == (2,)

    shutil.rmtree(next((tmp_path / "runs").glob("*h2-none-*-s1-*")))
    code, _, err = run(capsys, "compare", study, "--images", "1", *FEW)
    assert code == 0
    assert "1 of its 2 runs have no checkpoint" in err
    assert run(capsys, "compare", study, "--images", "1", "--quiet", *FEW)[2] == ""
    shutil.rmtree(tmp_path / "runs")
    code, paths, err = run(capsys, "compare", study, *FEW)
    assert (code, paths) == (2, [])
    assert "2 of its 2 runs have no checkpoint" in err


def test_variants_of_one_label_stay_two_and_diverged_ones_are_left_out(study, capsys) -> None:
    results = json.loads(study.read_text())
    for variant in results["study"]["variants"]:
        variant["label"] = "the same"
    study.write_text(json.dumps(results))
    code, _, err = run(capsys, "compare", study, "--images", "1", "--save-data", *FEW)
    assert (code, err) == (0, "")
    data = np.load("visualizations/compare/structure_accuracy.npz")
    assert {"the_same_none_distance_px", "the_same_learned_1d_distance_px"} <= set(data)

    results["runs"][0]["status"] = "diverged"
    study.write_text(json.dumps(results))
    code, paths, err = run(capsys, "compare", study, *FEW)
    assert (code, paths) == (2, [])
    assert "diverged in 1 of 2 seeds and is omitted" in err


def test_a_model_that_answers_no_numbers_is_not_explored(trained, tmp_path, capsys) -> None:
    shutil.copytree(trained(), tmp_path / "run")
    saved = torch.load(tmp_path / "run/checkpoint.pt", weights_only=True)
    path = tmp_path / "nan.pt"
    _fill(saved, "head.bias")
    torch.save(saved, path)

    code, paths, err = run(capsys, "explore", path)

    assert (code, paths) == (2, [])
    assert "weight head.bias is NaN" in err


def _fill(saved, name: str) -> None:
    """Fill the tensor of that name with NaN, wherever in a checkpoint it is."""
    for key, value in saved.items():
        if isinstance(value, dict):
            _fill(value, name)
        elif key == name:
            value.fill_(float("nan"))


def test_all_takes_its_scores_over_what_fits_and_says_so(trained, capsys, monkeypatch) -> None:
    """Here nothing fits, so each kind takes the fewest images."""
    for kind in sampling.BUDGETS:
        monkeypatch.setitem(sampling.BUDGETS, kind, 1.0)

    _, paths, err = run(capsys, "all", trained(), "--format", "svg", "--images", "1")

    least = ", ".join(f"{kind} {sampling.LEAST}" for kind in sampling.BUDGETS)
    assert f"test images used for scores, to finish within a minute: {least}\n" in err
    assert "`vitbench visualize explanations ...` uses 500; --sample N uses N\n" in err
    document = [Path(path).parts[1] in (ATTENTION, "plots") for path in paths]
    assert document == sorted(document, reverse=True)  # the document's pictures come first
    assert images_of("inside/sensitivity") == images_of("explanations/sanity") == "5"


def images_of(picture: str) -> str:
    """The number of test images in the title of an SVG."""
    drawn = Path("visualizations", f"{picture}.svg").read_text()
    title = " ".join(re.findall(r"<!-- (.*?) -->", drawn))  # each line of text has its own
    return re.search(r"first (\d+) test images", title)[1]


def test_a_kind_by_its_name_takes_500_images_and_a_given_sample_wins(trained, capsys) -> None:
    run(capsys, "sensitivity", trained(), "--format", "svg")
    assert images_of("inside/sensitivity") == "500"

    run(capsys, "sensitivity", trained(), "--format", "svg", "--sample", "33")
    assert images_of("inside/sensitivity") == "33"


def test_a_sample_is_smaller_the_more_a_model_costs_and_the_same_each_time() -> None:
    def sizes(kind: str) -> list[int]:
        fields = [{"model.embed_dim": 16, "model.depth": 2, "model.patch_size": 8},
                  {"model.embed_dim": 96}, {"model.embed_dim": 384}]  # fmt: skip
        return [sampling.sample_size(kind, build_spec(one)) for one in fields]

    for kind in sampling.BUDGETS:
        found = sizes(kind)
        assert found == sorted(found, reverse=True) == sizes(kind)
        assert sampling.LEAST <= found[-1] < found[0] <= sampling.FULL
        assert all(size % 5 == 0 for size in found)
