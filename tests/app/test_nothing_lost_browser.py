"""What is typed is never lost and never called saved when it is not: a server, a kernel, a disk and a rival fail.

Nobody loads a page by hand here: it comes back by itself when the course does.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from random import Random
from threading import Timer

import psutil
import pytest
from playwright.sync_api import Page, Route, expect

from tests.app.conftest import CONTENT, Course
from tests.app.visits import LESSON, Visit, cell, on_disk, output, write

KILLS = int(os.environ.get("DLSTUDY_KILLS", "3"))
pytestmark = [pytest.mark.browser, pytest.mark.timeout(600 + 60 * KILLS)]

ANSWER = "def scale(x):\n    return 3 * x"
WORDS = "  # typed while it was away"
SIGN = "#dls-sign"
TAIL = (CONTENT / "lessons" / LESSON).read_text(encoding="utf-8").rstrip()[-40:]


def add(page: Page, words: str = WORDS) -> None:
    """Type at the end of the answer's box."""
    cell(page, "exercise_scale").locator(".cm-content").click()
    page.keyboard.press("ControlOrMeta+End")
    page.keyboard.type(words)


@pytest.fixture
def course(new_course: Callable[..., Course]) -> Iterator[Course]:
    """A course of one's own, since it is to be killed."""
    made = new_course().start()
    yield made
    made.stop()


@pytest.fixture
def page(visit: Callable[..., Visit], course: Course) -> Page:
    """The lesson, with an answer that is saved."""
    made = visit(course).lesson()
    expect(output(made, "figure").locator("circle")).to_have_count(3)  # its cells have run
    write(made, "exercise_scale", ANSWER)
    expect(output(made, "check_scale")).to_contain_text("passed")
    on_disk(course, "return 3 * x")
    expect(made.locator(SIGN)).to_have_text("Saved")
    return made


def end(course: Course, how: str) -> None:
    if how == "Ctrl-C":
        assert course.stop() == 0
    else:
        assert course.process is not None
        course.process.kill()
        course.process.wait()


@pytest.mark.parametrize("how", ["Ctrl-C", "kill"])
def test_words_typed_while_the_course_is_away_come_back_and_are_saved(page: Page, course: Course, how: str) -> None:
    end(course, how)
    add(page)
    expect(page.locator(SIGN)).to_have_text("Not connected: your text is kept in this browser; start the course again")
    assert WORDS not in (course.learner / LESSON).read_text(encoding="utf-8")
    course.start()
    on_disk(course, "return 3 * x" + WORDS)
    expect(page.locator(SIGN)).to_have_text("Saved")
    expect(page.locator("#dls-kept")).to_contain_text("is back, in one box")
    expect(cell(page, "exercise_scale").locator(".cm-content")).to_contain_text(WORDS.strip())
    page.locator("#dls-kept").get_by_role("button", name="Good").click()
    expect(page.locator("#dls-kept")).to_be_hidden()
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('dls-kept'))") == []


def test_a_save_whose_answer_is_lost_is_no_reason_for_a_question(page: Page, course: Course) -> None:
    """The server ends between the disk and its answer: the box holds neither what it did when typing began, nor all."""

    def unanswered(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route("**/api/kernel/save", unanswered)
    with page.expect_event("requestfailed", lambda request: request.url.endswith("/api/kernel/save")):
        add(page)
    on_disk(course, WORDS)
    end(course, "kill")
    page.unroute("**/api/kernel/save")
    add(page, " and more")
    course.start()
    on_disk(course, WORDS + " and more")
    expect(page.locator("#dls-kept")).to_contain_text("is back, in one box")


def test_a_tab_that_ends_while_the_course_is_away_has_not_taken_the_words_along(
    visit: Callable[..., Visit], page: Page, course: Course
) -> None:
    end(course, "kill")
    add(page)
    page.wait_for_function("words => Object.values(localStorage).some((one) => one.includes(words))", arg=WORDS)
    page.close()
    course.start()
    context = page.context
    again = context.new_page()
    again.goto(f"{course.base}/?file={LESSON}&access_token={course.token}")
    on_disk(course, "return 3 * x" + WORDS)


def test_a_box_that_was_changed_meanwhile_is_not_replaced(page: Page, course: Course) -> None:
    end(course, "Ctrl-C")
    add(page)
    file = course.learner / LESSON
    file.write_text(file.read_text(encoding="utf-8").replace("return 3 * x", "return x * 3"), encoding="utf-8")
    course.start()
    notice = page.locator("#dls-kept")
    expect(notice).to_contain_text("the box has another text now")
    expect(page.locator(SIGN)).to_have_text("Not saved yet: some of your text is kept in this browser")
    expect(notice.locator("pre")).to_have_text(ANSWER + WORDS)
    expect(cell(page, "exercise_scale").locator(".cm-content")).to_contain_text("return x * 3")
    notice.get_by_role("button", name="Put it into the box").click()
    on_disk(course, "return 3 * x" + WORDS)
    expect(notice).to_contain_text("is back")


def test_a_kernel_that_the_system_ends_is_not_called_closed_by_us(page: Page, course: Course) -> None:
    assert course.process is not None
    add(page)  # within the pause before the autosave, perhaps
    for child in psutil.Process(course.process.pid).children(recursive=True):
        os.kill(child.pid, signal.SIGKILL)
    add(page, " and after it")
    expect(page.locator(SIGN)).to_have_text("This page’s Python has ended; your text is kept in this browser")
    page.get_by_role("button", name="Open it again").click()
    on_disk(course, "return 3 * x" + WORDS + " and after it")
    expect(page.locator(SIGN)).to_have_text("Saved")


def test_a_page_that_another_program_has_changed_is_a_question_and_both_texts_stay(page: Page, course: Course) -> None:
    file = course.learner / LESSON
    theirs = file.read_text(encoding="utf-8").replace("return 3 * x", "return 3 * x  # by another editor")
    file.write_text(theirs, encoding="utf-8")
    add(page)
    expect(page.locator(SIGN)).to_have_text("Not saved: another program has changed this page’s file")
    assert file.read_text(encoding="utf-8") == theirs
    page.get_by_role("button", name="Keep this text").click()
    on_disk(course, WORDS)
    expect(page.locator(SIGN)).to_have_text("Saved")
    backups = [path.read_text(encoding="utf-8") for path in course.learner.glob(".dlstudy/backups/*/*.md")]
    assert theirs in backups
    # and the other way round
    file.write_text(theirs, encoding="utf-8")
    add(page, " mine")
    page.get_by_role("button", name="Take the other").click()
    expect(cell(page, "exercise_scale").locator(".cm-content")).to_contain_text("by another editor")
    assert file.read_text(encoding="utf-8") == theirs
    backups = [path.read_text(encoding="utf-8") for path in course.learner.glob(".dlstudy/backups/*/*.md")]
    assert any(WORDS + " mine" in text for text in backups)
    expect(page.locator("#dls-kept")).to_be_hidden()


@pytest.mark.skipif(not hasattr(psutil, "RLIMIT_FSIZE"), reason="only Linux lets the space of a running process shrink")
def test_a_disk_that_fills_is_said_and_the_text_is_saved_once_there_is_room(page: Page, course: Course) -> None:
    assert course.process is not None
    server, file = psutil.Process(course.process.pid), course.learner / LESSON
    before, (_, most) = file.read_text(encoding="utf-8"), server.rlimit(psutil.RLIMIT_FSIZE)
    server.rlimit(psutil.RLIMIT_FSIZE, (len(before) // 2, most))  # a longer file has no room
    add(page)
    expect(page.locator(SIGN)).to_have_text("Not saved: File too large.")
    assert file.read_text(encoding="utf-8") == before, "the old text is whole"
    assert not list(course.learner.glob(".*.tmp"))
    # what was taken back is not the text that was saved last, as far as the disk goes
    add(page, " and more")
    expect(page.locator(SIGN)).to_have_text("Not saved: File too large.")
    server.rlimit(psutil.RLIMIT_FSIZE, (most, most))
    on_disk(course, WORDS + " and more")
    expect(page.locator(SIGN)).to_have_text("Saved")


@pytest.mark.parametrize("kills", [KILLS])
def test_a_server_that_is_killed_again_and_again_while_somebody_types_loses_nothing(
    page: Page, course: Course, kills: int
) -> None:
    """At random moments, some of them within an autosave's pause; `DLSTUDY_KILLS=200` makes a long trial of it."""
    random, file, box = Random(kills), course.learner / LESSON, cell(page, "exercise_scale").locator(".cm-content")
    said, signs, looks = "  #", [], 0
    add(page, said)
    for number in range(kills):
        assert course.process is not None
        end_at = Timer(random.uniform(0, 3), course.process.kill)
        end_at.start()
        for letter in f" w{number} and more":
            page.keyboard.type(letter, delay=1_100 if random.random() < 0.1 else random.uniform(0, 150))
            said += letter
            if page.locator(SIGN).text_content() == "Saved":
                looks += 1
                if box.inner_text().strip() not in file.read_text(encoding="utf-8"):
                    signs.append(f"saved was said of {said[-20:]!r}")
        end_at.join()
        course.process.wait()
        assert file.read_text(encoding="utf-8").rstrip().endswith(TAIL), "the page is whole"
        course.start()
        on_disk(course, said)
        expect(page.locator(SIGN)).to_have_text("Saved")
        add(page, "")
        print(f"{number + 1} kills, {looks} times saved was said, false: {len(signs)}", flush=True)
    assert signs == []
