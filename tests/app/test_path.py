"""The learner's whole way on the real lesson 01: home, figure, wrong answer, its hint, right answer, green at home."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from dlstudy.course.exercises import load_exercise
from tests.app.conftest import Course
from tests.app.visits import LESSON, Visit, cell, on_disk, output, write

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
    page = visit().lesson()
    page.set_default_timeout(SLOW)
    expect(output(page, "check_flat_index")).to_contain_text(EXERCISE.title, timeout=SLOW)
    slow = "import time as _time\nfor _i in range(80):\n    _time.sleep(0.1)\nprint('through', 6 * 7)"
    write(page, "numpy_strip", slow)
    on_disk(course, "'through'")
    page.reload()
    expect(cell(page, "numpy_strip")).to_contain_text("through 42", timeout=SLOW)


def test_every_written_lesson_opens_without_an_error_of_the_page(visit: Callable[..., Visit], course: Course) -> None:
    for file in sorted(path.name for path in course.learner.glob("*.md")):
        ours = visit(viewport={"width": 390, "height": 844}, color_scheme="dark")
        page = ours.lesson(file)
        page.wait_for_timeout(3000)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, file
        assert [error for error in ours.errors if "preload" not in error] == [], file
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
