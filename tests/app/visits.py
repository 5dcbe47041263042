"""A learner at their browser, for the tests: open pages, find cells, write code, and note what went wrong."""

from __future__ import annotations

from typing import Literal

from playwright.sync_api import Browser, Locator, Page, Request, ViewportSize, expect

from tests.app.conftest import Course
from tests.leash import until
from tests.served import Complaints

LESSON = "01_Tensors_and_Autograd.md"
PATIENCE = 45_000  # ms; generous, since nothing here measures speed
expect.set_options(timeout=PATIENCE)


class Profile:
    """A profile of the browser that goes from visit to visit.

    One of its tabs stays open, at a picture of the course: so the next page finds a process that has the page
    engine's scripts compiled, which is more than half of what it costs to open one.
    """

    def __init__(self, browser: Browser) -> None:
        self.context = browser.new_context()
        self.tab = self.context.new_page()

    def stay(self, course: Course) -> None:
        """Let the tab that stays open show a file of this course."""
        if not self.tab.url.startswith(course.base):
            self.tab.goto(f"{course.base}/course/mark.svg")

    def empty(self, origin: str) -> None:
        """Close the pages of a visit, and forget what it left: cookies, storage, and how the pages were watched."""
        for page in self.context.pages:
            if page != self.tab:
                page.close()
        self.context.clear_cookies()
        storage = self.context.new_cdp_session(self.tab)
        storage.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"})
        storage.detach()


class Visit:
    """A learner at their browser: a profile, how its pages look, and what went wrong or left the machine."""

    def __init__(
        self,
        course: Course,
        profile: Profile,
        viewport: ViewportSize | None = None,
        color_scheme: Literal["light", "dark"] = "light",
    ) -> None:
        self.course, self.profile, self.context = course, profile, profile.context
        self.viewport, self.color_scheme = viewport or {"width": 1280, "height": 900}, color_scheme
        self.complaints = Complaints.of(course.base)
        profile.stay(course)
        self.context.on("request", self._asked)

    def _asked(self, request: Request) -> None:
        self.complaints.called(request.url)

    @property
    def errors(self) -> list[str]:
        """What scripts and the console said was wrong."""
        return self.complaints.errors

    def page(self) -> Page:
        page = self.context.new_page()
        page.set_viewport_size(self.viewport)
        page.emulate_media(color_scheme=self.color_scheme)
        page.set_default_timeout(PATIENCE)
        page.on("websocket", lambda socket: self.complaints.called(socket.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        return page

    def end(self) -> None:
        """Close what is open and leave the profile as it was found."""
        self.profile.empty(self.course.base)
        self.context.remove_listener("request", self._asked)

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
    until(lambda: text in (course.learner / file).read_text(encoding="utf-8"), f"{text!r} is saved", PATIENCE / 1000)
