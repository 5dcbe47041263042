"""The overview and the glossary as a learner meets them, in the served course."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dlstudy.course.content import catalogue
from tests.app.conftest import Course
from tests.served import at_rest

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]
WAIT = 120_000  # ms; the page's first cells import torch, on a machine that may be busy

CUT = """() => [...document.querySelectorAll('.output-area')]
    .filter(box => box.scrollHeight > box.clientHeight + 2 && getComputedStyle(box).overflowY !== 'visible')
    .map(box => box.innerText.slice(0, 60))"""


@pytest.fixture(scope="module")
def real_course(new_course: Callable[..., Course]) -> Course:
    return new_course(None).start()


@pytest.fixture
def open_page(real_course: Course, browser: Any) -> Iterator[Callable[..., Any]]:
    contexts = []

    def opened(address: str, **options: Any) -> Any:
        contexts.append(browser.new_context(**{"viewport": {"width": 1200, "height": 900}, **options}))
        page = contexts[-1].new_page()
        page.goto(real_course.address)
        page.goto(f"{real_course.base}/{address}")
        return page

    yield opened
    for context in contexts:
        context.close()


def overview(open_page: Callable[..., Any], **options: Any) -> Any:
    page = open_page("00_Overview.md", **options)
    page.get_by_text("Where should you start?").wait_for(timeout=WAIT)
    page.get_by_text("CUDA available:").last.wait_for(timeout=WAIT)
    return page


def test_the_self_test_recommends_and_remembers(open_page: Callable[..., Any]) -> None:
    page = overview(open_page)
    for right in ("(3,)", "0, 7, 0, 0, 0", "2xy", "24", "w + 0.4", "X @ W, of shape (32, 10)", "Nothing", "The first"):
        page.get_by_role("radio", name=right, exact=True).check()
    page.get_by_role("radio", name="(3, 1)", exact=True).check()
    page.get_by_role("button", name="Tell me where to start").click()
    page.get_by_text("8 of 10 right. Start with 01 Tensors and Autograd.").first.wait_for()
    assert page.get_by_text("Every 1 stretches").is_visible(), "the explanation of a missed question"
    page.reload()
    page.get_by_text("8 of 10 right. Start with 01 Tensors and Autograd.").first.wait_for(timeout=WAIT)


def test_the_comparison_is_measured_when_asked(open_page: Callable[..., Any]) -> None:
    page = overview(open_page)
    recording = page.get_by_text("Not measured here yet")
    assert recording.is_visible()
    page.get_by_role("button", name="Measure it on this machine").click()
    recording.wait_for(state="detached", timeout=WAIT)
    page.get_by_text("20 steps of Adam").wait_for(timeout=WAIT)
    assert page.get_by_text("Measured on ").is_visible()


@pytest.mark.parametrize("width", [1200, 390])
def test_nothing_is_cut_off_and_the_page_does_not_scroll_sideways(open_page: Callable[..., Any], width: int) -> None:
    page = overview(open_page, viewport={"width": width, "height": 900})
    # What is out of sight is not laid out; here everything is looked at.
    page.add_style_tag(content="[data-testid=cell-column] > * { content-visibility: visible !important; }")
    at_rest(page, CUT)
    assert page.evaluate(CUT) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_written_lessons_are_links_and_planned_ones_are_not(open_page: Callable[..., Any]) -> None:
    page = overview(open_page)
    linked = set(page.locator(".dls-roadmap a, .markdown table a").evaluate_all("all => all.map(a => a.innerText)"))
    course = catalogue.load()
    for lesson in course.lessons:
        assert (lesson.title in linked) == lesson.written
        assert (lesson.file in linked) == lesson.written
    page.locator(".dls-roadmap a").first.click()
    page.get_by_role("heading", name=course.lessons[0].title, level=1).wait_for(timeout=WAIT)


def test_the_glossary_opens_and_its_links_lead_to_its_entries(open_page: Callable[..., Any]) -> None:
    page = open_page("Glossary.md")
    page.get_by_role("heading", name="Version counter").wait_for(timeout=WAIT)
    page.get_by_role("link", name="notation").click()
    page.wait_for_function("document.getElementById('notation').getBoundingClientRect().top < innerHeight")


def test_an_address_with_an_entry_opens_at_the_entry(open_page: Callable[..., Any]) -> None:
    page = open_page("Glossary.md#version-counter")
    page.wait_for_function(
        """() => {
            const there = document.getElementById("version-counter")?.getBoundingClientRect();
            return there && there.top >= 0 && there.bottom < innerHeight;
        }""",
        timeout=WAIT,
    )
