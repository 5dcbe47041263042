"""Relative addresses of a lesson's text, which work here as they do on GitHub: other pages, and pictures."""

from __future__ import annotations

import mimetypes
from urllib.parse import quote

from starlette.responses import FileResponse, RedirectResponse, Response

from dlstudy.app import guard, layout
from dlstudy.app.routing import CourseRequest, get
from dlstudy.course.content import paths

PICTURES = {".svg", ".png", ".jpg", ".jpeg", ".webp", ".gif"}


async def page(request: CourseRequest) -> Response | None:
    """Lead from a page's name to where marimo shows it."""
    name, course = request.path_params["name"], request.course
    if not guard.is_page_name(name):
        return None
    if not course.has_page(name):
        return layout.no_such_page(course)
    return RedirectResponse(f"{course.base}/?file={quote(name)}", 303)


async def picture(request: CourseRequest) -> Response | None:
    """Send a picture that lies beside the lessons."""
    lessons = paths.lessons_folder().resolve()
    path = (lessons / request.path_params["name"]).resolve()
    if path.suffix.lower() not in PICTURES or not path.is_relative_to(lessons) or not path.is_file():
        return None
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    sandbox = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox"}
    return FileResponse(path, media_type=kind, headers=sandbox)


routes = [get("/{name:path}", page), get("/{name:path}", picture)]
