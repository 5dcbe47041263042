"""Routes of the notes and bookmarks on a page."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from dlstudy.app.routing import Answer, BadRequest, CourseRequest, get, put
from dlstudy.course.learner import notes


async def notes_on_page(request: CourseRequest) -> Response:
    """Send the notes on one page."""
    found = await run_in_threadpool(notes.notes_on, request.course.progress, request.asked("page"))
    return JSONResponse({"notes": [vars(note) for note in found]})


async def save(request: CourseRequest) -> Answer:
    """Keep a new note, or the new text of one."""
    page, fields, progress = request.page("page"), request.fields, request.course.progress
    place, title = str(fields.get("place", ""))[:300], str(fields.get("title", ""))[:300]
    note = str(fields["id"]) if fields.get("id") else None
    try:
        key = await run_in_threadpool(notes.save, progress, page, place, title, str(fields.get("text", "")), note)
    except ValueError as error:
        raise BadRequest(str(error)) from error
    return {"id": key, "problem": progress.problem}


async def remove(request: CourseRequest) -> Answer:
    """Take a note away."""
    await run_in_threadpool(notes.remove, request.course.progress, str(request.fields.get("id", "")))
    return {"ok": True}


async def restore(request: CourseRequest) -> Answer:
    """Bring a note back that was taken away."""
    await run_in_threadpool(notes.restore, request.course.progress, str(request.fields.get("id", "")))
    return {"ok": True}


routes = [
    get("/api/course/notes", notes_on_page),
    put("/api/course/note", save),
    put("/api/course/note/remove", remove),
    put("/api/course/note/restore", restore),
]
