"""A lesson that was changed and has a newer version: put together in the browser, and taken back."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.app.conftest import CONTENT, Course
from tests.app.visits import LESSON, Visit, cell, output, write

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


@pytest.fixture
def course(new_course: Callable[..., Course], throwaway: Path, request: pytest.FixtureRequest) -> Course:
    """A learner who solved the exercise, changed a text, and then got the next version of the course."""
    content = throwaway / f"merge-{abs(hash(request.node.name))}"
    shutil.copytree(CONTENT, content)
    course = new_course(content).start()
    course.stop()
    mine = course.learner / LESSON
    text = mine.read_text(encoding="utf-8")
    mine.write_text(
        text.replace("    ...", "    return 3 * x").replace("A page for trying things", "My page for trying things"),
        encoding="utf-8",
    )
    shipped = content / "lessons" / LESSON
    shipped.write_text(
        text.replace("    ...", "    ...  # your turn")
        .replace("A page for trying things", "A page for trying more things")
        .replace("a_np + 1", "a_np + 2"),
        encoding="utf-8",
    )
    return course.start()


def clean(page: Page) -> None:
    rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa"]}
    found = Axe().run(page, options=rules).response["violations"]
    assert found == [], [(entry["id"], [node["html"][:120] for node in entry["nodes"]]) for entry in found]


def test_put_together_by_keyboard_and_taken_back(visit: Callable[..., Visit], course: Course) -> None:
    before = (course.learner / LESSON).read_text(encoding="utf-8")
    ours = visit(course)
    lesson = ours.lesson()
    expect(output(lesson, "check_scale")).to_contain_text("passed")
    home = ours.home()
    expect(home.locator("#newer")).to_contain_text("A newer version has come of what you had changed")
    home.locator("#newer a").click()
    page = home
    expect(page.locator(".place")).to_have_count(3)
    expect(page.locator(".place[open]")).to_have_count(2)
    expect(page.locator(".place").nth(1)).not_to_have_attribute("open", "")
    clean(page)
    answer = page.locator(".place").filter(has_text="Exercise: Scale")
    expect(answer.get_by_label("Yours", exact=True)).to_be_checked()
    text = page.locator(".place").first
    expect(text.locator(".differs").first).to_contain_text("My page for trying things")
    expect(text.get_by_label("New", exact=True)).to_be_checked()
    text.get_by_label("New", exact=True).focus()
    page.keyboard.press("ArrowLeft")
    expect(text.get_by_label("Yours", exact=True)).to_be_checked()
    page.get_by_role("button", name="Preview").focus()
    page.keyboard.press("Enter")
    preview = page.locator("#preview pre")
    expect(preview).to_be_focused()
    for words in ("My page for trying things", "return 3 * x", "a_np + 2"):
        expect(preview).to_contain_text(words)
    assert (course.learner / LESSON).read_text(encoding="utf-8") == before, "a preview writes nothing"
    page.get_by_role("button", name="Put them together").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".said")).to_contain_text("Your page as it was is kept in .dlstudy/backups/")
    merged = (course.learner / LESSON).read_text(encoding="utf-8")
    for words in ("My page for trying things", "return 3 * x", "a_np + 2"):
        assert words in merged
    lesson.bring_to_front()
    expect(cell(lesson, "numpy_add").locator(".cm-content")).to_contain_text("a_np + 2")
    expect(output(lesson, "check_scale")).to_contain_text("passed")
    page.bring_to_front()
    page.get_by_role("button", name="Take it back").click()
    expect(page.locator("#merge")).to_be_visible()
    expect(page.locator(".place")).to_have_count(3)
    assert (course.learner / LESSON).read_text(encoding="utf-8") == before
    page.goto(course.base)
    expect(page.locator("#newer")).to_be_visible()


def test_all_of_one_side_and_what_happens_meanwhile(visit: Callable[..., Visit], course: Course) -> None:
    ours = visit(course, viewport={"width": 390, "height": 844}, color_scheme="dark")
    page = ours.home()
    page.goto(f"{course.base}/merge?file={LESSON}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    clean(page)
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="The new one everywhere").click()
    expect(page.locator("#preview pre")).to_contain_text("your turn")
    page.get_by_role("button", name="As proposed").click()
    expect(page.locator("#preview pre")).to_contain_text("return 3 * x")
    expect(page.locator("#preview pre")).to_contain_text("trying more things")
    lesson = ours.lesson()
    write(lesson, "exercise_scale", "def scale(x):\n    return 3.0 * x", run=False)
    page.bring_to_front()
    page.get_by_role("button", name="Put them together").click()
    expect(page.get_by_role("alert")).to_contain_text("has changed meanwhile")
    page.reload()
    page.get_by_role("button", name="Put them together").click()
    expect(page.locator(".said")).to_contain_text("Done.")
    assert "3.0 * x" in (course.learner / LESSON).read_text(encoding="utf-8")
    page.reload()
    expect(page.get_by_role("status").first).to_contain_text("up to date")
    page.get_by_role("button", name="Take the last one back").click()
    expect(page.locator(".place")).to_have_count(3)  # the engine's save has changed the order of options, no more


def test_the_bar_leads_there_and_a_page_without_one_says_so(visit: Callable[..., Visit], course: Course) -> None:
    ours = visit(course)
    page = ours.lesson()
    page.locator("#dls-menu summary").click()
    page.get_by_role("link", name="Put the two together").click()
    expect(page).to_have_url(re.compile(rf"/merge\?file={LESSON}"))
    page.goto(f"{course.base}/merge?file=02_Neural_Network_Basics.md")
    expect(page.get_by_role("status").first).to_contain_text("up to date")
    page.goto(f"{course.base}/merge?file=../x.md")
    expect(page.get_by_role("heading", level=1)).to_have_text("There is no such page")
    with course.client() as client:
        for wish in ({}, {"file": LESSON, "sides": {"x": "theirs"}}, {"file": LESSON, "stamp": "old"}):
            assert client.put("/api/course/merge", json=wish).status_code == 400, wish
        assert client.put("/api/course/merge/undo", json={"file": LESSON}).status_code == 400
