"""A learner at their browser, for the tests: open pages, find cells, write code, and note what went wrong."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.app.conftest import Course

LESSON = "01_Tensors_and_Autograd.md"
PATIENCE = 45_000  # ms; generous, since nothing here measures speed
expect.set_options(timeout=PATIENCE)


@dataclass
class Visit:
    """A learner at their browser: a context, and what went wrong or left the machine in it."""

    course: Course
    context: BrowserContext
    outside: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def page(self) -> Page:
        page = self.context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        return page

    def home(self) -> Page:
        page = self.page()
        page.goto(self.course.address)
        return page

    def lesson(self, file: str = LESSON) -> Page:
        page = self.page()
        page.goto(f"{self.course.base}/?file={file}&access_token={self.course.token}")
        # A page that another tab holds draws no cells until it takes over.
        page.locator("[data-dls]").or_(page.get_by_test_id("takeover-button")).first.wait_for(state="attached")
        expect(page.locator("#App")).to_have_attribute("data-connection-state", "OPEN")
        return page

    def watch(self, url: str) -> None:
        if not url.startswith((self.course.base, self.course.base.replace("http", "ws"), "data:", "blob:", "about:")):
            self.outside.append(url)


def cell_id(page: Page, name: str) -> str:
    cell = page.locator(f'[data-cell-name="{name}"]')
    cell.wait_for(state="attached")
    return str(cell.get_attribute("data-cell-id"))


def cell(page: Page, name: str) -> Locator:
    return page.locator(f'[data-cell-name="{name}"]')


def output(page: Page, name: str) -> Locator:
    return page.locator("#output-" + cell_id(page, name))


def write(page: Page, name: str, code: str, *, run: bool = True) -> None:
    """Replace a cell's code as a learner does, by the keyboard."""
    editor = cell(page, name).locator(".cm-content")
    editor.scroll_into_view_if_needed()
    editor.click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.insert_text(code)
    if run:
        page.keyboard.press("ControlOrMeta+Enter")


def on_disk(course: Course, text: str, file: str = LESSON) -> None:
    """Wait until the autosave has written `text`."""
    deadline = time.monotonic() + PATIENCE / 1000
    while text not in (course.learner / file).read_text(encoding="utf-8"):
        assert time.monotonic() < deadline, f"{text!r} was never saved"
        time.sleep(0.1)
