"""Styles, scripts, icons and fonts: their addresses, and the route that sends them."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path

from starlette.responses import FileResponse, Response

from dlstudy.app import marimo_api
from dlstudy.app.routing import CourseRequest, get

FOLDERS = [Path(__file__).parent / name for name in ("static", "home", "lesson", "merge")]
"""Where the styles and scripts lie: those of one page beside its Python."""
KINDS = {".css", ".js", ".svg"}
FIGURES = Path(__file__).parents[1] / "figures" / "static"
SHARED = ("tokens.css", "dom.js")
"""What the pages share with the figures of the lessons."""
_IMPORT = re.compile(r'\b((?:from|import) "\./[\w-]+\.js)"')


def address(base: str, name: str) -> str:
    """Return the address of a style sheet, script or icon; it changes with the files: browsers may keep them."""
    return f"{base}/course/{name}?v={version()}"


@cache
def version() -> str:
    """Return a short name of all styles' and scripts' contents."""
    digest = hashlib.sha256()
    for path in sorted(_known().values()):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:10]


async def static_file(request: CourseRequest) -> Response:
    """Send a style sheet, a script, an icon or a font."""
    name, known = request.path_params["name"], _known() | marimo_api.fonts()
    if name not in known:
        return Response("Not found.", 404)
    forever = request.asked("v") or name.endswith(".woff2")
    headers = {"Cache-Control": "public, max-age=31536000, immutable" if forever else "no-cache"}
    if name.endswith(".js"):
        return Response(_script(known[name]), media_type="text/javascript", headers=headers)
    return FileResponse(known[name], headers=headers)


def _known() -> dict[str, Path]:
    """Return the styles, scripts and icons by their names, which are unique over all folders."""
    own = {path.name: path for folder in FOLDERS for path in folder.iterdir() if path.suffix in KINDS}
    return own | {name: FIGURES / name for name in SHARED if (FIGURES / name).is_file()}


@cache
def _script(path: Path) -> str:
    """Return a script whose imports carry the version too: else a browser would mix the scripts of two versions."""
    text = path.read_text(encoding="utf-8")
    return _IMPORT.sub(rf'\1?v={version()}"', text)


public_routes = [get("/course/{name:path}", static_file)]
"""Needs no login: the login form has styles too."""
