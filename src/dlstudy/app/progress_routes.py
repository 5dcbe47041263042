"""Routes of the learner's progress: where they stand, the time on a page, and a notice that has been read."""

from __future__ import annotations

import os
from typing import Any

from starlette.responses import JSONResponse, Response

from dlstudy.app.routing import Answer, BadRequest, CourseRequest, get, put
from dlstudy.course.content.catalogue import completion
from dlstudy.course.learner.progress import Progress

LONGEST_BEAT = 120.0  # seconds of one heartbeat that count; more would be a clock that jumped


async def progress(request: CourseRequest) -> Response:
    """Send the snapshot and what is complete; 304 where nothing changed since the version the page has."""
    version, problem = await request.kept(lambda kept: (kept.version(), kept.problem))
    tag = f'"{os.getpid()}-{version}-{hash(problem)}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache, private"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)

    def answer(kept: Progress) -> dict[str, Any]:
        snapshot, pages = kept.snapshot(), request.course.catalogue.pages
        return snapshot | {"completion": {page.id: completion(page, snapshot) for page in pages if page.written}}

    return JSONResponse(await request.kept(answer), headers=headers)


async def add_time(request: CourseRequest) -> Answer:
    """Add up the time that is spent on a lesson."""
    lesson, seconds = request.lesson(), request.fields.get("seconds")
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 <= seconds <= 3600:
        raise BadRequest("Expected seconds from 0 to 3600.")
    await request.kept(lambda kept: kept.add_time(lesson.id, min(float(seconds), LONGEST_BEAT)))
    return {"ok": True}


async def dismiss(request: CourseRequest) -> Answer:
    """Forget a notice about the progress file that the learner has read."""
    await request.kept(Progress.dismiss)
    return {"ok": True}


routes = [get("/api/progress", progress), put("/api/course/time", add_time), put("/api/course/dismiss", dismiss)]
