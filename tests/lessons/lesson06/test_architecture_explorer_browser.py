"""The architecture explorer in a real browser: what is shown was counted; by mouse, by keys, on a phone."""

from __future__ import annotations

import pytest

from dlstudy.lessons.lesson06 import architecture_explorer_numbers as architectures
from tests.served import figure_page

pytestmark = pytest.mark.browser

NOTEBOOK = """
import marimo

app = marimo.App()


@app.cell
def _():
    from dlstudy.lessons.lesson06.architecture_explorer import ArchitectureExplorer
    return (ArchitectureExplorer,)


@app.cell
def _(ArchitectureExplorer):
    ArchitectureExplorer("resnet50")
    return
"""


open_page = figure_page(NOTEBOOK, ".dls-architecture tbody tr")


def row(figure, place):
    return figure.locator(f"tbody tr[data-n='{place}'] td").all_text_contents()


def test_the_table_follows_model_size_and_batch(open_page):
    from playwright.sync_api import expect

    page = open_page()
    figure = page.locator(".dls-architecture")
    figure.get_by_label("Model", exact=True).select_option("resnet18")
    expect(figure.locator("tbody tr")).to_have_count(7)  # six stages and the sum
    figure.get_by_label("Side of the image in pixels").fill("128")
    expect(figure.locator("output")).to_have_text("128 × 128")
    figure.get_by_label("Images in a batch").select_option("64")
    expect(figure.locator("tbody tr[data-n='1'] td").nth(1)).to_have_text("64 × 32 × 32")
    wanted = architectures.stages("resnet18", 128, 64)[1]
    expect(figure.locator("tbody tr[data-n='1'] td").nth(4)).to_have_text(f"{wanted.activation_bytes / 2**20:.0f} MiB")
    expect(figure.locator("tbody tr[data-n='1'] td").nth(3)).to_have_text(f"{wanted.multiply_adds / 1e9:.2f} G")
    assert row(figure, 1)[2] == "148 k"
    assert row(figure, 2)[5] == "99 × 99"
    expect(figure.locator("tbody tr[data-n='3'] td").nth(5)).to_have_text("all of it")
    own = figure.get_by_role("button", name="its own: 224")
    own.click()
    expect(figure.locator("output")).to_have_text("224 × 224")
    expect(own).to_be_disabled()


def test_stages_are_chosen_by_mouse_and_by_keys(open_page):
    from playwright.sync_api import expect

    page = open_page()
    figure = page.locator(".dls-architecture")
    words = figure.locator(".dls-words")
    figure.get_by_label("Model", exact=True).select_option("resnet50")
    figure.get_by_label("Side of the image in pixels").fill("224")
    expect(figure.locator("tbody tr[data-n='1'] .blocks")).to_have_text("3 BottleneckBlock")
    figure.locator("tbody tr[data-n='4']").click()
    expect(words).to_contain_text("Stage 4 (3 BottleneckBlock) makes 2048 maps of 7 × 7")
    table = figure.get_by_role("grid")
    table.focus()
    page.keyboard.press("ArrowUp")
    expect(words).to_contain_text("Stage 3 (6 BottleneckBlock)")
    page.keyboard.press("Home")
    expect(words).to_contain_text("Stem")
    page.keyboard.press("End")
    expect(words).to_contain_text("Head (mean, Linear) makes 1000 numbers.")
    expect(figure.get_by_role("grid")).to_be_focused()
    figure.locator(".box[data-n='2']").click()
    expect(words).to_contain_text("Stage 2")
    expect(figure.locator(".box.now text")).to_have_text("2")


def test_bars_and_a_second_model(open_page):
    from playwright.sync_api import expect

    page = open_page()
    figure = page.locator(".dls-architecture")
    figure.get_by_label("Model", exact=True).select_option("vgg16")
    figure.get_by_role("button", name="Parameters").click()
    expect(figure.get_by_role("button", name="Parameters")).to_have_attribute("aria-pressed", "true")
    expect(figure.locator("tbody tr[data-n='5'] td.shown")).to_have_text("124 M")
    share = figure.locator("tbody tr[data-n='5'] td.shown").evaluate("node => node.style.getPropertyValue('--share')")
    assert share == "100%"
    head = figure.locator("thead th").filter(has_text="parameters").bounding_box()
    total = figure.locator("tr.sum td").filter(has_text="138 M").bounding_box()
    assert abs(head["x"] + head["width"] - total["x"] - total["width"]) < 1, "the sum stands under its column"
    figure.get_by_label("Compare with").select_option("resnet50")
    expect(figure.locator(".totals")).to_contain_text(
        "ResNet-50 on the same images: parameters 25.6 M (here 5.41 times"
    )
    figure.get_by_label("Compare with").select_option("")
    expect(figure.locator(".totals")).to_be_hidden()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_a_phone(open_page, theme):
    page = open_page(390, 1200, color_scheme=theme)
    figure = page.locator(".dls-architecture")
    box = figure.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    for node in figure.locator("select, button, input").all():
        part = node.bounding_box()
        assert part["x"] + part["width"] <= box["x"] + box["width"] + 1
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
