"""The interactive figures in a real browser and the real page engine, in a folder outside /tmp."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.served import assert_accessible, assert_nothing_sticks_out, figure_page

pytestmark = pytest.mark.browser

NOTEBOOK = """
import marimo

app = marimo.App()


@app.cell
def _():
    from dlstudy.lessons.lesson01.broadcast_visualiser import BroadcastVisualiser
    from dlstudy.lessons.lesson01.float_bits import FloatBits
    from dlstudy.figures.graph.graph_explorer import GraphExplorer
    from dlstudy.lessons.lesson01.strides_viewer import StridesViewer
    return BroadcastVisualiser, FloatBits, GraphExplorer, StridesViewer


@app.cell
def _(GraphExplorer):
    GraphExplorer("(a*b + c) * a", {"a": 2.0, "b": 3.0, "c": -1.0})
    return


@app.cell
def _(BroadcastVisualiser):
    BroadcastVisualiser((3, 1), (4,))
    return


@app.cell
def _(StridesViewer):
    StridesViewer("digit")
    return


@app.cell
def _(FloatBits):
    FloatBits("0.1")
    return
"""


open_page = figure_page(NOTEBOOK, ".dls-floatbits svg")


def card(page, place):
    return page.locator(f".dls-graph [data-node='{place}'] text.grad")


def type_expression(page, text):
    page.get_by_label("Expression").fill(text)
    page.get_by_label("Expression").press("Enter")


def test_type_an_expression_step_and_see_the_gradient(open_page):
    from playwright.sync_api import expect

    page = open_page()
    graph = page.locator(".dls-graph")
    type_expression(page, "(p*q + 1).tanh() * p")
    expect(graph.locator(".label", has_text="q")).to_be_visible()
    expect(card(page, 0)).to_have_count(0)
    slider = graph.get_by_label("Step", exact=True)
    p, q = (float(graph.get_by_label(f"value of {name}").input_value()) for name in "pq")
    step, end = graph.get_by_role("button", name="Step ▶"), int(slider.get_attribute("max"))
    for _ in range(int(slider.input_value()), end):
        step.click()
    expect(step).to_be_disabled()

    x, y = torch.tensor(p, requires_grad=True), torch.tensor(q, requires_grad=True)
    ((x * y + 1).tanh() * x).backward()
    expect(graph.locator(".dls-words")).to_contain_text("Done. p.grad = ")
    shown = [text.replace("−", "-") for text in (card(page, 0).text_content(), card(page, 1).text_content())]
    assert " + " in shown[0], "p is used twice, and its card shows the two parts"
    assert float(shown[0].split("=")[1]) == pytest.approx(x.grad.item(), rel=1e-3)
    assert float(shown[1]) == pytest.approx(y.grad.item(), rel=1e-3, abs=1e-4)

    graph.get_by_role("button", name="backward() again").click()
    expect(graph.locator(".dls-words")).to_contain_text("second time")
    graph.locator(".dls-canvas").press("End")
    expect(graph.locator(".dls-words")).to_contain_text("2 times the gradient")
    twice = card(page, 0).text_content().replace("−", "-").split("=")[1]
    assert float(twice) == pytest.approx(2 * x.grad.item(), rel=1e-3)
    graph.get_by_role("button", name="zero_grad()").click()
    expect(card(page, 0)).to_have_count(0)


def test_a_mistake_is_explained_and_the_graph_stays(open_page):
    from playwright.sync_api import expect

    page = open_page()
    type_expression(page, "(a*b + c) * a")
    expect(page.locator(".dls-graph .badge")).to_have_count(3)
    type_expression(page, "a ^ 2")
    expect(page.locator(".dls-graph .dls-error")).to_have_text("In Python ^ is not a power; write a**2.")
    expect(page.locator(".dls-graph .badge")).to_have_count(3)
    type_expression(page, "a ** 2")
    expect(page.locator(".dls-graph .dls-error")).to_be_hidden()
    expect(page.locator(".dls-graph .badge")).to_have_count(1)


def test_keys_step_and_a_value_moves_the_gradient(open_page):
    from playwright.sync_api import expect

    page = open_page()
    type_expression(page, "u * u * v")
    expect(page.get_by_label("value of u")).to_be_visible()
    canvas, words = page.locator(".dls-graph .dls-canvas"), page.locator(".dls-graph .dls-words")
    expect(words).to_contain_text("All values are known")
    canvas.focus()
    page.keyboard.press("ArrowLeft")
    expect(words).to_contain_text("Forward.")
    page.keyboard.press("End")
    expect(words).to_contain_text("Done.")
    page.get_by_label("value of u").fill("-1.5")
    page.get_by_label("value of u").press("Enter")
    page.get_by_label("value of v").fill("4")
    page.get_by_label("value of v").press("Enter")
    expect(words).to_have_text("Done. u.grad = −12, v.grad = 2.25.")
    page.get_by_label("u, slider").focus()
    page.keyboard.press("ArrowRight")
    expect(words).to_contain_text("u.grad = −11.2")


def test_broadcasting_names_the_axis_and_sums_back(open_page):
    from playwright.sync_api import expect

    page = open_page()
    figure = page.locator(".dls-broadcast")
    words = figure.locator(".dls-words")
    figure.get_by_label("Examples").select_option(label="A column and a row")
    figure.locator("[data-array='result'] [data-place='6']").hover()
    expect(words).to_contain_text("result[1, 2] = a[1, 0] + b[2] = 2 + 30 = 32.")
    expect(figure.locator("[data-array='a'] .lit")).to_have_count(2)
    figure.get_by_role("button", name="Backward").click()
    figure.locator("[data-array='a'] [data-place='4']").hover()
    expect(words).to_contain_text("the sum over its 4 copies")
    total = sum(int(figure.locator(f"[data-array='result'] [data-place='{i}']").text_content()) for i in range(4, 8))
    expect(figure.locator("[data-array='a'] [data-sum='1']")).to_have_text(str(total))
    for name, shape, axis in (("a", (3, 1), 1), ("b", (4,), 0)):  # what is drawn adds up to what is drawn beside it
        cells = figure.locator(f"[data-array='{name}'] [data-place]").all_text_contents()
        sums = [int(text) for text in figure.locator(f"[data-array='{name}'] [data-sum]").all_text_contents()]
        assert np.array([int(text) for text in cells]).reshape(3, 4).sum(axis).tolist() == sums, shape
    figure.get_by_role("button", name="Forward").click()
    figure.get_by_label("a, axis -1: larger").click()
    expect(words).to_contain_text("Axis −1: a has 2 and b has 4.")
    expect(figure.locator("td.size.clash b")).to_have_count(2)
    figure.get_by_label("shape of a").fill("2, 3, 4")
    figure.get_by_label("shape of a").press("Enter")
    expect(words).to_contain_text("(2, 3, 4) and (4,) combine to (2, 3, 4).")
    figure.locator("[data-array='result']").focus()
    page.keyboard.press("ArrowDown")
    expect(words).to_contain_text("result[0, 1, 0] = a[0, 1, 0] + b[0]")


def test_a_transpose_changes_strides_and_not_the_strip(open_page):
    from playwright.sync_api import expect

    page = open_page()
    figure = page.locator(".dls-strides")
    strip = figure.locator(".strip").text_content()
    figure.locator(".tensor .cell").nth(19).hover()
    expect(figure.locator(".dls-words")).to_contain_text("Element [2, 3] lies at 0 + 2·8 + 3·1 = place 19")
    figure.get_by_role("button", name=".T", exact=True).click()
    expect(figure.locator("tbody tr")).to_have_count(2)
    figure.locator(".tensor .cell").nth(19).hover()
    expect(figure.locator(".dls-words")).to_contain_text("Element [2, 3] lies at 0 + 2·1 + 3·8 = place 26")
    assert figure.locator(".strip").text_content() == strip
    figure.get_by_role("button", name=".view(-1)").click()
    expect(figure.locator(".dls-error")).to_contain_text("Use reshape, which copies when it must.")
    expect(figure.locator(".dls-error code")).to_have_count(0)
    figure.get_by_label("Chain of views on x").fill("x + 1")
    page.keyboard.press("Enter")
    expect(figure.locator(".dls-error code")).to_have_text("x + 1")
    figure.get_by_role("button", name="Undo").click()
    figure.get_by_role("button", name=".reshape(-1)").click()
    expect(figure.locator("td.copied")).to_have_text("copied to a new strip")
    figure.get_by_role("button", name="Undo").click()
    expect(figure.locator("tbody tr")).to_have_count(2)


def test_flipping_the_sign_bit_changes_the_sign(open_page):
    from playwright.sync_api import expect

    page = open_page()
    figure = page.locator(".dls-floatbits")
    figure.get_by_label("Number", exact=True).fill("70000")
    figure.get_by_label("Number", exact=True).press("Enter")
    expect(figure.locator("[data-format='float16']")).to_contain_text(
        "Overflow: 70000 is beyond the largest float16, 65504"
    )
    first = figure.locator("[data-format='float32'] [data-bit='0']")
    first.focus()
    page.keyboard.press("Enter")
    expect(figure.get_by_label("Number", exact=True)).to_have_value("-70000")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(figure.get_by_label("Number", exact=True)).not_to_have_value("-70000")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_figures_pass_the_accessibility_rules(open_page, scheme):
    page = open_page(color_scheme=scheme)
    page.locator(".dls-graph .dls-canvas").press("End")
    assert_accessible(page)


@pytest.mark.parametrize("width", [390, 760])
def test_nothing_sticks_out_on_a_narrow_page(open_page, width):
    page = open_page(width=width)
    assert_nothing_sticks_out(page, ".dls-graph", ".dls-broadcast", ".dls-strides", ".dls-floatbits")


def test_reduced_motion_is_respected(open_page):
    page = open_page(reduced_motion="reduce")
    type_expression(page, "a * b")
    page.locator(".dls-graph .dls-canvas").press("End")
    page.locator(".dls-graph .dls-canvas").press("ArrowLeft")
    edge = page.locator(".dls-graph .edge.back").first
    edge.wait_for(state="attached")
    assert edge.evaluate("node => getComputedStyle(node).animationName") == "none"
