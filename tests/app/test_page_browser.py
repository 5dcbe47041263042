"""A lesson is a page for a reader: none of the engine's tools for making notebooks, and code that reads."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.app.visits import Visit, cell, output, write

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

TOOLS = ["create-cell-button", "delete-button", "language-toggle-button", "drag-button", "fullscreen-output-button"]
TOOLS += ["cell-actions-button"]
SECOND = "02_Neural_Network_Basics.md"
LONG = "values = sum(" + ", ".join(f"number_{n:02d}" for n in range(6)) + ")"
CONTRAST = """() => {
    const light = (colour) => {
        const parts = colour.match(/[\\d.]+/g).slice(0, 3).map((one) => one / 255);
        const [r, g, b] = parts.map((one) => one <= 0.03928 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const over = (node) => {
        for (let one = node; one; one = one.parentElement) {
            const ground = getComputedStyle(one).backgroundColor;
            if (!/, 0\\)$|transparent/.test(ground)) return ground;
        }
    };
    const of = (node) => {
        const [one, other] = [light(getComputedStyle(node).color), light(over(node))].sort((a, b) => b - a);
        return (one + 0.05) / (other + 0.05);
    };
    const comment = [...document.querySelectorAll(".cm-line > span")].find((one) => one.textContent.startsWith("#"));
    const number = [...document.querySelectorAll(".cm-lineNumbers .cm-gutterElement")].find((one) => one.clientHeight);
    return [of(comment), of(number)];
}"""
STARTS = """(line) => {
    const range = document.createRange();
    range.selectNodeContents(line);
    return [...new Set([...range.getClientRects()].map((one) => Math.round(one.top / 8)))].map((top) => Math.min(
        ...[...range.getClientRects()].filter((one) => Math.round(one.top / 8) === top).map((one) => one.left)));
}"""


def test_no_tool_for_making_notebooks_comes_into_sight(visit: Callable[..., Visit]) -> None:
    page = visit().lesson()
    expect(output(page, "figure").locator("circle")).to_have_count(3)
    for kind in ("prose", "hidden", "numpy", "exercise", "code"):
        box = page.locator(f'[data-dls="{kind}"]').first
        box.scroll_into_view_if_needed()
        box.hover()
        for name in TOOLS:
            for tool in page.get_by_test_id(name).all():
                expect(tool).to_be_hidden()
    for kind in ("prose", "hidden"):
        for button in page.locator(f'[data-dls="{kind}"]').get_by_test_id("run-button").all():
            expect(button).to_be_hidden()
    for words in ("Keep change", "Revert change", "SQL", "Markdown"):
        expect(page.get_by_role("button", name=words)).to_have_count(0)


def test_a_double_click_on_prose_opens_nothing_and_no_key_deletes_a_box(visit: Callable[..., Visit]) -> None:
    page = visit().lesson()
    expect(output(page, "figure").locator("circle")).to_have_count(3)
    prose = page.locator('[data-dls="prose"]').first
    words = page.locator(".paragraph", has_text="A page for trying things")
    height = prose.evaluate("(node) => node.offsetHeight")
    words.dblclick()
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert prose.evaluate("(node) => node.offsetHeight") == height, "its source has not opened"
    before = page.locator(".marimo-cell").count()
    write(page, "numpy_add", "a_np = 17", run=False)
    page.keyboard.press("Shift+Backspace")
    expect(cell(page, "numpy_add").locator(".cm-content")).to_have_text("a_np = 1")
    page.keyboard.press("Escape")
    page.keyboard.press("Shift+Backspace")
    assert page.locator(".marimo-cell").count() == before


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_comments_and_line_numbers_can_be_read(visit: Callable[..., Visit], scheme: str) -> None:
    page = visit(color_scheme=scheme).lesson()
    cell(page, "patience").scroll_into_view_if_needed()
    page.wait_for_function(f"() => ({CONTRAST})().every((one) => one >= 4.5)")


def characters_in_a_line(page: Page) -> float:
    """How many characters have room in a line of the exercise's box."""
    return float(
        page.evaluate(
            """() => {
                const line = document.querySelector('[data-dls="exercise"] .cm-line');
                const probe = document.createElement("canvas").getContext("2d");
                probe.font = getComputedStyle(line).font;
                return line.clientWidth / probe.measureText("0").width;
            }"""
        )
    )


def test_a_line_has_room_for_88_characters_and_one_that_is_longer_goes_on_under_its_own_indentation(
    visit: Callable[..., Visit],
) -> None:
    page = visit().lesson()
    page.wait_for_function("() => document.querySelector('[data-dls=\"exercise\"] .cm-line') !== null")
    assert characters_in_a_line(page) >= 88
    write(page, "exercise_scale", f"def scale(x):\n    if x:\n        {LONG}", run=False)
    page.set_viewport_size({"width": 390, "height": 900})
    box = cell(page, "exercise_scale")
    box.scroll_into_view_if_needed()
    line = box.locator(".cm-line").nth(2)
    page.wait_for_function(
        f"""(line) => {{
            const found = ({STARTS})(line);
            return found.length > 1 && found.slice(1).every((one) => one > found[0]);
        }}""",
        arg=line.element_handle(),
    )


def test_a_box_that_waits_says_so_in_the_courses_words(visit: Callable[..., Visit]) -> None:
    page = visit().lesson(SECOND)
    waits = output(page, "waits")
    expect(waits.get_by_role("alert")).to_be_attached()
    content = waits.get_by_role("alert").evaluate("(node) => getComputedStyle(node, '::before').content")
    assert content == '"The result appears here once the step above it is done."'
    expect(waits.get_by_text("Ancestor stopped")).to_be_hidden()
