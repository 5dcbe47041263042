"""The learner's whole way on the real lesson 01: home, figure, wrong answer, its hint, right answer, green at home."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from dlstudy.course.content import paths
from dlstudy.course.content.exercises import load_exercise
from tests.app.conftest import Course
from tests.app.visits import LESSON, Visit, cell, on_disk, output, write
from tests.served import at_rest

pytestmark = [pytest.mark.browser, pytest.mark.lessons, pytest.mark.timeout(900)]

EXERCISE = load_exercise("01/flat-index")
SLOW = 180_000  # ms: the page imports torch, and other tests may run beside this one


@pytest.fixture(scope="module")
def course(new_course: Callable[..., Course]) -> Course:
    """The real lessons and exercises."""
    return new_course(None).start()


def words(markdown: str) -> str:
    """The first plain words of a Markdown text, as they stand on the page."""
    return max(re.split(r"[`*$\n]", markdown), key=len).strip()


def test_from_the_home_page_to_the_first_passed_exercise(visit: Callable[..., Visit], course: Course) -> None:
    ours = visit()
    home = ours.home()
    home.set_default_timeout(SLOW)
    expect(home.locator("#continue")).to_contain_text("Begin here")
    expect(home.locator("#continue")).to_contain_text("01 Tensors and Autograd")
    total = home.locator("#lesson-01 .state").inner_text().split()[-1]
    page = ours.page()
    page.set_default_timeout(SLOW)
    page.goto(course.base)
    page.locator("#continue a.go").click()
    expect(page).to_have_url(re.compile(LESSON))

    card = output(page, f"check_{EXERCISE.cell_name.removeprefix('exercise_')}")
    expect(card).to_contain_text(EXERCISE.title, timeout=SLOW)
    expect(card).to_contain_text("Not done yet", timeout=SLOW)

    viewer = page.get_by_label("Chain of views on x").first
    viewer.scroll_into_view_if_needed()
    figure = page.locator("section.dls-fig").filter(has=viewer).first
    before = figure.inner_text()
    viewer.fill("x.T[1:]")
    viewer.press("Enter")
    expect(figure).not_to_have_text(before, timeout=SLOW)

    wrong = EXERCISE.wrong[0]
    write(page, EXERCISE.cell_name, EXERCISE.wrong_source(wrong))
    expect(card).to_contain_text(words(wrong.hint), timeout=SLOW)
    expect(page.locator("#dls-progress i.tried")).to_have_count(1, timeout=SLOW)
    others = [other for other in EXERCISE.wrong if other.id != wrong.id]
    for other in others:
        expect(card).not_to_contain_text(words(other.hint))

    write(page, EXERCISE.cell_name, EXERCISE.solution)
    expect(card).to_contain_text(re.compile("passed|right|done", re.IGNORECASE), timeout=SLOW)
    expect(page.locator("#dls-progress i.passed")).to_have_count(1, timeout=SLOW)
    on_disk(course, EXERCISE.cut)

    home.bring_to_front()
    expect(home.locator("#lesson-01 .state")).to_have_text(f"1 of {total}", timeout=SLOW)
    expect(home.locator("#continue")).to_contain_text("Continue where you were", timeout=SLOW)
    assert [error for error in ours.errors if "preload" not in error] == []


def test_reload_in_the_middle_of_a_run_reconnects(visit: Callable[..., Visit], course: Course) -> None:
    go_on = course.home / "go-on"
    page = visit().lesson()
    page.set_default_timeout(SLOW)
    expect(output(page, "check_flat_index")).to_contain_text(EXERCISE.title, timeout=SLOW)
    waiting = f"while not _os.path.exists({str(go_on)!r}):\n    _time.sleep(0.01)"
    slow = f"import os as _os, time as _time\n{waiting}\nprint('through', 6 * 7)"
    write(page, "numpy_strip", slow)
    on_disk(course, "'through'")
    page.reload()
    expect(page.locator("#App")).to_have_attribute("data-connection-state", "OPEN", timeout=SLOW)
    expect(cell(page, "numpy_strip")).to_be_attached(timeout=SLOW)
    go_on.touch()
    expect(cell(page, "numpy_strip")).to_contain_text("through 42", timeout=SLOW)


PAGES = sorted(path.name for path in paths.lessons_folder().glob("*.md"))

STATE = """() => {
    const cells = [...document.querySelectorAll('[data-cell-name]')].map(cell => [
        cell.querySelector('[data-testid=cell-status]')?.dataset.status, cell.innerText.length]);
    const busy = !cells.length || cells.some(([status]) => ['running', 'queued'].includes(status));
    return busy ? Math.random() : cells;  // while a cell runs, no look is like the one before
}"""
RAW = r"""() => [...document.querySelectorAll('details .paragraph, details li')]
    .map(text => { const copy = text.cloneNode(true);
                   copy.querySelectorAll('code, pre, marimo-tex').forEach(part => part.remove());
                   return copy.textContent; })
    .filter(text => /\*\*|`|\]\(|^#+ /m.test(text))"""
UNFOLDED = "() => [...document.querySelectorAll('#App details')].forEach(fold => fold.open = true)"
FAILED = """() => [...document.querySelectorAll('.has-error, [data-testid=cell-error], .marimo-error')]
    .map(cell => cell.closest('[data-cell-name]')?.dataset.cellName + ': ' + cell.innerText.slice(0, 300))"""


@pytest.mark.parametrize("file", PAGES)
def test_every_page_opens_without_an_error_and_fits_a_telephone(
    visit: Callable[..., Visit], course: Course, file: str
) -> None:
    """As opened, in the dark, at 390 pixels: no failed cell, no raw Markdown in a fold, nothing that sticks out."""
    ours = visit(viewport={"width": 390, "height": 844}, color_scheme="dark")
    page = ours.lesson(file)
    at_rest(page, STATE, times=20, timeout=SLOW)
    page.evaluate(UNFOLDED)
    assert page.evaluate(FAILED) == []
    assert page.evaluate(RAW) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert [error for error in ours.errors if "preload" not in error] == []
    page.close()


def test_a_link_into_the_glossary_arrives_at_its_term(visit: Callable[..., Visit], course: Course) -> None:
    if not (course.learner / "Glossary.md").is_file():
        pytest.fail("the glossary is missing")
    ours = visit()
    page = ours.home()
    page.goto(f"{course.base}/Glossary.md")
    heading = page.locator("[data-testid=cell-column] :is(h2, h3)[id]").last
    heading.wait_for()
    name = heading.get_attribute("id")
    page.goto(f"{course.base}/Glossary.md#{name}")
    expect(page.locator(f"[id='{name}']")).to_be_in_viewport(timeout=SLOW)
