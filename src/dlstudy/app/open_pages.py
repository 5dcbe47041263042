"""The memory of open pages: what each takes, a way to close it, and an end for those that nobody uses."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dlstudy.app.routing import Answer, BadRequest, CourseRequest, get, put
from dlstudy.app.state import State

if TYPE_CHECKING:
    from dlstudy.course.engine import OpenPage

LIMITS = {"1": 1.0, "4": 4.0, "12": 12.0, "never": float("inf")}
"""Hours after which a page that nobody uses is closed, by the learner's choice."""
DEFAULT = "4"
SETTING = "idle-hours"


class NotSaved(BadRequest):
    """A page could not be saved, so it was not closed; the message says why."""


class OpenPages:
    """Looks after the pages of one server, marimo's application, which a request's scope names."""

    def __init__(self, course: State, clock: Callable[[], float] = time.monotonic) -> None:
        self.course = course
        self._clock = clock
        self._used: dict[str, float] = {}
        self._task: asyncio.Task[None] | None = None

    # ---- what is used ----------------------------------------------------------------------

    def touch(self, name: str) -> None:
        """Note that a session (its id) or a page (its file name) is being used now."""
        self._used[name] = self._clock()

    def idle_seconds(self, page: OpenPage) -> float:
        """Return for how long nobody has used a page; a page that runs something is in use."""
        now = self._clock()
        if page.running:
            self.touch(page.session)
        known = [self._used[name] for name in (page.session, page.path.name) if name in self._used]
        if not known:
            self.touch(page.session)
        return now - max(known, default=now)

    @property
    def limit(self) -> float:
        """Seconds after which a page that nobody uses is closed."""
        chosen = self.course.progress.setting(SETTING) or DEFAULT
        try:
            hours = LIMITS[chosen] if chosen in LIMITS else float(chosen)
        except ValueError:
            hours = LIMITS[DEFAULT]
        return hours * 3600

    # ---- the watch -------------------------------------------------------------------------

    def watch(self, server: Any) -> None:
        """Begin to look after the pages, once; called at every request."""
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._look_after(server))

    async def _look_after(self, server: Any) -> None:
        while True:
            limit = await run_in_threadpool(lambda: self.limit)
            await asyncio.sleep(min(10.0, max(0.5, limit / 4)))
            await self.close_idle(server)

    async def close_idle(self, server: Any) -> list[str]:
        """Close the pages that nobody has used for the limit; return their files."""
        from dlstudy.course import engine

        limit = await run_in_threadpool(lambda: self.limit)
        closed = []
        for page in engine.open_pages(server):
            if self.idle_seconds(page) > limit:
                try:
                    self._end(server, page)
                except NotSaved as error:  # the others are closed all the same
                    logging.getLogger("dlstudy").warning("%s", error)
                except Exception:
                    logging.getLogger("dlstudy").exception("An idle page could not be saved, so it stays open")
                else:
                    closed.append(page.path.name)
        return closed

    def _end(self, server: Any, page: OpenPage) -> None:
        """Save and close a page; where it cannot be saved, NotSaved is raised and it stays open with its text."""
        from dlstudy.course import engine

        saved = engine.save_page(server, page.session)
        if saved.state != "saved":
            raise NotSaved(f"{page.path.name} stays open, since it could not be saved. {saved.why}")
        engine.close_page(server, page.session)
        self.course.closed.add(page.path.name)
        self._used.pop(page.session, None)

    # ---- routes ----------------------------------------------------------------------------

    @property
    def routes(self) -> list[Route]:
        """The routes that ask about the pages and close them."""
        return [
            get("/api/course/pages", self.pages),
            put("/api/course/here", self.here),
            put("/api/course/close", self.close),
            put("/api/course/idle", self.idle),
        ]

    async def pages(self, request: CourseRequest) -> Response:
        """Send what is open, and the learner's choice of a limit."""
        from dlstudy.course import engine

        found = engine.open_pages(request.app)
        memory = await run_in_threadpool(lambda: [_memory(page.pid) for page in found])
        chosen = await request.kept(lambda kept: kept.setting(SETTING))
        pages = [
            {
                "file": page.path.name,
                "title": self._title(page.path.name),
                "memory": bytes_,
                "running": page.running,
                "connected": page.connected,
                "idle": round(self.idle_seconds(page)),
            }
            for page, bytes_ in zip(found, memory)
        ]
        answer = {"pages": pages, "idle_hours": chosen if chosen in LIMITS else DEFAULT}
        return JSONResponse(answer, headers={"Cache-Control": "no-store"})

    def _title(self, file: str) -> str:
        lesson = self.course.catalogue.of_file(file)
        if lesson:
            return f"{lesson.id} {lesson.title}" if lesson.number else lesson.title
        return file.removesuffix(".md").replace("_", " ")

    async def here(self, request: CourseRequest) -> Answer:
        """Note that a page's tab sees a learner at work."""
        self.touch(request.page())
        return {"ok": True}

    async def close(self, request: CourseRequest) -> Answer:
        """Save and close a page."""
        from dlstudy.course import engine

        file = request.page()
        pages = [page for page in engine.open_pages(request.app) if page.path.name == file]
        for page in pages:
            self._end(request.app, page)
        return {"closed": len(pages)}

    async def idle(self, request: CourseRequest) -> Answer:
        """Keep the learner's choice of a limit."""
        hours = str(request.fields.get("hours"))
        if hours not in LIMITS:
            raise BadRequest(f"Expected one of {', '.join(LIMITS)} hours, got {hours}.")
        await request.kept(lambda kept: kept.choose(SETTING, hours))
        return {"ok": True}


def _memory(pid: int | None) -> int | None:
    """Return the bytes that end with a process and its children; None where it is gone.

    What they share with others, the libraries above all, stays in memory as long as one of them lives: it is not
    counted where the system tells it apart.
    """
    import psutil

    def own(process: psutil.Process) -> int:
        try:
            return int(process.memory_full_info().uss)
        except (psutil.AccessDenied, AttributeError):
            return int(process.memory_info().rss)

    if pid is None:
        return None
    try:
        process = psutil.Process(pid)
        total = own(process)
        for child in process.children(recursive=True):
            try:
                total += own(child)
            except psutil.Error:
                pass
        return total
    except psutil.Error:
        return None
