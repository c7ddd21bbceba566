"""Capture gives the logits of the plain pass, for every kind of model."""

import pytest
import torch

from vitbench.attention.capture import capture
from vitbench.attention.position_similarity import cosine_similarity, norms, position_vectors
from vitbench.config.build import build_spec
from vitbench.errors import UsageError
from vitbench.model.vit import build_model
from vitbench.registry import ATTENTIONS, POSITIONS

IMAGES = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def small(**fields):
    sizes = {"embed_dim": 16, "num_heads": 4, "depth": 3, "patch_size": 8, **fields}
    return build_model(build_spec({f"model.{name}": value for name, value in sizes.items()}))


@pytest.mark.parametrize("class_token", [True, False])
@pytest.mark.parametrize("kind", ATTENTIONS.names())
@pytest.mark.parametrize("position", POSITIONS.names())
def test_capturing_changes_no_logits(position, kind, class_token) -> None:
    model = small(pos_embed=position, attention=kind, class_token=class_token, drop_rate=0.5)

    captured = capture(model, IMAGES)

    assert model.training  # as it was
    with torch.no_grad():
        torch.testing.assert_close(captured.logits, model.eval()(IMAGES), atol=1e-5, rtol=0)
    tokens = 16 + class_token
    assert captured.weights.shape == (3, 3, 4, tokens, tokens)
    assert (captured.grid, captured.class_token) == ((4, 4), class_token)
    assert captured.signed == (kind != "softmax")
    if not captured.signed:
        torch.testing.assert_close(captured.weights.sum(-1), torch.ones(3, 3, 4, tokens))


def test_position_vectors_are_what_is_added_to_the_patches() -> None:
    model = small(pos_embed="learned-1d")
    vectors = position_vectors(model)

    assert torch.equal(vectors, model.pos_embed[0].table[0, 1:].detach())
    similarity = cosine_similarity(vectors, (4, 4))
    assert similarity.shape == (16, 4, 4)
    for patch in (0, 7, 15):
        assert similarity[patch].flatten()[patch].item() == pytest.approx(1)
        by_hand = vectors[patch] @ vectors[3] / (vectors[patch].norm() * vectors[3].norm())
        assert similarity[patch, 0, 3].item() == pytest.approx(by_hand.item(), abs=1e-6)
    torch.testing.assert_close(norms(vectors, (4, 4))[1, 2], vectors[6].norm())


def test_a_model_without_positions_has_no_vectors_and_says_so() -> None:
    with pytest.raises(UsageError, match="positions add nothing"):
        position_vectors(small(pos_embed="none"))
