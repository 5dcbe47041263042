"""Loss-surface descent and the backprop stepper in a real browser and the real page engine."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from dlstudy.figures.descent.surfaces import SURFACES, walk
from dlstudy.lessons.lesson03.backprop_stepper_numbers import LABELS, PRESETS, X, compute, parameters_of
from tests.served import figure_page

pytestmark = pytest.mark.browser

NOTEBOOK = """
import marimo

app = marimo.App()


@app.cell
def _():
    from dlstudy.lessons.lesson03.backprop_stepper import BackpropStepper
    from dlstudy.figures.descent.surface_descent import SurfaceDescent
    from dlstudy.figures.descent.surfaces import descend
    return BackpropStepper, SurfaceDescent, descend


@app.cell
def _(SurfaceDescent):
    SurfaceDescent(("bowl", "ravine", "plateau"), steps=40)
    return


@app.cell
def _(SurfaceDescent, descend):
    def halving(surface, start, rate):
        for x, y in descend(surface, start, rate / 2):
            yield x, y

    SurfaceDescent(("ravine",), {"plain": descend, "half as fast": halving}, steps=30)
    return


@app.cell
def _(BackpropStepper):
    BackpropStepper()
    return
"""


open_page = figure_page(NOTEBOOK, ".dls-stepper td", ".dls-descent .start")


def number(text):
    return float(text.replace("−", "-"))


def start_of(figure):
    text = figure.locator(".start").get_attribute("aria-valuetext")
    return [number(part.split()[1]) for part in text.split(",")]


def choose(figure, title):
    """Choose a surface, until the path of its descent has come: then the map is not drawn anew any more."""
    from playwright.sync_api import expect

    surface = next(surface for surface in SURFACES.values() if surface.title == title)
    figure.get_by_label("Surface", exact=True).select_option(label=title)
    expect(figure.locator(".dls-formula")).to_have_text(f"loss = {surface.formula}")
    wait_for_end(figure, walk(surface, surface.start, surface.rate, 40)["losses"][-1])


def wait_for_end(figure, loss):
    """Wait until the path that Python was asked for has come: the loss at its end is told, in two digits."""
    told = (
        "([node, loss]) => Math.abs(Number(node.textContent.replace('loss ', '').replace('−', '-')) / loss - 1) < 0.06"
    )
    figure.page.wait_for_function(told, arg=[figure.locator(".dls-end").element_handle(), loss])


def box_of(figure, part):
    """Where a part of the figure is, asked in one go: between two questions it may have been drawn anew."""
    return figure.evaluate("(figure, part) => figure.querySelector(part).getBoundingClientRect().toJSON()", part)


def test_dragging_the_start_moves_the_path_to_where_descent_goes(open_page):
    from playwright.sync_api import expect

    page = open_page()
    figure = page.locator(".dls-descent").first
    choose(figure, "A bowl")
    handle = figure.locator(".start")
    expect(handle).to_have_attribute("aria-valuetext", "x −2.4, y 1.8")
    figure.locator(".dls-map").scroll_into_view_if_needed()
    box = box_of(figure, ".start")
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y + 30, steps=5)
    page.mouse.move(x + 90, y + 60, steps=5)
    page.mouse.up()
    expect(handle).not_to_have_attribute("aria-valuetext", "x −2.4, y 1.8")
    sx, sy = start_of(figure)
    size = float(figure.locator(".dls-map .border").get_attribute("width"))
    assert sx == pytest.approx(-2.4 + 90 * 6 / size, abs=0.03)
    assert sy == pytest.approx(1.8 - 60 * 6 / size, abs=0.03)
    ends = walk(SURFACES["bowl"], (sx, sy), 0.1, 40)
    wait_for_end(figure, ends["losses"][-1])
    # a press on the map, away from the handle, moves the start there at once
    ground = box_of(figure, ".map-hit")
    page.mouse.click(ground["x"] + 0.75 * ground["width"], ground["y"] + 0.75 * ground["height"])
    expect(handle).to_have_attribute("aria-valuetext", re.compile("x 1.5.?.?, y −1.5"))


def test_keys_move_the_start_and_keep_the_focus(open_page):
    from playwright.sync_api import expect

    page = open_page()
    figure = page.locator(".dls-descent").first
    choose(figure, "A ravine")
    handle = figure.locator(".start")
    expect(handle).to_have_attribute("aria-valuetext", "x −2.6, y 1.2")
    handle.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    expect(handle).to_have_attribute("aria-valuetext", "x −2.3, y 1.2")
    page.keyboard.press("Shift+ArrowDown")
    expect(handle).to_have_attribute("aria-valuetext", "x −2.3, y 0.6")
    expect(handle).to_be_focused()


def test_zero_can_be_hit_by_keys_and_by_a_press(open_page):
    from playwright.sync_api import expect

    page = open_page()
    figure = page.locator(".dls-descent").first
    choose(figure, "A ravine")
    handle = figure.locator(".start")
    ground = box_of(figure, ".map-hit")
    # 0.4 of a pixel off the middle is the middle; a few pixels off it is not
    page.mouse.click(ground["x"] + 0.3 * ground["width"], ground["y"] + 0.5 * ground["height"] + 0.4)
    expect(handle).to_have_attribute("aria-valuetext", re.compile("x −1.*, y 0$"))
    page.mouse.click(ground["x"] + 0.3 * ground["width"], ground["y"] + 0.5 * ground["height"] - 3)
    expect(handle).to_have_attribute("aria-valuetext", re.compile(r"x −1.*, y 0\.0\d+$"))
    handle.focus()
    page.keyboard.press("ArrowDown")
    expect(handle).to_have_attribute("aria-valuetext", re.compile("x −1.*, y 0$"))
    page.keyboard.press("Shift+ArrowRight")
    expect(handle).to_have_attribute("aria-valuetext", "x −0.6, y 0")
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    expect(handle).to_have_attribute("aria-valuetext", "x 0, y 0")


def test_rates_steps_and_the_limit_of_the_ravine(open_page):
    from playwright.sync_api import expect

    page = open_page()
    figure = page.locator(".dls-descent").first
    choose(figure, "A ravine")
    words = figure.locator(".dls-words")
    rate = figure.get_by_label("learning rate", exact=True)
    time = figure.get_by_label("Step", exact=True)
    time.focus()
    page.keyboard.press("Home")
    expect(words).to_contain_text("After step 0: weights (−2.6, 1.2), loss 21.4, slope (−2.6, 30).")
    rate.fill("0.07")
    rate.press("Enter")
    expect(words).to_contain_text("0.07 × (−2.6, 30) is taken away.")
    figure.get_by_role("button", name="One step", exact=True).click()
    point = walk(SURFACES["ravine"], (-2.6, 1.2), 0.07, 1)["points"][1]
    expect(words).to_contain_text(f"After step 1: weights ({point[0]:.3g}, {point[1]:.3g})".replace("-", "−"))
    rate.fill("0.5")
    rate.press("Enter")
    time.focus()
    page.keyboard.press("End")
    expect(figure.locator(".dls-end")).to_contain_text("gone after step")
    expect(words).to_contain_text("left for infinity")
    page.get_by_label("learning rate, slider").focus()
    page.keyboard.press("Home")
    expect(rate).to_have_value("0.001")


def test_walking_plays_to_the_end_and_can_be_stopped(open_page):
    from playwright.sync_api import expect

    page = open_page()
    figure = page.locator(".dls-descent").first
    choose(figure, "A bowl")
    figure.get_by_role("button", name="Walk").click()
    stop = figure.get_by_role("button", name="Stop")
    expect(stop).to_be_visible()
    expect(figure.locator(".dls-time span")).to_have_text(re.compile(r"^[1-9]\d? / 40$"))
    stop.click()
    expect(figure.get_by_role("button", name="Walk")).to_be_visible()
    figure.get_by_role("button", name="Walk").click()
    expect(figure.locator(".dls-time span")).to_have_text("40 / 40", timeout=15_000)
    expect(figure.get_by_role("button", name="Walk")).to_be_visible()


def test_reduced_motion_goes_to_the_end_at_once(open_page):
    from playwright.sync_api import expect

    page = open_page(reduced_motion="reduce")
    figure = page.locator(".dls-descent").first
    choose(figure, "A bowl")
    figure.get_by_label("Step", exact=True).focus()
    page.keyboard.press("Home")
    expect(figure.locator(".dls-time span")).to_have_text("0 / 40")
    figure.get_by_role("button", name="Walk").click()
    expect(figure.locator(".dls-time span")).to_have_text("40 / 40", timeout=1500)


def test_two_runners_have_paths_rates_and_boxes_of_their_own(open_page):
    from playwright.sync_api import expect

    page = open_page()
    figure = page.locator(".dls-descent").nth(1)
    expect(figure.locator(".dls-map [data-runner]")).to_have_count(2)
    strokes = [path.get_attribute("stroke") for path in figure.locator(".dls-map [data-runner]").all()]
    assert len(set(strokes)) == 2
    words = figure.locator(".dls-words")
    expect(words).to_have_text(re.compile("After step 30: plain, loss .*; half as fast, loss "))
    figure.get_by_label("learning rate of half as fast", exact=True).fill("0.14")
    figure.get_by_label("learning rate of half as fast", exact=True).press("Enter")
    expect(words).to_have_text(re.compile("After step 30: half as fast, loss .*; plain, loss "))
    figure.get_by_role("checkbox", name="plain").uncheck()
    expect(figure.locator(".dls-map [data-runner]")).to_have_count(1)
    figure.get_by_role("checkbox", name="plain").check()
    expect(figure.locator(".dls-map [data-runner]")).to_have_count(2)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_nothing_is_cut_off(open_page, scheme):
    page = open_page(width=390, color_scheme=scheme)
    for figure in page.locator(".dls-descent").all():
        inner = figure.bounding_box()
        for svg in figure.locator("svg").all():
            box = svg.bounding_box()
            assert box["x"] + box["width"] <= inner["x"] + inner["width"] + 1


# --- the stepper ------------------------------------------------------------------------------------------------------


def begin(page, title="A usual start"):
    from playwright.sync_api import expect

    stepper = page.locator(".dls-stepper")
    stepper.get_by_label("Start", exact=True).select_option(label=title)
    expect(stepper).to_contain_text(next(note for known, note, _ in PRESETS.values() if known == title))
    expect(stepper.locator(".dls-words")).to_contain_text("Three examples of two numbers")
    expect(stepper.get_by_role("button", name="Back")).to_be_disabled()
    return stepper


def table(stepper, name):
    """The numbers of a table as they stand on the page."""
    return np.array([number(text) for text in stepper.locator(f'[data-table="{name}"]').all_text_contents()])


def test_stepping_back_fills_in_torchs_gradients(open_page):
    from playwright.sync_api import expect

    page = open_page()
    stepper = begin(page)
    step, words = stepper.get_by_role("button", name="Step ▶"), stepper.locator(".dls-words")
    expect(stepper.locator('[data-table="g_W1"]').first).to_have_text("·")
    for _ in range(11):
        step.click()
    expect(step).to_be_disabled()
    expect(words).to_contain_text("the walk is over")
    p = parameters_of("usual")
    w1, b1, w2, b2 = leaves = [torch.tensor(p[name], requires_grad=True) for name in ("W1", "b1", "W2", "b2")]
    scores = (torch.tensor(X) @ w1.T + b1).relu() @ w2.T + b2
    torch.nn.functional.cross_entropy(scores, torch.tensor(LABELS)).backward()
    for name, leaf in zip(("W1", "b1", "W2", "b2"), leaves):
        np.testing.assert_allclose(table(stepper, f"g_{name}"), leaf.grad.numpy().ravel(), rtol=0.06, atol=1e-9)


def test_a_number_says_what_it_is_made_of_and_lights_it_up(open_page):
    from playwright.sync_api import expect

    page = open_page()
    stepper = begin(page)
    words = stepper.locator(".dls-ask")
    stepper.get_by_label("Step", exact=True).focus()
    page.keyboard.press("End")
    stepper.locator('[data-table="g_W2"][data-place="1"]').hover()
    expect(words).to_contain_text("g_W2[0, 1] = ")
    lit = stepper.locator("td.lit")
    expect(lit).to_have_count(6)
    found = sorted((cell.get_attribute("data-table"), int(cell.get_attribute("data-place"))) for cell in lit.all())
    assert found == [("g_s", 0), ("g_s", 2), ("g_s", 4), ("h", 1), ("h", 5), ("h", 9)]
    said = words.text_content()
    arrays = compute(X, LABELS, parameters_of("usual"))
    assert number(said.rsplit("= ", 1)[1]) == pytest.approx(arrays["g_W2"][0, 1], rel=0.01)
    # the same by keys: into the table, one to the right, one down
    stepper.locator('[data-table="z"][data-place="0"]').focus()
    expect(words).to_contain_text("z[0, 0] = ")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    expect(words).to_contain_text("z[1, 1] = ")
    expect(stepper.locator('[data-table="z"][data-place="5"]')).to_be_focused()


def test_a_step_downhill_lowers_the_loss_and_a_preset_begins_anew(open_page):
    from playwright.sync_api import expect

    page = open_page()
    stepper = begin(page, "A dead unit")
    down = stepper.get_by_role("button", name="Take the step downhill")
    losses = stepper.locator(".dls-losses-line")
    before, first = table(stepper, "W1"), stepper.locator('[data-table="W1"]').first
    begun = first.text_content()
    down.click()
    expect(losses).to_have_text(re.compile(r"^Loss: [\d.]+ → [\d.]+$"))
    down.click()
    expect(losses).to_have_text(re.compile(r"^Loss: [\d.]+ → [\d.]+ → [\d.]+$"))
    seen = [float(text) for text in losses.text_content().removeprefix("Loss: ").split(" → ")]
    assert seen[0] > seen[1] > seen[2]
    assert np.isfinite(table(stepper, "g_W1")).all(), "the gradients at the new weights are shown at once"
    after = table(stepper, "W1")
    assert (after[6:] == before[6:]).all(), "the dead unit's weights never move"
    assert (after[:6] != before[:6]).any()
    stepper.get_by_role("button", name="From the start").click()
    expect(losses).to_have_text("")
    expect(first).to_have_text(begun)
    assert (table(stepper, "W1") == before).all()
