"""On `shapes` the class lies in one object: a trained model's maps must find it, and not before."""

import pytest
import torch

from vitbench.attention.explanations import explain
from vitbench.attention.intervals import mean_over_images
from vitbench.attention.localisation import mass_ratio, pointing_chance, pointing_game
from vitbench.config.build import build_spec
from vitbench.config.presets import preset_fields
from vitbench.data.image_set import ImageSet
from vitbench.data.shapes import CLASSES, draw_shapes
from vitbench.model.vit import build_model
from vitbench.registry import EXPLANATIONS
from vitbench.runs.experiment import RunOptions, RunRequest, run_experiment
from vitbench.training.checkpoint import Checkpoint


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """Maps of every method, of a trained model and of one with initial weights, and the masks."""
    spec = build_spec(
        preset_fields("smoke"), {"model.patch_size": 8, "model.pos_embed": "sinusoidal"}
    )
    folder = tmp_path_factory.mktemp("planted") / "run"
    result = run_experiment(RunRequest(spec, folder, RunOptions(device="cpu")))
    assert result.test_top1_pct > 90

    drawn = draw_shapes(200, seed=99)
    labels = torch.from_numpy(drawn.labels)
    images = ImageSet(torch.from_numpy(drawn.images), labels, CLASSES, (0.5,) * 3, (0.25,) * 3)
    trained = Checkpoint.open(folder / "checkpoint.pt").model(torch.device("cpu"))
    data = images.normalised_with(spec.data.mean, spec.data.std)
    inputs = data.inputs(data.images)
    maps = {
        name: (
            explain(name, trained, inputs, labels),
            explain(name, build_model(spec), inputs, labels),
        )
        for name in EXPLANATIONS.names()
    }
    return maps, torch.from_numpy(drawn.masks)


@pytest.mark.parametrize("name", EXPLANATIONS.names())
def test_a_trained_models_map_falls_on_the_object_and_a_random_ones_does_less(name, seen) -> None:
    """Less, not never: an object that stands out moves the logits of any model, trained or not."""
    maps, masks = seen
    trained, initial = maps[name]
    chance = pointing_chance(masks, (4, 4))

    hits = mean_over_images(pointing_game(trained, masks).double() - chance)
    mass = mean_over_images(mass_ratio(trained, masks) - 1)
    gained = mean_over_images(mass_ratio(trained, masks) - mass_ratio(initial, masks))

    assert hits.low > 0
    assert mass.low > 0
    assert gained.low > 0


def test_the_games_by_hand() -> None:
    masks = torch.zeros(2, 8, 8, dtype=torch.bool)
    masks[:, :4, :4] = True  # fills one patch of four
    maps = torch.tensor([[[3.0, 1], [0, -5]], [[1, 0], [2, 0]]])

    assert pointing_game(maps, masks).tolist() == [True, False]
    assert pointing_chance(masks, (2, 2)).tolist() == [0.25, 0.25]
    assert mass_ratio(maps, masks).tolist() == pytest.approx([3 / 4 * 4, 1 / 3 * 4])
    assert mass_ratio(-torch.ones(2, 2, 2), masks).tolist() == [1, 1]
