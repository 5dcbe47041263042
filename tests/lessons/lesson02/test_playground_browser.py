"""The playground in a real browser: it trains, pauses, obeys the keyboard, and leaves the page's kernel free."""

from __future__ import annotations

import pytest

from tests.served import figure_page

pytestmark = pytest.mark.browser

NOTEBOOK = """
import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo
    from dlstudy.lessons.lesson02.playground import Playground
    return Playground, mo


@app.cell
def _(Playground, mo):
    mo.ui.anywidget(Playground("ring", 1, 4))
    return


@app.cell
def _(mo):
    press = mo.ui.button(label="count", value=0, on_click=lambda value: value + 1)
    press
    return (press,)


@app.cell
def _(mo, press):
    mo.md(f"counted to {press.value}")
    return
"""


open_page = figure_page(NOTEBOOK, ".dls-playground .map canvas")


@pytest.fixture
def figure(open_page):
    return open_page(width=900, height=1000).locator(".dls-playground")


def steps(figure) -> int:
    return int(figure.locator(".facts .steps").text_content().replace(",", ""))


def wait_for_steps(figure, more_than: int) -> int:
    arrived = "([node, steps]) => Number(node.textContent.replaceAll(',', '')) > steps"
    shown = figure.locator(".facts .steps").element_handle()
    figure.page.wait_for_function(arrived, arg=[shown, more_than], timeout=60_000)
    return steps(figure)


def count_once(page) -> None:
    """Press the other button of the page: the kernel answers in order, so it has answered all that was asked before."""
    from playwright.sync_api import expect

    said = page.locator(".paragraph", has_text="counted to")
    counted = int(said.inner_text().split()[-1])
    page.get_by_role("button", name="count", exact=True).click()
    expect(said).to_have_text(f"counted to {counted + 1}", timeout=10_000)


def assert_at_rest(figure) -> None:
    """Nothing is trained any more: not while the page draws some frames, and the kernel does other things."""
    frames = (
        "n => new Promise(done => { const next = () => (n-- > 0 ? requestAnimationFrame(next) : done()); next(); })"
    )
    figure.page.evaluate(frames, 5)  # that it is out of sight is told after a frame
    count_once(figure.page)
    rest = steps(figure)
    for _ in range(3):
        figure.page.evaluate(frames, 10)
        count_once(figure.page)
        assert steps(figure) == rest


def map_bytes(figure) -> list[int]:
    """The colours of the large map."""
    return figure.locator(".map canvas").first.evaluate(
        "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
    )


def test_it_trains_on_and_on_until_it_is_paused(figure):
    from playwright.sync_api import expect

    expect(figure.locator(".steps")).to_have_text("0")
    before = map_bytes(figure)
    figure.get_by_role("button", name="Train").click()
    first = wait_for_steps(figure, 0)
    wait_for_steps(figure, first)
    figure.get_by_role("button", name="Pause").click()
    expect(figure.get_by_role("status")).to_contain_text("Paused")
    assert_at_rest(figure)
    assert map_bytes(figure) != before
    assert "Loss, from" in figure.locator(".dls-loss").get_attribute("aria-label")


def test_the_keyboard_trains_steps_and_pauses(figure):
    from playwright.sync_api import expect

    one = figure.get_by_role("button", name="One step")
    one.focus()
    one.press("Enter")
    expect(figure.locator(".steps")).to_have_text("1")
    one.press("Space")
    expect(figure.locator(".steps")).to_have_text("2")
    go = figure.locator(".dls-go")
    go.focus()
    go.press("Space")
    expect(go).to_have_text("❚❚ Pause")
    wait_for_steps(figure, 2)
    go.press("Space")
    expect(go).to_have_text("▶ Train")


def test_every_setting_reaches_the_network_and_its_picture(figure):
    from playwright.sync_api import expect

    for label, value in (("hidden layers", "3"), ("units in each", "6"), ("activation", "none"), ("points", "xor")):
        figure.get_by_label(label, exact=True).select_option(value)
    expect(figure.locator(".layer")).to_have_count(3)
    expect(figure.locator(".units canvas")).to_have_count(18)
    expect(figure.locator(".count")).to_have_text(str((2 * 6 + 6) + 2 * (6 * 6 + 6) + (6 * 2 + 2)))
    before = map_bytes(figure)
    figure.get_by_role("button", name="Other weights and points").click()
    expect(figure.locator(".steps")).to_have_text("0")
    figure.page.wait_for_function(
        """([canvas, before]) => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data
            .some((value, place) => value !== before[place])""",
        arg=[figure.locator(".map canvas").first.element_handle(), before],
    )
    figure.get_by_label("hidden layers", exact=True).select_option("0")
    expect(figure.locator(".units")).to_contain_text("No hidden layer")
    figure.get_by_label("hidden layers", exact=True).select_option("1")


def test_the_page_answers_while_it_trains(figure):
    figure.get_by_role("button", name="Train").click()
    wait_for_steps(figure, 0)
    for _ in range(3):
        before = steps(figure)
        count_once(figure.page)
        wait_for_steps(figure, before)
    figure.get_by_role("button", name="Pause").click()


def test_out_of_sight_it_rests(figure):
    figure.get_by_role("button", name="Train").click()
    wait_for_steps(figure, 0)
    figure.evaluate("node => { node.style.display = 'none'; }")
    assert_at_rest(figure)
    rest = steps(figure)
    figure.evaluate("node => { node.style.display = ''; }")
    wait_for_steps(figure, rest)
    figure.get_by_role("button", name="Pause").click()
