"""Relative addresses of a lesson's text, which work here as they do on GitHub: other pages, and pictures."""

from __future__ import annotations

import mimetypes
import re
from pathlib import Path
from urllib.parse import quote

from starlette.responses import FileResponse, RedirectResponse, Response

from dlstudy.app import guard, layout
from dlstudy.app.routing import CourseRequest, get
from dlstudy.course.content import paths

_PICTURE = re.compile(r"(?:[\w -][\w. -]*/)*[\w -][\w. -]*\.(?:svg|png|jpe?g|webp|gif)", re.IGNORECASE)


def leads_somewhere(name: str) -> bool:
    """Tell whether `name` is what a page is called, be it there or not, or a picture that is there."""
    return guard.is_page_name(name) or _picture(name) is not None


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
    path = _picture(request.path_params["name"])
    if path is None:
        return None
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    sandbox = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox"}
    return FileResponse(path, media_type=kind, headers=sandbox)


def _picture(name: str) -> Path | None:
    """Return where a picture lies that is called `name` from the lessons' folder; None where it is none of them."""
    if not _PICTURE.fullmatch(name):  # no step up, no hidden folder, no control character
        return None
    lessons = paths.lessons_folder().resolve()
    path = (lessons / name).resolve()
    return path if path.is_relative_to(lessons) and path.is_file() else None


routes = [get("/{name:path}", page), get("/{name:path}", picture)]
