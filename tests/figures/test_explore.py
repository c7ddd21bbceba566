"""The page to explore a model: what it holds, and what it tells in Chromium."""

import base64
import json
import re
import zlib
from dataclasses import replace

import numpy as np
import pytest

from vitbench.figures.attention import Picture
from vitbench.figures.explore import Attention, Exploration, explore_page

RNG = np.random.default_rng(0)
LAYERS, IMAGES, HEADS, GRID = 3, 4, 2, (2, 4)


def exploration(class_token: bool = True, signed: bool = False, **changes) -> Exploration:
    tokens = GRID[0] * GRID[1] + class_token
    logits = RNG.normal(size=(LAYERS, IMAGES, HEADS, tokens, tokens))
    weights = np.exp(logits)
    weights /= weights.sum(axis=-1, keepdims=True)
    if signed:
        weights *= np.sign(logits)
    pictures = [
        Picture(RNG.integers(0, 256, (3, 8, 16), dtype=np.uint8), true, "cat", 0.87)
        for true in ("cat", "dog", None, "cat")
    ]
    whole = Exploration(
        title="a model",
        facts={"seed": "3"},
        names=["0", "7", "mine", "9"],
        pictures=pictures,
        attention=Attention(weights.astype(np.float32), GRID, class_token, signed),
        maps={"rollout": RNG.random((IMAGES, *GRID), dtype=np.float32)},
        positions=RNG.uniform(-1, 1, (8, 8)).astype(np.float32),
        curves=['<svg viewBox="0 0 1 1"></svg>'],
    )
    return replace(whole, **changes)


def data_of(text: str) -> dict:
    return json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])


def unpacked(text: str, kind: str) -> np.ndarray:
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), kind)


@pytest.mark.parametrize("signed", [False, True])
def test_a_page_holds_every_weight_to_a_fraction_of_its_rows_largest(signed) -> None:
    explored = exploration(signed=signed)
    weights = explored.attention.weights

    data = data_of(explore_page(explored).text)

    assert (data["layers"], data["heads"], data["rows"], data["cols"]) == (LAYERS, HEADS, *GRID)
    for number, image in enumerate(data["images"]):
        values = unpacked(image["attention"]["values"], "i1" if signed else "u1")
        scales = unpacked(image["attention"]["scales"], "<f4")
        found = values.reshape(LAYERS, HEADS, 9, 9) * scales.reshape(LAYERS, HEADS, 9, 1)
        largest = np.abs(weights[:, number]).max(axis=-1, keepdims=True)
        assert (
            np.abs(found - weights[:, number]) <= 0.51 * largest / (127 if signed else 255)
        ).all()
        pixels = unpacked(image["pixels"], "u1").reshape(8, 16, 3)
        assert (pixels.transpose(2, 0, 1) == explored.pictures[number].image).all()
    (rollout,) = data["maps"]
    assert unpacked(rollout["images"][1], "<f4").tolist() == (
        explored.maps["rollout"][1].flatten().tolist()
    )


def test_what_has_no_room_is_left_out_and_said() -> None:
    explored = exploration()
    whole = explore_page(explored)
    bytes_of_one = len(data_of(whole.text)["images"][0]["attention"]["values"])

    two = explore_page(explored, most_bytes=int(2.5 * bytes_of_one))
    mean = explore_page(explored, most_bytes=bytes_of_one - 1)

    assert (whole.num_images, whole.heads_averaged) == (IMAGES, False)
    assert (two.num_images, two.heads_averaged) == (2, False)
    assert len(data_of(two.text)["images"]) == 2
    assert mean.heads_averaged
    data = data_of(mean.text)
    assert data["heads"] == 1
    found = unpacked(data["images"][0]["attention"]["scales"], "<f4") * 255
    assert found == pytest.approx(
        explored.attention.weights[:, 0].mean(axis=1).max(axis=-1).flatten(), rel=1e-6
    )


def test_anyones_words_are_words_on_the_page() -> None:
    nasty = "</script><script>alert(1)</script>$title"
    pictures = [Picture(np.zeros((1, 8, 16), np.uint8), nasty, nasty, 0.5)] * IMAGES
    explored = exploration(title=nasty, facts={nasty: nasty}, names=[nasty] * 4, pictures=pictures)

    text = explore_page(explored).text

    assert text.count("<script") == text.count("</script>") == 2
    assert data_of(text)["images"][0]["answer"] == nasty
    assert not re.findall(r'(?:src|href)="', text)


@pytest.fixture
def opened(tmp_path, open_page):
    """Opens the page of an exploration and waits until it shows something."""

    def open_it(explored: Exploration, most_bytes: int = 10**6, **settings):
        path = tmp_path / "explore.html"
        path.write_text(explore_page(explored, most_bytes).text, encoding="utf-8")
        page = open_page(path, **settings)
        page.wait_for_selector("body[data-ready]")
        return page

    return open_it


def check_told(page, explored, image: int, layer: int, head: int | None, token: int) -> None:
    """The page tells of a token what its weights say, to a 255th of a row."""
    attention = explored.attention
    rows = attention.weights[layer, image]
    row = (rows.mean(axis=0) if head is None else rows[head])[token]
    patches = row[attention.class_token :]
    top = int(np.abs(patches).argmax())
    words = page.locator("#told").inner_text()
    shares = [float(share) for share in re.findall(r"(-?[\d.]+) %", words)]
    assert f"looks most at patch {top} (row {top // 4}, column {top % 4}): " in words
    expected = [patches[top], *([row[0]] if attention.class_token else []), 1 / len(row)]
    assert shares == pytest.approx([100 * share for share in expected], abs=0.2)


def told(page) -> str:
    return page.locator("#told").inner_text()


@pytest.mark.chromium
@pytest.mark.parametrize("signed", [False, True])
def test_a_patch_that_is_pointed_at_tells_where_it_looks(opened, signed) -> None:
    explored = exploration(signed=signed)
    page = opened(explored)

    assert told(page).startswith("The class token in layer 2, mean of heads, looks most")
    page.locator("#big").scroll_into_view_if_needed()
    box = page.locator("#big").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.75)
    assert told(page).startswith("Patch 6 (row 1, column 2) in layer 2")
    page.get_by_role("button", name="layer 1, head 0").click()
    page.get_by_role("button", name="image 7").click()

    check_told(page, explored, image=1, layer=1, head=0, token=7)
    assert page.locator("#layer").input_value() == "1"
    assert "equal shares would be 11.11 %" in told(page)


@pytest.mark.chromium
def test_everything_is_done_by_keyboard_too(opened) -> None:
    explored = exploration()
    page = opened(explored, color_scheme="dark")
    press = page.keyboard.press

    press("ArrowRight")
    press("ArrowDown")
    press("ArrowDown")  # there is no third row
    assert told(page).startswith("Patch 5 (row 1, column 1)")
    press("[")
    press(",")
    press("n")
    check_told(page, explored, image=1, layer=1, head=1, token=6)
    press(".")
    press("p")
    check_told(page, explored, image=0, layer=1, head=None, token=6)
    page.locator("#theme").focus()
    press("ArrowUp")  # scrolls: one is not at the image
    assert told(page).startswith("Patch 5")
    press("c")
    assert told(page).startswith("The class token")
    assert not page.get_by_text("how alike this patch").is_visible()
    before = page.evaluate("document.getElementById('big').toDataURL()")
    press("o")
    assert page.evaluate("document.getElementById('big').toDataURL()") != before
    press("s")
    assert page.locator("#shared").get_attribute("aria-pressed") == "true"
    assert page.locator("html").get_attribute("data-theme") == "dark"
    press("d")
    assert page.locator("html").get_attribute("data-theme") == "light"


@pytest.mark.chromium
def test_a_model_without_a_class_token_begins_at_a_patch_and_offers_none(opened) -> None:
    explored = exploration(class_token=False, positions=None)
    page = opened(explored)

    assert told(page).startswith("Patch 4 (row 1, column 0) in layer 2")
    assert "class token" not in told(page)
    check_told(page, explored, image=0, layer=2, head=None, token=4)
    assert not page.get_by_role("button", name="Class token").is_visible()
    page.keyboard.press("c")
    assert told(page).startswith("Patch 4")


@pytest.mark.chromium
def test_a_page_of_averaged_heads_has_one_column_and_fits_a_phone(opened) -> None:
    explored = exploration()

    page = opened(explored, most_bytes=1, viewport={"width": 360, "height": 640})

    assert page.locator("#grid tr").first.inner_text().split() == ["mean"]
    check_told(page, explored, image=0, layer=2, head=None, token=0)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
