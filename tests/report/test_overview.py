"""The differences of all studies on one axis: in Python, and on the page."""

import re

import pytest

from vitbench.registry import FORMATS
from vitbench.report.overview import MOST_EFFECTS, MOST_STUDIES, overview
from vitbench.report.sections import build_report

SEEDS = {
    "none": [50.0, 53.0, 56.0],
    "learned-1d": [60.0, 59.0, 64.0],
    "sinusoidal": [65.0, 66.0, 67.0],
}


def test_effects_are_the_rows_of_the_tables_from_the_most_positive(study_results) -> None:
    (section,) = build_report([study_results(SEEDS)]).sections

    found = overview([section])

    (study,) = found.studies
    expected = [row for row in section.rows if row.against is not None]
    assert [effect.label for effect in study.effects] == ["Sinusoidal", "No position"]
    for effect in study.effects:
        row = next(row for row in expected if row.short_label == effect.label)
        assert effect.difference_pct == row.against.difference_pct
        assert effect.interval == row.against.interval
    assert (study.reference, study.num_omitted) == (section.reference, 0)


def test_every_interval_and_zero_are_on_the_axis_with_a_few_round_ticks(study_results) -> None:
    found = overview(build_report([study_results(SEEDS)]).sections)

    ends = [end for effect in found.studies[0].effects for end in effect.interval]
    for value in (*ends, *found.ticks, 0.0):
        assert 0 <= found.place(value) <= 100
    assert 0.0 in found.ticks
    assert 3 <= len(found.ticks) <= 8
    (step,) = {round(b - a, 9) for a, b in zip(found.ticks, found.ticks[1:], strict=False)}
    assert re.fullmatch(r"[125]0*|0\.0*[125]", f"{step:g}")
    assert found.place(found.low) == 0
    assert found.place(found.high) == 100


def test_there_is_no_overview_without_comparisons(study_results) -> None:
    assert overview(build_report([study_results({"none": [50.0, 51.0]})]).sections) is None


def test_many_studies_are_limited_and_the_rest_is_counted(study_results) -> None:
    sections = build_report([study_results(SEEDS)]).sections * (MOST_STUDIES + 3)

    found = overview(sections)

    assert len(found.studies) == MOST_STUDIES
    assert found.num_omitted == 3
    assert MOST_EFFECTS > 2


@pytest.fixture
def page_file(tmp_path, study_results):
    path = tmp_path / "page.html"
    studies = [study_results(SEEDS), study_results(SEEDS, dataset="shapes")]
    path.write_text(FORMATS.get("html")(build_report(studies)), encoding="utf-8")
    return path


@pytest.mark.chromium
@pytest.mark.parametrize("width", [390, 1280])
def test_the_overview_is_drawn_to_scale_at_any_width(page_file, open_page, width) -> None:
    page = open_page(page_file, viewport={"width": width, "height": 900})

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    rows = page.locator(".effects li")
    zero = page.locator(".effects li .zero").first.bounding_box()["x"]
    assert rows.count() == 4
    for row in rows.all():
        difference = float(row.locator(".numbers").inner_text().split()[0])
        mark, interval = (row.locator(f".{name}").bounding_box() for name in ("mark", "interval"))
        middle = mark["x"] + mark["width"] / 2
        assert (middle > zero) == (difference > 0)
        assert interval["x"] < middle < interval["x"] + interval["width"]
        name = row.locator(".name").bounding_box()
        numbers = row.locator(".numbers").bounding_box()
        assert name["x"] + name["width"] <= numbers["x"]
        assert numbers["x"] + numbers["width"] <= width


@pytest.mark.chromium
def test_contents_stay_in_sight_and_mark_the_section_that_is_read(page_file, open_page) -> None:
    page = open_page(page_file, viewport={"width": 1280, "height": 700})
    links = page.locator("nav a")

    def current() -> list[str]:
        return page.locator("nav a[aria-current]").all_inner_texts()

    assert current() == ["Results"]
    links.nth(2).click()
    page.wait_for_timeout(100)
    assert current() == [links.nth(2).inner_text()]
    box = links.first.bounding_box()
    assert 0 <= box["y"] < 100


@pytest.mark.chromium
def test_contents_fold_on_a_phone_and_close_when_one_is_chosen(page_file, open_page) -> None:
    page = open_page(page_file, viewport={"width": 390, "height": 800}, has_touch=True)
    links = page.locator("nav a")
    assert not links.first.is_visible()

    page.get_by_role("button", name="Contents").tap()
    assert links.first.is_visible()
    links.nth(1).tap()

    assert not links.first.is_visible()
    page.wait_for_timeout(100)
    heading, bar = page.locator("#study-0 h2").bounding_box(), page.locator("nav").bounding_box()
    assert heading["y"] >= bar["y"] + bar["height"] - 1
    assert bar["y"] == 0


@pytest.mark.chromium
def test_a_table_wider_than_its_frame_says_that_it_scrolls(page_file, open_page) -> None:
    phone = open_page(page_file, viewport={"width": 390, "height": 800})
    hint = phone.get_by_text("Scroll the table sideways").first
    assert hint.is_visible()
    desk = open_page(page_file, viewport={"width": 1900, "height": 800})
    assert not desk.get_by_text("Scroll the table sideways").first.is_visible()
