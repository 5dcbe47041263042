"""Routes of the learner's progress: where they stand, the time on a page, and a notice that has been read."""

from __future__ import annotations

import os

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from dlstudy.app.routing import Answer, BadRequest, CourseRequest, get, put
from dlstudy.course.content.catalogue import completion

LONGEST_BEAT = 120.0  # seconds of one heartbeat that count; more would be a clock that jumped


async def progress(request: CourseRequest) -> Response:
    """Send the snapshot and what is complete; 304 where nothing changed since the version the page has."""
    kept, catalogue = request.course.progress, request.course.catalogue
    tag = f'"{os.getpid()}-{await run_in_threadpool(kept.version)}-{hash(kept.problem)}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache, private"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    snapshot = await run_in_threadpool(kept.snapshot)
    done = {lesson.id: completion(lesson, snapshot) for lesson in catalogue.pages if lesson.written}
    return JSONResponse(snapshot | {"completion": done}, headers=headers)


async def add_time(request: CourseRequest) -> Answer:
    """Add up the time that is spent on a lesson."""
    lesson, seconds = request.lesson(), request.fields.get("seconds")
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 <= seconds <= 3600:
        raise BadRequest("Expected seconds from 0 to 3600.")
    await run_in_threadpool(request.course.progress.add_time, lesson.id, min(float(seconds), LONGEST_BEAT))
    return {"ok": True}


async def dismiss(request: CourseRequest) -> Answer:
    """Forget a notice about the progress file that the learner has read."""
    await run_in_threadpool(request.course.progress.dismiss)
    return {"ok": True}


routes = [get("/api/progress", progress), put("/api/course/time", add_time), put("/api/course/dismiss", dismiss)]
