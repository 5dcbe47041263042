"""How a learner's page comes to the disk, and what its tab is told of that: saved, or not and why.

The page engine saves through `write_page`. A tab that cannot be sure asks `api/course/page`.
"""

from __future__ import annotations

import secrets
from dataclasses import asdict
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from dlstudy.app.routing import Answer, BadRequest, CourseRequest, get, put
from dlstudy.course.content import paths
from dlstudy.course.learner import atomic, folder

SERVER = secrets.token_hex(8)
"""Names this run of the server: a tab that has lived through a restart sees another name."""


def write_page(path: Path, text: str) -> None:
    """Write a page that the page engine saves, whole or not at all; the day's first change makes a backup first."""
    learner = paths.learner_folder()
    if path.parent.resolve() == learner.resolve():
        folder.backup_of_the_day(learner, path.name)
    atomic.write(path, text)


async def page(request: CourseRequest) -> Response:
    """Send how it stands with a page: this server's name, how its last save went, whether it is open, who closed it."""
    from dlstudy.course import engine

    file = request.asked("file")
    if not request.course.has_page(file):
        return JSONResponse({"detail": f"There is no page {file!r}."}, 404)
    found = engine.last_saving(request.course.learner / file)
    here = [one for one in engine.open_pages(request.app) if one.path.name == file]
    answer = {
        "server": SERVER,
        "saving": asdict(found) if found else None,
        "open": bool(here),
        "closed": file in request.course.closed,
    }
    return JSONResponse(answer, headers={"Cache-Control": "no-store"})


async def choose(request: CourseRequest) -> Answer:
    """Settle which text of a page stays that another program has changed; the other one is kept as a backup."""
    from dlstudy.course import engine

    file, learner, keep = request.page(), request.course.learner, request.fields.get("keep")
    if keep not in ("page", "disk"):
        raise BadRequest(f"Expected to keep the 'page' or the 'disk', got {keep!r}.")
    sessions = [one.session for one in engine.open_pages(request.app) if one.path.name == file]
    if not sessions:
        raise BadRequest(f"The page {file!r} is not open any more.")
    if keep == "disk":
        text = engine.page_text(request.app, sessions[0])
        kept = await run_in_threadpool(folder.keep_aside, learner, file, text)
        for session in sessions:
            engine.close_page(request.app, session)
    else:
        aside = await run_in_threadpool(folder.backup, learner, file)
        assert aside is not None  # `request.page` has seen it
        kept = aside
        for session in sessions:
            engine.take_over_file(request.app, session)
        saved = engine.save_page(request.app, sessions[0])
        if saved.state != "saved":
            raise BadRequest(f"It could not be saved. {saved.why}")
    return {"backup": kept.relative_to(learner).as_posix()}


async def restore(request: CourseRequest) -> Answer:
    """Put a page that is empty or ends in the middle back from its newest backup, or as it is handed out."""
    file, learner = request.page(), request.course.learner
    if file not in await run_in_threadpool(folder.damaged, learner):
        raise BadRequest(f"The page {file!r} is whole, so nothing was put back.")
    await request.marimo.end_sessions(file)  # an open page would save what it holds over it
    return {"from": await run_in_threadpool(folder.restore, learner, file)}


routes = [
    get("/api/course/page", page),
    put("/api/course/changed", choose),
    put("/api/course/restore", restore),
]
