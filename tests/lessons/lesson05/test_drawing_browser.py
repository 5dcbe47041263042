"""The sliding kernel and the drawing canvas in a real browser and the real page engine."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from dlstudy.lessons.lesson05.sliding_kernel import DIGITS
from tests.served import assert_accessible, assert_nothing_sticks_out, figure_page

pytestmark = pytest.mark.browser

NOTEBOOK = """
import marimo

app = marimo.App()


@app.cell
def _():
    import numpy as np
    from dlstudy.lessons.lesson05.digit_canvas import DigitCanvas
    from dlstudy.lessons.lesson05.sliding_kernel import SlidingKernel
    return DigitCanvas, SlidingKernel, np


@app.cell
def _(SlidingKernel):
    SlidingKernel()
    return


@app.cell
def _(DigitCanvas, np):
    def brightest_column(image):
        return 9 * np.add.reduceat(image.sum(0), [0, 3, 6, 9, 12, 15, 18, 21, 24, 26]) / (image.sum() + 1)

    block = np.zeros((28, 28), np.uint8)
    block[8:20, 3:6] = 255
    DigitCanvas(brightest_column, [("a block", block)], centred=False)
    return
"""


open_page = figure_page(NOTEBOOK, ".dls-sliding .result svg", ".dls-digit .bars")


def number(text):
    return float(text.replace("−", "-"))


def set_up(page, image="a real 5", kernel="Upright edges", **settings):
    """Choose image, kernel and settings."""
    figure = page.locator(".dls-sliding")
    figure.get_by_label("Images").select_option(label=image)
    figure.get_by_label("Kernels").select_option(label=kernel)
    for name, value in ({"stride": 1, "padding": 0, "dilation": 1} | settings).items():
        figure.get_by_label(name, exact=True).select_option(str(value))
    return figure


def all_numbers(figure):
    """The whole result, after a jump to its end."""
    figure.locator(".result svg").focus()
    figure.page.keyboard.press("End")
    return [number(text) for text in figure.locator(".result .tile text").all_text_contents()]


COUNT_BEATS = """() => {
    const [set, clear] = [window.setInterval, window.clearInterval];
    window.beats = new Set();
    window.setInterval = (beat, pause) => { const id = set(beat, pause); if (pause < 1000) beats.add(id); return id; };
    window.clearInterval = id => { beats.delete(id); clear(id); };
}"""
"""From here on `beats` holds what the page does again and again in less than a second."""


def by_torch(pixels, kernel, **settings):
    x = torch.tensor(pixels, dtype=torch.float64).reshape(1, 1, 8, 8)
    side = round(len(kernel) ** 0.5)
    return torch.nn.functional.conv2d(
        x, torch.tensor(kernel, dtype=torch.float64).reshape(1, 1, side, side), **settings
    )


@pytest.mark.parametrize(
    "settings",
    [
        {"stride": 1, "padding": 0, "dilation": 1},
        {"stride": 2, "padding": 1, "dilation": 2},
        {"stride": 3, "padding": 3, "dilation": 1},
        {"stride": 1, "padding": 2, "dilation": 3},
    ],
)
def test_the_result_is_what_conv2d_makes_of_it(open_page, settings):
    from playwright.sync_api import expect

    figure = set_up(open_page(), **settings)
    figure.get_by_label("weight 0, 1").fill("2.5")
    expected = by_torch([int(c) for c in DIGITS[0][1]], [-1, 2.5, 1, -1, 0, 1, -1, 0, 1], **settings)
    np.testing.assert_allclose(all_numbers(figure), expected.flatten().numpy(), atol=1e-9)
    side = expected.shape[-1]
    expect(figure.locator(".result .title")).to_have_text(f"result {side} × {side}")
    expect(figure.locator(".dls-words")).to_contain_text(f"+ 1 = {side}")


def test_a_window_is_stepped_played_stopped_and_spelled_out(open_page):
    from playwright.sync_api import expect

    page = open_page()
    figure = set_up(page, image="dark and bright")
    words = figure.locator(".dls-words")
    expect(words).to_contain_text("Window (0, 0) begins at row 0, column 0: every product is 0.")
    for _ in range(2):
        figure.get_by_role("button", name="Step ▶").click()
    expect(words).to_contain_text("column 2: 9·1 + 9·1 + 9·1 = 27.")
    expect(figure.locator(".light .plus")).to_have_count(3)
    expect(figure.locator(".light .minus")).to_have_count(3)
    expect(figure.locator(".result .tile.later")).to_have_count(33)
    page.evaluate(COUNT_BEATS)
    figure.get_by_role("button", name="Play").click()
    assert page.evaluate("beats.size") == 1
    expect(figure.locator(".result .tile.later")).to_have_count(30, timeout=20_000)
    figure.get_by_role("button", name="Stop").click()
    left = figure.locator(".result .tile.later").count()
    assert page.evaluate("beats.size") == 0, "nothing moves on by itself any more"
    assert figure.locator(".result .tile.later").count() == left
    expect(words).to_contain_text(f"Window ({(35 - left) // 6}, {(35 - left) % 6})")
    figure.locator(".result .tile").nth(35).click()
    expect(figure.get_by_role("button", name="Step ▶")).to_be_disabled()


def test_image_and_kernel_are_drawn_by_hand(open_page):
    page = open_page()
    figure = set_up(page, kernel="A single weight")
    figure.get_by_role("button", name="Clear image").click()
    touch = figure.locator(".touch")
    touch.scroll_into_view_if_needed()
    box = touch.bounding_box()
    place = lambda n: (box["x"] + (n + 0.5) * box["width"] / 8, box["y"] + (n + 0.5) * box["height"] / 8)  # noqa: E731
    page.mouse.move(*place(1))
    page.mouse.down()
    page.mouse.move(*place(5))
    page.mouse.up()
    drawn = np.array(all_numbers(figure)).reshape(8, 8)
    assert all(drawn[n, n] == 18 for n in range(1, 6)), "no gap on the way of a fast pen; 2 times 9"
    assert drawn[6:].sum() == drawn[0].sum() == 0
    touch.focus()
    for key in ("ArrowUp", "ArrowUp", "ArrowUp", "ArrowUp", "7", "ArrowRight", " ", "ArrowRight", " "):
        page.keyboard.press(key)  # the cursor starts in the middle, (4, 4)
    drawn = np.array(all_numbers(figure)).reshape(8, 8)
    assert drawn[0, 4:].tolist() == [14, 18, 18, 0]
    figure.get_by_role("button", name="Erase").click()
    page.mouse.click(*place(3))
    assert np.array(all_numbers(figure)).reshape(8, 8)[3, 3] == 0


def test_a_window_that_does_not_fit_gets_a_sentence(open_page):
    from playwright.sync_api import expect

    figure = set_up(open_page(), kernel="A stroke downhill", dilation=2)
    expect(figure.locator(".dls-error")).to_contain_text("A window that spans 9 pixels does not fit into 8.")
    expect(figure.get_by_role("button", name="Step ▶")).to_be_disabled()
    figure.get_by_label("padding", exact=True).select_option("1")
    expect(figure.locator(".dls-error")).to_be_hidden()
    expect(figure.get_by_role("button", name="Step ▶")).to_be_enabled()


def test_a_digit_is_drawn_with_the_mouse_and_answered_live(open_page):
    from playwright.sync_api import expect

    page = open_page()
    figure = page.locator(".dls-digit")
    words = figure.locator(".dls-words")
    if figure.get_by_label("centred and scaled").is_checked():
        figure.get_by_label("centred and scaled").uncheck()
    figure.get_by_role("button", name="Clear").click()
    expect(words).to_have_text("The paper is empty.")
    paper = figure.locator(".paper canvas")
    paper.scroll_into_view_if_needed()
    box = paper.bounding_box()
    page.mouse.move(box["x"] + 10.5 * 8, box["y"] + 40)  # the pen goes down the 11th column, in the fourth band
    page.mouse.down()
    page.mouse.move(box["x"] + 10.5 * 8, box["y"] + 180, steps=4)
    page.mouse.up()
    expect(words).to_contain_text("The network says 3")
    for _ in range(3):
        figure.get_by_role("button", name="Move right").click()
    expect(words).to_contain_text("The network says 4")
    figure.get_by_label("A digit of the data set").select_option(label="a block")
    expect(words).to_contain_text("The network says 1")
    figure.get_by_label("centred and scaled").check()
    expect(words).not_to_contain_text("The network says 1", timeout=60_000)  # scaling imports torch


def test_a_digit_is_drawn_with_the_keys(open_page):
    from playwright.sync_api import expect

    page = open_page()
    figure = page.locator(".dls-digit")
    if figure.get_by_label("centred and scaled").is_checked():
        figure.get_by_label("centred and scaled").uncheck()
    paper, words = figure.locator(".paper canvas"), figure.locator(".dls-words")
    paper.focus()
    page.keyboard.press("Delete")
    expect(words).to_have_text("The paper is empty.")
    for key in (*["ArrowLeft"] * 13, " ", *["ArrowDown"] * 6, " "):
        page.keyboard.press(key)
    expect(words).to_contain_text("The network says 0")
    page.keyboard.press("e")
    for key in (" ", *["ArrowUp"] * 7, " "):
        page.keyboard.press(key)
    assert re.search(r"empty|says", words.text_content())
    expect(figure.get_by_role("button", name="Erase")).to_have_attribute("aria-pressed", "true")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_figures_pass_the_accessibility_rules(open_page, scheme):
    page = open_page(color_scheme=scheme)
    all_numbers(set_up(page, padding=1))
    assert_accessible(page)


@pytest.mark.parametrize("width", [390, 760])
def test_nothing_sticks_out_on_a_narrow_page(open_page, width):
    page = open_page(width=width)
    set_up(page, kernel="A stroke downhill", padding=3)
    assert_nothing_sticks_out(page, ".dls-sliding", ".dls-digit", parts="> *, .panel, .panel svg, .sheets > *")
