"""The gradient map and the hidden-state viewer in a real browser and the real page engine."""

from __future__ import annotations

import re

import numpy as np
import pytest

from dlstudy.lessons.lesson08.gradient_map import GradientMap
from dlstudy.lessons.lesson08.hidden_viewer import CharacterNetwork
from tests.served import assert_accessible, assert_nothing_sticks_out, figure_page

pytestmark = pytest.mark.browser

NOTEBOOK = """
import marimo

app = marimo.App()


@app.cell
def _():
    from dlstudy.lessons.lesson08.gradient_map import GradientMap
    from dlstudy.lessons.lesson08.hidden_viewer import HiddenViewer
    return GradientMap, HiddenViewer


@app.cell
def _(GradientMap):
    GradientMap("sheared", bent=False)
    return


@app.cell
def _(HiddenViewer):
    HiddenViewer()
    return
"""


open_page = figure_page(NOTEBOOK, ".dls-gradmap .cell", ".dls-hidden .bar")


def set_up(page, kind="sheared", bend="without (linear)", text="ten letters"):
    """Choose matrix, bend and text."""
    figure = page.locator(".dls-gradmap")
    figure.get_by_label("recurrent matrix", exact=True).select_option(kind)
    figure.get_by_role("button", name=bend).click()
    figure.get_by_label("letters that are read").fill(text)
    figure.get_by_label("scale").fill("0.9")
    return figure


def test_the_map_says_the_norm_of_the_pair_that_the_keys_choose(open_page):
    from playwright.sync_api import expect

    page = open_page()
    figure = set_up(page)
    words = figure.locator(".dls-words")
    norm = np.linalg.norm(np.linalg.matrix_power(np.array([[0.9, 5], [0, 0.9]]), 10), 2)
    expect(words).to_contain_text(f"at most {norm:.3g} times as much has arrived")
    expect(words).to_contain_text("the spectral radius one would have expected at most 0.9^10 = 0.349, wrongly")
    expect(figure.locator(".cell")).to_have_count(11 * 12 // 2)
    figure.locator(".map svg").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowUp"):
        page.keyboard.press(key)
    norm = np.linalg.norm(np.linalg.matrix_power(np.array([[0.9, 5], [0, 0.9]]), 7), 2)
    expect(words).to_contain_text("Change the state after letter 3, “n”, a little: 7 letters later, after “r”")
    expect(words).to_contain_text(f"at most {norm:.3g} times")
    page.keyboard.press("End")
    expect(words).to_contain_text("depends on itself, with a norm of 1")
    figure.locator(".cell").nth(0).click()
    expect(words).to_contain_text("The state after letter 1 depends on itself")


def test_matrix_scale_bend_loudness_and_text_change_the_map(open_page):
    from playwright.sync_api import expect

    page = open_page()
    figure = set_up(page, kind="random", bend="with tanh", text="loud")
    expect(figure.locator(".cell")).to_have_count(10)
    words = figure.locator(".dls-words")
    figure.get_by_label("scale").fill("1.5")
    figure.get_by_label("loudness of the letters").fill("3")
    slope = GradientMap("random", scale=1.5, loudness=3.0, text="loud").report["slope"]
    expect(words).to_contain_text(f"The tanh multiplies by {float(f'{slope:.3g}')} on average.")
    figure.get_by_role("button", name="without (linear)").click()
    expect(words).not_to_contain_text("tanh")
    figure.get_by_label("recurrent matrix", exact=True).select_option("trained")
    expect(words).to_contain_text("tells ten languages apart")
    expect(figure.get_by_label("loudness of the letters")).to_be_disabled()


def test_the_viewer_reads_what_is_typed_letter_by_letter(open_page):
    from playwright.sync_api import expect

    page = open_page()
    figure = page.locator(".dls-hidden")
    figure.get_by_label("trained on").select_option("languages")
    figure.get_by_label("text to read").fill("gebouwen")
    words = figure.locator(".dls-words")
    network = CharacterNetwork.read("languages")
    states = network.states("gebouwen")
    chances = network.guesses(states)
    for at in (7, 6):
        best = network.labels[int(chances[at].argmax())]
        expect(words).to_contain_text(f"After {at + 1} of 8 letters")
        expect(words).to_contain_text(f"“{best}”, {round(100 * float(chances[at].max()))} %")
        expect(figure.locator(".bar.best .label")).to_have_text(best)
        figure.get_by_role("button", name="◀ Letter").click()
    figure.get_by_label("unit", exact=True).fill("3")
    figure.get_by_label("unit", exact=True).press("Enter")
    figure.locator(".map svg").focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowDown")
    expect(words).to_contain_text("Unit 4 stands at")
    told = re.search(r"Unit 4 stands at (−?[\d.]+\d)", words.text_content())
    assert float(told[1].replace("−", "-")) == pytest.approx(float(states[7, 4]), abs=0.011)
    figure.locator(".letter").nth(0).click()
    expect(words).to_contain_text("After 1 of 8 letters")
    expect(figure.get_by_role("button", name="◀ Letter")).to_be_disabled()


def test_the_viewer_says_what_it_does_not_know_and_survives_an_empty_text(open_page):
    from playwright.sync_api import expect

    figure = open_page().locator(".dls-hidden")
    figure.get_by_label("trained on").select_option("languages")
    figure.get_by_label("text to read").fill("haus!")
    expect(figure.locator(".dls-words")).to_contain_text("It has never seen “!”")
    figure.get_by_label("text to read").fill("")
    expect(figure.locator(".dls-words")).to_contain_text("Type something")
    figure.get_by_label("trained on").select_option("manual")
    expect(figure.locator(".title").last).to_contain_text("the next character")
    expect(figure.locator(".bar")).to_have_count(10)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_figures_pass_the_accessibility_rules(open_page, scheme):
    page = open_page(color_scheme=scheme)
    set_up(page)
    assert_accessible(page)


@pytest.mark.parametrize("width", [390, 760])
def test_nothing_sticks_out_on_a_narrow_page(open_page, width):
    page = open_page(width=width)
    set_up(page, text="twenty-four letters long")
    assert_nothing_sticks_out(page, ".dls-gradmap", ".dls-hidden", parts="> *, .map, .map svg, .curve svg, .bars")
