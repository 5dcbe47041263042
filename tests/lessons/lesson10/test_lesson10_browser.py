"""The mask painter and the attention inspector in a real browser and the real page engine."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dlstudy.lessons.lesson10.mask_painter import PRESETS, WORDS, numbers
from tests.served import assert_accessible, assert_nothing_sticks_out, figure_page

pytestmark = pytest.mark.browser

NOTEBOOK = """
import marimo

app = marimo.App()


@app.cell
def _():
    import numpy as np
    from dlstudy.lessons.lesson10.attention_inspector import AttentionInspector
    from dlstudy.lessons.lesson10.mask_painter import MaskPainter
    from dlstudy.lessons.lesson10.attention_inspector import Reading
    return AttentionInspector, MaskPainter, Reading, np


@app.cell
def _(MaskPainter):
    MaskPainter()
    return


@app.cell
def _(AttentionInspector, Reading, np):
    def read(text):
        # Two layers of two heads. Head (0, 0) looks one back, (0, 1) at itself, (1, 0) at the first, (1, 1) evenly.
        T = len(text)
        weights = np.zeros((2, 2, T, T))
        for t in range(T):
            weights[0, 0, t, max(t - 1, 0)] = 1
            weights[0, 1, t, t] = 1
            weights[1, 0, t, 0] = 1
            weights[1, 1, t, : t + 1] = 1 / (t + 1)
        chances = np.full((T, 27), 0.1 / 26)
        for t, character in enumerate(text):  # the next letter of the alphabet is expected
            chances[t, (ord(character) - 96) % 26 if character != " " else 0] = 0.9
        return Reading(list(text), weights, chances)

    AttentionInspector(read, list("abcdefghijklmnopqrstuvwxyz "), "ab cad", examples=[("a run", "abcdef")])
    return
"""


open_page = figure_page(NOTEBOOK, ".dls-maskpainter .cells .cell", ".dls-inspector .token")


# ---- the mask painter ----------------------------------------------------------------------------------------------


def set_up(page, preset, layers=1, exchange=1):
    """Choose a mask, the number of layers and the word to exchange."""
    figure = page.locator(".dls-maskpainter")
    figure.get_by_role("button", name=preset, exact=True).click()
    figure.get_by_label("layers").select_option(str(layers))
    figure.get_by_label("exchange the word").select_option(str(exchange))
    return figure


def by_torch(mask, layers, exchange):
    """The weights of the first layer, and which outputs move: worked out by PyTorch."""
    vectors, other, matrices = (torch.from_numpy(a) for a in numbers())
    wq, wk, wv = matrices
    results, first = [], None
    for exchanged in (False, True):
        x = vectors.clone()
        if exchanged:
            x[exchange] = other
        for _ in range(layers):
            q, k, v = x @ wq, x @ wk, x @ wv
            weights = (q @ k.T / 2).masked_fill(~mask, -torch.inf).softmax(-1)
            first = weights if first is None else first
            x = x + weights @ v
        results.append(x)
    moved = ((results[0] - results[1]).abs() > 1e-9).any(1)
    return first, moved


def shown_weights(figure):
    """The percentages in the cells, 0 where nothing is shown."""
    table = np.zeros((8, 8))
    for cell in figure.locator(".cell.may").all():
        i, j = (int(n) for n in cell.get_attribute("data-cell").split(","))
        table[i, j] = float(cell.locator("text").text_content())
    return table


@pytest.mark.parametrize(
    ("preset", "layers", "exchange"),
    [
        ("Causal", 1, 1), ("Causal", 2, 4), ("Everybody", 1, 3), ("Local", 1, 0), ("Local", 3, 0), ("Prefix", 1, 2),
        ("Padding", 2, 7),
    ],
)  # fmt: skip
def test_weights_and_what_a_changed_word_reaches_are_pytorchs(open_page, preset, layers, exchange):
    figure = set_up(open_page(), preset, layers, exchange)
    rule = next(rule for title, rule, _ in PRESETS if title == preset)
    mask = torch.tensor([[rule(i, j) for j in range(8)] for i in range(8)])
    weights, moved = by_torch(mask, layers, exchange)
    np.testing.assert_allclose(shown_weights(figure), 100 * weights.numpy(), atol=0.51)
    outputs = [figure.locator(f"[data-output='{i}']").get_attribute("class") for i in range(8)]
    assert outputs == ["moved" if one else "same" for one in moved.tolist()]


def test_masks_are_painted_by_mouse_and_by_keys_and_a_blind_row_is_told(open_page):
    from playwright.sync_api import expect

    page = open_page()
    figure = set_up(page, "Causal")
    words = figure.locator(".dls-words")
    expect(words).to_contain_text("No output before it changes: nobody sees the future.")
    touch = figure.locator(".touch")
    touch.scroll_into_view_if_needed()
    box = touch.bounding_box()
    place = lambda i, j: (box["x"] + (j + 0.5) * box["width"] / 8, box["y"] + (i + 0.5) * box["height"] / 8)  # noqa: E731
    page.mouse.move(*place(0, 1))  # word 0 may look at words 1 to 3 from now on
    page.mouse.down()
    page.mouse.move(*place(0, 3), steps=3)
    page.mouse.up()
    expect(figure.locator(".cell.may")).to_have_count(36 + 3)
    expect(words).to_contain_text("Word 0, “the”, looks at 4 of 8, and its weights add up to 100 %.")
    expect(words).to_contain_text("Output 0 changes, although word 1 comes later")
    set_up(page, "Causal")
    touch.focus()  # the cursor starts at row 4, column 4
    for key in ("ArrowUp", "ArrowUp", "ArrowUp", "ArrowUp", *["ArrowLeft"] * 4, "t"):
        page.keyboard.press(key)
    expect(figure.locator("[data-output='0']")).to_have_text("NaN")
    expect(words).to_contain_text("may look at nobody: the softmax of nothing is 0 / 0.")
    for key in (" ", "ArrowRight", " "):
        page.keyboard.press(key)
    expect(figure.locator("[data-output='0']")).to_have_text("changes")
    set_up(page, "Inverted")
    expect(figure.locator("[data-output='7']")).to_have_text("NaN")
    assert figure.locator(".cell.may").count() == 28
    assert len(WORDS) == 8


# ---- the attention inspector ---------------------------------------------------------------------------------------


def pick(figure, layer, head):
    figure.get_by_role("group", name="layer").get_by_role("button", name=str(layer), exact=True).click()
    figure.get_by_role("group", name="head").get_by_role("button", name=str(head), exact=True).click()


def type_text(figure, text):
    from playwright.sync_api import expect

    figure.get_by_label("Text for the model").fill(text)
    expect(figure.locator(".token")).to_have_count(len(text))


def test_type_pick_a_head_and_walk_along_the_tokens(open_page):
    from playwright.sync_api import expect

    page = open_page()
    figure = page.locator(".dls-inspector")
    words = figure.locator(".dls-words")
    type_text(figure, "ab ba")
    figure.locator(".token").nth(3).click()
    pick(figure, 0, 0)
    expect(words).to_contain_text("Token 3, “b”, in layer 0, head 0, looks 100 % at “␣” (1 back).")
    expect(words).to_contain_text("Next the model expects “c” (90 %)")
    pick(figure, 0, 1)
    expect(words).to_contain_text("looks 100 % at “b” (itself)")
    pick(figure, 1, 0)
    expect(words).to_contain_text("looks 100 % at “a” (3 back)")
    pick(figure, 1, 1)
    expect(words).to_contain_text("25 % at “a” (3 back)")
    figure.locator(".tokens").focus()
    page.keyboard.press("ArrowRight")
    expect(words).to_contain_text("Token 4, “a”")
    expect(words).to_contain_text("20 % at")
    page.keyboard.press("Home")
    expect(words).to_contain_text("Token 0, “a”")
    expect(figure.locator(".token.later")).to_have_count(4)
    expect(figure.locator(".bars .name").first).to_have_text("b")
    figure.locator(".token").nth(4).hover()
    expect(words).to_contain_text("Token 4")
    page.mouse.move(5, 5)
    expect(words).to_contain_text("Token 0")  # what was chosen comes back
    figure.get_by_label("Texts to try").select_option(label="a run")
    expect(figure.locator(".token")).to_have_count(6)
    expect(figure.locator(".bars i.came")).to_have_count(1)  # in a run, the expected letter came
    figure.locator(".token").nth(5).click()
    type_text(figure, "abc")
    expect(words).to_contain_text("Token 2, “c”")  # the sixth is gone
    figure.locator(".tokens").focus()
    page.keyboard.press("ArrowLeft")
    expect(words).to_contain_text("Token 1, “b”")
    type_text(figure, "")
    expect(words).to_have_text("Type something.")
    type_text(figure, "ab")


def test_the_map_shows_the_weights_and_a_click_chooses_a_row(open_page):
    from playwright.sync_api import expect

    page = open_page()
    figure = page.locator(".dls-inspector")
    type_text(figure, "abcd")
    pick(figure, 0, 1)
    figure.locator(".token").nth(0).click()
    dark = """canvas => { const side = canvas.width / 4, context = canvas.getContext("2d"); const rows = [];
        for (let t = 0; t < 4; t += 1) { const row = []; for (let k = 0; k < 4; k += 1) {
            const [r, g, b] = context.getImageData((k + 0.5) * side, (t + 0.5) * side, 1, 1).data;
            row.push(r + g + b); }
        rows.push(row); } return rows; }"""
    table = np.array(figure.locator(".map").evaluate(dark))
    assert (table.argmin(1) == np.arange(4)).all()
    pick(figure, 1, 0)
    table = np.array(figure.locator(".map").evaluate(dark))
    assert (table.argmin(1) == 0).all()
    box = figure.locator(".map").bounding_box()
    figure.locator(".map").click(position={"x": 5, "y": box["height"] * 0.6})
    expect(figure.locator(".dls-words")).to_contain_text("Token 2, “c”")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_figures_pass_the_accessibility_rules(open_page, scheme):
    page = open_page(color_scheme=scheme)
    set_up(page, "Causal")
    assert_accessible(page)


@pytest.mark.parametrize("width", [390, 760])
def test_nothing_sticks_out_on_a_narrow_page(open_page, width):
    page = open_page(width=width)
    set_up(page, "Everybody")
    assert_nothing_sticks_out(page, ".dls-maskpainter", ".dls-inspector", parts="> *, .dls-canvas svg, .panels > *")
