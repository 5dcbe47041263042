"""The label-budget slider and the nearest neighbours in a real browser: keys, clicks, words, and 390 pixels."""

from __future__ import annotations

import pytest

from tests.served import figure_page

pytestmark = pytest.mark.browser

NOTEBOOK = """
import marimo

app = marimo.App()


@app.cell
def _():
    from dlstudy.lessons.lesson07.label_budget import LabelBudget
    LabelBudget(
        {"from scratch": {5: [40.0, 42, 44], 20: [50, 52, 54], 50: [60, 62, 64]},
         "probe": {5: [60.0, 61, 62], 20: [70, 71, 72], 50: [62, 60, 64]}},
        guessing=10, test=500,
    )
    return


@app.cell
def _():
    import numpy as np
    from dlstudy.lessons.lesson07.nearest_neighbours import NearestNeighbours
    _rng = np.random.default_rng(0)
    _labels = np.arange(24) % 3
    _pictures = (60 * _labels[:, None, None] + _rng.integers(0, 60, (24, 16, 16))).astype(np.uint8)
    NearestNeighbours(
        _pictures[:9], _labels[:9], _pictures, _labels, ["dark", "grey", "light"],
        {"labels": (np.eye(3)[_labels[:9]] + 0.1, np.eye(3)[_labels] + 0.1),
         "noise": (_rng.normal(size=(9, 6)), _rng.normal(size=(24, 6)))},
        count=4,
    )
    return
"""


open_page = figure_page(NOTEBOOK, ".dls-labelbudget svg", ".dls-neighbours .dls-pick")


def test_the_slider_moves_by_keys_and_by_a_click(open_page) -> None:
    budget = open_page().locator(".dls-labelbudget")
    slider = budget.get_by_role("slider", name="labels of each class")
    words = budget.locator(".dls-words")
    assert words.inner_text().startswith("5 labels of each class: from scratch 42 %, probe 61 %.")
    slider.focus()
    slider.press("ArrowRight")
    words.get_by_text("20 labels of each class").wait_for()
    assert slider.get_attribute("aria-valuetext") == "20"
    assert "“probe” leads “from scratch” by 19.0 ± 0.6 points" in words.inner_text()
    assert budget.locator("svg[role=img]").get_attribute("aria-label") == words.inner_text()
    slider.press("End")
    words.get_by_text("too little to tell them apart").wait_for()
    budget.locator("svg .hit").first.click()
    words.get_by_text("5 labels of each class: from scratch 42").wait_for()
    seeds = budget.locator("svg .seed")
    assert seeds.count() == 6, "three seeds for each of two ways"
    rails = budget.locator("svg .rail")
    rail, first = rails.first.bounding_box(), seeds.first.bounding_box()
    centre = first["x"] + first["width"] / 2
    assert centre == pytest.approx(rail["x"] + 0.4 * rail["width"], abs=1.5), "the dot of 40 % lies at 40 % of the rail"


def test_a_picture_is_picked_by_click_and_by_keys(open_page) -> None:
    gallery = open_page().locator(".dls-neighbours")
    picks = gallery.get_by_role("radio")
    assert picks.count() == 9
    assert picks.nth(0).get_attribute("aria-checked") == "true"
    gallery.get_by_text("nearest in labels: 4 of 4 are “dark”").wait_for()
    picks.nth(4).click()
    gallery.get_by_text("nearest in labels: 4 of 4 are “grey”").wait_for()
    assert [picks.nth(n).get_attribute("aria-checked") for n in (0, 4)] == ["false", "true"]
    picks.nth(4).press("ArrowRight")
    gallery.get_by_text("nearest in labels: 4 of 4 are “light”").wait_for()
    assert picks.nth(5).evaluate("node => node === node.getRootNode().activeElement")
    picks.nth(5).press("Home")
    gallery.get_by_text("nearest in labels: 4 of 4 are “dark”").wait_for()
    assert gallery.locator("figure.same").count() >= 4
    assert gallery.locator("figure.same figcaption").first.inner_text().startswith("✓ dark")
    assert gallery.locator("figure.other figcaption").first.inner_text().startswith("✗")
    assert "labels 100 %" in gallery.locator(".dls-words").inner_text()
    style = gallery.locator("figure .dls-tile").first.evaluate("node => getComputedStyle(node).backgroundImage")
    assert style.startswith('url("data:image/jpeg')


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_cut_off_on_a_phone(open_page, scheme: str) -> None:
    page = open_page(width=390, color_scheme=scheme)
    for kind in ("labelbudget", "neighbours"):
        figure = page.locator(f".dls-{kind}")
        box = figure.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 391
        assert figure.evaluate("node => node.scrollWidth <= node.clientWidth + 1"), kind
