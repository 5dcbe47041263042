"""The middleware around the page engine: inactive unless the course's own launcher started the server.

The page engine loads this module into every server of its environment and dies if that fails, so at the top it imports
the standard library, starlette and our own decisions only; the rest is imported when a request needs it.
"""

import os
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote

from starlette.middleware import Middleware
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dlstudy.app import guard, marimo_api

if TYPE_CHECKING:
    from dlstudy.app.site import Site


_JUDGED = "dlstudy.judged"
"""Marks a request, in its scope, which no client can reach, as one that the gate let in."""


class CourseMiddleware:
    """Serves the course's own pages, guards every request, and dresses the page engine's lesson pages."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.active = os.environ.get(guard.SWITCH) == "1"
        self.origins = guard.origins_from_environment()
        self.base = os.environ.get(guard.BASE, "")
        self._site: Site | None = None

    @property
    def site(self) -> "Site":
        """The course's own pages, made at the first request."""
        if self._site is None:
            from dlstudy.app.site import Site

            self._site = Site(self.base)
        return self._site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Judge a request, and answer it or pass it on."""
        if not self.active or scope["type"] not in ("http", "websocket"):
            if self.active and scope["type"] == "lifespan":
                self._stand_in_front(scope)
            try:
                await self.app(scope, receive, send)
            finally:
                if scope["type"] == "lifespan" and self._site is not None:
                    self._site.course.close()
        elif scope.get(_JUDGED) or not await self._turned_away(scope, receive, send):
            if scope["type"] == "websocket":
                await self.app(scope, receive, send)
            else:
                await self._http(self._path(scope), scope, receive, _with_headers(send))

    def _stand_in_front(self, scope: Scope) -> None:
        """Judge requests before the page engine's own middleware too: its proxies and its other API come first."""
        course, stack = scope["app"], scope["app"].middleware_stack

        async def gate(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] not in ("http", "websocket"):
                await stack(scope, receive, send)
            elif not await self._turned_away(scope, receive, send):
                await stack({**guard.without_odd_tokens(scope), _JUDGED: True}, receive, send)

        course.middleware_stack = gate

    async def _turned_away(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Refuse what comes from elsewhere, and every address that is not in the course's own table."""
        headers = _headers(scope)
        socket = scope["type"] == "websocket"
        refused = guard.refusal(headers, self.origins, socket=socket)
        if socket:
            if refused or not (self._inside(scope) and guard.allowed_socket(self._path(scope)) and self._page(scope)):
                await _refuse_socket(receive, send)
                return True
            return False
        answer: Response | None = None
        if refused:
            answer = PlainTextResponse(refused, 403)
        elif not self._inside(scope):
            answer = PlainTextResponse("Not found.", 404)
        elif not self.site.knows(scope["method"], self._path(scope)):
            answer = JSONResponse({"detail": "The course does not offer this part of the page engine."}, 403)
        if answer is not None:
            await answer(scope, receive, _with_headers(send))
        return answer is not None

    def _inside(self, scope: Scope) -> bool:
        return scope["path"] == self.base or scope["path"].startswith(self.base + "/")

    def _path(self, scope: Scope) -> str:
        """Return the path below the base, which begins with a slash."""
        return str(scope["path"]).removeprefix(self.base) or "/"

    async def _http(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request for something that the course has."""
        method, query = scope["method"], parse_qs(scope["query_string"].decode("latin-1"))
        response = await self.site.answer(self.site.public, path, scope, receive, self.app)
        if response is None and not marimo_api.logged_in(scope):
            response = self._to_login(path, scope)
        if response is None and guard.TOKEN in query and method == "GET":
            response = self._without_token(path, query)
        if response is None:
            self._note_use(method, path, scope)
            response = await self.site.answer(self.site.routes, path, scope, receive, self.app)
        if response is None and path == "/":
            response = self._no_lesson(scope)
        if response is not None:
            await response(scope, receive, send)
        elif path == "/":
            await self._lesson_page(query["file"][0], scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _no_lesson(self, scope: Scope) -> Response | None:
        """Return the answer where no lesson is shown: there is none, or a page of another site led to it."""
        from dlstudy.app import layout

        file = self._page(scope)
        if file is None:
            return layout.no_such_page(self.site.course)
        if guard.foreign(_headers(scope)):
            lesson = self.site.course.catalogue.of_file(file)
            title = lesson.title if lesson else file.removesuffix(".md")
            return layout.led_here(self.site.course, f"{self.base}/?file={quote(file)}", title)
        return None

    def _note_use(self, method: str, path: str, scope: Scope) -> None:
        """Whatever a page asks of its kernel tells that somebody uses it."""
        self.site.open_pages.watch(scope["app"])
        if method == "POST" and path.startswith(marimo_api.KERNEL_ROUTES):
            for name, value in scope["headers"]:
                if name.lower() == marimo_api.SESSION_HEADER:
                    self.site.open_pages.touch(value.decode("latin-1"))

    async def _lesson_page(self, file: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the page engine make its page and put our bar, styles and content security policy in."""
        scope = dict(scope)
        # Its own validator says nothing about what we add, so the page is always made anew.
        scope["headers"] = [pair for pair in scope["headers"] if pair[0].lower() != b"if-none-match"]
        start, body = await _collect(self.app, scope, receive)
        headers = {name.decode("latin-1").lower(): value for name, value in start["headers"]}
        if start["status"] == 200 and headers.get("content-type", b"").startswith(b"text/html"):
            from dlstudy.app.lesson import bar

            body = bar.dress(self.site.course, body.decode("utf-8"), file).encode("utf-8")
            dropped = (b"content-length", b"etag", b"cache-control")
            start["headers"] = [pair for pair in start["headers"] if pair[0].lower() not in dropped] + [
                (b"content-length", str(len(body)).encode()),
                (b"cache-control", b"no-store"),
                (b"content-security-policy", guard.lesson_policy(self.origins).encode()),
            ]
        await send(start)
        await send({"type": "http.response.body", "body": body})

    def _page(self, scope: Scope) -> str | None:
        """Return the page of the learner's folder that is asked for; None where it is not exactly one that is there."""
        query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        files = query.get("file", [])
        return files[0] if len(files) == 1 and self.site.course.may_open(files[0]) else None

    def _to_login(self, path: str, scope: Scope) -> Response:
        if scope["method"] != "GET" or path.startswith("/api/"):
            return JSONResponse({"detail": "Not logged in: open the address that the launcher printed."}, 401)
        query = scope["query_string"].decode("latin-1")
        here = self.base + path + (f"?{query}" if query else "")
        return RedirectResponse(f"{self.base}/auth/login?next={quote(here, safe='')}", 303)

    def _without_token(self, path: str, query: dict[str, list[str]]) -> Response:
        """The session cookie is set by now; the token leaves the address before any script can read it."""
        files = query.get("file", [])
        return RedirectResponse(f"{self.base}{path}" + (f"?file={quote(files[0])}" if files else ""), 303)


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def _with_headers(send: Send) -> Send:
    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            ours = {name.lower().encode(): value.encode() for name, value in guard.HEADERS.items()}
            kept = [pair for pair in message["headers"] if pair[0].lower() not in ours]
            message["headers"] = [*kept, *ours.items()]
        await send(message)

    return wrapped


async def _collect(app: ASGIApp, scope: Scope, receive: Receive) -> tuple[Message, bytes]:
    """Run the application and return its response as one piece."""
    start: Message = {"type": "http.response.start", "status": 500, "headers": []}
    parts: list[bytes] = []

    async def keep(message: Message) -> None:
        nonlocal start
        if message["type"] == "http.response.start":
            start = message
        elif message["type"] == "http.response.body":
            parts.append(message.get("body", b""))

    await app(scope, receive, keep)
    start["headers"] = list(start["headers"])
    return start, b"".join(parts)


async def _refuse_socket(receive: Receive, send: Send) -> None:
    """Close before accepting, which a client sees as HTTP 403."""
    await receive()
    await send({"type": "websocket.close", "code": 1008, "reason": "not allowed"})


middleware = Middleware(CourseMiddleware)
"""What the page engine's entry point loads."""
