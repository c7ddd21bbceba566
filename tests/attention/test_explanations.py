"""Every method against known answers, a plain implementation on timm's model, and captum."""

import captum.attr
import pytest
import timm
import torch

from vitbench.attention import saliency
from vitbench.attention.explanations import explain, weights_and_gradients
from vitbench.attention.relevance import gradient_rollout, relevance
from vitbench.config.build import build_spec
from vitbench.model.foreign import adopt
from vitbench.model.vit import build_model
from vitbench.registry import ATTENTIONS, EXPLANATIONS, POSITIONS

IMAGES = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
CLASSES = torch.tensor([1, 0, 3])
ALONE = torch.eye(3)


def assert_alike(found: torch.Tensor, expected: torch.Tensor) -> None:
    """Equal to a thousandth of the largest value, however small that is."""
    largest = expected.abs().max().item()
    assert largest > 0
    torch.testing.assert_close(found, expected.to(found), atol=1e-3 * largest, rtol=0)


def stack(*matrices) -> torch.Tensor:
    """One image, one head: (L, 1, 1, T, T)."""
    return torch.stack([torch.as_tensor(m).float() for m in matrices])[:, None, None]


@pytest.fixture(scope="module")
def theirs():
    """A model of timm whose attention is written out, with every parameter drawn."""
    torch.manual_seed(0)
    model = timm.models.vision_transformer.VisionTransformer(
        img_size=32, patch_size=8, embed_dim=24, depth=3, num_heads=4, num_classes=5
    )
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.15)
    for block in model.blocks:
        block.attn.fused_attn = False
    return model.eval()


@pytest.fixture(scope="module")
def ours(theirs):
    return adopt(theirs)


def attention_of_timm(model, classes):
    """Weights and gradients of each block by hooks: lists of (B, H, T, T)."""
    seen = []
    hooks = [
        block.attn.attn_drop.register_forward_hook(
            lambda _module, _inputs, weights: (weights.retain_grad(), seen.append(weights))[1]
        )
        for block in model.blocks
    ]
    model.zero_grad()
    model(IMAGES).gather(1, classes[:, None]).sum().backward()
    for hook in hooks:
        hook.remove()
    return [w.detach() for w in seen], [w.grad for w in seen]


def test_weights_and_gradients_are_those_of_timms_model(theirs, ours) -> None:
    weights, gradients = attention_of_timm(theirs, CLASSES)

    ours_weights, ours_gradients = weights_and_gradients(ours, IMAGES, CLASSES)

    assert_alike(ours_weights, torch.stack(weights))
    assert_alike(ours_gradients, torch.stack(gradients))


def test_relevance_and_gradient_rollout_equal_a_plain_loop_over_timms_model(theirs, ours) -> None:
    weights, gradients = attention_of_timm(theirs, CLASSES)
    for image in range(3):
        joint, rolled = torch.eye(17), torch.eye(17)
        for layer in range(3):
            fused = torch.zeros(17, 17)
            for head in range(4):
                product = weights[layer][image, head] * gradients[layer][image, head]
                fused += product.clamp(min=0) / 4
            joint = joint + fused @ joint
            row_sums = (fused + torch.eye(17)).sum(dim=1)
            rolled = torch.diag(1 / row_sums) @ (fused + torch.eye(17)) @ rolled

        for name, expected in (("relevance", joint), ("gradient-rollout", rolled)):
            found = explain(name, ours, IMAGES, CLASSES)[image].flatten()
            assert_alike(found, expected[0, 1:])


def test_a_gradient_of_zero_leaves_only_the_token_itself() -> None:
    weights = stack(torch.full((3, 3), 1 / 3), torch.full((3, 3), 1 / 3))

    assert torch.equal(relevance(weights, torch.zeros_like(weights))[0], ALONE)
    assert torch.equal(gradient_rollout(weights, torch.zeros_like(weights))[0], ALONE)


def test_relevance_of_two_layers_by_hand_and_in_their_order() -> None:
    """Token 0 looks at 1 in the first layer and at 2 in the second; only that has a gradient.

    After the first, R = I + E01. The second adds E02 R = E02: row 0 is (1, 1, 1). If the second
    looks from 0 at 1 and the first from 1 at 2, then 2 reaches 0 through 1: row 0 is (1, 1, 1) in
    this order, and (1, 1, 0) in the other, where 1 had nothing of 2 yet.
    """
    at_one = torch.zeros(3, 3)
    at_one[0, 1] = 1
    one_at_two = torch.zeros(3, 3)
    one_at_two[1, 2] = 1
    there = torch.ones(2, 1, 1, 3, 3)

    assert relevance(stack(one_at_two, at_one), there)[0, 0].tolist() == [1, 1, 1]
    assert relevance(stack(at_one, one_at_two), there)[0, 0].tolist() == [1, 1, 0]


def test_what_speaks_against_the_class_has_no_relevance() -> None:
    weights = stack([[0.2, 0.3, 0.5], [0, 1, 0], [0, 0, 1]])
    gradients = stack([[0, -4.0, 2.0], [0, 0, 0], [0, 0, 0]])

    assert relevance(weights, gradients)[0, 0].tolist() == [1, 0, 1]


def test_grad_cam_equals_hooks_on_timms_model(theirs, ours) -> None:
    kept = {}
    norm = theirs.blocks[-1].norm1
    hook = norm.register_forward_hook(
        lambda _module, _inputs, output: (output.retain_grad(), kept.update(features=output))[1]
    )
    theirs.zero_grad()
    theirs(IMAGES).gather(1, CLASSES[:, None]).sum().backward()
    hook.remove()
    features, gradient = kept["features"].detach()[:, 1:], kept["features"].grad[:, 1:]
    expected = torch.relu((features * gradient.mean(dim=1)[:, None]).sum(-1)).view(3, 4, 4)

    found = explain("grad-cam", ours, IMAGES, CLASSES)

    assert_alike(found, expected)


def test_pixels_methods_equal_captums(ours) -> None:
    images = IMAGES.clone().requires_grad_()  # captum warns where it has to ask for that itself
    pairs = [
        (
            saliency.input_gradient(ours, IMAGES, CLASSES),
            captum.attr.Saliency(ours).attribute(images, CLASSES, abs=False),
        ),
        (
            saliency.integrated_gradients(ours, IMAGES, CLASSES, num_steps=20),
            captum.attr.IntegratedGradients(ours).attribute(images, 0, CLASSES, n_steps=20),
        ),
    ]
    for found, expected in pairs:
        assert_alike(found, expected)

    covering = captum.attr.Occlusion(ours).attribute(
        IMAGES, (3, 8, 8), strides=(3, 8, 8), target=CLASSES
    )
    found = saliency.occlusion(ours, IMAGES, CLASSES, (4, 4))
    assert_alike(found, covering[:, 0, ::8, ::8])


def test_integrated_gradients_sum_to_the_difference_from_the_blank(ours) -> None:
    found = saliency.integrated_gradients(ours, IMAGES, CLASSES, num_steps=64)

    with torch.no_grad():
        logits, blank = ours(IMAGES), ours(torch.zeros(1, 3, 32, 32))
    difference = (logits - blank).gather(1, CLASSES[:, None]).squeeze(1)
    assert_alike(found.sum(dim=(1, 2, 3)), difference)


def test_pixels_are_summed_over_channels_and_patches() -> None:
    marked = torch.zeros(1, 3, 8, 8)
    marked[0, :, 4:, :4] = 2  # the patch below on the left

    assert saliency.over_patches(marked, (2, 2))[0].tolist() == [[0, 0], [2 * 3 * 16, 0]]


@pytest.mark.parametrize("class_token", [True, False])
@pytest.mark.parametrize("attention", ATTENTIONS.names())
@pytest.mark.parametrize("position", POSITIONS.names())
def test_every_method_works_for_every_kind_of_model(position, attention, class_token) -> None:
    model = build_model(
        build_spec(
            {"model.embed_dim": 16, "model.num_heads": 2, "model.depth": 2, "model.patch_size": 8,
             "model.pos_embed": position, "model.attention": attention,
             "model.class_token": class_token, "model.drop_rate": 0.5}
        )
    )  # fmt: skip
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    for name in EXPLANATIONS.names():
        found = explain(name, model, IMAGES, CLASSES)

        assert found.shape == (3, 4, 4)
        assert found.isfinite().all()
        assert not found.requires_grad
        assert torch.equal(found, explain(name, model, IMAGES, CLASSES))  # dropout is off
    assert model.training
    assert all(p.grad is None for p in model.parameters())


def test_images_are_explained_alone_however_many_come_at_once(ours) -> None:
    many = torch.randn(53, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    classes = torch.arange(53) % 5
    for name in EXPLANATIONS.names():
        alone = explain(name, ours, many[51:52], classes[51:52])
        together = explain(name, ours, many, classes)
        assert_alike(together[51:52], alone)
