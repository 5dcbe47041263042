"""Routes of the notes and bookmarks on a page."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from dlstudy.app.routing import Answer, BadRequest, CourseRequest, get, put
from dlstudy.course.learner import notes
from dlstudy.course.learner.progress import Progress


async def notes_on_page(request: CourseRequest) -> Response:
    """Send the notes on one page."""
    page = request.asked("page")
    found = await request.kept(lambda kept: notes.notes_on(kept, page))
    return JSONResponse({"notes": [vars(note) for note in found]})


async def save(request: CourseRequest) -> Answer:
    """Keep a new note, or the new text of one."""
    page, fields = request.page("page"), request.fields
    place, title = str(fields.get("place", ""))[:300], str(fields.get("title", ""))[:300]
    note = str(fields["id"]) if fields.get("id") else None
    text = str(fields.get("text", ""))

    def keep(kept: Progress) -> Answer:
        return {"id": notes.save(kept, page, place, title, text, note), "problem": kept.problem}

    try:
        return await request.kept(keep)
    except ValueError as error:
        raise BadRequest(str(error)) from error


async def remove(request: CourseRequest) -> Answer:
    """Take a note away."""
    note = str(request.fields.get("id", ""))
    await request.kept(lambda kept: notes.remove(kept, note))
    return {"ok": True}


async def restore(request: CourseRequest) -> Answer:
    """Bring a note back that was taken away."""
    note = str(request.fields.get("id", ""))
    await request.kept(lambda kept: notes.restore(kept, note))
    return {"ok": True}


routes = [
    get("/api/course/notes", notes_on_page),
    put("/api/course/note", save),
    put("/api/course/note/remove", remove),
    put("/api/course/note/restore", restore),
]
