"""All that the app relies on of marimo's server and does not promise to keep: routes, a header, a scope, font files.

Its names in the browser stand in `lesson/marimo.js` and `lesson/lesson.css` (and one in `static/theme.js`), its Python
names in `course/engine.py`.
Only the standard library and starlette's types are imported: marimo's entry point loads this in every environment.
"""

from __future__ import annotations

import importlib.util
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Message, Scope

SESSION_HEADER = b"marimo-session-id"
"""Which of the open pages sends a request."""
LOGIN = "/auth/login"
KERNEL_ROUTES = ("/api/kernel/", "/api/document/")
"""Where the routes begin that a page uses while somebody works on it."""

# marimo has about ninety routes; a course needs these. Everything else is refused: shutting the server down,
# adding and removing packages, the terminal, AI, listing and changing files, language servers, secrets, exports, and
# "/sse", which starts a kernel for whoever asks, by a link too: only the websocket may, which tells where it is from.
GET_ROUTES = re.compile(
    r"/|/assets/\w[\w.-]*\w|/@file/\d{1,15}-\w[\w.-]*\w|/favicon\.ico|/manifest\.json|/logo\.png"
    r"|/apple-touch-icon\.png|/public-files-sw\.js|/health|/api/lsp/health|/api/export/availability|/api/usage",
    re.ASCII,
)
_KERNEL = ["set_ui_element_value", "set_model_value", "instantiate", "function_call", "interrupt", "run", "stdin"]
_KERNEL += ["save", "save_app_config", "read_code", "delete", "format", "set_cell_config"]
_KERNEL += ["code_autocomplete", "scratchpad/run", "restart_session", "takeover"]
POST_ROUTES = {f"/api/kernel/{name}" for name in _KERNEL} | {"/api/document/transaction"}
POST_ROUTES |= {"/api/datasources/discover", "/api/packages/sandbox"}  # only read, and every page asks for them
SOCKETS = {"/ws"}

_FONTS = {
    "lora.woff2": "Lora-VariableFont*.woff2",
    "ptsans.woff2": "PTSans-Regular*.woff2",
    "ptsans-bold.woff2": "PTSans-Bold*.woff2",
    "firamono.woff2": "FiraMono-Regular*.woff2",
}


class Refused(ValueError):
    """marimo refused what the course asked of it."""


class Marimo:
    """marimo's own routes, called from here as the learner who is asking: `scope` is that of their request."""

    def __init__(self, engine: ASGIApp, scope: Scope, base: str) -> None:
        self._engine, self._scope, self._base = engine, scope, base

    async def interrupt(self, file: str) -> int:
        """Interrupt what runs on a page; return how many sessions have it open."""
        sessions = await self._sessions(file)
        for session in sessions:
            await self._post("/api/kernel/interrupt", {}, session=session)
        return len(sessions)

    async def end_sessions(self, file: str) -> None:
        """End what runs of a page, so that an open tab does not save its old text over a new one."""
        for session in await self._sessions(file):
            await self._post("/api/home/shutdown_session", {"sessionId": session})

    async def _sessions(self, file: str) -> list[str]:
        """Return the ids of the sessions that have the page `file` open."""
        running = (await self._post("/api/home/running_notebooks", {}))["files"]
        return [entry["sessionId"] for entry in running if Path(entry["path"]).name == file and entry["sessionId"]]

    async def _post(self, path: str, body: dict[str, Any], session: str = "") -> Any:
        payload = json.dumps(body).encode()
        headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
        headers += [(SESSION_HEADER, session.encode())] if session else []
        path = self._base + path
        inner = {**self._scope, "method": "POST", "path": path, "raw_path": path.encode()}
        inner |= {"query_string": b"", "headers": [*headers, (b"content-length", str(len(payload)).encode())]}
        parts: list[bytes] = []
        status = 500

        async def receive() -> Message:
            return {"type": "http.request", "body": payload, "more_body": False}

        async def send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            elif message["type"] == "http.response.body":
                parts.append(message.get("body", b""))

        await self._engine(inner, receive, send)
        if status != 200:
            raise Refused(f"The page engine refused ({status}).")
        return json.loads(b"".join(parts) or b"null")


def logged_in(scope: Scope) -> bool:
    """Tell whether marimo has accepted the token, or the cookie that stands for it, of a request."""
    return "edit" in getattr(scope.get("auth"), "scopes", ())


@cache
def fonts() -> dict[str, Path]:
    """Return marimo's own font files under plain names, so that our pages and the lessons share their type.

    They are looked up by pattern; where an upgrade moved them, the system's fonts take over.
    """
    spec = importlib.util.find_spec("marimo")
    if not spec or not spec.origin:
        return {}
    assets = Path(spec.origin).parent / "_static" / "assets"
    return {name: path for name, pattern in _FONTS.items() for path in assets.glob(pattern)}
