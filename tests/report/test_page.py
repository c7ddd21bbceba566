"""The report as a page: read by a parser and by a browser."""

import json
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from vitbench.figures.cost import CostPoint, cost_figure
from vitbench.figures.differences import AccuracyRow, seeds_figure
from vitbench.figures.style import as_svg
from vitbench.registry import FORMATS
from vitbench.report import reference
from vitbench.report.columns import study_columns
from vitbench.report.sections import build_report

VOID = {"meta", "link", "br", "img", "input", "hr"}
SEEDS = {
    "none": [50.0, 53.0, 56.0],
    "learned-1d": [60.0, 59.0, 64.0],
    "sinusoidal": [None, None, None],
}
HOSTILE = "<script>alert(1)</script> \"&amp;' $sections ${x} {{ 7 * 7 }} {% if %} \x1b[31m \u202e"


class Parsed(HTMLParser):
    """Tags of a page, which must close in order, and its text without the script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.text += data


def page_of(*studies, **changes) -> str:
    return FORMATS.get("html")(replace(build_report(studies), **changes))


def test_a_page_says_what_the_other_formats_say(study_results) -> None:
    results = study_results(SEEDS)
    report = build_report([results])

    parsed = Parsed(page_of(results))

    assert parsed.open == []
    section = report.sections[0]
    for column in study_columns(section):
        assert column.name in parsed.text
        assert all(cell in parsed.text for cell in column.cells)
    for words in (report.summary, section.finding, *section.limits, *section.problems):
        assert words in parsed.text
    for claim in section.claims:
        assert claim.text in parsed.text
        assert claim.reason in parsed.text
    assert section.claims_title in parsed.text


def test_a_page_loads_nothing_and_its_numbers_are_the_rows(study_results) -> None:
    results = study_results(SEEDS)

    tags = Parsed(page_of(results)).tags

    assert not [tag for tag, _ in tags if tag in ("link", "img", "iframe")]
    assert not [attrs for _, attrs in tags if "src" in attrs]
    links = [attrs["href"] for tag, attrs in tags if tag == "a"]
    assert links == ["#results", "#study-0", "#study-0", reference.URL, "#study-0"]
    numbers = [json.loads(attrs["data-number"]) for _, attrs in tags if "data-number" in attrs]
    assert {53, 61, 3, 0, 1000, 2_000_000, 60}.issubset(numbers)


def test_anyones_words_are_words_on_a_page(study_results, with_words) -> None:
    results = with_words(study_results(SEEDS), HOSTILE)

    parsed = Parsed(page_of(results))

    assert [tag for tag, _ in parsed.tags].count("script") == 1
    assert "<script>alert(1)</script> \"&amp;' $sections ${x} {{ 7 * 7 }} {% if %}" in parsed.text
    assert not {"\x1b", "\u202e"} & set(parsed.text)


def test_pictures_beside_a_page_are_links_that_hold(study_results) -> None:
    pictures = {"seen <b>": ("seen <b>/a 1%.png", "seen <b>/c.png")}

    parsed = Parsed(page_of(study_results(SEEDS), pictures=pictures))

    links = [attrs["href"] for tag, attrs in parsed.tags if tag == "a"]
    assert "#pictures" in links
    assert links[-2:] == ["seen%20%3Cb%3E/a%201%25.png", "seen%20%3Cb%3E/c.png"]
    assert "Seen <b>: a 1%, c" in parsed.text


@pytest.fixture
def page_file(tmp_path, study_results):
    """A page in a file, with figures that have seeds and costs to point at."""
    built = build_report([study_results(SEEDS)])
    costs = [CostPoint("b", 10**12, 50.0, None, on_front=False)]
    drawn = {"seeds": seeds_figure([AccuracyRow("a", {1: 60.0, 2: 61.0}, None)], "seeds"),
             "cost": cost_figure(costs, "cost")}  # fmt: skip
    figures = {name: as_svg(figure, name) for name, figure in drawn.items()}
    sections = (replace(built.sections[0], figures=figures),)
    path = tmp_path / "page.html"
    path.write_text(FORMATS.get("html")(replace(built, sections=sections)), encoding="utf-8")
    return path


@pytest.mark.chromium
def test_a_heading_sorts_its_column_by_numbers_or_words_with_the_unknown_last(
    page_file, open_page
) -> None:
    page = open_page(page_file)

    def names() -> list[str]:
        return page.locator("tbody th").all_inner_texts()

    assert names() == ["No position", "1D learned", "2D learned", "Sinusoidal"]
    accuracy = page.get_by_role("button", name="Test accuracy in %")
    accuracy.click()
    assert names()[:2] == ["1D learned", "No position"]  # the highest first
    assert accuracy.locator("..").get_attribute("aria-sort") == "descending"
    accuracy.press("Enter")
    assert names()[:2] == ["No position", "1D learned"]
    assert set(names()[2:]) == {"2D learned", "Sinusoidal"}  # they have none, either way
    page.get_by_role("button", name="Variant").click()
    assert names() == ["1D learned", "2D learned", "No position", "Sinusoidal"]
    assert accuracy.locator("..").get_attribute("aria-sort") is None


@pytest.mark.chromium
def test_a_seed_tells_itself_to_mouse_keyboard_and_finger(page_file, open_page) -> None:
    page = open_page(page_file)
    bubble = page.locator("#bubble")
    assert not bubble.is_visible()

    page.locator("svg .tip").nth(1).hover()
    assert bubble.inner_text() == "a, seed 2: 61.00 %"
    page.keyboard.press("Escape")
    assert not bubble.is_visible()
    page.locator("td .tip").first.focus()
    assert bubble.inner_text() == "53.00 ± 3.00; seed 0: 50.00; seed 1: 53.00; seed 2: 56.00"

    phone = open_page(page_file, viewport={"width": 360, "height": 640}, has_touch=True)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 360  # no page slides sideways
    phone.locator("svg .tip").first.tap()
    box = phone.locator("#bubble").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 360


@pytest.mark.chromium
def test_what_has_the_focus_is_seen_to_have_it_and_told_wherever_it_is(
    page_file, open_page
) -> None:
    page = open_page(page_file, viewport={"width": 900, "height": 400})
    tips = page.locator(".tip")

    for number in range(tips.count()):  # with scrolling from one to the next
        tips.nth(number).scroll_into_view_if_needed()
        tips.nth(number).focus()
        page.wait_for_timeout(50)  # until what scrolled has said so
        assert page.locator("#bubble").inner_text() == tips.nth(number).get_attribute("aria-label")
    for mark in page.locator("svg .tip").all():
        page.locator("td .tip").first.focus()
        away = mark.locator("use").evaluate("e => getComputedStyle(e).stroke")
        mark.focus()
        there = mark.locator("use").evaluate("e => getComputedStyle(e).stroke")
        assert away != there == "rgb(0, 114, 178)"


@pytest.mark.chromium
def test_nothing_is_folded_on_paper(page_file, open_page) -> None:
    page = open_page(page_file)
    assert not page.get_by_text("The intervals").first.is_visible()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0


@pytest.mark.chromium
def test_a_page_is_dark_where_the_reader_has_it_dark(page_file, open_page) -> None:
    def ground(scheme: str) -> str:
        page = open_page(page_file, color_scheme=scheme)
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    assert ground("light") == "rgb(255, 255, 255)"
    assert ground("dark") == "rgb(19, 19, 22)"
