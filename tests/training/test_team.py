"""A batch in parts on several threads: the same training, the same bits each time."""

import threading
import time

import pytest
import torch

from vitbench.config.build import build_spec
from vitbench.data.datasets import load_images
from vitbench.data.split import train_val_split
from vitbench.model.vit import build_model
from vitbench.training.evaluate import evaluate
from vitbench.training.fit import begin, fit
from vitbench.training.history import EpochRecord
from vitbench.training.memory import MemorySaving
from vitbench.training.step import Parts, take_step
from vitbench.training.team import Team, team_for

CPU = torch.device("cpu")
NO_SAVING = MemorySaving()


@pytest.fixture
def two_threads():
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def images():
    """A few images to train and to validate on."""
    spec = build_spec({"data.dataset": "shapes", "data.val_size": 100})
    train, val = train_val_split(load_images(spec.data, "train", None), 100)
    return train.subset(torch.arange(192)), val


def trained(fields, images, saving=NO_SAVING):
    """The state after all epochs, and the history."""
    spec = build_spec(fields)
    state = begin(spec, CPU)
    events = list(fit(state, spec, *images, saving))
    return state, [event for event in events if isinstance(event, EpochRecord)]


def weights_of(state):
    return torch.cat([weight.detach().flatten() for weight in state.model.parameters()])


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_two_threads_train_as_one_does_but_for_rounding(tiny_fields, images, optimizer) -> None:
    """Twelve steps; a gradient lost, halved, counted twice or laid out otherwise would show."""
    fields = {**tiny_fields, "train.optimizer": optimizer, "train.epochs": 2, "train.lr": 1e-3}
    by_two, records = trained(fields, images)
    torch.set_num_threads(1)

    by_one, expected = trained(fields, images)

    way = weights_of(by_one) - weights_of(begin(build_spec(fields), CPU))
    assert (weights_of(by_two) - weights_of(by_one)).norm() < 1e-2 * way.norm()
    for got, want in zip(records, expected, strict=True):
        assert got.train_loss == pytest.approx(want.train_loss, abs=1e-5)
        assert got.val_loss == pytest.approx(want.val_loss, abs=1e-5)


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("recompute", [False, True])
def test_two_threads_give_the_same_bits_each_time_with_dropout_too(
    tiny_fields, images, recompute
) -> None:
    rates = {"model.drop_rate": 0.1, "model.attn_drop_rate": 0.1, "model.drop_path_rate": 0.1}
    fields, saving = {**tiny_fields, **rates}, MemorySaving(recompute=recompute)

    first = weights_of(trained(fields, images, saving)[0])

    for _ in range(3):
        torch.rand(1)  # the default generator is elsewhere now, and nothing depends on it
        assert torch.equal(weights_of(trained(fields, images, saving)[0]), first)
    assert not torch.equal(weights_of(trained({**fields, "seed": 1}, images, saving)[0]), first)
    if recompute:
        kept = weights_of(trained(fields, images)[0])
        assert torch.equal(kept, first)


@pytest.mark.usefixtures("two_threads")
def test_parts_draw_dropout_of_their_own(tiny_fields, images) -> None:
    """The same image twice in a batch, once in each part: dropout must not repeat itself."""
    train, val = images
    same = train.subset(torch.zeros(32, dtype=torch.long))
    fields = {**tiny_fields, "model.drop_rate": 0.5, "train.label_smoothing": 0.0}
    spec = build_spec(fields)
    state, logits = begin(spec, CPU), []
    hook = state.model.head.register_forward_hook(lambda _m, _i, out: logits.append(out.detach()))

    next(iter(fit(state, spec, same, val)))

    hook.remove()
    assert len(logits) == 2
    assert not torch.allclose(logits[0], logits[1])


@pytest.mark.usefixtures("two_threads")
def test_two_threads_answer_as_one_does(tiny_fields, images) -> None:
    model = build_model(build_spec(tiny_fields))
    sizes = []
    model.head.register_forward_hook(lambda _module, _given, out: sizes.append(len(out)))
    by_two = evaluate(model, images[1])
    assert sizes == [50, 50]
    torch.set_num_threads(1)

    by_one = evaluate(model, images[1])

    assert torch.allclose(by_two.logits, by_one.logits, atol=1e-5)
    assert by_two.top1_pct == by_one.top1_pct
    assert by_two.loss == pytest.approx(by_one.loss, abs=1e-6)
    assert not by_two.logits.requires_grad


@pytest.mark.usefixtures("two_threads")
def test_pytorch_has_one_thread_in_each_of_a_team_and_its_own_number_after() -> None:
    with Team(2) as team:
        assert torch.get_num_threads() == 1
        inside = list(team.map(lambda _part: torch.get_num_threads(), range(4)))
    team.close()

    assert inside == [1, 1, 1, 1]
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("two_threads")
def test_an_error_in_a_part_ends_the_step_and_pytorch_has_its_threads_again() -> None:
    def fail(part: int) -> int:
        raise MemoryError(f"part {part}")

    with pytest.raises(MemoryError, match="part 0"), Team(2) as team:
        list(team.map(fail, range(2)))

    assert torch.get_num_threads() == 2


@pytest.mark.parametrize(
    ("num_images", "threads", "expected"),
    [(128, 2, 2), (20, 2, 2), (15, 2, 1), (1, 2, 1), (128, 64, 16), (128, 1, 1)],
)
def test_a_team_is_no_larger_than_gains(num_images, threads, expected) -> None:
    torch.set_num_threads(threads)
    try:
        assert team_for(CPU, num_images).num_threads == expected
        assert team_for(torch.device("cuda"), num_images).num_threads == 1
    finally:
        torch.set_num_threads(1)


def test_a_batch_in_less_memory_stays_in_it_with_two_threads() -> None:
    """What --micro-batch promises: at most so many images in memory at once, by all threads."""
    assert MemorySaving().sizes(20, 2) == [10, 10]
    assert MemorySaving().sizes(21, 2) == [11, 10]
    assert MemorySaving(micro_batch=8).sizes(20, 2) == [4, 4, 4, 4, 4]
    assert MemorySaving(micro_batch=64).sizes(20, 2) == [10, 10]
    assert MemorySaving(micro_batch=1).sizes(3, 1) == [1, 1, 1]
    assert MemorySaving(micro_batch=17).sizes(32, 2) == [8, 8, 8, 8]
    assert MemorySaving(micro_batch=1).sizes(3, 2) == [1, 1, 1]


@pytest.mark.usefixtures("two_threads")
def test_no_more_parts_wait_than_there_are_threads_and_one() -> None:
    """A slow first part must not let the others pile up with all their gradients."""
    begun, first = [], threading.Event()

    def work(part: int) -> int:
        begun.append(part)
        if part == 0:
            first.wait(60)
        return part

    with Team(2) as team:
        made = team.map(work, range(16))
        releasing = threading.Timer(0.5, first.set)
        releasing.start()
        assert next(made) == 0
        assert set(begun) <= {0, 1, 2, 3}
        assert list(made) == list(range(1, 16))
    team.close()


@pytest.mark.usefixtures("two_threads")
def test_after_an_error_no_other_part_is_at_work() -> None:
    """What it holds must be free before a second try with fewer images."""
    at_work, may_fail = [], threading.Event()

    def work(part: int) -> None:
        if part == 0:
            may_fail.wait(60)
            raise MemoryError
        at_work.append(part)
        may_fail.set()
        time.sleep(0.3)
        at_work.remove(part)

    with pytest.raises(MemoryError), Team(2) as team:
        list(team.map(work, range(2)))

    assert at_work == []


def test_two_weights_whose_gradients_are_one_tensor_get_one_each() -> None:
    """As of x @ (a + b): clipping scales in place, and would scale a shared one twice."""

    class Sum(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = (torch.nn.Parameter(torch.ones(4, 3)) for _ in range(2))

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return inputs @ (self.a + self.b)

    inputs, labels = torch.randn(6, 4), torch.arange(6) % 3
    recipe = build_spec({"train.grad_clip": 0.01, "train.label_smoothing": 0.0}).train
    whole, in_parts = Sum(), Sum()
    torch.nn.functional.cross_entropy(whole(inputs), labels).backward()
    torch.nn.utils.clip_grad_norm_(whole.parameters(), 0.01)

    take_step(in_parts, [], inputs, labels, recipe, Parts([3, 3], Team(inline=True)))

    assert in_parts.a.grad.data_ptr() != in_parts.b.grad.data_ptr()
    for part, expected in zip(in_parts.parameters(), whole.parameters(), strict=True):
        torch.testing.assert_close(part.grad, expected.grad)


def test_a_gradient_lies_in_memory_as_its_weight_does() -> None:
    """As of a copy of w.T, whose gradient is a transposed view: fused optimisers go by w."""

    class Turned(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(3, 4))

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return inputs @ self.weight.T.contiguous()

    model, inputs, labels = Turned(), torch.randn(6, 4), torch.arange(6) % 3
    (turned,) = torch.autograd.grad(model(inputs).square().sum(), [model.weight])
    assert turned.stride() != model.weight.stride()

    take_step(model, [], inputs, labels, build_spec({}).train)

    assert model.weight.grad is not None
    assert model.weight.grad.stride() == model.weight.stride()
