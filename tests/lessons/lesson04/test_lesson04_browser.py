"""Lesson 04's interactive parts in a real browser and the real page engine: race, dashboard, long measurement."""

from __future__ import annotations

import re

import pytest

from tests.served import assert_accessible, assert_nothing_sticks_out, figure_page

pytestmark = pytest.mark.browser

NOTEBOOK = """
import marimo

app = marimo.App()


@app.cell
def _():
    import time
    from pathlib import Path

    import marimo as mo
    from dlstudy.course.page.experiment import Experiment
    from dlstudy.lessons.lesson04.bias_variance import BiasVariance
    from dlstudy.lessons.lesson04.optimizer_race import OptimizerRace
    return BiasVariance, Experiment, OptimizerRace, Path, mo, time


@app.cell
def _(OptimizerRace):
    OptimizerRace(chosen=("SGD", "Adam"))
    return


@app.cell
def _(BiasVariance):
    BiasVariance()
    return


@app.cell
def _(Experiment, Path, mo, time):
    def count():
        for n in range(40):
            time.sleep(0.05)
            yield (n + 1) / 40
        return 40

    card = mo.ui.anywidget(Experiment("count", count, recorded=Path("none.json"), cache=Path("kept.json")))
    card
    return (card,)


@app.cell
def _(card, mo):
    mo.md(f"the result is {card.result}")
    return
"""


open_page = figure_page(NOTEBOOK, ".dls-biasvariance svg")


def test_the_dashboard_follows_sliders_keys_and_clicks(open_page):
    from playwright.sync_api import expect

    page = open_page()
    figure = page.locator(".dls-biasvariance")
    words = figure.locator(".dls-words")
    waves = figure.get_by_label("waves of the curve", exact=True)
    waves.focus()
    page.keyboard.press("Home")
    expect(words).to_contain_text("Most of the error is bias")
    expect(figure.locator(".one")).to_have_count(16)
    page.keyboard.press("End")
    expect(words).to_contain_text("Most of the error is variance")
    wild = figure.locator(".one").first.get_attribute("d")
    figure.get_by_role("button", name="New points for everybody").click()
    expect(figure.locator(".one").first).not_to_have_attribute("d", wild)
    expect(figure.locator(".point")).to_have_count(20)
    points = figure.get_by_label("points a person")
    points.focus()
    page.keyboard.press("ArrowRight")
    expect(figure.locator(".point")).to_have_count(40)
    hit = figure.locator(".hit").bounding_box()
    page.mouse.click(hit["x"] + 2, hit["y"] + 40)
    expect(waves).to_have_attribute("aria-valuetext", "1")
    penalty = figure.get_by_label("penalty on size")
    expect(penalty).to_have_attribute("aria-valuetext", "none")


def test_the_race_starts_again_on_another_surface(open_page):
    from playwright.sync_api import expect

    page = open_page()
    figure = page.locator(".dls-descent")
    expect(figure.locator(".dls-words")).to_contain_text("After step 120")
    rate = figure.get_by_label("learning rate of SGD", exact=True)
    before = rate.input_value()
    figure.get_by_label("Surface").select_option(label="A bent valley")
    expect(rate).not_to_have_value(before)
    figure.get_by_label("Adagrad", exact=True).check()
    expect(figure.locator(".dls-words")).to_contain_text("Adagrad")
    rate.fill("0.5")
    rate.press("Enter")
    expect(figure.locator(".dls-words")).to_contain_text("SGD, gone after step")


def test_a_long_measurement_shows_progress_stops_and_feeds_the_cells_below(open_page):
    from playwright.sync_api import expect

    page = open_page()
    expect(page.get_by_text("the result is None")).to_be_visible()
    page.get_by_role("button", name="Measure it here").click()
    bar = page.get_by_role("progressbar", name="progress")
    expect(bar).to_be_visible()
    page.wait_for_function("node => node.value > 0", arg=bar.element_handle())
    assert 0 < float(bar.evaluate("node => node.value")) < 1
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text("Stopped. What is shown is the result from before.")).to_be_visible()
    expect(page.get_by_text("the result is None")).to_be_visible()
    page.get_by_role("button", name="Measure it here").click()
    expect(page.get_by_text("the result is 40")).to_be_visible()
    expect(page.get_by_text(re.compile("Measured on this machine, 20"))).to_be_visible()
    expect(page.get_by_role("button", name="Measure it again (about 2 s)")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_they_pass_the_accessibility_rules(open_page, scheme):
    page = open_page(color_scheme=scheme)
    assert_accessible(page)


@pytest.mark.parametrize("width", [390, 760])
def test_nothing_sticks_out_on_a_narrow_page(open_page, width):
    page = open_page(width=width)
    assert_nothing_sticks_out(page, ".dls-biasvariance", ".dls-descent")
