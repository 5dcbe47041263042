"""The gate explorer in a real browser and the real page engine: its numbers are autograd's, by mouse and by keys."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dlstudy.lessons.lesson09.gate_explorer import PRESETS
from tests.served import assert_accessible, figure_page

pytestmark = pytest.mark.browser

NOTEBOOK = """
import marimo

app = marimo.App()


@app.cell
def _():
    from dlstudy.lessons.lesson09.gate_explorer import GateExplorer
    GateExplorer()
    return
"""

TITLES = [title for title, *_ in PRESETS]


open_page = figure_page(NOTEBOOK, ".dls-gates .strip")


def numbers(figure, row):
    """What a screen reader is told of a row that is worked out, or the values of one that is set by hand."""
    strip = figure.locator(f'.strip[data-row="{row}"]')
    if strip.get_attribute("role") == "group":
        return [float(touch.get_attribute("aria-valuenow")) for touch in strip.locator(".touch").all()]
    said = strip.get_attribute("aria-label").partition(": ")[2].split(", ")
    return [number(text) for text in said]


def number(text):
    text = text.replace("−", "-")
    if "·10" not in text:
        return float(text)
    size, power = text.split("·10")
    return float(size) * 10 ** float(power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")))


def by_autograd(view, proposals, inputs, forgets, outputs):
    """Cell, output, and the gradient of the last h for every c and every g."""
    g = torch.tensor(proposals, dtype=torch.float64, requires_grad=True)
    f = torch.tensor(forgets, dtype=torch.float64)
    i = 1 - f if view == "gru" else torch.tensor(inputs, dtype=torch.float64)
    c, cells, shown = torch.zeros((), dtype=torch.float64, requires_grad=True), [], []
    for t in range(len(g)):
        c = f[t] * c + i[t] * g[t]
        c.retain_grad()
        cells.append(c)
        shown.append(c if view == "gru" else outputs[t] * torch.tanh(c))
    shown[-1].backward()
    return [c.item() for c in cells], [h.item() for h in shown], [c.grad.item() for c in cells], g.grad.tolist()


def assert_right(figure, view="lstm"):
    rows = [numbers(figure, name) for name in ("proposals", "forgets")]
    others = [[0.0] * 10, [1.0] * 10] if view == "gru" else [numbers(figure, name) for name in ("inputs", "outputs")]
    cells, shown, to_cell, to_proposal = by_autograd(view, rows[0], others[0], rows[1], others[1])
    for row, expected in (("cell", cells), ("shown", shown), ("toCell", to_cell), ("toProposal", to_proposal)):
        if row != "shown" or view == "lstm":
            np.testing.assert_allclose(numbers(figure, row), expected, atol=0.0051, rtol=0.5, err_msg=row)
            written = figure.locator(f'.strip[data-row="{row}"] .number').all_text_contents()
            np.testing.assert_allclose([number(text) for text in written], expected, atol=0.051, rtol=0.5)


@pytest.mark.parametrize("title", TITLES)
def test_every_preset_shows_what_autograd_says(open_page, title):
    figure = open_page().locator(".dls-gates")
    figure.get_by_label("Presets").select_option(label=title)
    view = dict(zip(TITLES, (view for _, view, *_ in PRESETS)))[title]
    assert_right(figure, view)


def test_gates_are_set_by_keys(open_page):
    from playwright.sync_api import expect

    page = open_page()
    figure = page.locator(".dls-gates")
    figure.get_by_label("Presets").select_option(label="Remember")
    forget = figure.locator('.strip[data-row="forgets"]')
    forget.locator(".touch[tabindex='0']").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowDown", "PageDown", "ArrowLeft", "0", "End", "0", "1"):
        page.keyboard.press(key)
    assert numbers(figure, "forgets") == [1, 0, 0.65, *[1] * 7]
    expect(figure.locator(".dls-words")).to_contain_text("Step 10: c = f·c + i·g = 1.00·0.00 + 0.00·(−0.60)")
    page.keyboard.press("Home")
    expect(figure.locator(".dls-words")).to_contain_text(
        "9 forget gates lie between step 1 and the end. Their product is 0.00"
    )
    figure.locator('.strip[data-row="proposals"] .touch').first.focus()
    for _ in range(9):
        page.keyboard.press("PageDown")
    assert numbers(figure, "proposals")[0] == -1, "no further than the scale"
    assert_right(figure)


def test_gates_are_set_by_the_mouse_and_painted_along_a_row(open_page):
    page = open_page()
    figure = page.locator(".dls-gates")
    figure.get_by_label("Presets").select_option(label="Remember")
    row = figure.locator('.strip[data-row="inputs"]')
    row.scroll_into_view_if_needed()
    boxes = [touch.bounding_box() for touch in row.locator(".touch").all()]
    middle = lambda n: boxes[n]["x"] + boxes[n]["width"] / 2  # noqa: E731
    page.mouse.move(middle(3), boxes[3]["y"] + 3)
    page.mouse.down()
    page.mouse.move(middle(6), boxes[6]["y"] + 3, steps=12)
    page.mouse.up()
    values = numbers(figure, "inputs")
    assert values[:3] == [1, 0, 0]
    assert min(values[3:7]) > 0.85
    assert values[7:] == [0, 0, 0]
    page.mouse.click(middle(8), boxes[8]["y"] + 0.36 * boxes[8]["height"])
    assert 0.3 < numbers(figure, "inputs")[8] < 0.7
    assert_right(figure)


def test_one_bias_sets_all_forget_gates_and_says_what_is_left(open_page):
    from playwright.sync_api import expect

    figure = open_page().locator(".dls-gates")
    figure.get_by_label("Presets").select_option(label="Remember")
    slider = figure.get_by_label("Bias of all forget gates")
    slider.fill("3")
    np.testing.assert_allclose(numbers(figure, "forgets"), 1 / (1 + np.exp(-3)), atol=1e-5)
    expect(figure.locator(".bias-words")).to_have_text("σ(3.0) = 0.953; over a hundred steps 0.01 is left")
    slider.fill("0")
    expect(figure.locator(".bias-words")).to_contain_text("8·10⁻³¹ is left")
    assert_right(figure)
    figure.locator('.strip[data-row="forgets"] .touch').nth(2).focus()
    figure.page.keyboard.press("1")
    expect(figure.locator(".bias-words")).to_have_text("move it to set them all alike")


def test_the_view_of_a_gru_has_one_gate_for_both(open_page):
    from playwright.sync_api import expect

    figure = open_page().locator(".dls-gates")
    figure.get_by_label("Presets").select_option(label="Forget")
    figure.get_by_role("button", name="GRU").click()
    expect(figure.locator(".strip")).to_have_count(5)
    assert_right(figure, "gru")
    expect(figure.locator(".dls-words")).to_contain_text("h = z·h + (1 − z)·n")
    figure.get_by_role("button", name="LSTM").click()
    expect(figure.locator(".strip")).to_have_count(8)
    assert_right(figure)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_passes_the_accessibility_rules(open_page, scheme):
    page = open_page(color_scheme=scheme)
    assert_accessible(page)


@pytest.mark.parametrize("width", [390, 760])
def test_nothing_sticks_out_on_a_narrow_page(open_page, width):
    page = open_page(width=width)
    figure = page.locator(".dls-gates")
    outer = figure.bounding_box()
    for part in figure.locator("> *, .strip").all():
        box = part.bounding_box()
        if box:
            assert box["x"] + box["width"] <= outer["x"] + outer["width"] + 1, part
