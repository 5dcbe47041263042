"""Search, notes, review and the weekly plan as a learner meets them, in a real browser."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from dlstudy.course.learner import notes
from dlstudy.course.learner.progress import Progress
from tests.app.conftest import CONTENT, Course
from tests.app.visits import LESSON, Visit, cell, on_disk, output, write

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

QUIZ = """
[[question]]
id = "sum"
question = "What is `1 + 1`?"
options = [
  { text = "two", correct = true, why = "Count them." },
  { text = "eleven", why = "That would be *gluing* <b>them</b>." },
]
"""
LONG_AGO = "2026-01-05T10:00:00+00:00"


@pytest.fixture(scope="module")
def course(new_course: Callable[..., Course], throwaway: Path) -> Course:
    content = throwaway / "desk-content"
    shutil.copytree(CONTENT, content)
    (content / "exercises" / "01" / "quiz.toml").write_text(QUIZ, encoding="utf-8")
    page = content / "lessons" / "01_Tensors_and_Autograd.md"
    filler = "\n\n".join(f"Paragraph {n} of a text that is long enough to be scrolled." for n in range(40))
    page.write_text(
        page.read_text(encoding="utf-8") + f"\n\n{filler}\n\n## Far down · further\n\nThe quokka sleeps.\n\n{filler}",
        encoding="utf-8",
    )
    return new_course(content).start()


@pytest.fixture(autouse=True)
def fresh(course: Course) -> None:
    with course.client() as client:
        client.put("/api/course/reset", json={"lesson": "01", "progress": True}).raise_for_status()
    with progress_of(course) as progress:
        for note in notes.all_notes(progress):
            notes.remove(progress, note.id)


def progress_of(course: Course) -> Progress:
    return Progress(course.learner / ".dlstudy" / "progress.sqlite")


def age(course: Course) -> None:
    """As if all that was recorded had happened long ago."""

    def work(db) -> None:
        for table in ("attempts", "quiz", "hints", "solutions"):
            db.execute(f"UPDATE {table} SET at = ?", (LONG_AGO,))

    with progress_of(course) as progress:
        progress.write(work, None)


def clean(page: Page, context: str | None = None) -> None:
    rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa"]}
    found = Axe().run(page, context=context, options=rules).response["violations"]
    assert found == [], [(entry["id"], [node["html"][:120] for node in entry["nodes"]]) for entry in found]


def in_sight(page: Page, id: str) -> None:
    page.wait_for_function(
        "id => { const e = document.getElementById(id); if (!e) return false;"
        "const t = e.getBoundingClientRect().top; return t > 40 && t < 250; }",
        arg=id,
    )


def test_search_leads_into_the_text_by_keyboard_alone(visit: Callable[..., Visit]) -> None:
    page = visit().home()
    page.keyboard.press("/")
    page.keyboard.type("quok")
    first = page.locator(".results a").first
    expect(first).to_contain_text("Far down")
    expect(first.locator("mark")).to_have_text("quokka")
    expect(page.locator("#found")).to_have_text("1 place; Enter opens Far down")
    page.keyboard.press("ArrowDown")
    expect(first).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("searchbox")).to_be_focused()
    clean(page)
    page.keyboard.press("Escape")
    expect(page.locator(".results")).to_be_hidden()
    page.keyboard.press("/")
    page.keyboard.type("quokka")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(LESSON))
    in_sight(page, "far-down-further")


def test_all_results_stand_on_a_page_of_their_own(visit: Callable[..., Visit], course: Course) -> None:
    page = visit(color_scheme="dark").home()
    page.goto(f"{course.base}/search?q=quokka")
    expect(page.locator(".places li")).to_have_count(1)
    clean(page)
    page.get_by_role("searchbox").fill("no such words <b>")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").last).to_contain_text("Nothing in the course")
    expect(page.get_by_role("searchbox")).to_have_value("no such words <b>")
    page.get_by_role("link", name="Lessons").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Deep Learning Study Guide")


def test_a_note_is_kept_at_its_place_and_found_again(visit: Callable[..., Visit], course: Course) -> None:
    ours = visit()
    page = ours.lesson()
    page.goto(page.url + "#far-down-further")
    in_sight(page, "far-down-further")
    summary = page.get_by_label("Notes and bookmarks on this page")
    summary.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".dls-place")).to_have_text("Far down")
    expect(page.get_by_label("A note, if you like")).to_be_focused()
    page.keyboard.type("Why does it sleep? <b>")
    page.keyboard.press("ControlOrMeta+Enter")
    expect(page.locator(".dls-said")).to_have_text("Kept.")
    expect(page.locator("#dls-notes li .dls-text")).to_have_text("Why does it sleep? <b>")
    expect(page.locator(".dls-many")).to_have_text("1")
    clean(page, "#dls-bar")
    page.get_by_role("button", name="Change the note at Far down").click()
    page.keyboard.press("End")
    page.keyboard.type(" Perhaps the heat.")
    page.get_by_role("button", name="Keep", exact=True).click()
    expect(page.locator("#dls-notes li .dls-text")).to_contain_text("heat")
    page.keyboard.press("Escape")
    expect(summary).to_be_focused()

    home = ours.home()
    expect(home.locator("#notes li")).to_have_count(1)
    expect(home.locator("#notes .text")).to_have_text("Why does it sleep? <b> Perhaps the heat.")
    home.get_by_role("searchbox").fill("heat")
    expect(home.locator(".results a").first).to_contain_text("your note")
    home.keyboard.press("Escape")
    home.locator("#notes a").click()
    expect(home).to_have_url(re.compile("far-down"))

    page.bring_to_front()
    summary.click()
    page.get_by_role("button", name="Remove the mark at Far down").click()
    expect(page.locator("#dls-notes li")).to_have_count(0)
    page.get_by_role("button", name="Bring the removed mark back").click()
    expect(page.locator("#dls-notes li .dls-text")).to_contain_text("heat")
    with progress_of(course) as progress:
        file = progress.export(course.home / "export.dlstudy")
    with Progress(course.home / "elsewhere.sqlite") as other:
        other.import_(file)
        assert "heat" in notes.all_notes(other)[0].text


def test_a_bookmark_needs_no_words(visit: Callable[..., Visit], course: Course) -> None:
    page = visit().lesson()
    page.get_by_label("Notes and bookmarks on this page").click()
    page.get_by_role("button", name="Keep", exact=True).click()
    expect(page.locator("#dls-notes li a")).to_have_text("Tensors and Autograd")
    with progress_of(course) as progress:
        (note,) = notes.all_notes(progress)
    assert (note.page, note.place, note.text) == (LESSON, "", "")


def test_a_note_that_cannot_be_kept_stays_in_its_box(visit: Callable[..., Visit], course: Course) -> None:
    page = visit().lesson()
    page.route("**/api/course/note", lambda route: route.abort())
    page.get_by_label("Notes and bookmarks on this page").click()
    page.keyboard.type("precious words")
    page.get_by_role("button", name="Keep", exact=True).click()
    expect(page.locator(".dls-said")).to_contain_text("does not answer")
    expect(page.get_by_label("A note, if you like")).to_have_value("precious words")
    page.keyboard.press("Escape")
    page.get_by_label("Notes and bookmarks on this page").click()
    expect(page.get_by_label("A note, if you like")).to_have_value("precious words")


def test_a_question_that_went_wrong_comes_back_and_is_answered_on_the_home_page(
    visit: Callable[..., Visit], course: Course
) -> None:
    with progress_of(course) as progress:
        progress.record_quiz("01", "sum", "b", False)
    page = visit().home()
    review = page.locator("#review")
    expect(review).to_contain_text("Nothing for today. 1 thing comes back, the next tomorrow.")
    age(course)
    page.reload()
    expect(review.locator(".count")).to_have_text("1")
    assert "correct" not in review.inner_html()
    assert "Count them" not in review.inner_html(), "the answer is not on the page before it is given"
    review.locator("summary").focus()
    page.keyboard.press("Enter")
    review.get_by_role("button", name="Answer").click()
    expect(review.locator(".answer")).to_have_text("Choose an answer first.")
    review.get_by_label("eleven").check()
    clean(page)
    review.get_by_role("button", name="Answer").click()
    expect(review.locator(".answer")).to_contain_text("Not right. It comes back tomorrow.")
    expect(review.locator(".answer")).to_contain_text("gluing <b>them</b>")
    for _ in range(2):
        page.wait_for_event("response", lambda response: response.url.endswith("/api/progress"))
    expect(review.locator(".answer")).to_contain_text("gluing"), "the poll does not take the explanation away"
    review.get_by_role("button", name="Go on").click()
    expect(review).to_contain_text("the next tomorrow")
    age(course)
    page.reload()
    review.locator("summary").click()
    review.get_by_label("two").check()
    review.get_by_role("button", name="Answer").click()
    expect(review.locator(".answer")).to_contain_text("Right. Count them.")
    review.get_by_role("button", name="Go on").click()
    expect(review).to_contain_text("the next in 3 days")


def test_an_exercise_that_needed_help_is_written_once_more(visit: Callable[..., Visit], course: Course) -> None:
    ours = visit()
    page = ours.lesson()
    write(page, "exercise_scale", "def scale(x):\n    return 3 * x")
    on_disk(course, "return 3 * x")
    with progress_of(course) as progress:
        progress.record_attempt("01/scale", passed=False, source="x", verdict="failed")
    home = ours.home()
    expect(home.locator("#review")).to_contain_text("Nothing for today")
    age(course)
    home.reload()
    expect(home.locator("#review")).to_contain_text("Still open")
    with progress_of(course) as progress:
        progress.record_attempt("01/scale", passed=True, source="def scale(x):\n    return 3 * x", verdict="passed")
    age(course)
    home.reload()
    before = (course.learner / LESSON).read_text(encoding="utf-8")
    home.get_by_role("button", name="Write it again").click()
    expect(home.locator("#review")).to_contain_text("your answer is kept in .dlstudy/backups")
    home.get_by_role("button", name="Not now").click()
    expect(home.get_by_role("button", name="Write it again")).to_be_focused()
    assert (course.learner / LESSON).read_text(encoding="utf-8") == before
    home.get_by_role("button", name="Write it again").click()
    home.get_by_role("button", name="Begin").click()
    expect(home).to_have_url(re.compile("#exercise_scale"))
    expect(cell(home, "exercise_scale").locator(".cm-content")).not_to_contain_text("return 3 * x")
    expect(output(home, "check_scale")).to_contain_text("not yet")
    backups = (course.learner / ".dlstudy" / "backups").rglob("*.md")
    assert any("return 3 * x" in path.read_text(encoding="utf-8") for path in backups)
    with progress_of(course) as progress:
        same = {"source": "def scale(x):\n    return 3 * x", "verdict": "passed", "passed": True}
        assert progress.record_attempt("01/scale", **same), "the same words, written once more, count"
    home.goto(course.base)
    expect(home.locator("#review")).to_contain_text("the next in 3 days")


def test_a_page_is_closed_from_the_home_page_and_what_was_just_typed_is_saved(
    visit: Callable[..., Visit], course: Course
) -> None:
    ours = visit()
    page, home = ours.lesson(), ours.home()
    row = home.locator("#pages li").filter(has_text="01 Tensors and Autograd")
    expect(row.locator(".facts")).to_contain_text(re.compile(r"\d MB"))
    clean(home)
    page.bring_to_front()
    write(page, "exercise_scale", "def scale(x):\n    return 3 * x  # the last words", run=False)
    home.bring_to_front()
    home.get_by_role("button", name="Close 01 Tensors and Autograd and free its memory").click()
    expect(home.locator("#pages .said")).to_have_text("Closed. What you wrote is saved.")
    expect(row).to_have_count(0)
    assert "the last words" in (course.learner / LESSON).read_text(encoding="utf-8")
    page.bring_to_front()
    expect(page.locator("#dls-sign")).to_have_text("Closed to free memory; what you wrote is saved")
    page.get_by_role("button", name="Open it again").click()
    expect(page.locator("#dls-sign")).to_have_text("Saved")
    expect(cell(page, "exercise_scale").locator(".cm-content")).to_contain_text("the last words")
    expect(output(page, "check_scale")).to_contain_text("passed")


def test_an_idle_page_is_closed_and_one_that_runs_is_not(
    visit: Callable[..., Visit], new_course: Callable[..., Course]
) -> None:
    course = new_course().start()
    ours = visit(course)
    page, other = ours.lesson(), ours.lesson("02_Neural_Network_Basics.md")
    write(page, "exercise_scale", "def scale(x):\n    return 3 * x")
    expect(output(page, "check_scale")).to_contain_text("passed")
    on_disk(course, "return 3 * x")
    rested = course.home / "rested"
    write(
        page,
        "patience",
        f"import os, time\n\nwhile not os.path.exists({str(rested)!r}): time.sleep(0.01)\n'well rested'",
    )
    expect(page.locator('[data-testid="cell-status"][data-status="running"]').first).to_be_attached()
    with progress_of(course) as progress:
        progress.choose("idle-hours", str(2 / 3600))  # two seconds, which no menu offers
    closed = "Closed to free memory; what you wrote is saved"
    expect(other.locator("#dls-sign")).to_have_text(closed)
    expect(page.locator("#App")).to_have_attribute("data-connection-state", "OPEN")
    rested.touch()
    expect(output(page, "patience")).to_contain_text("well rested")
    expect(page.locator("#dls-sign")).to_have_text(closed)
    with progress_of(course) as progress:
        progress.choose("idle-hours", "4")
    page.get_by_role("button", name="Open it again").click()
    expect(output(page, "check_scale")).to_contain_text("passed")
    course.stop()


def test_the_learner_chooses_when_pages_are_closed(visit: Callable[..., Visit], course: Course) -> None:
    ours = visit(viewport={"width": 390, "height": 844})
    ours.lesson()
    home = ours.home()
    with home.expect_response("**/api/course/idle"):
        home.locator("#idle").select_option("12")
    home.reload()
    expect(home.locator("#idle")).to_have_value("12")
    assert home.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_week_holds_its_lessons_and_what_is_left(visit: Callable[..., Visit], course: Course) -> None:
    page = visit().home()
    week = page.locator("#week")
    expect(week.locator(".which")).to_have_text("Basics week 1 of 10")
    expect(week.locator("> ol > li")).to_have_count(4)
    expect(week.locator("> ol > li").first).to_contain_text("2 h 55")
    expect(week.locator("> ol > li.planned")).to_have_count(2)
    week.get_by_text("All 10 weeks").click()
    expect(week.locator(".weeks li")).to_have_count(7)
    expect(week.locator(".weeks li[aria-current]")).to_contain_text("Week 1: Basics")
    with progress_of(course) as progress:
        progress.record_attempt("01/scale", passed=True, source="x", verdict="passed")
    expect(week.locator("> ol > li").first).to_contain_text("1 h 30 left")
    expect(week.locator(".weeks")).to_be_visible(), "what was unfolded stays so"
    with progress_of(course) as progress:
        progress.record_quiz("01", "sum", "a", True)
        progress.add_time("01", 3600)
    expect(week.locator("> ol > li").first).to_contain_text("done")
    expect(week).to_contain_text("You have studied 1 h")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_panels_fit_a_telephone_and_hold_the_rules(
    visit: Callable[..., Visit], course: Course, scheme: str
) -> None:
    with progress_of(course) as progress:
        progress.record_quiz("01", "sum", "b", False)
        notes.save(progress, LESSON, "", "a-very-long-heading-" * 9, "https://example.org/" + "x" * 200)
    age(course)
    page = visit(viewport={"width": 390, "height": 844}, color_scheme=scheme).home()
    page.locator("#review summary").click()
    page.get_by_role("searchbox").fill("tensor")
    expect(page.locator(".results a").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    clean(page)
